"""The sockets' addresses."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from .consumers import DashboardConsumer, EventsConsumer
from .gate_consumer import GateConsumer
from .organizer_consumer import OrganizerConsumer, OrganizerListConsumer


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other path: refused before accept, without a trace in the log."""

    channel_layer_alias = None  # type: ignore[assignment]  # -- Channels' documented way to have none

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


# Channels' router takes Django's patterns with its own applications behind them, which Django's types do not know.
websocket_urlpatterns: Any = [
    path("ws/events/", EventsConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
    path("ws/dashboard/", DashboardConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
    path("ws/gate/<int:event_id>/", GateConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
    path("ws/organize/", OrganizerListConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
    path("ws/organize/<int:event_id>/", OrganizerConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
    re_path("", UnknownConsumer.as_asgi()),  # type: ignore[arg-type]  # -- see above
]

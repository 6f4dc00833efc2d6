"""The ASGI application: HTTP by Django, sockets by Channels, and the clock that starts with the first of either."""

import asyncio
import gc
import os
import sys
from functools import cache
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
http = get_asgi_application()  # loads the apps: what follows imports models

from core import clock  # noqa: E402 -- after the apps
from core.logs import mask_access_log  # noqa: E402 -- after the apps
from core.origins import SameOrigin  # noqa: E402 -- after the apps
from core.routing import websocket_urlpatterns  # noqa: E402 -- after the apps

mask_access_log()
_router = ProtocolTypeRouter({"http": http, "websocket": SameOrigin(URLRouter(websocket_urlpatterns))})
# What was loaded stays: without this each full collection would walk through it, for a tenth of a second in which no
# socket is served.
gc.collect()
gc.freeze()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve one scope. The first one of the process starts its clock: Daphne has no lifespan to hang it on."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        clock.start()
        _stop_with_daphne()
        await _router(scope, receive, send)


async def _live(receive: Any, send: Any) -> None:
    """Start the clock before the first request, and stop it after the last one, where the server tells of both."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            clock.start()
        else:
            await clock.stop()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


@cache
def _stop_with_daphne() -> None:
    """Have the clock stopped with Daphne, which has no lifespan: it ends when Twisted's reactor does."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and reactor.running:
        from twisted.internet.defer import Deferred  # noqa: PLC0415 -- loaded under Daphne only

        stopping = lambda: Deferred.fromFuture(asyncio.ensure_future(clock.stop()))  # noqa: E731 -- one line, used once
        reactor.addSystemEventTrigger("before", "shutdown", stopping)

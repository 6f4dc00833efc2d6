"""Who may listen: every socket of core.routing, for seven people (RELIABILITY 5). A socket without a row fails."""

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from core.routing import websocket_urlpatterns
from event_ticketing.asgi import application

from .cast import make_event, make_person
from .sockets import PATIENCE, SocketCase, headers_of
from .test_who_may_what import PEOPLE
from .visits import visit

TOLD, LOG_IN, REFUSED = "told", "4401", "refused before accept"

# route, of which event, the answers to PEOPLE
TABLE = [
    ("ws/events/", "", (TOLD,) * 7),
    ("ws/dashboard/", "", (LOG_IN, *(TOLD,) * 6)),
    ("ws/gate/<int:event_id>/", "event", (LOG_IN, REFUSED, REFUSED, TOLD, TOLD, REFUSED, TOLD)),
    ("ws/gate/<int:event_id>/", "draft", (LOG_IN, *(REFUSED,) * 6)),
    ("ws/organize/", "", (LOG_IN, REFUSED, REFUSED, REFUSED, TOLD, TOLD, TOLD)),
    ("ws/organize/<int:event_id>/", "event", (LOG_IN, REFUSED, REFUSED, REFUSED, TOLD, REFUSED, TOLD)),
    ("ws/organize/<int:event_id>/", "draft", (LOG_IN, *(REFUSED,) * 6)),
    ("", "", (REFUSED,) * 7),  # whatever is none of the others
]


class SocketMatrixTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.oscar = make_person("oscar")
        self.root = make_person("root", is_staff=True, is_superuser=True)
        make_event(created_by=self.oscar, name="Of oscar", auto_hold=False)
        self.events = {"": 0, "event": make_event(auto_hold=False).pk, "draft": make_event(status="draft").pk}

    async def answer(self, path: str, who: str) -> str:
        client = await sync_to_async(visit)(getattr(self, who, None))
        socket = WebsocketCommunicator(application, path, headers=headers_of(client))
        accepted, _ = await socket.connect(timeout=PATIENCE)
        if not accepted:
            return REFUSED
        first = await socket.receive_output(PATIENCE)
        await socket.disconnect()
        return TOLD if first["type"] == "websocket.send" else str(first["code"])

    async def test_everybody_is_told_exactly_what_the_table_says(self) -> None:
        for route, what, expected in TABLE:
            path = "/" + route.replace("<int:event_id>", str(self.events[what]))
            got = {who: await self.answer(path, who) for who in PEOPLE}
            with self.subTest(route=route, what=what):
                self.assertEqual(got, dict(zip(PEOPLE, expected, strict=True)))

    def test_every_socket_has_its_row(self) -> None:
        self.assertEqual({route for route, *_ in TABLE}, {str(pattern.pattern) for pattern in websocket_urlpatterns})

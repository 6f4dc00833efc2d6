"""What is refused at the doors is a line in the log, without names and addresses, and no more than so many a minute."""

import re
from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.test import TestCase, override_settings

from core.trust import attempts, refused

from .cast import Cast, make_event
from .sockets import SocketCase
from .visits import BROWSER, visit

LOGGER = "core.trust.refused"
HERE = "192.0.2.44"
FROM = attempts.hashed(HERE)


def told(lines: list[str]) -> list[str]:
    """Return what the log says of each."""
    return [line.partition(f"WARNING:{LOGGER}:")[2] for line in lines]


class PageTests(Cast, TestCase):
    def setUp(self) -> None:
        refused.forget()

    def test_a_page_that_a_person_may_not_see(self) -> None:
        event = make_event()
        with self.assertLogs(LOGGER) as logged:
            visit(self.alice, headers=BROWSER, REMOTE_ADDR=HERE).get(f"/events/{event.pk}/gate/")
            visit(REMOTE_ADDR=HERE, enforce_csrf_checks=True).post("/accounts/login/")
        gate, login = told(logged.output)
        self.assertEqual(gate, f"event=page_refused person={self.alice.pk} from={FROM} route=gate_report")
        self.assertEqual(login, f"event=page_refused person=- from={FROM} route=account_login")
        self.assertRegex(FROM, "^[0-9a-f]{16}$")

    @override_settings(ACCOUNT_RATE_LIMITS={"gate_people": "1/m/user"})
    def test_what_a_person_asks_too_often(self) -> None:
        form = {"event": make_event().pk, "who": "carol"}
        gretas = visit(self.greta, REMOTE_ADDR=HERE)
        with self.assertLogs(LOGGER) as logged:
            statuses = [gretas.post("/checkin/people/", form).status_code for _ in range(2)]
        said = f"event=page_limited person={self.greta.pk} from={FROM} route=checkin_people"
        self.assertEqual((statuses, told(logged.output)), ([200, 429], [said]))

    def test_a_host_that_is_not_ours(self) -> None:
        with self.assertLogs(LOGGER) as logged:
            answer = visit(REMOTE_ADDR=HERE).get("/", headers={"host": "evil.example"})
        self.assertEqual((answer.status_code, told(logged.output)), (400, [f"event=host_refused person=- from={FROM}"]))

    def test_what_is_let_in_or_absent_is_no_line(self) -> None:
        with self.assertNoLogs(LOGGER):
            for path in ("/", "/dashboard/", "/nowhere/", "/organize/"):
                visit(self.alice, headers=BROWSER).get(path)


class SocketTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        refused.forget()

    async def knocked(self, *arguments: Any, **headers: Any) -> list[str]:
        with self.assertLogs(LOGGER) as logged:
            self.assertEqual(await self.knock(*arguments, **headers), (False, 1000))
        return told(logged.output)

    async def test_an_origin_that_is_not_ours(self) -> None:
        client = await sync_to_async(visit)(self.alice)
        said = await self.knocked("/ws/dashboard/", client, origin="https://evil.example")
        self.assertEqual(said, ["event=origin_refused person=- from=-"])

    async def test_a_gate_at_which_a_person_may_not_scan(self) -> None:
        event = await sync_to_async(make_event)()
        client = await sync_to_async(visit)(self.alice)
        said = await self.knocked(f"/ws/gate/{event.pk}/", client)
        self.assertEqual(said, [f"event=socket_refused person={self.alice.pk} from=-"])

    @override_settings(SOCKETS_PER_PERSON=1)
    async def test_a_socket_too_many(self) -> None:
        client = await sync_to_async(visit)(self.alice)
        await self.said(await self.open("/ws/dashboard/", client), 1)
        said = await self.knocked("/ws/dashboard/", client)
        self.assertEqual(said, [f"event=socket_limited person={self.alice.pk} from=-"])
        await self.close()


class MinuteTests(TestCase):
    def setUp(self) -> None:
        refused.forget()

    def lines(self, count: int, moment: float, kind: str = "host_refused") -> list[str]:
        """Refuse something so many times at a moment; return the lines."""
        with patch.object(refused, "monotonic", lambda: moment), self.assertLogs(LOGGER) as logged:
            refused.logger.warning("begin")
            for _ in range(count):
                refused.note(kind, address=HERE)
        return told(logged.output)[1:]

    def test_no_more_than_so_many_are_written_and_the_next_minute_tells_what_was_left_out(self) -> None:
        self.assertEqual(len(self.lines(refused.MOST + 7, 0.0)), refused.MOST)
        self.assertEqual(self.lines(3, 59.9), [])
        first, second = self.lines(2, 60.0)
        self.assertTrue(first.endswith(" without_line=10"), first)
        self.assertIsNone(re.search("without_line", second))

    def test_what_is_refused_at_one_door_leaves_the_lines_of_another(self) -> None:
        self.lines(refused.MOST + 1, 0.0)
        self.assertEqual(len(self.lines(1, 0.0, "origin_refused")), 1)

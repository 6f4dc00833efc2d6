import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction
from django.test import SimpleTestCase

from core import allocation, checkin, hub, live, relay, steering
from core.models import Event, Ticket, TicketHold, UserSession
from core.relay import Changes
from core.signals import availability_changed
from core.tests.cast import ago, arrive, give, lapse, make_event, make_person
from core.tests.sockets import PATIENCE, QUIET, SocketCase
from core.tests.visits import BROWSER, visit


def timeless(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the moments at which it was read."""
    shown = {name: value for name, value in message.items() if name != "now"}
    return shown | ({"events": [timeless(event) for event in shown["events"]]} if "events" in shown else {})


def stats_of(event: Event, **numbers: Any) -> dict[str, Any]:
    """Return what is told of an event of ten places that nobody wants, but for `numbers`."""
    version = Event.objects.values_list("version", flat=True).get(pk=event.pk)
    return {
        "event": event.pk, "name": event.name, "capacity": 10, "booked": 0, "held": 0, "available": 10, "waiting": 0,
        "percentage_sold": 0.0, "on_sale": True, "version": version,
    } | numbers  # fmt: skip


class SnapshotTests(SocketCase):
    def setUp(self):
        super().setUp()
        self.event = make_event(capacity=10, name="Opera", auto_hold=False)
        make_event(status="draft", name="Secret")
        make_event(starts_at=ago(minutes=1), name="Over")
        make_event(status="cancelled", name="Off")

    async def test_everybody_is_first_told_the_numbers_of_all_upcoming_events(self):
        socket = await self.open("/ws/events/")
        (message,) = await self.said(socket, 1)
        events = [await sync_to_async(stats_of)(self.event)]
        self.assertEqual(timeless(message), {"type": "snapshot", "events": events})
        self.assertEqual(dt.datetime.fromisoformat(message["now"]).utcoffset(), dt.timedelta())
        await self.close()

    async def test_a_person_is_first_told_what_is_theirs_and_nobody_elses(self):
        def scene() -> Any:
            booked, line = make_event(capacity=9, auto_hold=False), make_event(capacity=1, auto_hold=False)
            ticket = allocation.book(event_id=booked.pk, user=self.alice)
            for person in (self.bob, make_person("carol"), self.alice):
                allocation.join(event_id=line.pk, user=person)
            hold = allocation.join(event_id=self.event.pk, user=self.alice)
            allocation.book(event_id=booked.pk, user=self.bob)
            past = make_event(auto_hold=False)
            allocation.cancel_ticket(ticket_id=allocation.book(event_id=past.pk, user=self.alice).pk)
            return line, ticket, hold, visit(self.alice)

        line, ticket, hold, client = await sync_to_async(scene)()
        (message,) = await self.said(await self.open("/ws/dashboard/", client), 1)
        until = hold.expires_at.isoformat()
        self.assertEqual(set(message), {"type", "holds", "tickets", "events", "now"})
        self.assertEqual(message["holds"], [
            {"event": line.pk, "status": "waiting", "expires_at": None, "position": 2},
            {"event": self.event.pk, "status": "held", "expires_at": until, "position": None},
        ])  # fmt: skip
        self.assertEqual(message["tickets"], [{"event": ticket.event_id, "code": ticket.code, "status": "valid"}])
        self.assertEqual(len(message["events"]), 4)
        await self.close()


class ChangeTests(SocketCase):
    def setUp(self):
        super().setUp()
        self.event = make_event(capacity=10, name="Opera", auto_hold=False)

    async def sockets(self) -> tuple[Any, Any, Any]:
        """Return the sockets of a stranger, alice and bob, whose snapshots were read."""
        alices, bobs = [await sync_to_async(visit)(person) for person in (self.alice, self.bob)]
        opened = (
            await self.open("/ws/events/"),
            await self.open("/ws/dashboard/", alices),
            await self.open("/ws/dashboard/", bobs),
        )
        for socket in opened:
            await self.said(socket, 1)
        return opened

    async def test_a_booking_is_told_to_everybody_and_the_ticket_to_its_owner_alone(self):
        public, alices, bobs = await self.sockets()
        client = await sync_to_async(visit)(self.alice)
        await sync_to_async(client.post)(f"/book/{self.event.pk}/")
        ticket = await Ticket.objects.aget()
        told = await sync_to_async(stats_of)(self.event, booked=1, available=9, percentage_sold=10.0)
        for socket in (public, bobs):
            (message,) = await self.said(socket, 1)
            self.assertEqual(timeless(message), {"type": "stats"} | told)
            self.assertTrue(await socket.receive_nothing(QUIET))
        stats, own = await self.said(alices, 2)
        self.assertEqual(timeless(stats), {"type": "stats"} | told)
        self.assertEqual(own, {"type": "ticket", "event": self.event.pk, "code": ticket.code, "status": "valid"})
        await self.close()

    async def test_a_hold_is_told_to_its_person_alone_from_beginning_to_end(self):
        _, alices, bobs = await self.sockets()
        place = await sync_to_async(allocation.join)(event_id=self.event.pk, user=self.alice)
        held = {
            "type": "hold", "event": self.event.pk, "status": "held", "position": None,
            "expires_at": place.expires_at and place.expires_at.isoformat(),
        }  # fmt: skip
        self.assertEqual((await self.until(alices, type="hold"))[-1], held)
        await sync_to_async(allocation.release)(event_id=self.event.pk, user=self.alice)
        self.assertEqual((await self.until(alices, type="hold"))[-1], held | {"status": "released"})
        messages = await self.until(bobs, type="stats", held=0)
        self.assertEqual({message["type"] for message in messages}, {"stats"})
        self.assertTrue(await bobs.receive_nothing(QUIET))
        await self.close()

    async def test_those_who_wait_are_told_how_they_move(self):
        def line_up() -> None:
            Event.objects.update(capacity=1)
            for minutes, person in ((9, make_person("carol")), (8, make_person("dave")), (7, self.alice)):
                allocation.join(event_id=self.event.pk, user=person, session=arrive(person, ago(minutes=minutes)))

        await sync_to_async(line_up)()
        _, alices, bobs = await self.sockets()
        dave = await TicketHold.objects.select_related("user").aget(user__username="dave")
        await sync_to_async(allocation.release)(event_id=self.event.pk, user=dave.user)
        moved = {"type": "position", "event": self.event.pk, "position": 1, "ahead": 0, "wait_seconds": None}
        self.assertEqual((await self.until(alices, type="position", position=1))[-1], moved)
        self.assertEqual([message["type"] for message in await self.said(bobs, 1)], ["stats"])
        self.assertTrue(await bobs.receive_nothing(QUIET))
        await self.close()

    async def test_a_lapsed_hold_goes_to_the_next_with_nothing_but_the_clock(self):
        def line_up() -> None:
            Event.objects.update(capacity=1)
            for person in (self.alice, self.bob):
                allocation.join(event_id=self.event.pk, user=person)

        await sync_to_async(line_up)()
        _, alices, bobs = await self.sockets()
        await sync_to_async(lapse)(TicketHold.objects.filter(user=self.alice))
        self.assertEqual((await self.until(alices, type="hold"))[-1]["status"], "expired")
        self.assertEqual((await self.until(bobs, type="hold"))[-1]["status"], "held")
        await self.close()

    async def test_an_admission_and_a_cancellation_are_told_to_the_owner(self):
        _, alices, bobs = await self.sockets()
        for person, socket in ((self.alice, alices), (self.bob, bobs)):
            await sync_to_async(allocation.book)(event_id=self.event.pk, user=person)
            await self.until(socket, type="ticket", status="valid")
        mine = await Ticket.objects.aget(user=self.alice)
        await sync_to_async(checkin.scan)(code=mine.code, event=self.event, staff=self.greta)
        admitted = {"type": "ticket", "event": self.event.pk, "code": mine.code, "status": "admitted"}
        self.assertEqual((await self.until(alices, type="ticket"))[-1], admitted)
        bobs_ticket = await Ticket.objects.aget(user=self.bob)
        await sync_to_async(allocation.cancel_ticket)(ticket_id=bobs_ticket.pk)
        cancelled = {"type": "ticket", "event": self.event.pk, "code": bobs_ticket.code, "status": "cancelled"}
        self.assertEqual((await self.until(bobs, type="ticket"))[-1], cancelled)
        await self.close()

    async def test_a_transfer_is_told_to_giver_and_recipient_and_to_each_their_own_code_alone(self):
        _, alices, bobs = await self.sockets()
        old = await sync_to_async(allocation.book)(event_id=self.event.pk, user=self.alice)
        await self.until(alices, type="ticket", status="valid")
        await self.until(bobs, type="stats", booked=1)
        new = await sync_to_async(give)(old, self.bob)
        gone = {"type": "ticket", "event": self.event.pk, "code": old.code, "status": "cancelled"}
        self.assertEqual((await self.until(alices, type="ticket"))[-1], gone)
        theirs = {"type": "ticket", "event": self.event.pk, "code": new.code, "status": "valid"}
        self.assertEqual((await self.until(bobs, type="ticket"))[-1], theirs)
        for socket in (alices, bobs):
            self.assertTrue(await socket.receive_nothing(QUIET))
        await self.close()

    async def test_forty_changes_at_once_are_a_few_messages_with_the_final_numbers(self):
        def change() -> None:
            with transaction.atomic():
                for capacity in range(11, 51):
                    steering.revise_event(event_id=self.event.pk, values={"capacity": capacity})

        public, alices, _ = await self.sockets()
        await sync_to_async(change)()
        final = await sync_to_async(stats_of)(self.event, capacity=50, available=50)
        for socket in (public, alices):
            messages = await self.until(socket, type="stats", version=final["version"])
            self.assertLessEqual(len(messages), 3)
            self.assertEqual(timeless(messages[-1]), {"type": "stats"} | final)
            self.assertTrue(await socket.receive_nothing(QUIET))
        await self.close()

    def test_nothing_is_announced_before_the_commit_or_of_what_was_rolled_back(self):
        heard: list[set[int]] = []

        def hear(event_ids: set[int], **kwargs: Any) -> None:
            heard.append(event_ids)

        availability_changed.connect(hear)
        self.addCleanup(availability_changed.disconnect, hear)
        for undone in (True, False):
            with transaction.atomic():
                allocation.book(event_id=self.event.pk, user=self.alice)
                self.assertEqual(heard, [])
                transaction.set_rollback(undone)
        self.assertEqual(heard, [{self.event.pk}])

    async def test_what_was_never_announced_is_told_by_the_resync(self):
        with patch.object(hub, "RESYNC", 0.3):
            public, *_ = await self.sockets()
            await Event.objects.filter(pk=self.event.pk).aupdate(capacity=20, version=1000)
            told = await sync_to_async(stats_of)(self.event, capacity=20, available=20)
            self.assertEqual(timeless((await self.said(public, 1))[0]), {"type": "stats"} | told)
            self.assertTrue(await public.receive_nothing(QUIET))
        await self.close()

    async def test_what_changed_before_other_processes_are_heard_is_told_as_soon_as_they_are(self):
        heard = asyncio.Event()

        async def changes_elsewhere() -> AsyncIterator[Changes | None]:
            await heard.wait()
            yield None

        with patch.object(relay, "changes_elsewhere", changes_elsewhere), patch.object(hub, "RESYNC", 600):
            public, *_ = await self.sockets()
            await Event.objects.filter(pk=self.event.pk).aupdate(capacity=20, version=1000)
            self.assertTrue(await public.receive_nothing(QUIET))
            heard.set()
            told = await sync_to_async(stats_of)(self.event, capacity=20, available=20)
            self.assertEqual(timeless((await self.said(public, 1))[0]), {"type": "stats"} | told)
        await self.close()

    async def test_what_could_not_be_read_is_told_soon_after(self):
        read, away = live.read_stats, [True]

        def read_stats(event_ids: Any) -> Any:
            if away and away.pop():
                raise OperationalError("the database is away")
            return read(event_ids)

        with patch.object(live, "read_stats", read_stats), patch.multiple(hub, RETRY=0.3, RESYNC=600):
            public, *_ = await self.sockets()
            with self.assertLogs("core.hub", "ERROR"):
                await sync_to_async(allocation.book)(event_id=self.event.pk, user=self.alice)
                told = await sync_to_async(stats_of)(self.event, booked=1, available=9, percentage_sold=10.0)
                self.assertEqual(timeless((await self.said(public, 1))[0]), {"type": "stats"} | told)
        await self.close()


class CheckTests(SimpleTestCase):
    async def test_sessions_are_looked_at_more_often_than_every_five_seconds(self) -> None:
        self.assertLess(hub.SESSION_CHECK, 5)
        done: list[object] = []

        async def sleep(seconds: float) -> None:
            done.append(seconds)
            if len(done) > 2 * 2:
                raise asyncio.CancelledError

        async def look() -> None:
            done.append("looked")
            raise OSError("the database is away")

        ours = hub.Hub()
        with (
            patch.object(ours, "_check_sessions", look),
            patch.object(hub, "asyncio", SimpleNamespace(sleep=sleep)),
            self.assertLogs("core.hub", "ERROR"),
            self.assertRaises(asyncio.CancelledError),
        ):
            await ours.watch_sessions()
        self.assertEqual(done, [hub.SESSION_CHECK, "looked"] * 2 + [hub.SESSION_CHECK])


class EndTests(SimpleTestCase):
    async def test_a_hub_ends_when_it_is_to_whatever_it_is_told_at_that_moment(self) -> None:
        for steps in range(6):
            ours = hub.Hub()
            running = asyncio.create_task(ours.run())
            await asyncio.sleep(0.05)
            ours.note(Changes(), own=False)
            for _ in range(steps):
                await asyncio.sleep(0)
            running.cancel()
            done, _ = await asyncio.wait({running}, timeout=2)
            with self.subTest(steps=steps):
                self.assertEqual(done, {running})


class SessionTests(SocketCase):
    async def closes(self, change: Any, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        """Return what alice's and bob's sockets are sent by the server after a change."""
        with patch.object(hub, "SESSION_CHECK", 0.3):
            alices, bobs = [await sync_to_async(visit)(person, headers=BROWSER) for person in (self.alice, self.bob)]
            self.alices = alices
            sockets = [await self.open("/ws/dashboard/", client) for client in (alices, bobs)]
            for socket in sockets:
                await self.said(socket, 1)
            await sync_to_async(change)(*arguments, **options)
            sent = await sockets[0].receive_output(timeout=PATIENCE)
            self.assertTrue(await sockets[1].receive_nothing(QUIET))
        await sockets[1].disconnect()
        return [sent]

    async def test_the_socket_of_a_session_that_logged_out_in_another_process_is_closed_by_the_next_check(self):
        with patch.object(hub, "hang_up"):  # which closes those of one's own process at once
            closed = await self.closes(lambda: self.alices.post("/accounts/logout/"))
        self.assertEqual(closed, [{"type": "websocket.close", "code": 4401}])

    async def test_signing_out_closes_the_socket_at_once_without_waiting_for_the_next_check(self):
        with patch.object(hub, "SESSION_CHECK", 3600):
            client = await sync_to_async(visit)(self.alice, headers=BROWSER)
            socket = await self.open("/ws/dashboard/", client)
            await self.said(socket, 1)
            await sync_to_async(client.post)("/accounts/logout/")
            closed = await socket.receive_output(timeout=PATIENCE)
        self.assertEqual(closed, {"type": "websocket.close", "code": 4401})

    async def test_the_socket_of_a_deactivated_person_is_closed(self):
        def deactivate() -> None:
            self.alice.is_active = False
            self.alice.save()

        self.assertEqual(await self.closes(deactivate), [{"type": "websocket.close", "code": 4401}])

    async def test_the_socket_of_yesterdays_login_is_closed(self):
        def age() -> None:
            UserSession.objects.filter(user=self.alice).update(login_timestamp=ago(hours=24, seconds=1))

        self.assertEqual(await self.closes(age), [{"type": "websocket.close", "code": 4401}])

    async def test_an_open_page_is_a_sign_of_life(self):
        with patch.object(hub, "SESSION_CHECK", 0.3):
            client = await sync_to_async(visit)(self.alice)
            long_ago = await sync_to_async(ago)(hours=2)
            await UserSession.objects.aupdate(last_seen_at=long_ago)
            socket = await self.open("/ws/dashboard/", client)
            await self.said(socket, 1)
            await socket.receive_nothing(QUIET)
            session = await UserSession.objects.aget()
        self.assertGreater(session.last_seen_at, long_ago)
        await self.close()

"""Every verb that says so is done again as a whole: given up twice at its last write, it comes to what it always does.

What it always does is seen by the same verb on another event, whom nobody disturbs.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.utils import OperationalError

from core import allocation, checkin, organizing, receivers, steering, ticket_code, transfer
from core.acts import PAUSE
from core.checkin import offline
from core.checkin.offline import OfflineScan
from core.locking import TRIES
from core.models import AuditEntry, Cause, Event, Ticket, TicketHold, TicketTransfer, UserSession
from core.now import now
from core.telling import messages

from .cast import ago, arrive, book, join, ledger_of, ledger_problems, numbers, offer, release, revise, statuses
from .cast import make_event as stored_event
from .test_conflicts import ConflictCase
from .test_messages import write
from .test_planted_faults import Planted

LEDGER, TRAIL, SCAN, OFFER = "core_ledgerentry", "core_auditentry", "core_scan", "core_tickettransfer"
DECORATED = re.compile(r"^@again_after_conflict\ndef (\w+)", re.MULTILINE)

Act = Callable[[], object]


class EveryVerbTests(ConflictCase):
    """Each method sets a scene, and returns what is to be done in it."""

    def serve(self, event: Event) -> Act:
        TicketHold.objects.create(event=event, user=self.alice)
        return lambda: allocation.serve(event.pk)

    def join_all(self, event: Event) -> Act:
        return lambda: join(event, self.alice)

    def hold_for_login(self, event: Event) -> Act:
        session = arrive(self.alice)
        return lambda: allocation.hold_for_login(user=self.alice, session=session)

    def book_all(self, event: Event) -> Act:
        return lambda: book(event, self.alice)

    def release_all(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: release(event, self.alice)

    def _end_places_of(self, event: Event) -> Act:
        join(event, self.alice)
        places = TicketHold.objects.filter(event=event)
        return lambda: allocation.end_places(places, cause=Cause.REMOVED_BY_STAFF)

    def end_places_for_good(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: allocation.end_places_for_good(self.alice, Cause.DEACTIVATED)

    def cancel_ticket(self, event: Event) -> Act:
        ticket = book(event, self.alice)
        return lambda: allocation.cancel_ticket(ticket_id=ticket.pk)

    def revise_event(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: revise(event, capacity=5)

    def publish_event(self, event: Event) -> Act:
        Event.objects.filter(pk=event.pk).update(status="draft")
        return lambda: steering.publish_event(event_id=event.pk)

    def cancel_event(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: steering.cancel_event(event_id=event.pk)

    def pause(self, event: Event) -> Act:
        return lambda: steering.pause(event_id=event.pk, reason="A test")

    def resume(self, event: Event) -> Act:
        steering.pause(event_id=event.pk, reason="A test")
        return lambda: steering.resume(event_id=event.pk, reason="It is over")

    def extend_holds(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: steering.extend_holds(event_id=event.pk, minutes=5, reason="An outage")

    def extend_hold(self, event: Event) -> Act:
        place = join(event, self.alice)
        return lambda: steering.extend_hold(event_id=event.pk, hold_id=place.pk, minutes=5, reason="A slow phone")

    def scan(self, event: Event) -> Act:
        ticket = book(event, self.alice)
        return lambda: checkin.scan(code=ticket.code, event=event, staff=self.greta)

    def undo(self, event: Event) -> Act:
        scan = checkin.scan(code=book(event, self.alice).code, event=event, staff=self.greta).scan
        return lambda: checkin.undo(scan_id=scan.pk, staff=self.greta, reason="Wrong person")

    def _record(self, event: Event) -> Act:
        name = ticket_code.fingerprint(book(event, self.alice).code)
        told = OfflineScan(f"device {event.pk}", name, now(), ago() - now(), let_in=True)
        return lambda: offline.sync(event, self.greta, [told])

    def offer(self, event: Event) -> Act:
        ticket = book(event, self.alice)
        return lambda: offer(ticket, self.bob)

    def withdraw(self, event: Event) -> Act:
        ticket = offer(book(event, self.alice), self.bob).ticket
        return lambda: transfer.withdraw(ticket_id=ticket.pk)

    def decline(self, event: Event) -> Act:
        offered = offer(book(event, self.alice), self.bob)
        return lambda: transfer.decline(transfer_id=offered.pk)

    def end_offers(self, event: Event) -> Act:
        offered = offer(book(event, self.alice), self.bob)
        return lambda: transfer.end_offers(TicketTransfer.objects.filter(pk=offered.pk))

    def accept(self, event: Event) -> Act:
        offered = offer(book(event, self.alice), self.bob)
        return lambda: transfer.accept(transfer_id=offered.pk, user=self.bob)

    def reissue(self, event: Event) -> Act:
        ticket = book(event, self.alice)
        return lambda: transfer.reissue(ticket_id=ticket.pk)

    def revise(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: organizing.revise(event_id=event.pk, values={"capacity": 5})

    def publish(self, event: Event) -> Act:
        Event.objects.filter(pk=event.pk).update(status="draft")
        return lambda: organizing.publish(event_id=event.pk)

    def cancel(self, event: Event) -> Act:
        join(event, self.alice)
        return lambda: organizing.cancel(event_id=event.pk, reason="Rain")

    def carry_out(self, event: Event) -> Act:
        return lambda: organizing.carry_out(PAUSE, event, {"reason": "A test"})

    def send(self, event: Event) -> Act:
        book(event, self.alice)
        message = write(event)
        return lambda: messages.send(message)

    def _sign_out(self, event: Event) -> Act:
        UserSession.objects.update(is_active=False)  # that of the other event
        session = arrive(self.alice)
        join(event, self.alice, session)
        return lambda: receivers._sign_out(self.alice, session.session_key, by_hand=True)

    LAST_WRITES = {
        serve: LEDGER, join_all: LEDGER, hold_for_login: LEDGER, book_all: LEDGER, release_all: LEDGER,
        _end_places_of: LEDGER, cancel_ticket: TRAIL, revise_event: LEDGER, publish_event: "core_event",
        cancel_event: LEDGER, pause: LEDGER, resume: LEDGER, extend_holds: LEDGER, extend_hold: LEDGER, scan: SCAN,
        undo: TRAIL, _record: SCAN, offer: OFFER, withdraw: TRAIL, decline: TRAIL, end_offers: OFFER, accept: TRAIL,
        reissue: TRAIL, revise: TRAIL, publish: TRAIL, cancel: TRAIL, carry_out: TRAIL, send: TRAIL, _sign_out: TRAIL,
    }  # fmt: skip

    def play(self, verb: Callable[[Any, Event], Act], table: str = "") -> dict[str, Any]:
        """Do a verb on a new event, refused twice where a table is named; return what came of it."""
        Event.objects.update(status="draft", auto_hold=False)  # those before: no login is put forward for them
        event, entries = stored_event(), AuditEntry.objects.count()
        act = verb(self, event)
        if table:
            self.refuse(table, times=TRIES - 1, on="INSERT OR UPDATE")
        act()
        if table:
            self.assertGreaterEqual(self.tries(), TRIES)
            self.allow()
        self.assertEqual(ledger_problems(event), [])
        event.refresh_from_db()
        return {
            "numbers": (numbers(event), event.status, event.capacity, event.paused_at is not None),
            "places": statuses(event),
            "tickets": [(t.user_id, t.cancelled_at is None) for t in Ticket.objects.filter(event=event).order_by("pk")],
            "ledger": [entry["kind"] for entry in ledger_of(event)],
            "scans": list(event.scans.values_list("outcome", "undone_by")),
            "trail": list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)[entries:]),
        }

    def test_each_is_done_at_the_third_time_as_a_whole_and_once(self) -> None:
        for verb, table in self.LAST_WRITES.items():
            with self.subTest(verb=verb.__name__):
                self.assertEqual(self.play(verb, table), self.play(verb))

    def test_a_draft_is_deleted_at_the_third_time_as_a_whole(self) -> None:
        event = stored_event(status="draft")
        self.refuse(TRAIL, times=TRIES - 1, on="INSERT OR UPDATE")
        organizing.delete(event_id=event.pk)
        self.assertGreaterEqual(self.tries(), TRIES)
        self.allow()
        self.assertFalse(Event.objects.filter(pk=event.pk).exists())
        self.assertEqual(AuditEntry.objects.filter(action="event_deleted").count(), 1)

    def test_the_end_of_all_places_of_somebody_waits_for_no_one_in_vain(self) -> None:
        """Its locks alone are taken outside of a verb that is done again by itself."""

        def meet(_: Any, **of: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '40P01'; END $$")

        places: list[Any] = []
        for times in (TRIES - 1, TRIES):
            planted = Planted(
                allocation,
                "_on_sale_locked",
                meet,
                when=lambda t=times, **_: planted.reached < t,  # noqa: B023
            )
            event = stored_event(auto_hold=False)
            with planted:
                try:
                    self.end_places_for_good(event)()
                except OperationalError:
                    places.append("refused")
                places += statuses(event)
            self.assertEqual(planted.reached, times)
        self.assertEqual(places, [("alice", "released"), "refused", ("alice", "held")])

    def test_no_verb_is_left_out(self) -> None:
        texts = [path.read_text() for path in (settings.BASE_DIR / "core").rglob("*.py")]
        found = {name for text in texts for name in DECORATED.findall(text)}
        self.assertEqual(found, {verb.__name__ for verb in self.LAST_WRITES} | {"delete", "end_places_for_good"})

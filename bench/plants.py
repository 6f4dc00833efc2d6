"""Faults to plant, one at a time, to see that the checks catch them: each is a patch of this process alone.

What people do is patched where POST, sockets and single calls all come by: in the verbs for many at once.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction

from core import allocation, clock, tiers
from core.fairness.ledger import Ledger
from core.hub import Hub
from core.mailbox import Letter
from core.models import Event, Ticket, TicketHold, User, UserSession
from core.now import now
from core.serving import Serving

played = 0  # how often the planted fault came into play: one that never does proves nothing
_turns = 0
_local = threading.local()


def _play() -> None:
    global played  # noqa: PLW0603 -- counted for the report
    played += 1


def _every(n: int) -> bool:
    """Return True at each n-th call."""
    global _turns  # noqa: PLW0603 -- as above
    _turns += 1
    return _turns % n == 0


def newest_first() -> None:
    """Serve those who came last."""

    def last_in_line(event: Event, count: int) -> list[TicketHold]:
        _play()
        return list(tiers.in_turn(event).order_by("-login_timestamp", "-pk")[:count])

    tiers.first_in_line = last_in_line


def overtake() -> None:
    """Let a direct booking take a free place before the line is served."""
    book_all, serve_line = allocation.book_all, Serving._serve_line  # noqa: SLF001 -- a plant goes where no caller may

    def book_first(**arguments: Any) -> Any:
        _local.books = True
        try:
            return book_all(**arguments)
        finally:
            _local.books = False

    def serve_unless_booking(self: Serving, event: Event) -> None:
        if getattr(_local, "books", False):
            if event.free > 0:
                _play()
        else:
            serve_line(self, event)

    allocation.book_all = book_first
    Serving._serve_line = serve_unless_booking  # type: ignore[method-assign]  # noqa: SLF001 -- as above


def forgotten_wake_up() -> None:
    """Let the clock look at nothing, and nobody who frees a place serve the line."""
    bring_up_to_date = Serving.bring_up_to_date

    def once(self: Serving) -> None:
        if not hasattr(self, "served"):
            self.served = True  # type: ignore[attr-defined]  # -- the first call comes with the lock, the next frees
            bring_up_to_date(self)
        else:
            _play()

    def sleep() -> int:
        _play()
        return 0

    Serving.bring_up_to_date = once  # type: ignore[method-assign]  # -- a plant
    clock.tick = sleep


def renewing_login() -> None:
    """Let a login prolong what the person holds."""
    hold_for_login = allocation.hold_for_login

    def renew(*, user: User, session: UserSession) -> None:
        hold_for_login(user=user, session=session)
        for hold in TicketHold.objects.live(now()).filter(
            user=user, status="held", held_at__lt=session.login_timestamp
        ):
            _play()
            TicketHold.objects.filter(pk=hold.pk).update(expires_at=now() + hold.event.hold_time)

    allocation.hold_for_login = renew


def skip_entry() -> None:
    """Leave every fortieth entry out of the ledger."""
    note = Ledger.note

    def note_most(self: Ledger, event: Event, kind: str, **fields: Any) -> None:
        if kind in {"hold", "expiry", "release", "booking"} and _every(40):
            _play()
        else:
            note(self, event, kind, **fields)

    Ledger.note = note_most  # type: ignore[method-assign]  # -- a plant


def lost_ticket() -> None:
    """Acknowledge every twentieth booking, and those of its batch, without storing it."""
    book_all = allocation.book_all

    def forget(**arguments: Any) -> Any:
        with transaction.atomic():
            outcomes = book_all(**arguments)
            tickets = [outcome for outcome in outcomes.values() if isinstance(outcome, Ticket)]
            if sum(_every(20) for _ in tickets):
                _play()
                transaction.set_rollback(True)
        return outcomes

    allocation.book_all = forget


def lost_place() -> None:
    """Count every tenth hold that is released as still held: its place is given to nobody."""
    end = Serving.end

    def end_uncounted(self: Serving, places: list[TicketHold], status: Any, *rest: Any) -> None:
        held = [place for place in places if place.status == TicketHold.Status.HELD]
        end(self, places, status, *rest)
        for place in held:
            if status == TicketHold.Status.RELEASED and _every(10):
                _play()
                self.count(place.event_id, held=1)

    Serving.end = end_uncounted  # type: ignore[assignment,method-assign]  # -- a plant


def lazy_seconds() -> None:
    """Take no place for free in the first five seconds of every twenty, so that nobody is given any."""
    free = vars(Event)["free"].fget

    def unless_lazy(event: Event) -> int:
        if time.time() % 20 < 5:  # noqa: PLR2004 -- as the docstring says
            _play()
            return 0
        return int(free(event))

    setattr(Event, "free", property(unless_lazy))  # noqa: B010 -- to mypy a property is read-only


def misdelivery() -> None:
    """Leave every hundredth letter to one person in every mailbox."""
    tell = Hub._tell  # noqa: SLF001 -- as above

    def tell_everybody(self: Hub, user_id: int, letter: Letter) -> None:
        if _every(100):
            _play()
            for mailbox in self.mailboxes:
                mailbox.put(letter)
        else:
            tell(self, user_id, letter)

    Hub._tell = tell_everybody  # type: ignore[method-assign]  # noqa: SLF001 -- a plant


def forgotten_people() -> None:
    """Tell every fiftieth person nothing of their own after the snapshot."""
    tell = Hub._tell  # noqa: SLF001 -- as above

    def tell_most(self: Hub, user_id: int, letter: Letter) -> None:
        if user_id % 50 == 0:
            _play()
        else:
            tell(self, user_id, letter)

    Hub._tell = tell_most  # type: ignore[method-assign]  # noqa: SLF001 -- a plant


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        newest_first,
        overtake,
        forgotten_wake_up,
        renewing_login,
        skip_entry,
        lost_ticket,
        lost_place,
        lazy_seconds,
        misdelivery,
        forgotten_people,
    )
}


def plant(name: str) -> None:
    """Plant the fault of that name in this process; none for an empty one."""
    if name:
        PLANTS[name]()

"""The transaction in which places are given: it locks events, brings them up to date, and writes what changed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from django.db import transaction
from django.db.models import Exists, QuerySet

from . import arrivals, prepared
from .models import Event, User
from .now import now
from .prepared import Prepared
from .refusals import Refused
from .serving import Serving


@contextmanager
def locked(event_ids: Iterable[int], *, skip_locked: bool = False, person: User | None = None) -> Iterator[Serving]:
    """Lock events in the order of their ids, bring them up to date, and write and announce what the caller changes.

    A refusal raised inside keeps what was brought up to date: it is committed, then the refusal goes on. With
    `skip_locked` an event that somebody else has locked is left out. With `person` their logins wait for each other,
    and nothing is locked for somebody who is not active any more.
    """
    refusal: Refused | None = None
    with transaction.atomic():
        ask = _locking(skip_locked=skip_locked, with_person=person is not None)
        locked = ask(events=event_ids, person=person and person.pk)
        serving = Serving({event.pk: event for event in locked}, now())
        serving.bring_up_to_date()
        try:
            yield serving
        except Refused as refused:
            refusal = refused
        serving.finish()
    if refusal is not None:
        raise refusal


@cache
def _locking(*, skip_locked: bool, with_person: bool) -> Prepared[Event]:
    """Return the question that locks events, in the order of their ids."""

    def compose() -> QuerySet[Event]:
        # NO KEY: the foreign key of a row that joins must not wait for this lock.
        events = Event.objects.select_for_update(no_key=True, skip_locked=skip_locked)
        events = events.filter(pk__in=prepared.numbers("events"))
        if with_person:
            # Once, and before any event: what no row hangs on, and what locks, PostgreSQL evaluates first.
            events = events.filter(Exists(arrivals.locking_person(prepared.number("person"))))
        return events.order_by("pk")

    return Prepared(compose)

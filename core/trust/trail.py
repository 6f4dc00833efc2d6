"""Writing and reading the audit trail: an entry is stored in the transaction of what it tells.

Which request asks is kept beside it (`asking`), so that what records need not be handed one: who asks, and from where.
"""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import translation

from ..models import AuditEntry, Event, Ticket, User
from ..models.trail import LONGEST_DETAIL
from ..now import clock, now

Action = AuditEntry.Action
AGAIN = dt.timedelta(minutes=10)  # in which looking at the same once more is no news
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


@contextmanager
def asking(request: HttpRequest) -> Iterator[None]:
    """Let this be the request that asks, until the block ends."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def address_of(request: HttpRequest | None) -> str:
    """Return the address a request came from, behind the proxies we trust; empty where nobody tells."""
    with suppress(ImproperlyConfigured):  # a proxy that adds no X-Forwarded-For
        return (get_client_ip(request) or "") if request is not None else ""
    return ""


def address_here() -> str:
    """Return the address that the request came from which is being served; empty outside of one."""
    return address_of(_request.get())


def record(  # noqa: PLR0913 -- as many as an entry has columns
    action: Action,
    *,
    actor: User | None = None,
    person: int | None = None,
    event: int | None = None,
    subject: str = "",
    detail: str = "",
    changes: list[dict[str, Any]] | None = None,
) -> None:
    """Store that somebody did something: whoever asks, unless an `actor` is named.

    `person` and `event` are the ids of whom and what it concerns: they may read it. No names of people belong into
    `subject`, `detail` and `changes`: an account that is erased must not live on in them.
    """
    request = _request.get()
    asker = request.user if request is not None and request.user.is_authenticated else None
    AuditEntry.objects.create(
        at=clock(),
        action=action,
        actor=actor or asker,
        person_id=person,
        event_id=event,
        subject=subject,
        detail=detail[:LONGEST_DETAIL],
        changes=changes,
        address=address_here(),
    )


def record_of_ticket(action: Action, ticket: Ticket, *, detail: str = "") -> None:
    """Store what was done to a ticket."""
    about: dict[str, Any] = {"person": ticket.user_id, "event": ticket.event_id, "subject": f"ticket {ticket.pk}"}
    record(action, detail=detail, **about)


def record_look(ticket: Ticket, user: User) -> None:
    """Store that staff looked at somebody's ticket."""
    record_once(Action.TICKET_SEEN, actor=user, subject=f"ticket {ticket.pk}", **_concerned(ticket))


def record_once(
    action: Action, *, actor: User, person: int | None = None, event: int | None = None, subject: str = ""
) -> None:
    """Store that somebody looked at something: once, for all that a page loads and for whoever looks again soon."""
    same = AuditEntry.objects.filter(actor=actor, action=action, event=event, subject=subject)
    if not same.filter(at__gt=now() - AGAIN).exists():
        record(action, actor=actor, person=person, event=event, subject=subject)


def record_admin_look(thing: Any, *, actor: User, subject: str) -> None:
    """Store that staff looked at a page of the administration, about a thing or about many (None)."""
    record_once(Action.RECORDS_SEEN, actor=actor, subject=subject, **_concerned(thing))


def _concerned(thing: Any) -> dict[str, int | None]:
    """Return the ids of the person and the event that a thing is about."""
    ticket = getattr(thing, "ticket", None) or thing  # of a scan, if it was of one; of an offer
    return {
        "person": thing.pk if isinstance(thing, User) else getattr(ticket, "user_id", None),
        "event": thing.pk if isinstance(thing, Event) else getattr(ticket, "event_id", None),
    }


def record_admin(entry: LogEntry) -> None:
    """Store what the administration's own history has of a change, by numbers in place of names."""
    thing: Any = None
    with suppress(ObjectDoesNotExist, AttributeError):  # it is gone, or of a model that is
        thing = entry.get_edited_object()
    kind = entry.content_type.model if entry.content_type else ""
    with translation.override(None):  # what is stored is read by others, who speak other languages
        change = "added" if entry.is_addition() else "deleted" if entry.is_deletion() else entry.get_change_message()
    record(
        Action.ADMIN,
        actor=entry.user,
        subject=f"{kind} {entry.object_id}",
        detail=change,
        changes=_changes_in(entry.change_message),
        **_concerned(thing),
    )


def _changes_in(message: str) -> list[dict[str, Any]] | None:
    """Return what `EventAdmin` says beside the names of the fields that were changed; None for any other message."""
    with suppress(ValueError):  # a sentence
        parts = json.loads(message)
        return [change for part in parts for change in part.get("changed", {}).get("values", [])] or None
    return None


def entries_of_person(user: User) -> QuerySet[AuditEntry]:
    """Return what a person did, and what was done about them, newest first."""
    return _in_turn(AuditEntry.objects.filter(Q(actor=user) | Q(person=user)))


def entries_of_event(event: Event) -> QuerySet[AuditEntry]:
    """Return what was done about an event, newest first."""
    return _in_turn(AuditEntry.objects.filter(event=event))


def _in_turn(entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    return entries.select_related("actor", "person", "event").order_by("-pk")


def forget_addresses(entries: QuerySet[AuditEntry]) -> int:
    """Forget from where these entries were made; return of how many."""
    return entries.exclude(address="").update(address="")

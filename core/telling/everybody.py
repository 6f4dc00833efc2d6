"""Announcements become mails: whom each concerns, and the storing of their mails, batch by batch, nobody twice.

A batch is one transaction under the lock of its announcement: the mails, who got one, and how far it is. They are
written before, since whoever changes the event waits for that lock with the event's own in hand. Whatever is killed
goes on behind the last batch. The next one is stored when the last was tried: whoever stops a message stops all
but a few of its mails, and a confirmation waits behind a few, not behind thousands.
"""

import datetime as dt
import logging
from functools import partial
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext
from post_office.models import PRIORITY, STATUS, Email

from .. import prepared
from ..many import insert_new
from ..models import Announcement, AnnouncementMail, Event, MutedNotice, Notice, Ticket, TicketHold, User
from ..now import now
from ..steps import do_all
from .letters import about, in_language_of, letter, local, name_of, stored

logger = logging.getLogger(__name__)

BATCH = 50  # mails stored in one transaction
A_DAY_BEFORE = dt.timedelta(days=1)

Letters = list[tuple[User, Email | None]]  # to whom, and what; None where there is no address to write to

Kind = Announcement.Kind
Audience = Announcement.Audience
NOTICES = {Kind.REMINDER: Notice.REMINDER, Kind.MESSAGE: Notice.MESSAGE}  # the others are essential
PRIORITIES = {Kind.CHANGED: PRIORITY.medium, Kind.CANCELLED: PRIORITY.medium}  # the others can wait


def people_of(announcement: Announcement) -> QuerySet[User]:
    """Return whom an announcement concerns and who wants it, each once, in the order of their ids."""
    people = User.objects.filter(_concerned(announcement), is_active=True).exclude(email="")
    if notice := NOTICES.get(Kind(announcement.kind)):
        people = people.exclude(Exists(MutedNotice.objects.filter(user=OuterRef("pk"), notice=notice)))
    return people.order_by("pk")


def people_to_tell(event: Event) -> int:
    """Return how many people a change of an event concerns that is to be told and of which nobody was yet."""
    waiting = Announcement.objects.filter(event=event, kind=Kind.CHANGED, finished_at=None, reached=0)
    change = waiting.select_related("event").first()
    return people_of(change).count() if change else 0


def _concerned(announcement: Announcement) -> Q:
    event = announcement.event
    tickets = Ticket.objects.valid().filter(event=event)
    match announcement.kind:
        case Kind.CANCELLED:  # and those whose places ended by it
            return _one_of(tickets) | _one_of(_ended_with(announcement))
        case Kind.CHANGED:
            return _one_of(tickets) | _one_of(TicketHold.objects.unended().filter(event=event))
        case Kind.REMINDER:  # whoever booked on the last day knows
            return _one_of(tickets.filter(booked_at__lte=event.starts_at - A_DAY_BEFORE))
    return _one_of(_addressed(Audience(announcement.audience), event, tickets))


def _ended_with(cancelled: Announcement) -> QuerySet[TicketHold]:
    """Return the places that ended when an event was cancelled, or after it: of those who joined that instant."""
    return TicketHold.objects.filter(event=cancelled.event_id, ended_at__gte=cancelled.created_at)


def _addressed(audience: Audience, event: Event, tickets: QuerySet[Ticket]) -> QuerySet[Any]:
    match audience:
        case Audience.ADMITTED:
            return tickets.filter(checked_in_at__isnull=False)
        case Audience.NOT_ADMITTED:
            return tickets.filter(checked_in_at=None)
        case Audience.WAITING if event.status == Event.Status.CANCELLED:
            last = Announcement.objects.filter(event=event, kind=Kind.CANCELLED).order_by("pk").last()
            return _ended_with(last) if last else TicketHold.objects.none()
        case Audience.WAITING:
            return TicketHold.objects.waiting().filter(event=event)
    return tickets


def _one_of(rows: QuerySet[Any]) -> Q:
    return Q(pk__in=rows.order_by().values("user"))


def _to_remind(moment: Any, tomorrow: Any) -> QuerySet[Event]:
    # Not only of this very start: whoever was reminded of another one of the same day is told of the change instead.
    on_its_eve = Q(created_at__gte=OuterRef("starts_at") - A_DAY_BEFORE)
    reminded = Announcement.objects.filter(on_its_eve, event=OuterRef("pk"), kind=Kind.REMINDER)
    near = Event.objects.upcoming(moment).filter(starts_at__lte=tomorrow, booked__gt=0)
    return near.filter(~Exists(reminded)).order_by("pk")


# Every process asks these every second.
_events_to_remind = prepared.Rows(
    lambda: _to_remind(prepared.moment("moment"), prepared.moment("tomorrow")).values_list("pk", "starts_at")
)
_to_store = prepared.Rows(lambda: Announcement.objects.to_store(prepared.moment("moment")).values_list("pk"))


def remind() -> int:
    """Store a reminder for each event that starts within a day and has none of that day; return how many."""
    moment = now()
    due = _events_to_remind(moment=moment, tomorrow=moment + A_DAY_BEFORE)
    made = {"kind": Kind.REMINDER, "created_at": moment, "begin_at": moment}
    # Of processes that find the same event the constraint lets one store it. If the event is moved at this instant, the
    # reminder is outdated, and there will be one of the new start.
    reminders = [Announcement(event_id=pk, starts_at=starts_at, **made) for pk, starts_at in due]
    return len(insert_new(reminders, "id")) if due else 0


def store() -> int:
    """Store the next batch of each announcement's mails; return how many mails."""
    return sum(do_all({f"announcement {pk}": partial(_store_batch, pk) for (pk,) in _to_store(moment=now())}).values())


def _store_batch(pk: int) -> int:
    untried = AnnouncementMail.objects.filter(announcement=pk, mail__status=STATUS.queued, mail__scheduled_time=None)
    if untried.exists():  # those that are leased are being tried, or were by somebody who was killed
        return 0
    announcement = Announcement.objects.to_store(now()).select_related("event").filter(pk=pk).first()
    if announcement is None:
        return 0
    letters = [] if outdated(announcement) else _write(announcement)
    with transaction.atomic():
        if not _is_locked(announcement):
            return 0
        _store_mails(announcement, letters)
        _go_on(announcement, letters)
    return len(letters)


def _write(announcement: Announcement) -> Letters:
    """Return the next people and the mail of each."""
    people = list(people_of(announcement).filter(pk__gt=announcement.reached)[:BATCH])
    holders = set()
    if announcement.kind == Kind.CANCELLED:
        tickets = Ticket.objects.valid().filter(event=announcement.event_id, user__in=people)
        holders = set(tickets.values_list("user", flat=True))
    return [(person, _mail_if_it_can_be(announcement, person, person.pk in holders)) for person in people]


def _mail_if_it_can_be(announcement: Announcement, person: User, has_ticket: bool) -> Email | None:
    """Return the mail; None, which counts as failed, where it cannot be written: those behind them want theirs."""
    try:
        return _mail(announcement, person, has_ticket)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("no mail can be written to person %s about announcement %s", person.pk, announcement.pk)
        return None


def _is_locked(announcement: Announcement) -> bool:
    """Lock an announcement as it was read; return False if somebody has it in hand, or has changed or stopped it."""
    as_it_was = {"pk": announcement.pk, "reached": announcement.reached, "begin_at": announcement.begin_at}
    mine = Announcement.objects.to_store(now()).filter(**as_it_was)
    return mine.select_for_update(skip_locked=True, no_key=True).first() is not None


def _store_mails(announcement: Announcement, letters: Letters) -> None:
    Email.objects.bulk_create([mail for _, mail in letters if mail])
    AnnouncementMail.objects.bulk_create(
        AnnouncementMail(announcement=announcement, user=person, mail=mail) for person, mail in letters if mail
    )


def _go_on(announcement: Announcement, letters: Letters) -> None:
    if len(letters) < BATCH:
        announcement.finished_at = now()
    if letters:
        announcement.reached = letters[-1][0].pk
    announcement.save(update_fields=["finished_at", "reached"])


def _mail(announcement: Announcement, person: User, has_ticket: bool) -> Email | None:
    kind = Kind(announcement.kind)
    message = message_of(announcement, person, has_ticket=has_ticket)
    about_it = {"announcement": announcement.pk, "person": person.pk}
    return stored(message, PRIORITIES.get(kind, PRIORITY.low), about_it)


def message_of(announcement: Announcement, person: User, *, has_ticket: bool = False) -> Any:
    """Return an announcement as the mail that a person gets."""
    kind = Kind(announcement.kind)
    with in_language_of(person):
        context = about(announcement.event) | {"has_ticket": has_ticket, "text": announcement.text}
        if kind == Kind.CHANGED:
            context |= _change(announcement)
        return letter(str(kind), _subject(announcement), person, context, NOTICES.get(kind))


def _subject(announcement: Announcement) -> str:
    named = {"event": name_of(announcement.event)}
    match announcement.kind:
        case Kind.CHANGED:
            return gettext("Changed: %(event)s") % named
        case Kind.CANCELLED:
            return gettext("Cancelled: %(event)s") % named
        case Kind.REMINDER:
            return gettext("Soon: %(event)s") % named
    return announcement.subject


def _change(announcement: Announcement) -> dict[str, Any]:
    facts, event = announcement.facts, announcement.event
    old = facts.get("starts_at")
    return {
        "old_starts": local(dt.datetime.fromisoformat(old), event) if old else "",
        "old_venue": facts.get("venue", ""),
        "is_on_again": facts.get("status") == Event.Status.CANCELLED,
    }


def outdated(announcement: Announcement) -> str:
    """Return why nobody is to be told any more; empty if they are."""
    event = announcement.event
    if announcement.stopped_at is not None:
        return "The message was stopped before this mail was sent."
    if announcement.kind == Kind.CANCELLED:
        return "" if event.status == Event.Status.CANCELLED else "The event is not cancelled any more."
    if announcement.kind in {Kind.CHANGED, Kind.REMINDER}:
        if event.status == Event.Status.CANCELLED:
            return "The event was cancelled before this mail was sent."
        if event.is_over(now()):
            return "The event started before this mail was sent."
    if announcement.starts_at not in {None, event.starts_at}:
        return "The event was moved before this mail was sent."
    return ""


def over(context: dict[str, Any]) -> str:
    """Return why a mail of an announcement is not to be sent any more; empty if it is."""
    pk, person = context.get("announcement"), context.get("person")
    announcement = Announcement.objects.select_related("event").filter(pk=pk).first() if pk else None
    if announcement is None:
        return ""
    if why := outdated(announcement):
        return why
    notice = NOTICES.get(Kind(announcement.kind))
    if notice and MutedNotice.objects.filter(user=person, notice=notice).exists():
        return "They did without such mails before this one was sent."
    ticket = Ticket.objects.valid().filter(event=announcement.event_id, user=person)
    if announcement.kind == Kind.REMINDER and not ticket.exists():
        return "The ticket was cancelled before this mail was sent."
    return ""

"""Organizers' messages to their attendees: written as a draft, sent once, stopped, and how far each is.

Its mails are stored and delivered as those of every announcement are (`everybody.py`). The caller decides who may.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from post_office.models import PRIORITY, STATUS

from ..locking import again_after_conflict
from ..models import Announcement, AnnouncementMail, Event, User
from ..now import now
from ..refusals import AlreadySent, Discarded, NobodyToTell, NothingToStop, Overtaken, Refused, TooMany
from ..trust import trail
from . import everybody
from .letters import in_language_of, stored

A_DAY = dt.timedelta(days=1)
SENT_A_DAY = 5  # messages about one event: more is a nuisance, and looks like an account that was taken over
DRAFTS = 20  # of one event
NOTHING_TO_STOP = {
    "draft": _("This is a draft: nobody was sent it, so there was nothing to stop."),
    "sent": _("All of it was sent before: nothing was left to stop."),
}

Kind = Announcement.Kind


@dataclass(frozen=True)
class Progress:
    """How far a message is: whom it is for, and of how many mails what became."""

    people: int
    sent: int
    failed: int
    waiting: int
    forgotten: int  # what became of so many is not on record any more
    state: str  # draft, sending, stopped or sent

    @property
    def done(self) -> int:
        """How many mails nothing more becomes of."""
        return self.sent + self.failed + self.forgotten


def messages_of(event: Event) -> QuerySet[Announcement]:
    """Return the messages about an event, drafts included, newest first."""
    written = Announcement.objects.filter(event=event, kind=Kind.MESSAGE)
    return written.select_related("event", "written_by").order_by("-pk")


def write(*, event: Event, by: User, **typed: str) -> Announcement:
    """Store a draft of `subject`, `text` and `audience`. Raises TooMany."""
    with transaction.atomic():
        # The event, as it may have no message to lock yet; nothing else is locked after it.
        Event.objects.select_for_update(no_key=True).get(pk=event.pk)
        if messages_of(event).filter(begin_at=None).count() >= DRAFTS:
            many = gettext("There are %(count)d drafts for this event already. Send or discard one of them first.")
            raise TooMany(many % {"count": DRAFTS})
        return Announcement.objects.create(event=event, kind=Kind.MESSAGE, written_by=by, created_at=now(), **typed)


def rewrite(message: Announcement, **typed: str) -> None:
    """Change a draft. Raises AlreadySent, Discarded."""
    if _drafts(message).update(**typed) != 1:
        raise _no_draft(message)


def discard(message: Announcement) -> None:
    """Forget a draft. Raises AlreadySent, Discarded."""
    with transaction.atomic():
        # Django deletes by id what it has found: one that is sent meanwhile would go.
        draft = _drafts(message).select_for_update().first()
        if draft is None:
            raise _no_draft(message)
        draft.delete()


def _no_draft(message: Announcement) -> Refused:
    return AlreadySent() if Announcement.objects.filter(pk=message.pk).exists() else Discarded()


def _drafts(message: Announcement) -> QuerySet[Announcement]:
    return Announcement.objects.filter(pk=message.pk, begin_at=None)


def send_copy(message: Announcement, to: User) -> None:
    """Send one copy, to whoever wants to see how it will look. Raises NobodyToTell: they have no address."""
    mail = everybody.message_of(message, to)
    with in_language_of(to):
        mail.subject = gettext("Copy: %(subject)s") % {"subject": mail.subject}
    copy = stored(mail, PRIORITY.high, {})
    if copy is None:
        nowhere = gettext("Your account has no e-mail address that can be written to. Add one under Account, E-mail.")
        raise NobodyToTell(nowhere)
    copy.save()


@again_after_conflict
def send(message: Announcement, *, seen: str = "") -> None:
    """Have a message sent to everybody whom it is for; again, nothing changes.

    `seen` is the mark of the draft that was looked at. Raises Overtaken if it is another by now, Discarded,
    NobodyToTell, and TooMany for today.
    """
    with transaction.atomic():
        of_event = _locked(message.event_id)
        mine = next((other for other in of_event if other.pk == message.pk), None)
        if mine is None:
            raise Discarded
        if mine.begin_at is not None:
            return
        if seen and seen != mine.mark:
            raise Overtaken(gettext("Not sent: somebody has changed this message since you looked at it. Look again."))
        moment = now()
        people = everybody.people_of(mine).count()
        if not people:
            raise NobodyToTell
        if sum(other.begin_at is not None and other.begin_at > moment - A_DAY for other in of_event) >= SENT_A_DAY:
            many = gettext("%(count)d messages about an event can be sent in a day. Send this one tomorrow.")
            raise TooMany(many % {"count": SENT_A_DAY})
        Announcement.objects.filter(pk=mine.pk).update(begin_at=moment, people=people)
        with translation.override(None):  # the trail is read by others, who speak other languages
            detail = f"“{mine.subject}”, to {mine.audience_in_words.lower()}: {people}"
        trail.record(trail.Action.MESSAGE_SENT, event=mine.event_id, subject=f"message {mine.pk}", detail=detail)


def _locked(event_id: int) -> list[Announcement]:
    """Lock the messages about an event: two that are sent at the same instant count each other, or one twice itself."""
    of_event = Announcement.objects.filter(event=event_id, kind=Kind.MESSAGE)
    return list(of_event.order_by("pk").select_for_update(no_key=True))


def stop(message: Announcement) -> None:
    """Send no more of a message; what was sent stays sent. Again, nothing changes.

    Raises NothingToStop when all of it was sent, or nobody was sent it yet.
    """
    state = progress_of([message])[message.pk].state
    if state in NOTHING_TO_STOP:
        raise NothingToStop(NOTHING_TO_STOP[state])
    moment = now()
    with transaction.atomic():
        running = Announcement.objects.filter(pk=message.pk, begin_at__isnull=False, stopped_at=None)
        if running.update(stopped_at=moment, finished_at=Coalesce("finished_at", Value(moment))):
            subject, detail = f"message {message.pk}", f"“{message.subject}”"
            trail.record(trail.Action.MESSAGE_STOPPED, event=message.event_id, subject=subject, detail=detail)


def progress_of(messages: Iterable[Announcement]) -> dict[int, Progress]:
    """Return how far messages are, by id; one query, however many they are."""
    of = list(messages)
    counted: dict[int, Counter[Any]] = {message.pk: Counter() for message in of}
    rows = AnnouncementMail.objects.filter(announcement__in=counted).values_list("announcement", "mail__status")
    for pk, status, number in rows.annotate(number=Count("pk")):
        counted[pk][status] = number
    return {message.pk: _progress(message, counted[message.pk]) for message in of}


def _progress(message: Announcement, mails: Counter[Any]) -> Progress:
    total, sent, queued = mails.total(), mails[STATUS.sent], mails[STATUS.queued] + mails[STATUS.requeued]
    people, is_finished = max(message.people, total), message.finished_at is not None
    # Those for whom none is stored when all are: stopped, gone meanwhile, or with an address that is none.
    failed = mails[STATUS.failed] + (people - total if is_finished else 0)
    waiting = queued if is_finished else people - total + queued
    return Progress(people, sent, failed, waiting, mails[None], _state(message, is_on_its_way=bool(queued)))


def _state(message: Announcement, *, is_on_its_way: bool) -> str:
    if message.begin_at is None:
        return "draft"
    if message.stopped_at is not None:
        return "stopped"
    return "sending" if is_on_its_way or message.finished_at is None else "sent"

"""An organizer's messages to their attendees: written, looked at, tried, sent, stopped; and those of before."""

from typing import Any

from allauth.core import ratelimit
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..http import PersonRequest, answer, for_people, invalid, reads, refuse, writes
from ..models import Announcement, Event
from ..refusals import Discarded, Refused, TooMany
from ..telling import everybody
from ..telling import messages as sending
from ..telling.forms import MessageForm, SendForm
from ..trust import too_often
from .lookup import managed_event, message_of_event

PAGE = 20
COPY = "message_copy"  # its limit is in ACCOUNT_RATE_LIMITS
TOO_MANY_COPIES = gettext_lazy(
    # Translators: {when} is "in 3 minutes".
    "You have had many copies sent to you in an hour, the next one {when}. The preview shows the same."
)


@reads
@for_people
def messages_of_event(request: PersonRequest, event_id: int) -> HttpResponse:
    """Show the messages about an event, and a form for a new one."""
    event = managed_event(request, event_id)
    return _list(request, event, MessageForm(event=event))


def _list(request: PersonRequest, event: Event, form: MessageForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(sending.messages_of(event), PAGE).get_page(request.GET.get("page"))
    progress = sending.progress_of(page.object_list)
    rows = [(message, progress[message.pk]) for message in page.object_list]
    context = {
        "event": event,
        "form": form,
        "rows": rows,
        "page": page,
        "reachable": _reachable(event) if event.status == Event.Status.CANCELLED else [],
    }
    return render(request, "core/messages.html", context, status=status)


def _reachable(event: Event) -> list[tuple[str, int]]:
    """Return who can still be written to about a cancelled event, in words, and how many they are."""
    about_it = {"event": event, "kind": Announcement.Kind.MESSAGE}
    of = [(words, Announcement(audience=audience, **about_it)) for audience, words in Announcement.audiences_of(event)]
    counted = [(words, everybody.people_of(message).count()) for words, message in of]
    return [(words, count) for words, count in counted if count]


@writes
@for_people
def write(request: PersonRequest, event_id: int) -> HttpResponse:
    """Store a draft."""
    event = managed_event(request, event_id)
    form = MessageForm(request.POST, event=event)
    try:
        if form.is_valid():
            message = sending.write(event=event, by=request.user, **form.cleaned_data)
            return _stored(request, message, _("This is how it will look. Nothing is sent yet."))
    except Refused as refused:
        form.add_error(None, refused.detail)
    return invalid(request, form, lambda: _list(request, event, form, status=400))


def _stored(request: HttpRequest, message: Announcement, said: str) -> HttpResponse:
    return answer(request, {"status": "stored", "message": message.pk}, message=said, to=_url(message))


def _url(message: Announcement) -> str:
    return reverse("message", args=[message.event_id, message.pk])


def _refused(request: PersonRequest, message: Announcement, refused: Refused) -> HttpResponse:
    """Answer a refusal where the message is; what was discarded has no page any more."""
    is_gone = isinstance(refused, Discarded)
    return refuse(request, refused, to=reverse("messages", args=[message.event_id]) if is_gone else _url(message))


@reads
@for_people
def message(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Show a message: a draft to be looked at and sent, or how far it is."""
    return _page(request, message_of_event(managed_event(request, event_id), message_id))


def _page(request: PersonRequest, message: Announcement, *, status: int = 200, **forms: Form) -> HttpResponse:
    people = everybody.people_of(message).count() if message.begin_at is None else 0
    typed = {name: getattr(message, name) for name in ("audience", "subject", "text")}
    context: dict[str, Any] = {
        "event": message.event,
        "message": message,
        "progress": sending.progress_of([message])[message.pk],
        "reached": people,
        "plain": everybody.message_of(message, request.user).body,
        "form": MessageForm(event=message.event, initial=typed),
        "send_form": SendForm(people=people, seen=message.mark),
        **forms,
    }
    return render(request, "core/message.html", context, status=status)


@writes
@for_people
def rewrite(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Change a draft."""
    message = message_of_event(managed_event(request, event_id), message_id)
    form = MessageForm(request.POST, event=message.event)
    if not form.is_valid():
        return invalid(request, form, lambda: _page(request, message, status=400, form=form))
    try:
        sending.rewrite(message, **form.cleaned_data)
    except Refused as refused:
        return _refused(request, message, refused)
    return _stored(request, message, _("Saved. This is how it will look."))


@writes
@for_people
def copy(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Send one copy to whoever asks."""
    message = message_of_event(managed_event(request, event_id), message_id)
    if not ratelimit.consume(request, action=COPY, user=request.user):
        when = too_often.in_words(too_often.seconds_left(request, COPY))
        return refuse(request, TooMany(TOO_MANY_COPIES.format(when=when)), to=_url(message))
    try:
        sending.send_copy(message, request.user)
    except Refused as refused:
        return refuse(request, refused, to=_url(message))
    said = _("A copy is on its way to %(email)s.") % {"email": request.user.email}
    return answer(request, {"status": "copied"}, message=said, to=_url(message))


@writes
@for_people
def send(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Send a message to everybody whom it is for, once it was confirmed."""
    message = message_of_event(managed_event(request, event_id), message_id)
    form = SendForm(request.POST, people=everybody.people_of(message).count())
    if not form.is_valid():
        return invalid(request, form, lambda: _page(request, message, status=400, send_form=form))
    try:
        sending.send(message, seen=form.cleaned_data["seen"])
    except Refused as refused:
        return _refused(request, message, refused)
    return answer(request, {"status": "sending"}, message=_("It is on its way."), to=_url(message))


@writes
@for_people
def stop(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Send no more of a message, or say why there is nothing to stop."""
    message = message_of_event(managed_event(request, event_id), message_id)
    try:
        sending.stop(message)
    except Refused as refused:
        return refuse(request, refused, to=_url(message))
    said = _("Stopped. Nobody else is sent this message.")
    return answer(request, {"status": "stopped"}, message=said, to=_url(message))


@writes
@for_people
def discard(request: PersonRequest, event_id: int, message_id: int) -> HttpResponse:
    """Forget a draft."""
    message = message_of_event(managed_event(request, event_id), message_id)
    try:
        sending.discard(message)
    except Refused as refused:
        return _refused(request, message, refused)
    to = reverse("messages", args=[event_id])
    return answer(request, {"status": "discarded"}, message=_("Discarded. Nobody was sent it."), to=to)

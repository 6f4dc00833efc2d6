"""One mail to one person about an event: its texts, plain and HTML, and how to do without its kind.

A mail is written within `in_language_of` its person, its subject and its dates included: what thread or request writes
it has nothing to do with that.
"""

import datetime as dt
import logging
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import pgettext
from post_office.models import Email

from ..documents import absolute
from ..mail_rows import row
from ..models import Event, Notice, User
from . import wishes

logger = logging.getLogger(__name__)


def in_language_of(person: User | None) -> translation.override:
    """Let a block speak the language of a person; the site's to somebody who has no account."""
    return translation.override(person.mail_language if person else settings.LANGUAGE_CODE)


def local(moment: dt.datetime, event: Event) -> str:
    """Return a moment in words as it is where the event takes place, with the name of that zone."""
    there = moment.astimezone(ZoneInfo(event.zone))
    # Translators: how a moment is written, as in "Monday 1 July 2030, 20:15", in the letters of Django's `date` filter.
    pattern = pgettext("format of a moment in mails", "l j F Y, H:i")
    return f"{date_format(there, pattern)} ({event.zone})"


def name_of(event: Event) -> str:
    """Return an event's name on one line, as a subject has it."""
    return " ".join(event.name.split())


def letter(
    template: str, subject: str, person: User, context: dict[str, Any], notice: Notice | None = None
) -> EmailMultiAlternatives:
    """Return a mail to a person; one of a `notice`, which is not essential, with the way to do without."""
    facts = {"choices": absolute(reverse("account_notices")), **context}
    headers = {}
    if notice is not None:
        facts["unsubscribe"] = wishes.unsubscribe_url(person, notice)
        headers = _unsubscribe_headers(facts["unsubscribe"])
    return mail_to(person.email, template, subject, {"person": person, **facts}, headers)


def mail_to(
    email: str, template: str, subject: str, context: dict[str, Any], headers: dict[str, str] | None = None
) -> EmailMultiAlternatives:
    """Return a mail to an address, whoever it belongs to, in the language that is spoken just now."""
    facts = {"subject": subject, **context}
    body = render_to_string(f"core/mail/{template}.txt", facts)
    message = EmailMultiAlternatives(subject=subject, body=body, to=[email], headers=headers)
    message.attach_alternative(render_to_string(f"core/mail/{template}.html", facts), "text/html")
    return message


def _unsubscribe_headers(address: str) -> dict[str, str]:
    """Return what lets a mail program offer a button for it (RFC 8058, which asks for HTTPS)."""
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return {"List-Unsubscribe": f"<{address}>"} | (one_click if urlsplit(address).scheme == "https" else {})


def about(event: Event) -> dict[str, Any]:
    """Return what every mail says about its event."""
    return {
        "event": event,
        "starts": local(event.starts_at, event),
        "event_url": absolute(event.get_absolute_url()),
        "dashboard_url": absolute(reverse("dashboard")),
    }


def stored(message: EmailMultiAlternatives, priority: int, context: dict[str, Any]) -> Email | None:
    """Return a mail as a row, not stored yet; None for an address that cannot be written to."""
    if not message.to[0]:
        return None
    try:
        return row(message, priority=priority, context=context)
    except ValidationError:
        logger.warning("A mail was not written: the address of its recipient cannot be written to (%s).", context)
        return None

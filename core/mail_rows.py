"""A mail as a row (django-post-office): how each is stored until it is delivered."""

from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef, Q
from post_office.models import STATUS, Email, Log

WAITING = Q(status__in=(STATUS.queued, STATUS.requeued))
# Without those that were ended because they made no sense any more, which no operator can mend: their log names no
# error (`mailing.py`).
GIVEN_UP = Q(status=STATUS.failed) & ~Q(Exists(Log.objects.filter(email=OuterRef("pk"), exception_type="")))


def row(message: EmailMessage, **fields: Any) -> Email:
    """Return a mail as a row, not stored yet. Raises ValidationError.

    Not by the library's own functions: they take what is in a message for a template, and an event, or an address, may
    be named `{{ so }}`.
    """
    html = [content for content, kind in getattr(message, "alternatives", []) if kind == "text/html"]
    made = Email(
        from_email=message.from_email,
        to=message.to,
        cc=message.cc,
        bcc=message.bcc,
        subject=message.subject,
        message=message.body,
        html_message=html[0] if html else "",
        headers=message.extra_headers or None,
        message_id=make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
        status=STATUS.queued,
        **fields,
    )
    made.full_clean()
    return made

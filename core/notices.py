"""The mails about offers of tickets: to whom each goes, and what it says; `mailing.py` stores and delivers them."""

from typing import Any
from zoneinfo import ZoneInfo

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from . import documents
from .models import TicketTransfer


def offered(transfer: TicketTransfer) -> EmailMultiAlternatives:
    """Return the mail to the person to whom a ticket is offered."""
    more = {"sign_up": documents.absolute(reverse("account_signup"))}
    # Nobody's name is in the subject, which is kept when what the mail said is forgotten.
    return _message("offer", f"A ticket for you: {_name(transfer)}", transfer.email, _facts(transfer) | more)


def outcome(transfer: TicketTransfer) -> list[EmailMultiAlternatives]:
    """Return the mails that say what became of an offer: to whoever made it, and whose ticket it was if it is gone."""
    people = {transfer.offered_by} | ({transfer.ticket.user} if transfer.accepted_at else set())
    said = "accepted" if transfer.accepted_at else "declined"
    subject = f"Your offer was {said}: {_name(transfer)}"
    return [
        _message("outcome", subject, person.email, _facts(transfer) | {"person": person})
        for person in sorted(people, key=lambda person: person.pk)
        if person.email
    ]


def _name(transfer: TicketTransfer) -> str:
    return " ".join(transfer.ticket.event.name.split())


def _facts(transfer: TicketTransfer) -> dict[str, Any]:
    event = transfer.ticket.event
    return {
        "transfer": transfer,
        "event": event,
        "giver": transfer.offered_by.display_name,
        "owner": transfer.ticket.user.display_name,
        "is_own": transfer.offered_by_id == transfer.ticket.user_id,
        "starts_at": event.starts_at.astimezone(ZoneInfo(event.zone)),
        "url": documents.absolute(transfer.page_url),
        "ticket_url": documents.absolute(transfer.ticket.page_url),
    }


def _message(template: str, subject: str, to: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    body = render_to_string(f"core/mail/{template}.txt", context)
    message = EmailMultiAlternatives(subject=subject, body=body, to=[to])
    message.attach_alternative(render_to_string(f"core/mail/{template}.html", context), "text/html")
    return message

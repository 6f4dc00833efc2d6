"""The mails about offers of tickets: to whom each goes, and what it says; `mailing.py` stores and delivers them."""

from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils.translation import gettext

from . import documents
from .models import TicketTransfer, User
from .telling.letters import about, in_language_of, mail_to, name_of


def offered(transfer: TicketTransfer, recipient: User | None) -> EmailMultiAlternatives:
    """Return the mail to the person to whom a ticket is offered; without `recipient` to somebody without an account."""
    with in_language_of(recipient):
        more = {"sign_up": documents.absolute(reverse("account_signup"))}
        # Nobody's name is in the subject, which is kept when what the mail said is forgotten.
        subject = gettext("A ticket for you: %(event)s") % {"event": name_of(transfer.ticket.event)}
        return mail_to(transfer.email, "offer", subject, _facts(transfer) | more)


def outcome(transfer: TicketTransfer) -> list[EmailMultiAlternatives]:
    """Return the mails that say what became of an offer: to whoever made it, and whose ticket it was if it is gone."""
    people = {transfer.offered_by} | ({transfer.ticket.user} if transfer.accepted_at else set())
    to = sorted(people, key=lambda person: person.pk)
    return [_outcome(transfer, person) for person in to if person.email]


def _outcome(transfer: TicketTransfer, person: User) -> EmailMultiAlternatives:
    event = {"event": name_of(transfer.ticket.event)}
    with in_language_of(person):
        accepted = gettext("Your offer was accepted: %(event)s")
        subject = (accepted if transfer.accepted_at else gettext("Your offer was declined: %(event)s")) % event
        facts = _facts(transfer) | {"person": person, "taker": _taker(transfer)}
        return mail_to(person.email, "outcome", subject, facts)


def _taker(transfer: TicketTransfer) -> str:
    if transfer.accepted_by:
        return transfer.accepted_by.display_name
    return transfer.email or gettext("The recipient")  # whose address was forgotten


def _facts(transfer: TicketTransfer) -> dict[str, Any]:
    return {
        **about(transfer.ticket.event),
        "transfer": transfer,
        "giver": transfer.offered_by.display_name,
        "owner": transfer.ticket.user.display_name,
        "is_own": transfer.offered_by_id == transfer.ticket.user_id,
        "url": documents.absolute(transfer.page_url),
        "ticket_url": documents.absolute(transfer.ticket.page_url),
    }

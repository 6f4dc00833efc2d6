"""Mail, sent outside of requests: each is a row (django-post-office) until it was delivered; every process delivers.

A ticket's confirmation is stored once: noting it on the ticket and storing it are one transaction. It is delivered at
least once: whoever delivers a mail leases its row first, so that no other process takes it meanwhile, and notes then
that it was sent. A process that dies between the mail server's yes and that note leaves a lease that runs out, and the
same mail goes out once more, under the same Message-ID.

What is attached is made here, when a mail is sent, and never inside a booking. No rule about tickets lives here.
"""

import asyncio
import datetime as dt
import logging
import random
import smtplib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from post_office.connections import connections as servers
from post_office.models import PRIORITY, STATUS, Email

from . import documents, notices, prepared
from .mail_rows import row
from .models import Ticket, TicketTransfer, User
from .now import now
from .rush import RushWatch
from .steps import do_all
from .telling import everybody, noted, places, wishes
from .telling.letters import about, in_language_of, letter, name_of, stored
from .telling.noted import Letter
from .trust import runs

logger = logging.getLogger(__name__)

NOTED = 30.0  # seconds between two notes that it runs
BATCH = 50  # notices of offers stored in one transaction
AT_ONCE = 50  # mails delivered before the queue is looked at again,
SPELL = 1.0  # or as many as begin in so many seconds
# And for so many times as long as that kept a processor nothing is delivered: a PDF keeps its process from answering.
REST = 3
# Longer than any delivery: a PDF, a few steps that EMAIL_TIMEOUT bounds, and one that `smtp.ANSWER_IN` does.
LEASE = dt.timedelta(minutes=3)
FIRST_RETRY, LONGEST_RETRY = dt.timedelta(seconds=15), dt.timedelta(minutes=30)
GIVE_UP = dt.timedelta(days=5)  # as mail servers do
REFUSED_FOR_GOOD = 500  # SMTP: from this code on, asking again changes nothing (RFC 5321, 4.2.1)


async def run() -> None:
    """Store and deliver what is due until cancelled, one mail at a time, with at most a quarter of a processor.

    In a rush confirmations wait, whose PDFs take as long as many bookings and whose tickets are on the page; whoever
    needs a link to log in does not.
    """
    took, noted_at, watch = 0.0, float("-inf"), RushWatch()
    while True:
        await asyncio.sleep(max(1, took * REST))
        began = time.monotonic()
        is_to_note = began - noted_at > NOTED
        noted_at = began if is_to_note else noted_at
        took = await sync_to_async(_work_in_thread, thread_sensitive=False)(watch, is_to_note=is_to_note)


def _work_in_thread(watch: RushWatch, *, is_to_note: bool = False) -> float:
    """Do what is due, and where all of it could be done, note that; return how long a processor was at work for it.

    Whoever waits for a mail server, or for the database, keeps nothing from answering requests.
    """
    began = time.thread_time()
    try:
        do_all(_steps(in_rush=watch.look()))
        if is_to_note:
            runs.note(runs.Work.MAIL)
    except Exception:
        logger.exception("mail could not be looked after; it is tried again")
    finally:
        connections.close_all()
    return time.thread_time() - began


def _steps(*, in_rush: bool) -> dict[str, Callable[[], int]]:
    can_wait = {"confirmations": store_confirmations, "reminders": everybody.remind}
    return (can_wait if not in_rush else {}) | {
        "notices of offers": store_notices,
        "notices of places": partial(places.tell, in_rush=in_rush),
        "announcements": everybody.store,
        "deliveries": partial(deliver, least=PRIORITY.medium if in_rush else PRIORITY.low),
    }


def store_confirmations() -> int:
    """Store the confirmation of each ticket that has none yet, a batch at most; return how many tickets were noted."""
    if not _one_to_confirm():  # SQLite would lock out all writers for a look
        return 0
    return noted.store(_to_confirm(), _write_confirmations, mailed_at=now())


def _write_confirmations(tickets: list[Ticket]) -> Iterator[Letter]:
    for ticket in tickets:
        yield Letter(frozenset({ticket.pk}), _confirmation(ticket))


def _confirmation(ticket: Ticket) -> Email | None:
    """Return the mail, not stored yet; None for somebody without an address that mail can be sent to."""
    person, event = ticket.user, ticket.event
    with in_language_of(person):
        subject = gettext("Your ticket: %(event)s") % {"event": name_of(event)}
        more = {"holder": person.display_name, "url": documents.absolute(ticket.page_url)}
        message = letter("confirmation", subject, person, about(event) | more)
    return stored(message, PRIORITY.low, {"ticket": ticket.pk})


def store_notices() -> int:
    """Store the mails that offers ask for, to recipients and givers, a batch at most; return how many were noted."""
    if not _one_to_tell():  # as above
        return 0
    with transaction.atomic():
        locked = _to_tell().select_for_update(skip_locked=True, of=("self",), no_key=True)
        transfers = list(
            noted.readable(locked).select_related("ticket__event", "ticket__user", "offered_by", "accepted_by")[:BATCH]
        )
        accounts = wishes.people_of(transfer.email for transfer in transfers)
        letters = noted.written(lambda some: _letters_of_offers(some, accounts), transfers)
        Email.objects.bulk_create([mail for _, mails in letters for mail in mails])
        TicketTransfer.objects.filter(pk__in=[transfer for transfer, _ in letters]).update(mailed_at=now())
    return len(letters)


def _letters_of_offers(transfers: list[TicketTransfer], accounts: dict[str, User]) -> Iterator[tuple[int, list[Email]]]:
    for transfer in transfers:
        yield transfer.pk, list(_notices(transfer, accounts.get(transfer.email)))


def _notices(transfer: TicketTransfer, recipient: User | None) -> Iterator[Email]:
    """Yield the mails, not stored yet; without those to addresses that cannot be written to."""
    is_offer = transfer.status == "open"
    about_it = {"offer" if is_offer else "outcome": transfer.pk}
    for message in [notices.offered(transfer, recipient)] if is_offer else notices.outcome(transfer):
        try:
            yield row(message, priority=PRIORITY.medium, context=about_it)
        except ValidationError:
            logger.warning("Offer %s: an address cannot be written to.", transfer.pk)


class QueueBackend(BaseEmailBackend):
    """Django's way to send mail, as a row: so that no request waits for a mail server, and none is lost with it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store messages; return how many. Raises ValidationError for an address that is none."""
        return len(Email.objects.bulk_create([row(message, priority=PRIORITY.high) for message in email_messages]))


def _to_confirm() -> QuerySet[Ticket]:
    return Ticket.objects.valid().filter(mailed_at=None).order_by("pk")


def _to_tell() -> QuerySet[TicketTransfer]:
    return TicketTransfer.objects.filter(mailed_at=None).order_by("pk")


def _due(moment: Any) -> QuerySet[Email]:
    is_time = Q(scheduled_time=None) | Q(scheduled_time__lte=moment)
    rows: QuerySet[Email] = Email.objects.filter(is_time, status__in=(STATUS.queued, STATUS.requeued))
    return rows.order_by("-priority", "pk")


# Every process asks these every second.
_one_to_confirm = prepared.Rows(lambda: _to_confirm().values_list("pk")[:1])
_one_to_tell = prepared.Rows(lambda: _to_tell().values_list("pk")[:1])
_first_due = prepared.Rows(
    lambda: _due(prepared.moment("moment")).filter(priority__gte=prepared.number("least")).values_list("pk")[:AT_ONCE]
)


def deliver(*, least: int = PRIORITY.low) -> int:
    """Deliver mails that are due, a few at most, of at `least` this priority; return how many were tried, sent or not.

    Confirmations come last: somebody waits for the link to a new password.
    """
    tried, until = 0, time.monotonic() + SPELL
    for (pk,) in _first_due(moment=now(), least=least)[:AT_ONCE]:
        if tried and time.monotonic() > until:
            break
        moment = now()
        if _due(moment).filter(pk=pk).update(scheduled_time=moment + LEASE) == 1:
            _deliver_one(Email.objects.get(pk=pk))
            tried += 1
    return tried


def _deliver_one(email: Email) -> None:
    try:
        ticket = _ticket_of(email)
        if why := _why_not(email, ticket):
            _end(email, STATUS.failed, why)
            return
        message = email.prepare_email_message()
        if ticket is not None:
            with in_language_of(ticket.user):
                _attach(message, ticket)
        email.dispatch(commit=False)
    except Exception as error:  # noqa: BLE001 -- whatever it is, this mail is tried again and the others are not held up
        _note_failure(email, error)
    else:
        _end(email, STATUS.sent)
    finally:
        servers.close()  # or the next mail would be sent over a connection that has failed


def _why_not(email: Email, ticket: Ticket | None) -> str:
    """Return why a mail is not to be sent any more; empty if it is."""
    if ticket is not None and ticket.status == "cancelled":
        return "The ticket was cancelled before this mail was sent."
    offer = (email.context or {}).get("offer")
    if offer and not TicketTransfer.objects.open(now()).filter(pk=offer).exists():
        return "The offer ended before this mail was sent."
    context = email.context or {}
    return places.over(context) or everybody.over(context)


def _ticket_of(email: Email) -> Ticket | None:
    pk = (email.context or {}).get("ticket")
    return Ticket.objects.select_related("event", "user").filter(pk=pk).first() if pk else None


def _attach(message: Any, ticket: Ticket) -> None:
    message.attach(f"ticket-{ticket.pk}.ics", documents.calendar_entry(ticket).decode(), "text/calendar")
    try:
        message.attach(f"ticket-{ticket.pk}.pdf", documents.pdf(ticket), "application/pdf")
    except documents.PdfUnavailable:
        logger.warning("The confirmation of ticket %s goes without a PDF: this server cannot make any.", ticket.pk)


def _note_failure(email: Email, error: Exception) -> None:
    """Note why a mail was not sent, without the words of the server, which repeat addresses; and when to try again."""
    is_over = now() - email.created > GIVE_UP or _is_refused_for_good(error)
    logger.warning("Mail %s was not sent: %s.", email.pk, type(error).__name__)
    if is_over:
        _end(email, STATUS.failed, type(error).__name__, is_given_up=True)
        return
    retries = (email.number_of_retries or 0) + 1
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(retries - 1, 10))
    again = now() + longest * random.uniform(0.5, 1)  # noqa: S311 -- no secret: processes must not come all at once
    Email.objects.filter(pk=email.pk).update(
        status=STATUS.requeued, number_of_retries=retries, scheduled_time=again, last_updated=now()
    )


def _is_refused_for_good(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= REFUSED_FOR_GOOD for code, _ in error.recipients.values())
    # Not the other answers: a wrong password, or sender, of ours is set right, and no mail is lost for it.
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= REFUSED_FOR_GOOD


def _end(email: Email, status: int, why: str = "", *, is_given_up: bool = False) -> None:
    """Note how a mail ended. What it said goes: it may have been the link to a new password."""
    Email.objects.filter(pk=email.pk).update(
        status=status, message="", html_message="", scheduled_time=None, last_updated=now()
    )
    if why:
        email.logs.create(status=status, message=why, exception_type=why if is_given_up else "")

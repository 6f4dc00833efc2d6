"""One of everything that is stored and shown, so that a test of all pages finds nothing that is empty."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from post_office.models import Email

from core import checkin
from core.models import Event, TicketTransfer, User
from core.trust import runs, trail

from .cast import arrive, book, join, make_event, offer


def make_everything(*, holder: User, waiting: User, gate: User) -> tuple[Event, TicketTransfer]:
    """Return an event with a ticket, a person in line and a scan, and the offer of the ticket to who waits.

    The holder has an address, an account of Google's and a second factor; there are a mail, a run and a trail.
    """
    event = make_event(capacity=9, auto_hold=False)
    ticket = book(event, holder)
    join(event, waiting)
    arrive(waiting)
    offered = offer(ticket, waiting)
    checkin.scan(code=ticket.code, event=event, staff=gate)
    EmailAddress.objects.create(user=holder, email=holder.email, verified=True, primary=True)
    SocialAccount.objects.create(user=holder, provider="google", uid="1")
    Authenticator.objects.create(user=holder, type=Authenticator.Type.TOTP, data={})
    trail.record(trail.Action.TICKET_SEEN, event=event.pk)
    runs.note(runs.Work.CLEANUP)
    Email.objects.create(from_email="a@example.org", to=["b@example.org"], subject="A mail")
    return event, offered

"""Short hands between signals and those who act on them; no rules here."""

from functools import partial
from typing import Any

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from . import accounts, allocation, arrivals, hub
from .models import Cause, Ticket, TicketHold, User
from .relay import Changes
from .signals import availability_changed, hold_changed, ticket_changed

ARRIVED = "arrived"  # in a session whose login is yet to be put forward for holds


@receiver(user_logged_in)
def record_login(request: Any, user: User, **kwargs: Any) -> None:
    """Note the moment of the login; the middleware holds places for it."""
    if request is not None and request.session.session_key:
        request.session.login = arrivals.record_login(user=user, session_key=request.session.session_key)
        request.session[ARRIVED] = True


@receiver(user_logged_out)
def end_places_with_the_last_session(request: Any, user: User | None, **kwargs: Any) -> None:
    """Sign out: with a person's last session their holds and places end (rule 14)."""
    if user is None or request is None or not request.session.session_key:
        return
    # A changed password signs out as well, but ends no place: the session still bears the hash of the old one.
    by_hand = request.session.get(HASH_SESSION_KEY) == user.get_session_auth_hash()
    key = request.session.session_key
    with transaction.atomic():  # if the places cannot be ended, they are still signed in
        list(arrivals.locking_person(user.pk))  # of two devices that sign out at the same moment, one is the last
        if by_hand and arrivals.is_last_session(user=user, session_key=key):
            allocation.end_places(TicketHold.objects.filter(user=user), cause=Cause.LOGGED_OUT)
        arrivals.end_session(key)
    hub.hang_up(key)


@receiver([password_changed, password_reset])
def end_sessions_of_the_old_password(user: User, **kwargs: Any) -> None:
    """A changed password ends sessions, but neither holds nor places."""
    arrivals.end_all_sessions(user)


@receiver(post_save, sender=User)
def end_places_of_the_deactivated(instance: User, **kwargs: Any) -> None:
    """A deactivated account keeps its tickets and nothing else (rule 26)."""
    if not instance.is_active:
        arrivals.end_all_sessions(instance)
        allocation.end_places(TicketHold.objects.filter(user=instance), cause=Cause.DEACTIVATED)
        # Once more: until the commit others take the person for active, and a line that is served may hold them one.
        transaction.on_commit(partial(allocation.end_places_for_good, instance, Cause.DEACTIVATED))


@receiver(post_save, sender=User)
def vouch_for_superusers(instance: User, *, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Count the e-mail of a new superuser as verified: whoever may make one may vouch for it."""
    if created and instance.is_superuser and not raw:
        accounts.verify_email(instance)


@receiver(availability_changed)
def tell_pages_of_numbers(event_ids: set[int], **kwargs: Any) -> None:
    """Hand changed numbers to the live pages."""
    hub.note_change(Changes(events=set(event_ids)))


@receiver(hold_changed)
def tell_people_of_holds(holds: list[TicketHold], **kwargs: Any) -> None:
    """Hand changed places to the live pages of their people."""
    hub.note_change(Changes(users={hold.user_id for hold in holds}))


@receiver(ticket_changed)
def tell_people_of_tickets(tickets: list[Ticket], **kwargs: Any) -> None:
    """Hand changed tickets to the live pages of their people, and of the gates."""
    users, gates = {ticket.user_id for ticket in tickets}, {ticket.event_id for ticket in tickets}
    hub.note_change(Changes(users=users, gates=gates))

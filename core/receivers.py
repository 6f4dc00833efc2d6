"""Short hands between signals and those who act on them; no rules here."""

from functools import partial
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.signals import (
    authentication_step_completed,
    email_added,
    email_changed,
    email_removed,
    login_code_rejected,
    password_changed,
    password_reset,
    password_set,
    user_signed_up,
)
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import Signal, receiver
from django.utils.translation import gettext as _

from . import accounts, allocation, arrivals, hub, login_code
from .locking import again_after_conflict
from .models import Cause, Ticket, TicketHold, User
from .relay import Changes
from .signals import availability_changed, hold_changed, ticket_changed
from .trust import attempts, second_factor, trail

ARRIVED = "arrived"  # in a session whose login is yet to be put forward for holds


@receiver(user_logged_in)
def record_login(request: Any, user: User, **kwargs: Any) -> None:
    """Note the moment of the login; the middleware holds places for it."""
    if request is not None and request.session.session_key:
        login = {"session_key": request.session.session_key, "address": trail.address_of(request)}
        request.session.login = arrivals.record_login(user=user, **login)
        request.session[ARRIVED] = True
        attempts.note_login(user, methods=[said["method"] for said in get_authentication_records(request, user)])


@receiver(user_signed_up)
def count_as_login(request: Any, user: User, **kwargs: Any) -> None:
    """Whoever has just chosen a password need not type it again: a sign-up is as good as a login with it."""
    if user.has_usable_password():
        record_authentication(request, user, method="password")


@receiver(authentication_step_completed)
def forget_unproven_password(request: Any, user: User, method: str, **kwargs: Any) -> None:
    """A code that came back from an address makes an account good: its password is to be its owner's, too."""
    if method == "code":
        login_code.forget_unproven_password(request, user)


@receiver(login_code_rejected)
def note_wrong_login_code(user: User, **kwargs: Any) -> None:
    """A wrong code from a mail is a login that failed."""
    attempts.note_failure(attempts.Action.LOGIN_FAILED, person=user)


@receiver(user_logged_out)
def end_places_with_the_last_session(request: Any, user: User | None, **kwargs: Any) -> None:
    """Sign out: with a person's last session their holds and places end (rule 14)."""
    if user is None or request is None or not request.session.session_key:
        return
    # A changed password signs out as well, but ends no place: the session still bears the hash of the old one.
    by_hand = request.session.get(HASH_SESSION_KEY) == user.get_session_auth_hash()
    _sign_out(user, request.session.session_key, by_hand=by_hand)
    hub.hang_up(request.session.session_key)


@again_after_conflict
def _sign_out(user: User, key: str, *, by_hand: bool) -> None:
    with transaction.atomic():  # if the places cannot be ended, they are still signed in
        list(arrivals.locking_person(user.pk))  # of two devices that sign out at the same moment, one is the last
        if by_hand and arrivals.is_last_session(user=user, session_key=key):
            allocation.end_places(TicketHold.objects.filter(user=user), cause=Cause.LOGGED_OUT)
        arrivals.end_session(key)
        trail.record(trail.Action.SIGNED_OUT, actor=user, person=user.pk)


def _note(action: trail.Action, signal: Signal) -> None:
    """Have the audit trail tell what somebody did to their own account."""

    def note(user: User, **kwargs: Any) -> None:
        trail.record(action, actor=user, person=user.pk)

    signal.connect(note, weak=False)


_note(trail.Action.PASSWORD_CHANGED, password_changed)
_note(trail.Action.PASSWORD_CHANGED, password_set)
_note(trail.Action.PASSWORD_RESET, password_reset)
_note(trail.Action.EMAIL_CHANGED, email_changed)
_note(trail.Action.EMAIL_ADDED, email_added)
_note(trail.Action.EMAIL_REMOVED, email_removed)
_note(trail.Action.FACTOR_REMOVED, authenticator_removed)
_note(trail.Action.FACTOR_RENEWED, authenticator_reset)


@receiver(authenticator_added)
def note_new_factor(request: Any, user: User, authenticator: Any, **kwargs: Any) -> None:
    """Have the audit trail tell of a second factor, and staff go on without logging in again.

    Recovery codes come with the first one by themselves, and are no act of their own.
    """
    if authenticator.type != authenticator.Type.RECOVERY_CODES:
        trail.record(trail.Action.FACTOR_ADDED, actor=user, person=user.pk)
    second_factor.count_as_used(request, authenticator)


@receiver([authenticator_added, authenticator_removed, authenticator_reset])
def name_other_logins(request: Any, user: User, authenticator: Any, signal: Signal, **kwargs: Any) -> None:
    """Whoever changes their factors reads that their other logins go on, and where they can end them (ASVS 7.4.3)."""
    if authenticator.type == authenticator.Type.RECOVERY_CODES and signal is not authenticator_reset:
        return  # they come and go with another factor, of which it was said
    if not arrivals.is_last_session(user=user, session_key=request.session.session_key or ""):
        messages.warning(request, _("You are logged in elsewhere as well. If that is not you, end it under Activity."))


@receiver(social_account_added)
def note_connected_account(sociallogin: Any, **kwargs: Any) -> None:
    """Have the audit trail tell that somebody can log in by an account elsewhere from now on."""
    trail.record(trail.Action.ACCOUNT_CONNECTED, actor=sociallogin.user, person=sociallogin.user.pk)


@receiver(social_account_removed)
def note_disconnected_account(socialaccount: Any, **kwargs: Any) -> None:
    """Have the audit trail tell that they no longer can."""
    trail.record(trail.Action.ACCOUNT_DISCONNECTED, actor=socialaccount.user, person=socialaccount.user.pk)


@receiver(post_save, sender=LogEntry)
def note_change_in_admin(instance: LogEntry, *, created: bool, **kwargs: Any) -> None:
    """Have the audit trail tell what was changed in the administration."""
    if created:
        trail.record_admin(instance)
        if instance.content_type and instance.content_type.model in {"emailaddress", "socialaccount"}:
            # Its name is somebody's address, and would outlive the account.
            nameless = f"{instance.content_type.model} {instance.object_id}"
            LogEntry.objects.filter(pk=instance.pk).update(object_repr=nameless)


@receiver([password_changed, password_reset])
def end_sessions_of_the_old_password(user: User, **kwargs: Any) -> None:
    """A changed password ends sessions, but neither holds nor places."""
    arrivals.end_all_sessions(user)


@receiver(post_save, sender=User)
def end_sessions_of_a_password_that_was_set(instance: User, *, created: bool, **kwargs: Any) -> None:
    """However a password was set, by a command or in the admin: who was logged in by the old one is out, sockets too.

    Not where a password is hashed anew at a login, which is the same one: Django forgets it before it saves then.
    """
    if not created and getattr(instance, "_password", None) is not None:
        arrivals.end_all_sessions(instance)


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

"""Accounts, beyond what allauth does: e-mails that staff vouch for, whose an address is, and the end of an account."""

import datetime as dt
import re
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Lower
from django.utils.translation import gettext as _
from post_office.models import Email

from . import allocation, arrivals, prepared, transfer
from .models import (
    FAILED_LOGINS,
    AnnouncementMail,
    AuditEntry,
    Cause,
    Event,
    MutedNotice,
    SavedFilter,
    Ticket,
    TicketHold,
    TicketTransfer,
    TicketTransferQuerySet,
    User,
    UserSession,
)
from .now import now
from .push import subscriptions
from .refusals import Refused, StillNeeded
from .trust import trail

ERASED = "erased-"  # what the name begins with that an account has in the end; its number follows


def is_email_of_another(email: str, user: User) -> bool:
    """Return whether somebody else has verified this e-mail, even as a second address (not in `User.email`)."""
    verified = EmailAddress.objects.filter(email=email.lower(), verified=True)
    return bool(email) and verified.exclude(user_id=user.pk).exists()


@transaction.atomic
def end_login(login: UserSession) -> None:
    """End one login of somebody who asks with another; holds and places stay (rule 14). Again, nothing changes."""
    if login.is_active and arrivals.end_sessions(UserSession.objects.filter(pk=login.pk)):
        since = f"another login, of {login.login_timestamp:%Y-%m-%d %H:%M:%S} UTC"
        trail.record(trail.Action.SIGNED_OUT, actor=login.user, person=login.user_id, detail=since)


def verify_email(user: User) -> None:
    """Count the account's e-mail as verified, and as its primary one, in place of the former.

    The former goes: a password could be reset by it. An address that somebody else has verified stays theirs.
    """
    if is_email_of_another(user.email, user):
        return
    email = user.email.lower()
    EmailAddress.objects.filter(user=user, primary=True).exclude(email=email).delete()
    if email:
        EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": True, "primary": True})


def _verified() -> QuerySet[Any]:
    rows: QuerySet[Any] = EmailAddress.objects.filter(verified=True).annotate(small=Lower("email"))
    return rows


def addresses_of(user: User) -> set[str]:
    """Return every address of an account, verified or not, in small letters."""
    stored = {email.lower() for email in EmailAddress.objects.filter(user=user).values_list("email", flat=True)}
    return stored | ({user.email.lower()} if user.email else set())


def mails_to(user: User) -> QuerySet[Email]:
    """Return the stored mails to any address of an account: in small letters, or as it was typed."""
    typed = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    spellings = addresses_of(user) | {user.email, *typed}
    mails: QuerySet[Email] = Email.objects.filter(to__in=[[address] for address in spellings if address])
    return mails


def offers_to(user: User) -> TicketTransferQuerySet:
    """Return the tickets that were offered, or given, to a person: to an address that is theirs beyond doubt.

    That is one they have verified; where nobody has to verify any, also the account's own, unless it is verified as
    that of somebody else.
    """
    return _offers_to(user, _own_email(user))


def open_offers(user: User, moment: dt.datetime) -> list[TicketTransfer]:
    """Return those of them that can be accepted at `moment`, each with its `ticket.event` and `offered_by`."""
    email = _own_email(user)
    if email:
        return _open_by_email(user=user.pk, email=email, moment=moment)
    return _open_by_verified(user=user.pk, moment=moment)


def _own_email(user: User) -> str:
    """Return the account's address in small letters, where it counts without being verified; else nothing."""
    return "" if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" else user.email.lower()


def _offers_to(user: Any, email: Any) -> TicketTransferQuerySet:
    theirs = Q(email__in=_verified().filter(user=user).values("small"))
    if email:
        of_another = _verified().filter(small=OuterRef("email")).exclude(user=user)
        theirs |= Q(Q(email=email), ~Exists(of_another))
    return TicketTransfer.objects.filter(theirs & Q(accepted_by=None) | Q(accepted_by=user))


def _open_offers(email: Any) -> QuerySet[TicketTransfer]:
    offers = _offers_to(prepared.number("user"), email).open(prepared.moment("moment"))
    return offers.select_related("ticket__event", "offered_by")


# Composed once: every dashboard asks.
_open_by_email = prepared.Prepared(lambda: _open_offers(prepared.text("email")))
_open_by_verified = prepared.Prepared(lambda: _open_offers(""))


def erase_account(user: User) -> None:
    """Erase a person (rule 26): places and holds end, tickets of events to come are cancelled, the rest loses its name.

    Doing it again changes nothing. Each event is served in its own transaction, and the name goes last: an erasure
    that was interrupted is found by its entry in the audit trail, and finished by the next cleanup.

    Raises StillNeeded for the only administrator.
    """
    with transaction.atomic():
        if is_only_administrator(user):
            raise StillNeeded(_("You are the only administrator: make somebody else one first."))
        if not _begun_erasures().filter(person=user).exists():
            trail.record(trail.Action.ACCOUNT_ERASED, person=user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)  # at once: it is what other administrators count
    allocation.end_places(TicketHold.objects.filter(user=user), cause=Cause.ERASED)
    user.is_active = False  # what they joined a moment ago ends with that
    if user.has_usable_password():  # an unusable one is made of random letters: a second erasure would change it
        user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    arrivals.end_sessions(UserSession.objects.filter(user=user))
    offers = _offers_about(user)
    transfer.end_offers(offers)
    _cancel_tickets(user)
    _forget_offers(offers)
    with transaction.atomic():
        _forget_name(user)
        attempted = Q(person=user, action__in=FAILED_LOGINS)  # by themselves, as far as anybody knows
        trail.forget_addresses(AuditEntry.objects.filter(Q(actor=user) | attempted))


def is_only_administrator(user: User) -> bool:
    """Return whether nobody else administers the site; what is said stays so until the caller's transaction ends."""
    if not user.is_superuser:
        return False
    # Locked in order, and before any event: the last two who go at the same moment find each other gone.
    administrators = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    return list(administrators.select_for_update(no_key=True).values_list("pk", flat=True)) == [user.pk]


def half_erased() -> QuerySet[User]:
    """Return the people whose erasure was interrupted: they cannot log in any more, and still have their name."""
    is_nameless = Q(username__startswith=Concat(Value(ERASED), Cast("pk", CharField())))
    begun = Exists(_begun_erasures().filter(person=OuterRef("pk")))
    return User.objects.filter(begun, ~is_nameless, is_active=False)


def _begun_erasures() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(action=trail.Action.ACCOUNT_ERASED)


def erase_own_account(user: User) -> None:
    """Erase the account of whoever asks for it.

    Raises StillNeeded for the only administrator, and for who organizes events to come.
    """
    to_come = Event.objects.filter(created_by=user, starts_at__gt=now()).exclude(status=Event.Status.CANCELLED)
    if to_come.exists():
        raise StillNeeded(
            _("You organize events that are yet to come. Cancel them first, or let an administrator hand them over.")
        )
    erase_account(user)


def _cancel_tickets(user: User) -> None:
    to_come = Ticket.objects.valid().filter(user=user, event__starts_at__gt=now(), checked_in_at=None)
    tried: list[int] = []
    # Again, until there is none: staff may have made a new one of one that is cancelled here.
    while ids := list(to_come.exclude(pk__in=tried).order_by("event", "pk").values_list("pk", flat=True)):
        for ticket_id in ids:
            with suppress(Refused):  # admitted a moment ago, or of a cancelled event: it stays, without a name
                allocation.cancel_ticket(ticket_id=ticket_id, cause=Cause.ERASED)
        tried += ids


def _offers_about(user: User) -> TicketTransferQuerySet:
    """Return the offers of this person's tickets, and those by or to them."""
    to_them = Q(email__in=addresses_of(user)) | Q(accepted_by=user)
    offers = TicketTransfer.objects.filter(to_them | Q(offered_by=user) | Q(ticket__user=user))
    # By number: to whom they were made is forgotten in between.
    return TicketTransfer.objects.filter(pk__in=list(offers.values_list("pk", flat=True)))


def _forget_offers(offers: TicketTransferQuerySet) -> None:
    """Forget to whom these offers were made, and the mails about them, which name both."""
    ids = list(offers.values_list("pk", flat=True))
    Email.objects.filter(Q(context__offer__in=ids) | Q(context__outcome__in=ids)).delete()
    offers.exclude(email="").update(email="")


def _forget_searches(user: User) -> None:
    """Delete what staff saved to look for an address of this person.

    A name alone is not looked for: whoever signs up as `opera` must not delete what others saved to find an opera.
    """
    addresses = [re.escape(address) for address in addresses_of(user)]
    if addresses:
        naming = re.compile(rf"(?<![\w.+-])(?:{'|'.join(addresses)})(?!\.?\w)", re.IGNORECASE)
        saved = SavedFilter.objects.values_list("pk", "name", "query")
        about = [pk for pk, name, query in saved if naming.search(f"{name}\n{unquote_plus(query)}")]
        SavedFilter.objects.filter(pk__in=about).delete()


def _forget_name(user: User) -> None:
    """Take name and rights from an account; it stays on events' lists of gate staff, which would be open without it."""
    mails_to(user).delete()
    _forget_searches(user)
    user.username = _free_name(user)
    user.email = user.first_name = user.last_name = user.language = ""
    user.is_staff = user.is_superuser = False
    user.last_login = None
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    _rename_in_history(user)
    MutedNotice.objects.filter(user=user).delete()
    AnnouncementMail.objects.filter(user=user).delete()
    subscriptions.forget_all(user)
    SavedFilter.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    UserSession.objects.filter(user=user).delete()


def _free_name(user: User) -> str:
    """Return `erased-<id>`; longer if somebody signed up under that name to prevent it."""
    name = f"{ERASED}{user.pk}"
    while User.objects.filter(username=name).exclude(pk=user.pk).exists():
        name += "-"
    return name


def _rename_in_history(user: User) -> None:
    """Take the name out of the admin's history, which repeats it as text."""
    for model, field in ((User, "pk"), (EmailAddress, "user"), (SocialAccount, "user")):
        ids = [str(pk) for pk in model.objects.filter(**{field: user.pk}).values_list("pk", flat=True)]
        entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
        entries.update(object_repr=user.username)

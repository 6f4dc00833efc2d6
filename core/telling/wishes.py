"""What people want to be told by mail: their choices, and the link in each mail by which they do without its kind."""

from collections.abc import Iterable

from django.core import signing
from django.db.models.functions import Lower
from django.urls import reverse

from ..documents import absolute
from ..models import MutedNotice, Notice, User

SALT = "core.telling.unsubscribe"


def muted_by(users: Iterable[int], notice: Notice) -> set[int]:
    """Return the ids of those of these people who do not want this kind of mail."""
    muted = MutedNotice.objects.filter(user__in=list(users), notice=notice)
    return set(muted.values_list("user", flat=True))


def wanted_by(user: User) -> list[str]:
    """Return the kinds of mail that a person wants."""
    muted = set(MutedNotice.objects.filter(user=user).values_list("notice", flat=True))
    return [notice for notice in Notice.values if notice not in muted]


def choose(user: User, wanted: Iterable[str]) -> None:
    """Store which kinds of mail a person wants; choosing the same again changes nothing."""
    muted = set(Notice.values) - set(wanted)
    MutedNotice.objects.filter(user=user).exclude(notice__in=muted).delete()
    _mute(user.pk, muted)


def mute(user: User, notice: Notice) -> None:
    """Store that a person does not want this kind of mail any more; again, nothing changes."""
    _mute(user.pk, {notice})


def _mute(user_id: int, notices: Iterable[str]) -> None:
    rows = [MutedNotice(user_id=user_id, notice=notice) for notice in sorted(notices)]
    MutedNotice.objects.bulk_create(rows, ignore_conflicts=True)


def choose_language(user: User, language: str) -> None:
    """Store in which language a person is written to."""
    user.language = language
    user.save(update_fields=["language"])


def people_of(emails: Iterable[str]) -> dict[str, User]:
    """Return whose accounts have these addresses, by address in small letters; one query."""
    small = User.objects.annotate(small=Lower("email")).filter(small__in={email.lower() for email in emails} - {""})
    return {user.email.lower(): user for user in small}


def unsubscribe_url(user: User, notice: Notice) -> str:
    """Return the address by which a person does without this kind of mail, logged in or not; it opens nothing else."""
    token = signing.dumps([user.pk, str(notice)], salt=SALT, compress=False)
    return absolute(reverse("unsubscribe", args=[token]))


def read_token(token: str) -> tuple[User, Notice] | None:
    """Return whose mail of which kind a link is about; None for a link that we did not make."""
    try:
        user_id, notice = signing.loads(token, salt=SALT)
        user = User.objects.filter(pk=user_id, is_active=True).first()
        return (user, Notice(notice)) if user else None
    except (signing.BadSignature, ValueError, TypeError):
        return None

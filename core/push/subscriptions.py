"""Which browsers a person lets be told: switched on and off by themselves, a handful at most."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from ..models import PushSubscription, User, UserSession
from ..now import now
from . import keys

MOST = 5  # browsers of one person


@dataclass(frozen=True)
class Offer:
    """What a page needs to let its browser be told: the key, and which browsers of the person are told, by digest.

    Those of `former` logins subscribe again when their page is opened: they are told as long as the login they have.
    """

    key: str
    known: list[str]
    former: list[str]


def offer_to(user: User, session_key: str) -> Offer | None:
    """Return what the person's page needs; None where push messages are off, which asks the database nothing."""
    if not keys.is_on():
        return None
    rows = PushSubscription.objects.filter(user=user).values_list("endpoint", "session_key")
    told = sorted((_digest(endpoint), session) for endpoint, session in rows)
    former = [digest for digest, session in told if session != session_key]
    return Offer(keys.public_key(), [digest for digest, _ in told], former)


def _digest(endpoint: str) -> str:
    """Return what `push.js` computes of the same address: the page need not say where to write to a browser."""
    return hashlib.sha256(endpoint.encode()).hexdigest()


def subscribe(*, user: User, endpoint: str, p256dh: str, auth: str, session_key: str = "") -> None:
    """Let a browser of a person be told; again, nothing changes. Beyond a handful the oldest is told no more.

    A browser is of one person at a time: of whoever switched it on last. It is told until that session is ended.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # of two browsers at once, one waits for the other
        remove(PushSubscription.objects.filter(endpoint=endpoint).exclude(user=user))  # with what waits for the other
        made = {"user": user, "p256dh": p256dh, "auth": auth, "session_key": session_key, "created_at": now()}
        PushSubscription.objects.update_or_create(endpoint=endpoint, defaults=made)
        latest = PushSubscription.objects.filter(user=user).order_by("-created_at", "-pk")
        remove(PushSubscription.objects.filter(pk__in=list(latest.values_list("pk", flat=True)[MOST:])))


def forget(user: User, endpoint: str) -> None:
    """Tell a browser of this person no more; again, nothing changes."""
    remove(PushSubscription.objects.filter(user=user, endpoint=endpoint))


def forget_all(user: User) -> None:
    """Tell no browser of this person any more."""
    remove(PushSubscription.objects.filter(user=user))


def forget_but(of_people: QuerySet[User], live_keys: QuerySet[UserSession, str]) -> None:
    """Tell no browser of these people any more that was switched on in another session than those that are `live`."""
    over = PushSubscription.objects.filter(user__in=of_people).exclude(session_key__in=live_keys)
    if found := list(over.values_list("pk", flat=True)):  # hardly ever: a transaction for none would be one too many
        remove(PushSubscription.objects.filter(pk__in=found))


def remove(browsers: QuerySet[PushSubscription]) -> None:
    """Remove browsers, and what they are yet to be told; the one way in which a browser ends.

    They are locked first: a message that is being stored for one of them is seen then, and goes as well.
    """
    with transaction.atomic():
        locked = browsers.order_by("pk").select_for_update().values_list("pk", flat=True)
        PushSubscription.objects.filter(pk__in=list(locked)).delete()

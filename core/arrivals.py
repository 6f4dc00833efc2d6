"""Logins and sessions: who came when, what a login is worth in a line, and which events it is put forward for."""

import datetime as dt
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet

from .models import Event, Ticket, TicketHold, User, UserSession
from .now import now

PRESENT = dt.timedelta(minutes=15)  # rule 11: seen this recently counts as being there at the opening
SIGN_OF_LIFE = dt.timedelta(minutes=1)  # how exactly `last_seen_at` is kept: one write a minute at most


def record_login(*, user: User, session_key: str) -> UserSession:
    """Store the moment of a login; the same session keeps its first one."""
    moment = now()
    session, _ = UserSession.objects.get_or_create(
        session_key=session_key, defaults={"user": user, "login_timestamp": moment, "last_seen_at": moment}
    )
    return session


def session_of(*, user_id: int, session_key: str) -> UserSession | None:
    """Return the login behind a session and note the sign of life; None when it was ended or never recorded."""
    session = UserSession.objects.filter(session_key=session_key, user_id=user_id, is_active=True).first()
    if session is not None:
        moment = now()
        if moment - session.last_seen_at > SIGN_OF_LIFE:
            note_signs_of_life([session_key])
    return session


def note_signs_of_life(session_keys: Iterable[str]) -> None:
    """Record that the people of these sessions are there now, by a request or an open page."""
    UserSession.objects.filter(session_key__in=session_keys, is_active=True).update(last_seen_at=now())


def end_session(*, user: User, session_key: str) -> bool:
    """End one session; return whether it was the person's last live one."""
    UserSession.objects.filter(session_key=session_key).update(is_active=False)
    return not live_sessions(now()).filter(user=user).exists()


def end_all_sessions(user: User) -> None:
    """End all sessions of a person: their password changed, or they were deactivated."""
    UserSession.objects.filter(user=user, is_active=True).update(is_active=False)


def live_sessions(moment: dt.datetime) -> QuerySet[UserSession]:
    """Return the sessions that can still act at `moment`: not ended, and not older than a session may be."""
    return UserSession.objects.filter(
        is_active=True,
        user__is_active=True,
        login_timestamp__gt=moment - dt.timedelta(seconds=settings.SESSION_COOKIE_AGE),
    )


def put_forward(user: User, moment: dt.datetime) -> list[int]:
    """Return the ids of the events on which a login is held a place, soonest first (rules 12 and 13).

    Which of them still have a free place, and nobody waiting, is decided later, under their locks.
    """
    mine = Q(user=user, event=OuterRef("pk"))
    cooled_down = moment - dt.timedelta(minutes=settings.AUTO_HOLD_COOLDOWN_MINUTES)
    places, tickets = TicketHold.objects.filter(mine), Ticket.objects.filter(mine)
    waiting = TicketHold.objects.waiting().filter(event=OuterRef("pk"))
    taken = places.filter(Q(status__in=TicketHold.UNENDED) | Q(ended_at__gt=cooled_down))
    lapsed = TicketHold.objects.lapsed(moment).filter(event=OuterRef("pk"))
    events = (
        Event.objects.on_sale(moment)
        .filter(~Exists(taken), ~Exists(tickets.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=cooled_down))))
        .filter(Q(capacity__gt=F("held") + F("booked")) | Exists(lapsed), ~Exists(waiting), auto_hold=True)
    )
    return list(events.values_list("pk", flat=True)[: settings.AUTO_HOLDS_PER_LOGIN])


def rank(*, user: User, event: Event, login_timestamp: dt.datetime) -> dt.datetime:
    """Return the moment that ranks a person who joins now: the login, unless a former place spent it (rule 4)."""
    return max(login_timestamp, _spent(event, [user.pk]).get(user.pk, login_timestamp))


def present_at_opening(event: Event) -> dict[int, dt.datetime]:
    """Return `{user id: moment that ranks them}` of everybody who was there when the sale opened (rule 11).

    There means: logged in before, seen within the last 15 minutes, without a place or a ticket of this event.
    """
    opened = event.sales_open_at
    if opened is None:
        return {}
    mine = Q(user=OuterRef("user"), event=event)
    logins = (
        live_sessions(opened)
        .filter(login_timestamp__lte=opened, last_seen_at__gte=opened - PRESENT)
        .filter(~Exists(TicketHold.objects.unended().filter(mine)), ~Exists(Ticket.objects.valid().filter(mine)))
    )
    first = dict(logins.values("user").annotate(first=Min("login_timestamp")).values_list("user", "first"))
    spent = _spent(event, first)
    return {user: max(login, spent.get(user, login)) for user, login in first.items()}


def _spent(event: Event, users: Iterable[int]) -> dict[int, dt.datetime]:
    """Return `{user id: when their last place or ticket of the event ended}`; an ended place spends the login."""
    places = TicketHold.objects.filter(event=event, user__in=users, ended_at__isnull=False)
    tickets = Ticket.objects.filter(event=event, user__in=users, cancelled_at__isnull=False)
    ended: dict[int, dt.datetime] = {}
    for rows in (
        places.values("user").annotate(last=Max("ended_at")),
        tickets.values("user").annotate(last=Max("cancelled_at")),
    ):
        for user, last in rows.values_list("user", "last"):
            ended[user] = max(last, ended.get(user, last))
    return ended

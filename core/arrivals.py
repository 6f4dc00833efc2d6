"""Logins and sessions: who came when, what a login is worth in a line, and which events it is put forward for."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Case, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone

from . import past, prepared
from .many import among, insert_new
from .models import (
    Event,
    EventQuerySet,
    Ticket,
    TicketHold,
    TicketHoldQuerySet,
    TicketQuerySet,
    User,
    UserSession,
    count_of_person,
    has_line,
)
from .now import clock, now
from .prepared import Rows
from .push import subscriptions

PRESENT = dt.timedelta(minutes=15)  # rule 11: seen this recently counts as being there at the opening
BATCH = 500  # sessions in one statement
LONG_PAUSE = dt.timedelta(hours=1)  # without a sign of life: who comes back to the administration is asked who they are
SIGN_OF_LIFE = dt.timedelta(minutes=1)  # how exactly `last_seen_at` is kept: one write a minute at most


def record_login(*, user: User, session_key: str, address: str = "") -> UserSession | None:
    """Store the moment of a login, and return the login; None for a session that has one, which it keeps."""
    login = UserSession(
        user=user, session_key=session_key, address=address, login_timestamp=clock(), last_seen_at=clock()
    )
    stored = insert_new([login], "id", "login_timestamp", "last_seen_at")
    if not stored:
        return None
    [(login.pk, login.login_timestamp, login.last_seen_at)] = stored
    return login


def login_and_session(session_key: str, moment: dt.datetime) -> UserSession | None:
    """Return the live login of a session, with its `user` and its `session_data`, in one query; None without one.

    `session_data` is None where Django's own row of the session has expired or is gone.
    """
    found = _login_and_session(key=session_key, moment=moment, oldest=_oldest(moment))
    return found[0] if found else None


def _live_with_session() -> QuerySet[UserSession]:
    rows = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=prepared.moment("moment"))
    logins = _live_since(prepared.moment("oldest")).filter(session_key=prepared.text("key")).select_related("user")
    data = Subquery(rows.values("session_data"))
    return logins.annotate(session_data=data)  # type: ignore[no-redef]  # -- declared on the model for readers


_login_and_session = prepared.Prepared(_live_with_session)


def session_of(*, user_id: int, session_key: str, known: UserSession | None = None) -> UserSession | None:
    """Return the login behind a session and note the sign of life; None when it has ended or was never recorded.

    `known` is the login that was read with this request's session, if any, by `login_and_session`.
    """
    moment = timezone.now()  # this process's clock: a day and a minute need no exact one, and each request asks
    session = known
    if session is None or (session.user_id, session.session_key) != (user_id, session_key):
        session = live_sessions(moment).filter(session_key=session_key, user=user_id).first()
    if (
        session is not None and abs(moment - session.last_seen_at) > SIGN_OF_LIFE
    ):  # behind, it would note none for hours
        note_signs_of_life([session_key])
        session.returned_at = moment if moment - session.last_seen_at > LONG_PAUSE else session.returned_at
    return session


def logins_of(sessions: Mapping[str, int]) -> dict[int, UserSession]:
    """Return `{user id: login}` of those sessions, of `{session key: user id}`, that have not ended; one query."""
    # This process's clock: a day needs no exact one.
    live = _live_among(keys=list(sessions), oldest=_oldest(timezone.now()))
    return {login.user_id: login for login in live if sessions[login.session_key] == login.user_id}


_live_among = prepared.Prepared(
    lambda: _live_since(prepared.moment("oldest")).filter(session_key__in=prepared.texts("keys"))
)


def note_signs_of_life(session_keys: Iterable[str]) -> None:
    """Record that the people of these sessions are there now, by a request or an open page, and who was away long.

    Both in one statement: whichever sign of life comes first sees the pause.
    """
    if keys := list(session_keys):
        was_away = When(last_seen_at__lt=timezone.now() - LONG_PAUSE, then=clock())
        theirs = UserSession.objects.filter(session_key__in=among(keys), is_active=True)
        theirs.update(last_seen_at=clock(), returned_at=Case(was_away, default=F("returned_at")))


def locking_person(user_id: int) -> QuerySet[User]:
    """Return a query that lets no other login or sign-out of an active person go on until the transaction ends.

    It is to be evaluated before events are locked. NO KEY, as of events: rows that refer to the person need not wait.
    """
    return User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True)


def is_last_session(*, user: User, session_key: str) -> bool:
    """Return whether the person has no other live session than this one."""
    return not live_sessions(now()).filter(user=user).exclude(session_key=session_key).exists()


def end_session(session_key: str) -> None:
    """End one session; its sockets close within 5 seconds."""
    UserSession.objects.filter(session_key=session_key).update(is_active=False)
    _silence(User.objects.filter(arrivals__session_key=session_key))


def end_all_sessions(user: User) -> None:
    """End all sessions of a person: their password changed, or they were deactivated."""
    UserSession.objects.filter(user=user, is_active=True).update(is_active=False)
    _silence(User.objects.filter(pk=user.pk))


def end_sessions(sessions: QuerySet[UserSession]) -> int:
    """End these sessions, and Django's rows of them; holds and places stay (rule 14); return how many ended."""
    keys = list(sessions.values_list("session_key", flat=True))
    ended = 0
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        ended += UserSession.objects.filter(session_key__in=batch, is_active=True).update(is_active=False)
        Session.objects.filter(session_key__in=batch).delete()
        _silence(User.objects.filter(arrivals__session_key__in=batch))
    return ended


def _silence(people: QuerySet[User]) -> None:
    """Have browsers in which none of these people is logged in any more told nothing.

    After the commit: their rows are locked for that, and whoever has them waits for no event. A session that ends by
    its time switches nothing off by itself.
    """
    live = live_sessions(timezone.now()).filter(user__in=people).values_list("session_key", flat=True)
    transaction.on_commit(partial(subscriptions.forget_but, people, live), robust=True)


def live_sessions(moment: dt.datetime) -> QuerySet[UserSession]:
    """Return the sessions that can still act at `moment`: not ended, and not older than a session may be."""
    return _live_since(_oldest(moment))


def _oldest(moment: dt.datetime) -> dt.datetime:
    return moment - dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)


def _live_since(oldest: dt.datetime) -> QuerySet[UserSession]:
    return UserSession.objects.filter(is_active=True, user__is_active=True, login_timestamp__gt=oldest)


def put_forward(user: User, moment: dt.datetime) -> list[int]:
    """Return the ids of the events on which a login is held a place, soonest first (rules 12 and 13).

    Which of them still have a free place, and nobody waiting, is decided later, under their locks. Automatic holds that
    the person has from another login count against the limit.
    """
    return _within_the_limit(_free, user, moment)


def still_put_forward(user: User, moment: dt.datetime, forward: list[int]) -> list[int]:
    """Return those of `forward` that nothing keeps from being held, now that they and the person are locked.

    Meanwhile another device of the person may have joined, booked, released, or been held places itself; somebody may
    have joined the line.
    """
    return _within_the_limit(_still_free, user, moment, forward=forward)


def _within_the_limit(ask: Callable[[int], Rows[Event]], user: User, moment: dt.datetime, **given: Any) -> list[int]:
    """Return the first of these events, as many as the person's live automatic holds leave of the limit; one query."""
    limit = settings.AUTO_HOLDS_PER_LOGIN
    if limit == 0:
        return []
    rows = ask(limit)(user=user.pk, moment=moment, cooled_down=_cooled_down(moment), **given)
    return [pk for place, (pk, counted) in enumerate(rows) if counted + place < limit]


@cache
def _free(limit: int) -> Rows[Event]:
    """Return the question for events on which a place may be free, and nobody waits."""

    def compose() -> QuerySet[Any, Any]:
        moment = prepared.moment("moment")
        lapsed = TicketHold.objects.lapsed(moment).filter(event=OuterRef("pk"))
        has_room = Q(capacity__gt=F("held") + F("booked")) | Exists(lapsed)
        events = _without_obstacle(prepared.number("user"), prepared.moment("cooled_down")).serving(moment)
        return _counted(events.filter(has_room, ~Q(has_line()), auto_hold=True), limit)

    return Rows(compose)


@cache
def _still_free(limit: int) -> Rows[Event]:
    """Return the question for those of given events that are still to be held."""

    def compose() -> QuerySet[Any, Any]:
        events = _without_obstacle(prepared.number("user"), prepared.moment("cooled_down"))
        return _counted(events.filter(~Q(has_line()), pk__in=prepared.numbers("forward")), limit)

    return Rows(compose)


def _counted(events: EventQuerySet, limit: int) -> QuerySet[Any, Any]:
    """Return the soonest of these events as `(id, how many live automatic holds the person has)`."""
    live = TicketHold.objects.live(prepared.moment("moment")).automatic().filter(user=prepared.number("user"))
    soonest = events.order_by("starts_at", "id").annotate(counted=count_of_person(live))
    return soonest.values_list("pk", "counted")[:limit]


def _without_obstacle(user: Any, cooled_down: Any) -> EventQuerySet:
    mine = Q(user=user, event=OuterRef("pk"))
    return Event.objects.filter(
        ~Exists(_places_in_the_way(mine, cooled_down)), ~Exists(_tickets_in_the_way(mine, cooled_down))
    )


def _places_in_the_way(mine: Q, cooled_down: Any) -> TicketHoldQuerySet:
    """Return places that keep a person from being held one automatically: an open one, or one that ended just now."""
    return TicketHold.objects.filter(mine).filter(Q(status__in=TicketHold.UNENDED) | Q(ended_at__gt=cooled_down))


def _tickets_in_the_way(mine: Q, cooled_down: Any) -> TicketQuerySet:
    return Ticket.objects.filter(mine).filter(Q(cancelled_at=None) | Q(cancelled_at__gt=cooled_down))


def _cooled_down(moment: dt.datetime) -> dt.datetime:
    return moment - dt.timedelta(minutes=settings.AUTO_HOLD_COOLDOWN_MINUTES)


def present_at_opening(event: Event) -> dict[int, dt.datetime]:
    """Return `{user id: moment that ranks them}` of everybody who was there when the sale opened (rule 11).

    There means: logged in before, seen within the last 15 minutes, without a place or a ticket of this event, and
    without one that ended so recently that no hold is placed automatically (rule 13).
    """
    opened = event.sales_open_at
    if opened is None:
        return {}
    mine, cooled_down = Q(user=OuterRef("user"), event=event), _cooled_down(opened)
    logins = (
        live_sessions(opened)
        .filter(login_timestamp__lte=opened, last_seen_at__gte=opened - PRESENT)
        .filter(~Exists(_places_in_the_way(mine, cooled_down)), ~Exists(_tickets_in_the_way(mine, cooled_down)))
    )
    first = dict(logins.values("user").annotate(first=Min("login_timestamp")).values_list("user", "first"))
    ended = past.spent([event.pk], first)
    return {user: max(login, ended.get((event.pk, user), login)) for user, login in first.items()}

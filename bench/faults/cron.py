"""F14: nothing is ever tidied, and holds pass on all the same. F15: eight tidy at once, and one of them is killed."""

import datetime as dt
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db.models import Q

from bench.crowd import logged_in
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import ONE_WORKER, SOCKETS, ask, site_of
from bench.faults.site import Process
from bench.history import CHECKS
from bench.onsale.judge import judge
from bench.stage import make_event, make_people
from core import allocation, audit
from core.models import Cause, Event, LedgerEntry, TicketHold, User, UserSession
from core.now import now

SCALE = 100  # a hold of ten minutes takes six seconds
HOLD_MINUTES = 10 / SCALE
MINUTES, QUICK_MINUTES = 30, 12  # simulated
PLACES = 20
IDLE_FOR = 2.0  # seconds: a free place and somebody who waits, at most (I10)
LOOK = 0.05
ROWS_EACH = 4  # of one table for each person: entries of the ledger, who joins, is held a place, and loses it
COMMAND = [sys.executable, "manage.py", "cleanup_expired_holds"]
AT_ONCE = 8
PEOPLE, QUICK_PEOPLE = 2000, 400


def never(report: Report, quick: bool) -> None:
    """Let a line go through its holds with nothing but the clocks of the processes."""
    minutes = QUICK_MINUTES if quick else MINUTES
    report.provoked = f"{minutes} minutes, {SCALE} times as fast, in which nobody calls the cleanup"
    with site_of(ONE_WORKER, SOCKETS) as site:
        pages, sockets = site.web
        make_people(1)
        event = make_event(PLACES, hold_minutes=HOLD_MINUTES)
        people = logged_in(PLACES * (minutes // 10 + 1))
        logins = {person.pk: UserSession.objects.get(session_key=person.session) for person in people}
        before = _rows()
        allocation.join_all(event_id=event.pk, logins=logins)
        longest = _longest_idle(event, 60 * minutes / SCALE)
        given = TicketHold.objects.filter(event=event, held_at__isnull=False).count()
        report.note(
            f"{given} of {len(people)} were held a place in turn; none was idle for longer than {longest:.2f} s"
        )
        report.expect(longest <= IDLE_FOR, f"a place was idle for {longest:.1f} s while people waited")
        judge_growth(report, before, _rows(), len(people))
        _rest(report, event)
        _warn(report, pages)
        sockets.end()
        other = make_event(1, hold_minutes=0.02)
        allocation.join_all(event_id=other.pk, logins=dict.fromkeys([person.pk for person in people[:3]]))
        idle = _longest_idle(other, 1.2 + IDLE_FOR + 1)
        report.control = f"without the process that has the clock a place was idle for {idle:.1f} s."
        report.expect(idle > IDLE_FOR, "without any clock places were passed on: the line says nothing")
        crowd.check(report, event, [])


def _longest_idle(event: Event, seconds: float) -> float:
    """Watch an event; return the longest spell in which a place was free and somebody waited."""
    longest, since, until = 0.0, None, time.monotonic() + seconds
    while time.monotonic() < until:
        moment = now()
        row = Event.objects.values("capacity", "booked").get(pk=event.pk)
        live = TicketHold.objects.filter(event=event).filter(Q(status="held", expires_at__gt=moment))
        is_idle = (
            live.count() + row["booked"] < row["capacity"] and TicketHold.objects.waiting().filter(event=event).exists()
        )
        since = (since or time.monotonic()) if is_idle else None
        longest = max(longest, time.monotonic() - since if since else 0.0)
        time.sleep(LOOK)
    return longest


def _rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_models()}  # noqa: SLF001 -- documented


def judge_growth(report: Report, before: Mapping[str, int], after: Mapping[str, int], people: int) -> None:
    """Count it as wrong if a table grew by more than what each person did: it grows with them, and not by itself."""
    grown = {name: count - before[name] for name, count in after.items() if count > before[name]}
    report.note(f"for {people} people tables grew by {grown}")
    report.expect(bool(grown), "no table grew: what is counted says nothing")
    too_much = {name: rows for name, rows in grown.items() if rows > ROWS_EACH * people}
    report.expect(not too_much, f"without a cleanup tables grew by {too_much} for {people} people")


def _rest(report: Report, event: Event) -> None:
    """Count it as wrong if any table grows while nobody does anything: what grows is what people did."""
    allocation.end_places(TicketHold.objects.filter(event=event), cause=Cause.REMOVED_BY_STAFF)
    time.sleep(1.5)
    before = _rows()
    time.sleep(2.5)
    grown = {name: count - before[name] for name, count in _rows().items() if count != before[name]}
    report.note("while nobody does anything no table grows")
    report.expect(not grown, f"tables grow by themselves: {grown}")


def _warn(report: Report, process: Process) -> None:
    """Count it as wrong unless the ready address tells that the cleanup is missing, and when it is not."""
    said = [_missing(process)]
    long_ago, somebody = now() - dt.timedelta(minutes=16), User.objects.latest("pk")
    UserSession.objects.create(user=somebody, session_key="over", login_timestamp=long_ago)
    said.append(_missing(process))
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
    said.append(_missing(process))
    report.note(f"/readyz: what is missing is {said[0]}, after 16 minutes {said[1]}, after a cleanup {said[2]}")
    report.expect(said == [[], ["cleanup"], []], f"/readyz does not tell of a cron that does not run: {said}")


def _missing(process: Process) -> object:
    return ask(process, "/readyz").json()["missing"]


def at_once(report: Report, quick: bool) -> None:
    """Leave much behind, tidy it eight times at once, and kill one in the middle."""
    report.provoked = f"{AT_ONCE} cleanups at once, one of them ended by kill -9 while it works"
    people = QUICK_PEOPLE if quick else PEOPLE
    make_people(1)
    events = [_lapsed(people // 4) for _ in range(4)]
    _leave_behind(people)
    running = [
        subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(AT_ONCE)
    ]
    left = _wait_for_work(running[0])
    running[0].kill()
    said = [process.communicate(timeout=300) for process in running]
    codes = [process.returncode for process in running]
    report.note(f"exit codes {codes}")
    report.control = (
        f"when one was killed {left} old logins and sessions were left to remove; it ended with {codes[0]}."
    )
    report.expect(codes[0] == -signal.SIGKILL and left > 0, "the cleanup was not killed while it worked")
    report.expect(codes[1:] == [0] * (AT_ONCE - 1), f"cleanups ended with {codes[1:]}")
    report.expect(
        not any(errors for _, errors in said[1:]),
        f"cleanups said {[errors[-200:] for _, errors in said[1:] if errors]}",
    )
    # One of them counts the figures, and only what is counted is removed: if that one was killed, cron's next one does.
    subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    again = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    last = (again.returncode, again.stdout, again.stderr)
    report.expect(last == (0, "", ""), f"after all of them and one more there was still something to do: {last}")
    working = sum(bool(told) for told, _ in said[1:])
    report.note(f"{working} of the other {AT_ONCE - 1} had a share in the work; whoever had none said nothing")
    report.expect(working > 0, "the others had nothing to do")
    _expired_once(report, events, people)
    report.expect(not _leftovers(), f"left: {_leftovers()} old rows")


def _lapsed(people: int) -> Event:
    """Store an event whose every hold has lapsed, and for which as many wait."""
    event = make_event(people, hold_minutes=0.01)
    users = User.objects.bulk_create(
        User(username=f"p{event.pk}-{n}", email=f"p{event.pk}-{n}@example.org", password="!") for n in range(2 * people)
    )
    for at in range(0, len(users), 500):
        allocation.join_all(event_id=event.pk, logins={user.pk: None for user in users[at : at + 500]})
    Event.objects.filter(pk=event.pk).update(hold_minutes=60)
    return event


def _leave_behind(people: int) -> None:
    """Store what time has left: logins and sessions that are over."""
    old, user = now() - dt.timedelta(days=100), User.objects.latest("pk")
    keys = [f"old{n}" for n in range(20 * people)]
    UserSession.objects.bulk_create(
        [UserSession(user=user, session_key=key, login_timestamp=old, last_seen_at=old) for key in keys],
        batch_size=2000,
    )
    Session.objects.bulk_create(
        [Session(session_key=key, session_data="", expire_date=old) for key in keys], batch_size=2000
    )


def _leftovers() -> int:
    return UserSession.objects.filter(session_key__startswith="old").count() + Session.objects.count()


def _wait_for_work(process: "subprocess.Popen[str]") -> int:
    """Wait until a tenth of the old rows is gone; return how many are left."""
    most, deadline = _leftovers(), time.monotonic() + 120
    is_begun: Callable[[int], bool] = lambda left: left < 0.9 * most  # noqa: E731 -- used below
    while not is_begun(left := _leftovers()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _expired_once(report: Report, events: list[Event], people: int) -> None:
    """Count it as wrong unless each hold has one end, in its row and in the ledger."""
    report.wrong += judge([event.pk for event in events], [], {"holds"}, CHECKS)  # which lasted a moment, then longer
    expired = TicketHold.objects.filter(status="expired").count()
    ends = LedgerEntry.objects.filter(text__contains='"expiry"').count()
    report.note(
        f"{expired} holds expired, {ends} expiries in the ledgers; capacity differs in {len(audit.differences())}"
    )
    report.expect(expired == ends >= people, f"{expired} holds expired, their ledgers have {ends} expiries")

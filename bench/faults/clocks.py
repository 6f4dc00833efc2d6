"""F12: a process is two minutes ahead, one two minutes behind, one is set back an hour; the database's clock counts."""

import datetime as dt
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

from bench.crowd import PASSWORD, Person, logged_in, strangers
from bench.faults import crowd
from bench.faults.faketime import off_by, told_by
from bench.faults.report import Report
from bench.faults.scenes import ONE_WORKER, SOCKETS, ask, site_of, snapshot_of, socket_of
from bench.faults.site import Process, Site
from bench.stage import make_event
from bench.visits import DONE, FOUND
from core.models import UserSession
from core.now import now

OFF, BACK = 120, 3600  # seconds
EXACT = 1.0  # seconds
HOLD = 3.0  # seconds, of the holds that are watched
EDGE = 0.4  # seconds before and after the end of a hold
LOGINS = 12
MAIL: dict[str, Any] = {"EMAIL_URL": "consolemail://"}  # so that a password is enough to log in
DATED = 1.5  # seconds for which servers keep the date of their answers


def play(report: Report, quick: bool) -> None:
    """Ask all three what time it is, in each of the ways in which it matters, while people book."""
    report.provoked = f"libfaketime: processes {OFF} s ahead and behind, and one set back by an hour while it serves"
    with site_of() as site:
        file = site.folder / "clock"
        file.write_text("+0\n")
        ahead = site.node(SOCKETS, wait=False, **MAIL, **off_by(f"+{OFF}"))
        behind = site.node(ONE_WORKER, wait=False, **MAIL, **off_by(f"-{OFF}"))
        jumping = site.node(SOCKETS, wait=False, **MAIL, **told_by(file))
        for process in site.web:
            process.wait()
        event = crowd.scene()
        with socket_of(jumping) as opened, crowd.selling(site, crowd.buyers(event, 60 if quick else 300)) as answers:
            opened.recv(timeout=10)
            _see(report, [ahead, jumping])
            file.write_text(f"-{BACK}\n")
            offs = [_off(process, told) for process, told in ((ahead, OFF), (behind, -OFF), (jumping, -BACK))]
            report.control = (
                "by their own answers the processes are off by " + ", ".join(f"{s:+.0f} s" for s in offs) + "."
            )
            far = [abs(off - told) > 2 * DATED for off, told in zip(offs, (OFF, -OFF, -BACK), strict=True)]
            report.expect(not any(far), f"their clocks are not wrong as they should be: {offs}")
            _see(report, [ahead, jumping])
            _hold(report, ahead, behind)
            _lapse(report, site)
            _log_in(report, site)
            _stay(report, jumping)
            report.expect("stats" in _heard(opened), "a socket that was open when the clock was set was told nothing")
        report.note(f"sale beside it: {crowd.counted(answers.result())}")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, answers.result())


def _off(process: Process, told: float) -> float:
    """Return by how many seconds a process is off, once that is what it was told, or ten seconds have passed."""
    deadline = time.monotonic() + 10
    while abs((off := _dated(process)) - told) > DATED and time.monotonic() < deadline:
        time.sleep(0.2)
    return off


def _dated(process: Process) -> float:
    """Return by how many seconds a process is off: it dates its answers."""
    headers = {name.lower(): value for name, value in ask(process, "/healthz").headers.items()}
    return (parsedate_to_datetime(headers["date"]) - now()).total_seconds()


def _heard(opened: Any) -> set[str]:
    kinds = set()
    try:
        while True:
            kinds.add(json.loads(opened.recv(timeout=0.05))["type"])
    except TimeoutError:
        return kinds


def _see(report: Report, processes: list[Process]) -> None:
    """Count it as wrong unless a page that has just connected would count down from the right moment."""
    for process in processes:
        before = now()
        told = dt.datetime.fromisoformat(snapshot_of(process)["now"])
        early, late = (before - told).total_seconds(), (told - now()).total_seconds()
        report.expect(max(early, late) <= EXACT, f"a socket said a `now` that is {max(early, late):.1f} s off")


def _hold(report: Report, *processes: Process) -> None:
    """Count it as wrong unless a hold of ten minutes has ten minutes to run, whoever placed it."""
    event = make_event(10)
    for process, person in zip(processes, logged_in(len(processes)), strict=True):
        reply = ask(process, f"/join/{event.pk}/", person.session, form={})
        left = (dt.datetime.fromisoformat(reply.json()["expires_at"]) - now()).total_seconds()
        report.note(f"a hold has {left:.1f} s to run, {reply.seconds:.1f} s after it was asked for")
        is_right = 600 - reply.seconds - EXACT <= left <= 600 + EXACT
        report.expect(is_right, f"a hold of 600 s has {left:.1f} s to run")


def _lapse(report: Report, site: Site) -> None:
    """Count it as wrong unless a hold is bookable until its end, and refused after it, by every process."""
    event = make_event(10, hold_minutes=HOLD / 60)
    people = logged_in(2 * len(site.web))
    first, then = people[: len(site.web)], people[len(site.web) :]
    ends = [_ends(site.web[0], event.pk, person) for person in people]
    time.sleep(max(0.0, (min(ends) - now()).total_seconds() - EDGE))
    booked = [
        ask(process, f"/book/{event.pk}/", who.session, form={}).status
        for process, who in zip(site.web, first, strict=True)
    ]
    time.sleep(max(0.0, (max(ends) - now()).total_seconds() + EDGE))
    replies = [
        ask(process, f"/book/{event.pk}/", who.session, form={}) for process, who in zip(site.web, then, strict=True)
    ]
    late = [reply.json()["status"] for reply in replies]
    report.note(f"just before its end a hold is booked ({booked}), just after it is not")
    report.expect(set(booked) == {DONE}, f"before its end a hold was not bookable: {booked}")
    # Places are free, and nobody waits: whoever is too late books without a hold, as anybody could.
    report.expect(set(late) <= {"booked", "hold_expired"}, f"after its end a hold was answered {late}")
    ended = event.places.filter(user__in=[person.pk for person in then]).values_list("status", flat=True)
    report.expect(set(ended) == {"expired"}, f"after their end holds are {set(ended)}")


def _ends(process: Process, event: int, person: Person) -> dt.datetime:
    return dt.datetime.fromisoformat(ask(process, f"/join/{event}/", person.session, form={}).json()["expires_at"])


def _log_in(report: Report, site: Site) -> None:
    """Count it as wrong unless logins rank as they came, whichever process took them (I5)."""
    people = strangers(LOGINS, with_password=True)
    for n, person in enumerate(people):
        form = {"login": person.name, "password": PASSWORD}
        reply = ask(site.web[n % len(site.web)], "/accounts/login/", form=form, page=True, address=f"127.9.0.{n + 1}")
        report.expect(reply.status == FOUND, f"a login was answered {reply.status}")
    logins = UserSession.objects.filter(user__in=[person.pk for person in people])
    ranked = list(logins.order_by("login_timestamp", "pk").values_list("user", flat=True))
    report.expect(ranked == [person.pk for person in people], "logins do not rank as they came")
    report.note(f"{LOGINS} logins, by each process in turn, rank as they came")


def _stay(report: Report, process: Process) -> None:
    """Count it as wrong unless a process that is an hour behind notes that somebody is there (rule 11)."""
    [person] = logged_in(1, minutes_ago=5)
    ask(process, "/dashboard/", person.session, page=True)
    seen = UserSession.objects.get(user=person.pk).last_seen_at
    ago = (now() - seen).total_seconds()
    report.expect(
        ago < OFF / 2, f"somebody who asked just now was seen {ago:.0f} s ago: an opening would pass them over"
    )

"""F13: hours that are skipped, or come twice, and zones unlike ours, as they are typed, held, printed and told."""

import datetime as dt
import os
import subprocess
import time
from typing import Any, cast
from zoneinfo import ZoneInfo

import pypdfium2
from django.core.exceptions import ValidationError
from django.utils import timezone
from icalendar import Calendar

from bench.crowd import logged_in
from bench.faults.faketime import off_by
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, ask, site_of
from bench.faults.site import Process
from bench.onsale.judge import judge
from bench.stage import make_event, make_people
from bench.visits import DONE
from core import documents
from core.forms.moments import MomentField
from core.models import Event, Ticket, User
from core.now import now

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC")
DATES = (
    "2026-03-29 01:59", "2026-03-29 02:30", "2026-03-29 03:00",  # Berlin skips an hour
    "2026-10-25 01:59", "2026-10-25 02:30", "2026-10-25 03:00",  # and has one twice
    "2026-03-08 02:30", "2026-11-01 01:30",  # New York
    "2026-10-04 02:15", "2026-04-05 01:45",  # Lord Howe, by half an hour
    "2011-12-30 12:00", "2021-04-04 03:30", "2020-09-27 03:30",  # Apia: a day that never was, and summer time
    "1986-01-01 00:05",  # Kathmandu, by a quarter of an hour
    "2028-02-29 12:00", "2026-12-31 23:59", "2027-01-01 00:00", "2026-06-21 12:00", "2026-12-21 12:00",
    "2038-01-19 03:14",
)  # fmt: skip
CHANGES = {"hour skipped": "2026-03-29T01:00:00+00:00", "hour twice": "2026-10-25T01:00:00+00:00"}  # in Berlin
HOLD = 600.0  # seconds
FAST = 40  # times
QUICK = 120


def play(report: Report, quick: bool) -> None:
    """Type every date in every zone, print tickets of some, and let a hold last over each change."""
    report.provoked = (
        f"{len(DATES)} dates in {len(ZONES)} zones; libfaketime carries a process over both changes in Berlin"
    )
    make_people(1)
    typed = {(zone, text): _typed(report, zone, text) for zone in ZONES for text in DATES}
    skipped = sum(moment is None for moment in typed.values())
    report.control = (
        f"coreutils' date, which knows the zones by itself, calls {skipped} of {len(typed)} no time at all; "
        "each of the others is that program's own moment."
    )
    report.note(f"{len(typed)} typed: {skipped} refused as skipped, the others are what `date` says, the first of two")
    for (zone, text), moment in typed.items():
        if moment is not None:
            _tell(report, zone, text, moment)
    report.note("calendar entries and pages name the time of the zone")
    for zone in ZONES[: 2 if quick else len(ZONES)]:
        _print(report, zone)
    for name, change in list(CHANGES.items())[quick:]:
        _hold(report, name, dt.datetime.fromisoformat(change), QUICK if quick else FAST)


def _typed(report: Report, zone: str, text: str) -> dt.datetime | None:
    """Return what the form takes a typed time for; None for one that it refuses."""
    with timezone.override(ZoneInfo(zone)):
        try:
            found = MomentField().clean(text.split())
        except ValidationError:
            found = None
    expected = _by_date(zone, text)
    report.expect(found == expected, f"{text} in {zone} is taken for {found}, `date` says {expected}")
    return expected


def _by_date(zone: str, text: str) -> dt.datetime | None:
    """Return the first moment of this name by the program `date`, which shares no code with Python."""
    environment = os.environ | {"TZ": zone}
    said = subprocess.run(["date", "-d", text, "+%s"], env=environment, capture_output=True, text=True, check=False)
    if said.returncode:
        return None
    moment = dt.datetime.fromtimestamp(int(said.stdout), dt.UTC)
    for earlier in (moment - dt.timedelta(minutes=30), moment - dt.timedelta(hours=1)):
        told = subprocess.run(
            ["date", "-d", f"@{earlier.timestamp():.0f}", "+%Y-%m-%d %H:%M"],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        if told.stdout.strip() == text:
            return earlier
    return moment


def _ticket(zone: str, moment: dt.datetime) -> Ticket:
    """Return a ticket that is stored nowhere."""
    event = Event(pk=1, name="Concert", venue="Hall", starts_at=moment, time_zone=zone, capacity=1)
    return Ticket(pk=1, event=event, user=User.objects.earliest("pk"), code="A" * 74)


def _tell(report: Report, zone: str, text: str, moment: dt.datetime) -> None:
    ticket = _ticket(zone, moment)
    [entry] = Calendar.from_ical(documents.calendar_entry(ticket)).walk("VEVENT")
    starts: Any = cast("Any", entry["DTSTART"]).dt
    report.expect(starts.timestamp() == moment.timestamp(), f"{text} in {zone} is {starts} in the calendar")
    report.expect(
        ticket.event.local(moment)[-30:].find(text[-5:]) > 0, f"{text} in {zone} is {ticket.event.local(moment)}"
    )


def _print(report: Report, zone: str) -> None:
    """Read the time off a PDF."""
    moment = dt.datetime(2026, 6, 21, 18, 15, tzinfo=dt.UTC)
    document = pypdfium2.PdfDocument(documents.pdf(_ticket(zone, moment)))
    text = document[0].get_textpage().get_text_range()
    wanted = moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    report.expect(wanted in text and zone in text, f"the PDF of an event in {zone} does not say {wanted} {zone}")
    report.note(f"PDF {wanted} {zone}")


def _hold(report: Report, name: str, change: dt.datetime, fast: int) -> None:
    """Let a process's time run fast over a change; a hold is bookable at 590 s, and not at 610 s."""
    begins = change - dt.timedelta(minutes=5)
    off = (begins - dt.datetime.now(dt.UTC)).total_seconds()
    event, people = make_event(10, starts_at=now() + dt.timedelta(days=900)), logged_in(3)
    with site_of(
        SOCKETS, redis=False, TZ="Europe/Berlin", TIME_ZONE="Europe/Berlin", **off_by(f"{off:+.0f} x{fast}")
    ) as site:
        [process] = site.web
        told = [ask(process, f"/join/{event.pk}/", person.session, form={}).json() for person in people[:2]]
        ends = [dt.datetime.fromisoformat(reply["expires_at"]) for reply in told]
        held: Any = event.places.values_list("held_at", "expires_at")
        lasts = {(until - since).total_seconds() for since, until in held}
        seen = [_wait_until(process, event.pk, ends[0] - dt.timedelta(seconds=10), fast)]
        statuses = [ask(process, f"/book/{event.pk}/", people[0].session, form={}).status]
        seen.append(_wait_until(process, event.pk, ends[1] + dt.timedelta(seconds=10), fast))
        ask(process, f"/book/{event.pk}/", people[2].session, form={})  # serves the event
    ended = dict(event.places.values_list("user", "status"))
    report.note(f"{name}: a hold from {seen[0] and begins:%H:%M} UTC lasted {lasts} s")
    report.expect(lasts == {HOLD}, f"{name}: a hold lasts {lasts}, not {HOLD:.0f} s")
    report.expect(statuses == [DONE], f"{name}: 10 s before its end a hold was answered {statuses}")
    late = ended[people[1].pk]
    report.expect(late == "expired", f"{name}: 10 s after its end a hold was {late}")
    report.wrong += judge([event.pk], [], but=["answers"])
    report.expect(all(seen) and max(filter(None, seen)) > change, f"{name}: the change was not reached: {seen}")


def _wait_until(process: Process, event: int, moment: dt.datetime, fast: int) -> dt.datetime | None:
    """Wait until a process, whose time runs so fast, is there; return where it is."""
    told = None
    for _ in range(200):
        reply = ask(process, f"/api/ticket-stats/{event}/?{time.time()}")
        told = dt.datetime.fromisoformat(reply.json()["now"])
        left = (moment - told).total_seconds()
        if left <= 0:
            return told
        time.sleep(max(0.01, left / fast / 2))
    return told

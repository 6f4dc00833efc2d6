"""Changes that one process makes, and how soon the pages of another one are told."""

import time
from collections.abc import Sequence
from itertools import count

from bench.crowd import JOIN, logged_in
from bench.faults.browsers import Browser
from bench.faults.pages import Page
from bench.faults.report import Report
from bench.faults.site import Process
from bench.visits import DONE
from core.models import Event

HEALED_IN, RESYNC_IN = 10.0, 12.0  # seconds
LIVELY = 1.5  # seconds in which a change reaches every page
_numbers = count()


def change(process: Process, event: Event) -> int:
    """Let somebody new be held a place by a process; return the version of the event's numbers after that."""
    [person] = logged_in(1)
    browser = Browser([process.port], 200 + next(_numbers))
    answer = browser.send(person.pk, person.does(("join", JOIN.format(event.pk))).asks[0])
    browser.close()
    if answer.status != DONE:
        raise RuntimeError(f"nobody could be held a place: {answer.status} {answer.body[:80]!r}")
    return version_of(event)


def version_of(event: Event) -> int:
    """Return the version of an event's numbers."""
    return Event.objects.values_list("version", flat=True).get(pk=event.pk)


def seconds_until_told(process: Process, event: Event, pages: Sequence[Page], patience: float = RESYNC_IN) -> float:
    """Return how long a change of a process takes to reach all pages."""
    version, began = change(process, event), time.monotonic()
    for page in pages:
        if page.seconds_until_told(event.pk, version, patience) > patience:
            return float("inf")
    return time.monotonic() - began


def expect_lively(report: Report, name: str, process: Process, event: Event, pages: Sequence[Page]) -> None:
    """Expect that from within ten seconds on, changes of a process reach all pages at once."""
    began = time.monotonic()
    while time.monotonic() - began < 3 * HEALED_IN:
        asked = time.monotonic()
        if seconds_until_told(process, event, pages, LIVELY) <= LIVELY:
            healed = asked - began
            report.note(f"{name}: pages of the other process told at once after {healed:.1f} s")
            report.expect(healed <= HEALED_IN, f"{name}: pages were told at once only after {healed:.1f} s")
            return
    report.expect(False, f"{name}: changes of one process do not reach the pages of another")

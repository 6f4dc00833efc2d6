"""F28: SECRET_KEY and TICKET_SIGNING_KEYS are changed while people are logged in, in one process after the other."""

import base64
import os
import secrets
import time
from typing import Any

from bench.crowd import PASSWORD, Person, logged_in, strangers
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, ask, site_of, snapshot_of
from bench.faults.site import Process, Site
from bench.stage import make_event
from bench.visits import DONE, FOUND
from core.models import Event, User, UserSession

PEOPLE, QUICK = 40, 10
DASHBOARD = "/dashboard/"
AGREED = 1.5  # seconds until all of the crowd are connected


def play(report: Report, quick: bool) -> None:
    """Change the keys in the two steps that operations.md has, then drop the old ones."""
    report.provoked = "two processes restarted in turn with new keys, while people go on with their sessions"
    before, known, both, alone = _settings()
    with site_of(SOCKETS, SOCKETS, **before) as site:
        event, people = crowd.scene(1000), logged_in(QUICK if quick else PEOPLE)
        gate = Gate(report, site.web[0], make_event(10))
        gate.book("old", people[0])
        sessions = _sessions(people)
        with crowd.selling(site, crowd.buyers(event, 60 if quick else 300)) as answers:
            time.sleep(AGREED)
            for settings in (known, both):
                for process in site.web:
                    _start_with(process, settings)
                    _stay(report, site, people)
        report.expect(_sessions(people) == sessions, "sessions have other keys: who asks twice at once is logged out")
        gate.book("new", people[1])
        gate.scan("admitted")
        for process in site.web:
            _start_with(process, alone)
        gone = [ask(site.web[0], DASHBOARD, person.session, page=True).status for person in people[2:]]
        report.control = (
            f"without the old key in SECRET_KEY_FALLBACKS {gone.count(FOUND)} of {len(gone)} are logged out."
        )
        report.expect(set(gone) == {FOUND}, f"without the old key its sessions were answered {set(gone)}")
        gate.scan("already_checked_in")
        report.note(f"sale beside it: {crowd.counted(answers.result())}")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, answers.result())


def _settings() -> list[dict[str, Any]]:
    """Return the keys before; with the new one known to all; with the new one in use; and alone."""
    old, new = os.environ["SECRET_KEY"], secrets.token_urlsafe(48)
    first, second = (f"{n}:{secrets.token_urlsafe(48)}" for n in (1, 2))
    mail = {"EMAIL_URL": "consolemail://"}  # so that a password is enough to log in
    return [
        {"SECRET_KEY": old, "TICKET_SIGNING_KEYS": first, **mail},
        {"SECRET_KEY": old, "SECRET_KEY_FALLBACKS": new, "TICKET_SIGNING_KEYS": first, **mail},
        {"SECRET_KEY": new, "SECRET_KEY_FALLBACKS": old, "TICKET_SIGNING_KEYS": f"{second},{first}", **mail},
        {"SECRET_KEY": new, "SECRET_KEY_FALLBACKS": "", "TICKET_SIGNING_KEYS": second, **mail},
    ]


def _start_with(process: Process, settings: dict[str, Any]) -> None:
    process.end()
    process.environment |= settings
    process.start()


def _sessions(people: list[Person]) -> set[str]:
    logins = UserSession.objects.filter(user__in=[person.pk for person in people], is_active=True)
    return set(logins.values_list("session_key", flat=True))


def _stay(report: Report, site: Site, people: list[Person]) -> None:
    """Count it as wrong if anybody is logged out, of either process, by a page or by a socket."""
    for process in site.web:
        pages = [ask(process, DASHBOARD, person.session, page=True).status for person in people]
        report.expect(
            set(pages) == {DONE}, f"{sum(status != DONE for status in pages)} of {len(pages)} were logged out"
        )
        told = snapshot_of(process, "/ws/dashboard/", people[-1].session)
        report.expect(told["type"] == "snapshot", "a socket was refused")


class Gate:
    """Somebody who scans tickets, signed by the `old` and the `new` key."""

    def __init__(self, report: Report, process: Process, event: Event) -> None:
        self.report, self.process, self.event = report, process, event
        self.tickets: dict[str, str] = {}
        [self.greta] = strangers(1, with_password=True)
        User.objects.filter(pk=self.greta.pk).update(is_staff=True, is_superuser=True)

    def book(self, key: str, person: Person) -> None:
        """Let somebody book; the ticket is signed by the key that is in use."""
        code = ask(self.process, f"/book/{self.event.pk}/", person.session, form={}).json()["ticket"]
        signed = base64.b32decode(code + "=" * (-len(code) % 8))[1]
        self.tickets[key] = code
        self.report.expect(signed == len(self.tickets), f"the {key} ticket was signed by the key {signed}")

    def scan(self, outcome: str) -> None:
        """Log in anew, and scan both."""
        form = {"login": self.greta.name, "password": PASSWORD}
        session = ask(self.process, "/accounts/login/", form=form, page=True).headers["Session"]
        for name, code in self.tickets.items():
            said = ask(self.process, "/checkin/scan/", session, form={"code": code, "event": self.event.pk}).json()
            self.report.note(f"a ticket signed by the {name} key: {said.get('outcome')}")
            self.report.expect(said.get("outcome") == outcome, f"a ticket signed by the {name} key: {said}")

"""F26: a mail server that is away, and one that takes connections and says nothing; then one that works."""

import statistics
import time
from collections.abc import Callable

from aiosmtpd.controller import Controller
from django.db.models import F
from post_office.models import STATUS, Email

from bench.crowd import PASSWORD, Person, logged_in, strangers
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import ONE_WORKER, SOCKETS, Reply, ask, site_of
from bench.faults.silence import silent_port
from bench.faults.site import Process, Site
from bench.stage import make_event
from bench.visits import DONE, FOUND
from core.models import Event, Ticket, User
from core.now import now
from tools.ports import free_port

PAIRS, QUICK = 20, 6
APART = 0.05  # seconds between what is said of an address that is known, and of one that is not
SOON = 2.0  # seconds in which whoever signs up or books is answered


class Inbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 -- its name
        """Take a message, as aiosmtpd asks."""
        self.to += envelope.rcpt_tos  # type: ignore[attr-defined]
        return "250 OK"


def play(report: Report, quick: bool) -> None:
    """Sign up, ask for passwords and book while nothing can be delivered; then let a server be there."""
    report.provoked = "EMAIL_URL names a port that is closed, then one that never says a word, then a server that works"
    with silent_port() as silent:
        port = free_port()
        with site_of(ONE_WORKER, SOCKETS, EMAIL_URL=f"smtp://127.0.0.1:{port}") as site:
            event, known = crowd.scene(1000), strangers(2 * PAIRS)
            _do_all(report, site, event, "away", known[:PAIRS], QUICK if quick else PAIRS)
            sockets = site.web[1]
            sockets.end()
            sockets.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{silent.port}"
            sockets.start()
            _do_all(report, site, event, "silent", known[PAIRS:], QUICK if quick else PAIRS)
            tried = _tried()  # perhaps at the port that is closed
            _until(lambda: silent.calls() > 0, 12)
            report.control = f"{tried} mails were tried in vain; the silent port was called {silent.calls()} times."
            report.expect(
                tried > 0 and silent.calls() > 0,
                f"{tried} mails were tried, the silent port was called {silent.calls()} times",
            )
            _deliver(report, sockets, port)
            report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
            crowd.check(report, event, [], settle=0)


def _do_all(report: Report, site: Site, event: Event, how: str, known: list[Person], pairs: int) -> None:
    """Book, sign up and ask for passwords, for people who are known and for such who are not."""
    pages = site.web[0]
    [person] = logged_in(1)
    booked = ask(pages, f"/book/{make_event(5).pk}/", person.session, form={})
    report.expect(booked.status == DONE and booked.seconds < SOON, f"{how}: a booking was {booked.status}")
    for name, asks in (("signing up", _sign_up), ("a new password", _ask_password)):
        both: dict[bool, list[Reply]] = {True: [], False: []}
        for n in range(pairs):
            for is_known in (True, False) if n % 2 else (False, True):
                email = f"{known[n].name if is_known else f'nobody-{how}-{n}-{name[:1]}'}@example.org"
                both[is_known].append(asks(pages, email, f"127.{7 + is_known}.{len(how)}.{n + 1}"))
        _compare(report, f"{how}: {name}", both)
    waiting = _until(lambda: Email.objects.filter(status__in=(STATUS.queued, STATUS.requeued)).exists())
    report.expect(waiting, f"{how}: no mail waits")


def _sign_up(process: Process, email: str, address: str) -> Reply:
    name = email.partition("@")[0][::-1].replace("-", "") + address.replace(".", "")[-4:]
    form = {"username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD}
    return ask(process, "/accounts/signup/", form=form, page=True, address=address)


def _ask_password(process: Process, email: str, address: str) -> Reply:
    return ask(process, "/accounts/password/reset/", form={"email": email}, page=True, address=address)


def _compare(report: Report, name: str, both: dict[bool, list[Reply]]) -> None:
    """Count it as wrong unless nobody can tell from an answer, or from its time, whether an address is known."""
    shown = {
        is_known: {(reply.status, reply.headers.get("location")) for reply in replies}
        for is_known, replies in both.items()
    }
    times = {is_known: statistics.median(reply.seconds for reply in replies) for is_known, replies in both.items()}
    slowest = max(reply.seconds for replies in both.values() for reply in replies)
    apart = times[True] - times[False]
    report.note(f"{name} {1000 * times[True]:.0f} ms if known, {1000 * apart:+.0f} ms to unknown")
    report.expect(shown[True] == shown[False] and len(shown[True]) == 1, f"{name}: answers differ: {shown}")
    report.expect(next(iter(shown[True]))[0] == FOUND, f"{name}: answered {shown[True]}")
    report.expect(abs(apart) <= APART, f"{name}: known addresses take {1000 * apart:+.0f} ms")
    report.expect(slowest < SOON, f"{name} took {slowest:.1f} s")


def _tried() -> int:
    """Wait for a mail that was tried in vain; return how many are to be tried again."""
    failed = Email.objects.filter(status=STATUS.requeued, number_of_retries__gte=1)
    _until(failed.exists, 12)
    return int(failed.count())


def _deliver(report: Report, process: Process, port: int) -> None:
    """Let a server be there; all mail is delivered, none is lost."""
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    process.end()
    process.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    Email.objects.exclude(status=STATUS.sent).update(scheduled_time=None)  # of who died with a mail in hand, too
    process.start()
    links = Email.objects.exclude(to__isnull=True).count()
    Ticket.objects.update(mailed_at=F("booked_at"))  # the PDFs of confirmations are half a second each
    deadline = time.monotonic() + 60
    while (left := _waiting()) and time.monotonic() < deadline:
        Email.objects.filter(status=STATUS.requeued).update(scheduled_time=now())
        time.sleep(0.5)
    server.stop()
    lost = Email.objects.filter(status=STATUS.failed).count()
    report.note(f"then {len(inbox.to)} of {links} mails are delivered")
    report.expect(not left and not lost, f"{left} mails are left, {lost} were given up")
    report.expect(len(inbox.to) >= links, f"of {links} mails {len(inbox.to)} arrived")
    report.expect(User.objects.filter(is_active=True).exists(), "nobody is left")


def _waiting() -> int:
    return int(Email.objects.filter(status__in=(STATUS.queued, STATUS.requeued)).count())


def _until(is_so: Callable[[], bool], seconds: float = 5) -> bool:
    """Wait until something is so; return whether it is."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True

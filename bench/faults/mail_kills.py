"""F30: the process that stores and delivers mail is killed, again and again, while a message goes out to many."""

import logging
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from django.db.models import F
from post_office.models import STATUS, Email

from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, site_of
from bench.faults.site import Process
from bench.stage import make_event
from core import allocation
from core.models import Announcement, AnnouncementMail, Ticket, User
from core.telling import messages
from tools.ports import free_port

MAILS, KILLS = 1000, 50
QUICK_MAILS, QUICK_KILLS = 100, 5
SHARE = 0.9  # of the mails, that go out while there are kills; so many on average before each
SLOWEST = 0.02  # seconds that the mail server takes at most to say yes, at random
PATIENCE = 300.0  # seconds for what is left: the lease of a mail that was in flight runs out after three minutes


@dataclass(frozen=True)
class Taken:
    """One mail that the server said yes to."""

    to: str
    message_id: str


class Inbox:
    """A mail server that takes everything, in its time, and remembers it."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.changed = threading.Condition()

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 -- its name
        """Take a message."""
        message = message_from_bytes(envelope.content)
        time.sleep(random.uniform(0, SLOWEST))  # noqa: ASYNC251 -- one mail at a time, and no secret
        with self.changed:
            self.taken.append(Taken(envelope.rcpt_tos[0], message["Message-ID"]))
            self.changed.notify_all()
        return "250 OK"

    def wait(self, count: int, seconds: float) -> bool:
        """Wait until so many mails were taken; return whether they were."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.taken) >= count, seconds)


def play(report: Report, quick: bool) -> None:
    """Send a message, and kill whoever delivers it at random instants; then let it be, and count."""
    mails, kills = (QUICK_MAILS, QUICK_KILLS) if quick else (MAILS, KILLS)
    report.provoked = f"SIGKILL to the process that delivers, {kills} times, while a message goes out to {mails} people"
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every word
    inbox, port = Inbox(), free_port()
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    _write(mails)
    with site_of(SOCKETS, EMAIL_URL=f"smtp://127.0.0.1:{port}") as site:
        began, in_flight = time.monotonic(), set[tuple[str, Any]]()
        for n in range(kills):
            _kill(site.web[0], inbox, round(2 * random.random() * SHARE * mails / kills))
            left = _in_dead_hands() - in_flight
            report.expect(len(left) <= 1, f"{len(left)} mails were in flight at one kill")
            in_flight |= left
            if n < kills - 1:
                site.web[0].start()
        killed, before = time.monotonic() - began, len(inbox.taken)
        site.web[0].start()
        _wait_for_the_rest(quick)
        report.expect_no_traces(site.traces())
    server.stop()
    _judge(report, inbox, mails, {message_id for message_id, _ in in_flight})
    show_control(report, len(in_flight), f"{before} mails went out in {killed:.0f} s.")


def show_control(report: Report, in_flight: int, said: str) -> None:
    """Tell how many mails were in flight at a kill: with none, it was not seen what becomes of one."""
    report.control = f"{in_flight} mails were in flight at a kill; {said}"
    report.expect(in_flight > 0, "no kill met a mail in flight")


def _write(mails: int) -> None:
    """Let as many people have a ticket, and their organizer send them a message."""
    names = (f"reader{n}" for n in range(mails))
    people = User.objects.bulk_create(User(username=n, email=f"{n}@example.org", password="!") for n in names)
    event = make_event(mails)
    allocation.book_all(event_id=event.pk, user_ids=[person.pk for person in people])
    Ticket.objects.update(mailed_at=F("booked_at"))  # no confirmations: their PDFs are half a second each
    text = {"audience": "holders", "subject": "Doors", "text": "The doors open at 7."}
    messages.send(messages.write(event=event, by=event.created_by, **text))


def _kill(process: Process, inbox: Inbox, mails: int) -> None:
    """Kill a process after it has delivered so many mails more: right at the server's yes, or a moment later.

    The one is the worst instant there is, the other any instant of the next mails.
    """
    inbox.wait(len(inbox.taken) + mails, 60)
    time.sleep(random.choice((0.0, random.uniform(0, 4 * SLOWEST))))
    process.end(signal.SIGKILL)


def _in_dead_hands() -> set[tuple[str, Any]]:
    """Return the Message-IDs of what somebody began to deliver who is dead, each with the end of its lease."""
    leased = Email.objects.filter(status=STATUS.queued, scheduled_time__isnull=False)
    return set(leased.values_list("message_id", "scheduled_time"))


def _wait_for_the_rest(quick: bool) -> None:
    """Wait until all is sent: leases run out by time; the quick version lets it pass."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        finished = not Announcement.objects.filter(finished_at=None).exists()
        if finished and not Email.objects.exclude(status=STATUS.sent).exists():
            return
        if quick:
            Email.objects.filter(status=STATUS.queued).update(scheduled_time=None)
        time.sleep(0.5)


def _judge(report: Report, inbox: Inbox, mails: int, in_flight: set[str]) -> None:
    """Count it as wrong unless everybody was told, and what came twice was in flight at a kill, under the same id."""
    ids: dict[str, set[str]] = {}
    for mail in inbox.taken:
        ids.setdefault(mail.to, set()).add(mail.message_id)
    times = Counter(mail.message_id for mail in inbox.taken)
    repeated = {message_id for message_id, count in times.items() if count > 1}
    twice = sum(len(of_one) > 1 for of_one in ids.values())
    stored = AnnouncementMail.objects.count()
    report.note(f"{len(ids)} of {mails} people were told; {len(repeated)} mails came twice, under the same Message-ID")
    report.expect(len(ids) == mails, f"{mails - len(ids)} mails were lost")
    report.expect(stored == mails, f"{stored} mails were stored for {mails} people")
    report.expect(twice == 0, f"{twice} people were sent two mails")
    report.expect(repeated <= in_flight, f"{len(repeated - in_flight)} mails came again that no kill had interrupted")
    report.expect(max(times.values()) <= 2, f"a mail came {max(times.values())} times")  # noqa: PLR2004 -- the word says it
    sent = Email.objects.filter(status=STATUS.sent).count()
    report.expect(sent == mails, f"{mails - sent} mails are not noted as sent")

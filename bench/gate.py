"""The gate under load: two web processes on PostgreSQL and Redis, and scans over HTTP from two gates.

    python -m bench.gate [--tickets 1000] [--gates 8] [--rate 50]

First every ticket is scanned at two gates at the same instant, as quickly as the gates can: exactly one may admit. Then
tickets are scanned at the promised rate, and what a scan takes is measured from the moment it was due. Exit code 1:
something was admitted twice or not at all, or the promise (50 scans a second, 95 of 100 within 150 ms) was not kept.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from bench.common import Figures, percentile, print_table, save, throwaway
from tools.ports import free_port
from tools.run_tests import POSTGRESQL, REDIS

PROMISED_RATE, PROMISED_MS = 50, 150
START_SECONDS = 30
OK = 200


@dataclass(frozen=True)
class Gate:
    """One gate: the web process it talks to, and what a browser of its staff sends along."""

    port: int
    name: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What a scan came to, and how many seconds after it was due."""

    ticket: int
    outcome: str
    seconds: float


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Scan tickets at several gates, and count what was admitted.")
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--gates", type=int, default=8, help="that scan at the same time")
    parser.add_argument("--rate", type=float, default=PROMISED_RATE, help="scans a second in the second part")
    parser.add_argument("--seconds", type=float, default=20, help="how long the second part lasts")
    parser.add_argument("--server", default=POSTGRESQL, help="where the throwaway database is made")
    return parser.parse_args()


@contextmanager
def web_process() -> Iterator[int]:
    """Run a web process as in production; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-v", "0", "-p", str(port), "event_ticketing.asgi:application"]
    environment = os.environ | {"REDIS_URL": REDIS, "ALLOWED_HOSTS": "localhost"}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = http.client.HTTPConnection("localhost", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def stage(tickets: int, ports: list[int], gates: int) -> tuple[int, list[str], list[Gate]]:
    """Make an event, that many tickets, and staff who are logged in; return the event's id, the codes, the gates."""
    from django.contrib.auth.models import Group  # noqa: PLC0415 -- models need Django set up
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from bench.stage import make_event, make_people  # noqa: PLC0415
    from core import steering, ticket_code  # noqa: PLC0415
    from core.models import GATE_STAFF, Ticket, User  # noqa: PLC0415

    make_people(tickets + gates)
    people = list(User.objects.order_by("pk"))
    event = make_event(tickets)
    codes = [ticket_code.make(event.pk) for _ in range(tickets)]
    pairs = zip(people[gates:], codes, strict=True)
    Ticket.objects.bulk_create([Ticket(event=event, user=person, code=code) for person, code in pairs])
    with connection.cursor() as cursor:  # the numbers are the allocation's; here are no holds, and nobody waits
        cursor.execute("UPDATE core_event SET booked = %s", [tickets])
    Ticket.objects.update(mailed_at=event.starts_at)  # no confirmations
    steering.revise_event(event_id=event.pk, values={"venue": "Gate"})
    staff = Group.objects.get(name=GATE_STAFF)
    made = []
    for n, person in enumerate(people[:gates]):
        person.groups.add(staff)
        client = Client(HTTP_HOST="localhost")
        client.force_login(person)
        client.get("/accounts/logout/")  # whose form has a token
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        token = client.cookies["csrftoken"].value
        headers = {"Cookie": cookies, "X-CSRFToken": token, "Accept": "application/json"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        made.append(Gate(ports[n % len(ports)], f"Gate {n}", headers))
    return event.pk, codes, made


class Scanner:
    """A gate's connection, kept open as a browser does."""

    def __init__(self, gate: Gate, event: int) -> None:
        self.gate, self.event = gate, event
        self.connection = http.client.HTTPConnection("localhost", gate.port, timeout=30)

    def scan(self, ticket: int, code: str, due: float | None = None) -> Answer:
        """Scan once."""
        began = time.monotonic() if due is None else due
        form = {"code": code, "event": self.event, "gate": self.gate.name, "nonce": f"{ticket}-{self.gate.name}"}
        self.connection.request("POST", "/checkin/scan/", urllib.parse.urlencode(form), self.gate.headers)
        response = self.connection.getresponse()
        body = response.read()
        outcome = json.loads(body)["outcome"] if response.status == OK else f"{response.status}"
        return Answer(ticket, outcome, time.monotonic() - began)


def scan_twice(event: int, codes: list[str], gates: list[Gate]) -> tuple[list[Answer], float]:
    """Let two gates scan each ticket at the same instant, several pairs of gates at once; return how long all took."""
    pairs = [gates[n : n + 2] for n in range(0, len(gates) - 1, 2)]

    def lane(which: int, side: int, meet: threading.Barrier) -> list[Answer]:
        scanner, answers = Scanner(pairs[which][side], event), []
        for ticket in range(which, len(codes), len(pairs)):
            meet.wait(60)
            answers.append(scanner.scan(ticket, codes[ticket]))
        return answers

    began = time.monotonic()
    with ThreadPoolExecutor(2 * len(pairs)) as threads:
        running = []
        for which in range(len(pairs)):
            meet = threading.Barrier(2)
            running += [threads.submit(lane, which, side, meet) for side in (0, 1)]
        answers = [answer for lane_ in running for answer in lane_.result()]
    return answers, time.monotonic() - began


def scan_at_rate(event: int, codes: list[str], gates: list[Gate], rate: float, seconds: float) -> list[Answer]:
    """Scan so many tickets a second, the gates in turn; a scan that is late was due all the same."""
    began = time.monotonic() + 0.5

    def lane(which: int) -> list[Answer]:
        scanner, answers = Scanner(gates[which], event), []
        for n in range(which, round(rate * seconds), len(gates)):
            due = began + n / rate
            time.sleep(max(0, due - time.monotonic()))
            answers.append(scanner.scan(n % len(codes), codes[n % len(codes)], due))
        return answers

    with ThreadPoolExecutor(len(gates)) as threads:
        return [answer for answers in threads.map(lane, range(len(gates))) for answer in answers]


def _milliseconds(answers: list[Answer], percent: float) -> float:
    return round(1000 * percentile([answer.seconds for answer in answers], percent), 1)


def _drive(sender: Any, event: int, codes: list[str], gates: list[Gate], chosen: argparse.Namespace) -> None:
    """Be the gates, in a process of their own: the servers' processes do not share Python's lock with them."""
    twice, took = scan_twice(event, codes, gates)
    _forget()
    paced = scan_at_rate(event, codes, gates, chosen.rate, chosen.seconds)
    sender.send((twice, took, paced))


def _forget() -> None:
    """Let every ticket be unused again."""
    import psycopg  # noqa: PLC0415 -- the process of the gates has no Django

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("DELETE FROM core_scan")
        connection.execute("UPDATE core_ticket SET checked_in_at = NULL, checked_in_by_id = NULL")


def play(chosen: argparse.Namespace) -> tuple[Figures, list[str]]:
    """Run both parts; return the table, and what was not as promised."""
    with ExitStack() as stack:
        stack.enter_context(throwaway(chosen.server))
        ports = [stack.enter_context(web_process()) for _ in range(2)]
        event, codes, gates = stage(chosen.tickets, ports, chosen.gates)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        driver = multiprocessing.get_context("spawn").Process(target=_drive, args=(sender, event, codes, gates, chosen))
        driver.start()
        twice, took, paced = receiver.recv()
        driver.join()
    outcomes = Counter(answer.outcome for answer in twice)
    admitted = Counter(answer.ticket for answer in twice if answer.outcome == "admitted")
    once = sum(n == 1 for n in admitted.values())
    rate, p95 = len(twice) / took, _milliseconds(paced, 95)
    figures: Figures = [
        ("tickets scanned at two gates at once", chosen.tickets),
        ("of them admitted exactly once", once),
        *((f"answers: {outcome}", count) for outcome, count in sorted(outcomes.items())),
        ("scans a second, as quick as 8 gates can", round(rate, 1)),
        ("  of them p50, p95, ms", _milliseconds(twice, 50), _milliseconds(twice, 95)),
        (f"scans at {chosen.rate:g} a second", len(paced)),
        ("  of them p50, p95, p99, ms", _milliseconds(paced, 50), p95, _milliseconds(paced, 99)),
    ]
    wrong = [f"{once} of {chosen.tickets} tickets were admitted exactly once"] if once != chosen.tickets else []
    odd = set(outcomes) - {"admitted", "already_checked_in"}
    wrong += [f"{outcomes[outcome]} scans came to {outcome}" for outcome in odd]
    wrong += [f"{rate:.0f} scans a second, {PROMISED_RATE} were promised"] if rate < PROMISED_RATE else []
    wrong += [f"p95 is {p95} ms at {chosen.rate:g} scans a second"] if p95 > PROMISED_MS else []
    return figures, wrong


def main() -> None:
    """Play, print, and exit with 1 when something was not as promised."""
    chosen = options()
    figures, wrong = play(chosen)
    print_table("The gate: two web processes, PostgreSQL, Redis", figures)
    print("\n".join(["", *wrong]) if wrong else "\nEvery ticket was admitted once, and the promises were kept.")
    save("gate", {"options": vars(chosen), "figures": figures, "wrong": wrong})
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

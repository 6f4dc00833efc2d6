"""The analytics page of a large event: how long it takes, and how often it asks the database.

    python -m bench.analytics [--tickets 100000] [--times 100]

A sale of a month is made up (`bench/selling.py`), its figures are kept as the cleanup does, and the page is asked for
again and again, by one person at a time. Exit code 1: more than 12 queries, or more than 300 ms for 95 of 100 answers.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.common import Figures, percentile, print_table, save, throwaway
from tools.run_tests import POSTGRESQL

PROMISED_QUERIES, PROMISED_MS = 12, 300
PERIODS = ("all", "week", "day", "hour")
OK = 200


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Ask for the analytics of a large event.")
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=100, help="that each page is asked for")
    parser.add_argument("--server", default=POSTGRESQL, help="where the throwaway database is made")
    return parser.parse_args()


def took(work: Any) -> float:
    """Return how many milliseconds something takes."""
    began = time.monotonic()
    work()
    return (time.monotonic() - began) * 1000


def cpu_of_database() -> float:
    """Return how many milliseconds the processors have spent on this database's connections, where it runs here."""
    from django.db import connection  # noqa: PLC0415 -- needs Django set up

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        stats = [Path(f"/proc/{pid}/stat") for (pid,) in cursor.fetchall()]
    ticks = [stat.read_text().rpartition(")")[2].split()[11:13] for stat in stats if stat.exists()]
    return sum(int(tick) for pair in ticks for tick in pair) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(client: Any, address: str, times: int) -> tuple[int, int, int, int, int]:
    """Ask for a page so often; return its status, its queries, p50, p95, and the processor time of one answer."""
    from django.db import connection  # noqa: PLC0415 -- as above

    asked: list[str] = []

    def noted(run: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return run(sql, *rest)

    with connection.execute_wrapper(noted):
        status = client.get(address).status_code
    before = cpu_of_database() + time.process_time() * 1000
    waits = [took(lambda: client.get(address)) for _ in range(times)]
    spent = (cpu_of_database() + time.process_time() * 1000 - before) / times
    return status, len(asked), round(percentile(waits, 50)), round(percentile(waits, 95)), round(spent)


def play(chosen: argparse.Namespace) -> tuple[Figures, list[str]]:
    """Make up the sale, ask; return the table, and what was not as promised."""
    from django.db import connection  # noqa: PLC0415 -- as above

    from bench.selling import sell  # noqa: PLC0415
    from core.analytics import keeping  # noqa: PLC0415
    from core.models import User  # noqa: PLC0415

    organizer = User.objects.create_user("organizer")
    event = sell(chosen.tickets, created_by=organizer, auto_hold=False)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    counted = round(took(keeping.bring_up_to_date))
    rows, wrong = ask(organizer, event.pk, chosen.times)
    return [*rows, ("counting all hours, once", "", counted)], [*wrong, *map(str, keeping.differences())]


def ask(organizer: Any, event_id: int, times: int) -> tuple[Figures, list[str]]:
    """Ask for each period of an event, and for all events; return the table, and what was not as promised."""
    from django.test import Client  # noqa: PLC0415 -- as above

    client = Client(headers={"Host": "localhost"})
    client.force_login(organizer)
    client.get("/dashboard/")
    rows: Figures = [("", "queries", "p50, ms", "p95, ms", "processor, ms")]
    wrong = []
    of_event = [f"/organize/{event_id}/analytics/?period={period}" for period in PERIODS]
    for address in [*of_event, "/organize/analytics/?period=all"]:
        status, queries, p50, p95, spent = measure(client, address, times)
        rows.append((address.replace(str(event_id), "<id>"), queries, p50, p95, spent))
        wrong += [f"{address} was answered {status}"] if status != OK else []
        wrong += [f"{address} asks {queries} times"] if queries > PROMISED_QUERIES else []
        wrong += [f"{address} takes {p95} ms"] if p95 > PROMISED_MS and address in of_event else []
    return rows, wrong


def main() -> None:
    """Play, print, and exit with 1 when something was not as promised."""
    chosen = options()
    with throwaway(chosen.server):
        figures, wrong = play(chosen)
    print_table(f"Analytics of an event with {chosen.tickets} tickets", figures)
    print("\n".join(["", *wrong]) if wrong else "\nThe promises were kept.")
    save("analytics", {"options": vars(chosen), "figures": figures, "wrong": wrong})
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

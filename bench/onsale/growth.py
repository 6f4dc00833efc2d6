"""What a larger past costs: joins, bookings and pages with 1,000 to 100,000 tickets sold, and 10 to 50,000 in line."""

import time
from collections.abc import Sequence

from django.db import connection

from bench.crowd import Person, logged_in
from bench.onsale.run import Run, event_with
from bench.visits import DONE
from core.models import Event, TicketHold

SOLD = (1_000, 10_000, 100_000)
LINES = (10, 1_000, 50_000)
PEOPLE = 800
PLACES = 200  # held, and given back one after the other, while people wait
CHUNK = 5_000  # people who join between two looks of the clocks
PATIENCE = 60.0  # seconds
PAGES = 50  # times that each may ask for a page
USERS = """
INSERT INTO core_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT '!', false, 'grown' || gen_random_uuid(), '', '', '', false, true, now() FROM generate_series(1, %(count)s)
RETURNING id
"""
TICKETS = f"""
WITH people AS ({USERS})
INSERT INTO core_ticket (event_id, user_id, tier, code, booked_at, mailed_at)
SELECT %(event)s, id, 0, md5(id::text || 'bench'), now(), now() FROM people
"""
WAITING = f"""
WITH people AS ({USERS})
INSERT INTO core_tickethold (event_id, user_id, status, login_timestamp, tier, created_at, is_linked)
SELECT %(event)s, id, 'waiting', now() - interval '1 hour', 0, now(), false FROM people
"""


def play(run: Run) -> None:
    """Measure at each size; the ratios are of the largest against the smallest, in the same run."""
    sold, lines = (SOLD[:2], LINES[:2]) if run.quick else (SOLD, LINES)
    for size in sold:
        _sold(run, size)
    for size in lines:
        _line(run, size)
    for name in ("joins", "books", "page"):
        _compare(run, f"{name}_{{}}_sold", sold)
    for name in ("joins", "releases", "page"):
        _compare(run, f"{name}_{{}}_in_line", lines)


def _compare(run: Run, name: str, sizes: Sequence[int]) -> None:
    least, most = sizes[0], sizes[-1]
    run.figures[name.format(f"{most}_of_{least}")] = run.figures[name.format(most)] / run.figures[name.format(least)]


def _grow(statement: str, event: Event, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(statement, {"event": event.pk, "count": count})
        cursor.execute("ANALYZE core_user, core_ticket, core_tickethold")
        cursor.execute("SET statement_timeout = '5s'")


def _sold(run: Run, count: int) -> None:
    people = logged_in(PEOPLE)
    event = event_with(count + PEOPLE)
    _grow(TICKETS, event, count)
    with connection.cursor() as cursor:  # the numbers are the allocation's, which sold nothing of this
        cursor.execute("UPDATE core_event SET booked = %s WHERE id = %s", [count, event.pk])
    name = f"{{}}_{count}_sold"
    joins = run.cost(name.format("joins"), run.site, [person.joins(event.pk) for person in people])
    held = {answer.user for answer in joins if answer.status == DONE}
    books = run.cost(name.format("books"), run.site, [p.books(event.pk) for p in people if p.pk in held])
    _see(run, name.format("page"), event, people)
    # Of the bulk only the count is in the ledger: its tickets were booked by nobody's request.
    run.judge([event], [*joins, *books], but={"answers"})


def _line(run: Run, count: int) -> None:
    holders, people = logged_in(PLACES), logged_in(PEOPLE)
    event = event_with(PLACES)
    held = run.ask([person.joins(event.pk) for person in holders])
    for joined in range(0, count, CHUNK):
        _grow(WAITING, event, min(CHUNK, count - joined))
        _wait_until_linked(event)
    with connection.cursor() as cursor:  # as autovacuum does within a minute: nobody is waiting to be linked any more
        cursor.execute("ANALYZE core_tickethold")
    name = f"{{}}_{count}_in_line"
    joins = run.cost(name.format("joins"), run.site, [person.joins(event.pk) for person in people])
    releases = [person.does(("release", f"/release-hold/{event.pk}/")) for person in holders]
    released = run.cost(name.format("releases"), run.site, releases)
    _see(run, name.format("page"), event, people)
    run.judge([event], [*held, *joins, *released])


def _wait_until_linked(event: Event) -> None:
    """Wait until the clocks of the web processes have entered everybody in the ledger."""
    give_up = time.monotonic() + PATIENCE
    while TicketHold.objects.to_link().filter(event=event).exists():
        if time.monotonic() > give_up:
            raise TimeoutError(f"the ledger does not have everybody in line within {PATIENCE} s")
        time.sleep(0.2)


def _see(run: Run, name: str, event: Event, people: Sequence[Person]) -> None:
    run.require(run.cost(name, run.site, [p.sees("page", f"/events/{event.pk}/") for p in people] * PAGES))

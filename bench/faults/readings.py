"""What the snapshots of many who come at once may cost the database, by its log."""

from bench.faults.report import Report

NUMBERS = 'SELECT "core_event"."id", "core_event"."name"'  # as the server logs it: of all events, for everybody
OWN = 'SELECT "core_tickethold"."user_id" AS "user", "core_tickethold"."event_id" AS "event",'  # people's places
A_SECOND = 5.0  # readings of numbers, for all who come: at most one in each of the hub's ticks
GATHERED = 4  # people at least, on average, whose own places are read at once (core/gathered.py)


def judge_readings(report: Report, logged: str, people: int, seconds: float) -> None:
    """Count as wrong readings that grow with those who come; `people` of them are logged in, and told of their own."""
    numbers, own = logged.count(NUMBERS), logged.count(OWN)
    report.note(f"{numbers} readings of numbers, {own} of people's own")
    report.expect(0 < numbers <= A_SECOND * max(1.0, seconds), f"{numbers} readings of numbers in {seconds:.1f} s")
    if people:
        report.expect(0 < GATHERED * own <= people, f"{own} readings of what is their own for {people} people")

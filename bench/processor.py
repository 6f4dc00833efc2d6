"""What processes cost: processor time, memory, and the statements that a database was asked."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from django.db import connection

TICKS = os.sysconf("SC_CLK_TCK")  # a second


def family(pids: Iterable[int]) -> list[int]:
    """Return these processes and all that they started."""
    found = list(pids)
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # a thread that has just ended
                found += [int(child) for child in task.read_text().split()]
    return found


def used(pids: Iterable[int]) -> dict[int, float]:
    """Return the seconds of processor time that each of these processes, and those they started, has used."""
    seconds = {}
    for pid in family(pids):
        with contextlib.suppress(OSError):  # one that has just ended
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def since(before: dict[int, float], pids: Iterable[int]) -> float:
    """Return the seconds that these processes have used since; who ended meanwhile is missing."""
    return sum(seconds - before.get(pid, 0) for pid, seconds in used(pids).items())


def backends() -> list[int]:
    """Return the processes of PostgreSQL that work for our database, the asking one apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def kilobytes(pids: Iterable[int], kind: str = "Pss") -> int:
    """Return the memory of these processes: what they share with others divided among them (Pss), or not (Rss)."""
    lines = [line for pid in family(pids) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))


def transactions() -> int:
    """Return how many transactions our database has committed: outside of `atomic`, each statement is one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])

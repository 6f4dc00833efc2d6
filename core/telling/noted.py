"""Mails about rows, places and tickets, that each are told once.

That a row was told of is noted on it, in the transaction that stores the mail, under the row's own lock: whoever finds
the row locked leaves it to them. The mails are written before: whoever waits for that lock may have an event's in hand,
and no lock waits for a template.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from post_office.models import Email

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Model)
L = TypeVar("L")
BATCH = 50  # rows in one transaction
PAUSE = 300.0  # seconds until it is tried again to write about a row
_left_alone: dict[tuple[type[Model], int], float] = {}  # until when (monotonic), of this process


@dataclass(frozen=True)
class Letter:
    """A mail, if the person wants one and has an address, and the rows that are told by it."""

    rows: frozenset[int]
    mail: Email | None


def store(
    due: QuerySet[Any],
    write: Callable[[list[Any]], Iterable[Letter]],
    beside: Callable[[Iterable[int]], None] | None = None,
    **told: Any,
) -> int:
    """Write mails about rows that are due, then lock those, store the mails and note it; return how many were noted.

    In the same transaction `beside` stores what the people of these rows are told in another way.
    """
    letters = written(write, list(readable(due).select_related("event", "user")[:BATCH]))
    rows = frozenset[int]().union(*(written.rows for written in letters))
    with transaction.atomic():
        mine = _locked(due, rows)
        ours = [written for written in letters if written.rows <= mine]  # of the others something changed meanwhile
        Email.objects.bulk_create([written.mail for written in ours if written.mail])
        noted = frozenset[int]().union(*(written.rows for written in ours))
        due.model.objects.filter(pk__in=noted).update(**told)
        if beside and noted:
            beside(noted)
    return len(noted)


def written(write: Callable[[list[R]], Iterable[L]], rows: list[R]) -> list[L]:
    """Return what is written about rows; one of which nothing can be written keeps nobody else's mail back.

    It stays due, and is left alone for a while: fifty of them would be all of a batch.
    """
    try:
        return list(write(rows))
    except DatabaseError:
        raise
    except Exception:
        if len(rows) > 1:
            return [letter for row in rows for letter in written(write, [row])]
        logger.exception("no mail can be written about %s %s", type(rows[0]).__name__, rows[0].pk)
        _left_alone[type(rows[0]), rows[0].pk] = time.monotonic() + PAUSE
        return []


def readable(due: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that are due, without those of which nothing could be written lately."""
    for row in [row for row, until in _left_alone.items() if until < time.monotonic()]:
        _left_alone.pop(row, None)
    ids = [pk for model, pk in list(_left_alone) if model is due.model]
    return due.exclude(pk__in=ids) if ids else due


def _locked(due: QuerySet[Any], rows: frozenset[int]) -> frozenset[int]:
    """Lock those of these rows that are due still, and that nobody else has in hand; return their ids."""
    mine = due.filter(pk__in=rows).select_for_update(skip_locked=True, no_key=True)
    return frozenset(mine.values_list("pk", flat=True))

"""How long a line became within an hour or a minute, which its length at the end does not tell.

A running sum over the moments at which somebody joined a line or left it; only the database can do that in one go.
"""

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models import DurationField, F, IntegerField, Q, QuerySet, Value

from ..models import TicketHold
from .rows import Slot, Within, between

AT_ONCE = dt.timedelta(seconds=1)  # who was served so soon was in no line: a batch joins, and is served, as one
Status = TicketHold.Status
DEEPEST = """
SELECT of_event, slot, MAX(depth) FROM (
  SELECT of_event, slot,
    SUM(step) OVER (PARTITION BY of_event, slot ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS depth
  FROM ({moments}) AS moments
) AS depths GROUP BY of_event, slot HAVING MAX(depth) > 0
"""


def peaks(within: Within, slot: Slot) -> list[tuple[int, dt.datetime, int]]:
    """Return `(event id, slot, by how many the line became longer at most, since the slot began)`; one query."""
    since, until = within.since, within.until
    places = TicketHold.objects.filter(within.of).filter(Q(ended_at=None) | Q(ended_at__gte=since))
    in_line = Q(held_at=None) | Q(wait__gte=Value(AT_ONCE, DurationField()))
    waited = places.annotate(wait=between("created_at", "held_at")).filter(in_line)
    steps = (
        (waited.filter(created_at__gte=since, created_at__lt=until), "created_at", 1),
        (waited.filter(held_at__gte=since, held_at__lt=until), "held_at", -1),
        (places.filter(status=Status.LEFT, ended_at__gte=since, ended_at__lt=until), "ended_at", -1),
    )
    first, *others = [_steps(rows, at, step, slot) for rows, at, step in steps]
    sql, params = first.union(*others, all=True).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(DEEPEST.format(moments=sql), params)
        return [(event, _moment(at), depth) for event, at, depth in cursor.fetchall()]


def _steps(rows: QuerySet[TicketHold], at: str, step: int, slot: Slot) -> QuerySet[Any, Any]:
    told = rows.order_by().annotate(of_event=F("event"), at=F(at), slot=slot(at), step=Value(step, IntegerField()))
    return told.values_list("of_event", "slot", "at", "step")


def _moment(told: Any) -> dt.datetime:
    """Return a moment as PostgreSQL has it, or as SQLite writes it, without a zone."""
    moment: dt.datetime = dt.datetime.fromisoformat(told) if isinstance(told, str) else told
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment

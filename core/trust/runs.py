"""Noting that the clock and the cleanup run, so that somebody can be told when they do not."""

import datetime as dt

from ..models import LastRun
from ..now import clock

Work = LastRun.Work


def note(work: Work) -> None:
    """Note that some work was done now."""
    LastRun.objects.bulk_create(
        [LastRun(work=work, at=clock())], update_conflicts=True, unique_fields=["work"], update_fields=["at"]
    )


def silence_of(work: Work, moment: dt.datetime) -> dt.timedelta | None:
    """Return how long ago some work was last done; None if it never was."""
    last = LastRun.objects.filter(work=work).first()
    return moment - last.at if last else None

"""The columns that a file of events has, or may have."""

import csv
import io

COLUMNS = (
    "name", "venue", "starts at", "capacity", "ends at", "time zone", "description", "sales open at", "sales close at",
    "auto hold", "hold minutes",
)  # fmt: skip
REQUIRED = COLUMNS[:4]
TEXTS = ("name", "venue", "time zone", "description")
EXAMPLE = (
    "Concert", "Town Hall", "2027-05-01 20:00", "200", "2027-05-01 22:30", "Europe/Berlin", "Doors open at 19:00.", "",
    "", "yes", "10",
)  # fmt: skip


def named(cell: str) -> str:
    """Return the column that a cell of the header means: `Starts_At` is `starts at`."""
    return " ".join(cell.replace("_", " ").lower().split())


def template() -> str:
    """Return a file to begin with: the header, and one event."""
    written = io.StringIO()
    csv.writer(written).writerows([COLUMNS, EXAMPLE])
    return written.getvalue()

"""What each fault came to, as a page of the documentation: a row for each, with the day and the run."""

from collections.abc import Sequence
from typing import Any

HEAD = ("", "fault", "what was provoked", "what the system did", "by what it is known to be real", "")


def page(faults: dict[str, dict[str, Any]], most: int) -> str:
    """Return what `bench.faults` has kept, in Markdown; `most` is how many faults there are."""
    passed = sum(not told["wrong"] for told in faults.values())
    rows = [HEAD, ["---"] * len(HEAD), *(_row(number, told) for number, told in faults.items())]
    return "\n".join(
        [
            "# The faults, provoked",
            "",
            f"`make faults`: {len(faults)} of {most} faults were played, {passed} passed. Each row is the last time",
            "that its fault was played whole, with the day, and how many were played in that run. This page is what",
            "`python -m bench.faults --markdown` printed; what must hold, and where less is asked for, is in",
            "[reliability.md](reliability.md).",
            "",
            *map(_line, rows),
        ]
    )


def _row(number: str, told: dict[str, Any]) -> list[str]:
    result = f"**failed**: {'; '.join(told['wrong'])}" if told["wrong"] else "passed"
    did = "; ".join(told["did"])
    run = f"{told['date']}, in a run of {told['together']}, {told['seconds']} s"
    return [number, told["name"], told["provoked"], did, told["control"], f"{result}: {run}"]


def _line(cells: Sequence[str]) -> str:
    """Return a row of a table: no cell may end it, nor itself."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in cells)} |"

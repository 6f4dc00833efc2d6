"""The record of a run, as a page of the documentation: when it was, and a row for each fault."""

from collections.abc import Sequence
from typing import Any

HEAD = ("", "fault", "what was provoked", "what the system did", "by what it is known to be real", "")


def page(run: dict[str, Any], most: int) -> str:
    """Return what `bench.faults` has saved of a run, in Markdown; `most` is how many faults there are."""
    faults = run["faults"]
    passed = sum(not told["wrong"] for told in faults.values())
    how = ", in its short version" if run["quick"] else ""
    rows = [HEAD, ["---"] * len(HEAD), *(_row(number, told) for number, told in faults.items())]
    return "\n".join(
        [
            "# The faults, provoked",
            "",
            f"`make faults`{how}, on {run['date']}: {len(faults)} of {most} faults were played, {passed} passed.",
            "This page is what `python -m bench.faults --markdown` printed after it; what must hold, and where less is",
            "asked for, is in [reliability.md](reliability.md).",
            "",
            *map(_line, rows),
        ]
    )


def _row(number: str, told: dict[str, Any]) -> list[str]:
    result = f"**failed**: {'; '.join(told['wrong'])}" if told["wrong"] else "passed"
    did = "; ".join(told["did"])
    return [number, told["name"], told["provoked"], did, told["control"], f"{result}, {told['seconds']} s"]


def _line(cells: Sequence[str]) -> str:
    """Return a row of a table: no cell may end it, nor itself."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in cells)} |"

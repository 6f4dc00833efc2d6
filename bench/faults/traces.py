"""Tracebacks in what a web process has logged, in lines or, as in production, as JSON."""

import json
from collections.abc import Iterator

CODE = "  "  # what the lines of a traceback begin with, between its heading and its error


def traces_in(logged: str) -> list[str]:
    """Return the error of each traceback: its last line, and what the database said with it."""
    return [*_traces_in(logged.splitlines())]


def _traces_in(lines: list[str]) -> Iterator[str]:
    for n, line in enumerate(lines):
        if line.startswith("Traceback"):
            yield next((text for text in lines[n + 1 :] if text and not text.startswith(CODE)), line)
        elif line.startswith("{") and '"exc_info"' in line:
            told = json.loads(line)["exc_info"].splitlines()
            code = [number for number, text in enumerate(told) if text.startswith(CODE)]
            yield " ".join(told[code[-1] + 1 :] if code else told)

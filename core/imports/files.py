"""Reading a file of events: its encoding, its separators, its header. What cannot be read is said in words."""

import codecs
import csv
import io
from collections import Counter

from .columns import COLUMNS, REQUIRED, named

MOST_BYTES = 1_000_000
MOST_ROWS = 300  # checking a row takes 5 ms
SEPARATORS = (",", ";", "\t")
ZIP = b"PK\x03\x04"  # how a workbook (XLSX) begins

Row = tuple[int, dict[str, str]]  # its number in the file, the header being 1; its cells by column


class Unreadable(Exception):
    """A file that is no list of events, with what is wrong and what to do."""


def read(content: bytes) -> list[Row]:
    """Return the rows of a file that are not empty. Raises Unreadable."""
    header, *rows = _records(_text(content))
    columns = [named(cell) for cell in header]
    _check(columns)
    told = [(number, cells) for number, cells in enumerate(rows, start=2) if any(cell.strip() for cell in cells)]
    if not told:
        raise Unreadable("The file has a header and no events below it: add a row for each event.")
    if len(told) > MOST_ROWS:
        raise Unreadable(f"The file has {len(told)} events; at most {MOST_ROWS} can be imported at once: divide it.")
    for number, cells in told:
        if len(cells) > len(columns):
            raise Unreadable(
                f"Row {number} has {len(cells)} cells, and the header {len(columns)}:"
                " put a text that has the separator in it between quotation marks."
            )
    return [(number, dict(zip(columns, cells, strict=False))) for number, cells in told]


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 1_000_000} MB: divide it.")
    if content.startswith(ZIP):
        raise Unreadable("This is a workbook or an archive: open it in a spreadsheet and save it as CSV (UTF-8).")
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"The file is not in UTF-8: byte {error.start + 1} belongs to another encoding, Latin-1 perhaps."
            " Save it as “CSV UTF-8”."
        ) from error
    if "\0" in text:
        raise Unreadable("The file has null characters in it, so it is no text, or in UTF-16 without its mark.")
    if not text.strip():
        raise Unreadable("The file is empty. Download the template below to see what belongs into it.")
    return text


def _records(text: str) -> list[list[str]]:
    first = text.lstrip("\r\n").splitlines()[0]
    separator = max(SEPARATORS, key=lambda sign: sum(named(cell.strip('"')) in COLUMNS for cell in first.split(sign)))
    try:
        records = list(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Unreadable(f"The file is no CSV that we can read ({error}): is a quotation mark left open?") from error
    return records


def _check(columns: list[str]) -> None:
    """Raise Unreadable for columns that are missing, unknown, or there twice."""
    counts = Counter(columns)
    problems = {
        "Columns that are missing": [name for name in REQUIRED if name not in counts],
        "Columns that nobody knows": [name or "(one without a name)" for name in counts if name not in COLUMNS],
        "Columns that are there twice": [name for name, count in counts.items() if count > 1 and name in COLUMNS],
    }
    told = [f"{what}: {', '.join(names)}." for what, names in problems.items() if names]
    if told:
        raise Unreadable(f"{' '.join(told)} There can be: {', '.join(COLUMNS)}.")

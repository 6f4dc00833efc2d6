"""Reading a file of events: its encoding, its separators, its header. What cannot be read is said in words."""

import codecs
import csv
import io
import re
from collections import Counter

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .columns import COLUMNS, REQUIRED, named

MOST_BYTES = 1_000_000
MOST_ROWS = 300  # checking a row takes 5 ms
SEPARATORS = (",", ";", "\t")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how they begin: XLSX, as any archive, and the older XLS
OTHERS = (b"%PDF-", b"{\\rtf", b"<")  # that may be text to the last byte; and pages, as of a site that wants a login
NO_TEXT = re.compile(rb"[\x01-\x08\x0e-\x1f]")  # as pictures and programs have; those of UTF-16 are left out
NO_CSV = gettext_lazy("This is not a CSV file: open it in the program that made it, and save it as CSV (UTF-8).")
LONGEST_SHOWN, MOST_SHOWN = 40, 10  # characters of the name of a column that nobody knows, and how many names

MORE = ""  # in place of its cells, of a row that has more of them than there are columns: what is said of that
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
        raise Unreadable(_("The file has a header and no events below it: add a row for each event."))
    if len(told) > MOST_ROWS:
        many = _("The file has %(count)d events; at most %(most)d can be imported at once: divide it.")
        raise Unreadable(many % {"count": len(told), "most": MOST_ROWS})
    return [(number, _by_column(columns, cells)) for number, cells in told]


def _by_column(columns: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) <= len(columns):
        return dict(zip(columns, cells, strict=False))
    long = _(
        "It has %(cells)d cells, and the header %(columns)d: put a text that has the separator in it between quotation"
        " marks."
    )
    return {MORE: long % {"cells": len(cells), "columns": len(columns)}}


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Unreadable(_("The file is larger than %(most)d MB: divide it.") % {"most": MOST_BYTES // 1_000_000})
    if content.startswith(WORKBOOKS):
        raise Unreadable(
            _("This is not a CSV file, but a workbook or an archive: open it in a spreadsheet, save it as CSV (UTF-8).")
        )
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and (NO_TEXT.search(content) or content.removeprefix(codecs.BOM_UTF8).startswith(OTHERS)):
        raise Unreadable(NO_CSV)
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        other = _(
            "The file is not in UTF-8: byte %(number)d belongs to another encoding, Latin-1 perhaps."
            " Save it as “CSV UTF-8”."
        )
        raise Unreadable(other % {"number": error.start + 1}) from error
    if "\0" in text:
        raise Unreadable(
            _("This is not a CSV file: it has null characters in it, so it is no text, or in UTF-16 without its mark.")
        )
    if not text.strip():
        raise Unreadable(_("The file is empty. Download the template below to see what belongs into it."))
    return text


def _records(text: str) -> list[list[str]]:
    first = text.lstrip("\r\n").splitlines()[0]
    separator = max(SEPARATORS, key=lambda sign: sum(named(cell.strip('"')) in COLUMNS for cell in first.split(sign)))
    try:
        records = list(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        broken = _("The file is no CSV that we can read (%(error)s): is a quotation mark left open?")
        raise Unreadable(broken % {"error": error}) from error
    return records


def _check(columns: list[str]) -> None:
    """Raise Unreadable for columns that are missing, unknown, or there twice."""
    counts = Counter(columns)
    problems = {
        _("Columns that are missing: %(names)s."): [name for name in REQUIRED if name not in counts],
        _("Columns that nobody knows: %(names)s."): _shown([name for name in counts if name not in COLUMNS]),
        _("Columns that are there twice: %(names)s."): [
            name for name, count in counts.items() if count > 1 and name in COLUMNS
        ],
    }
    told = [what % {"names": ", ".join(names)} for what, names in problems.items() if names]
    if told:
        raise Unreadable(" ".join([*told, _("There can be: %(names)s.") % {"names": ", ".join(COLUMNS)}]))


def _shown(names: list[str]) -> list[str]:
    """Return the first names as a sentence can have them: of what is no list of events, a name may be a page long."""
    printed = ["".join(letter for letter in name if letter.isprintable()) for name in names[:MOST_SHOWN]]
    shown = [name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…" for name in printed]
    return [name or _("(one without a name)") for name in shown] + ["…"] * (len(names) > MOST_SHOWN)

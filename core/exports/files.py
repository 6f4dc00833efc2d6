"""Rows as a file: CSV piece by piece, of any length; XLSX, which is written as a whole, up to so many rows."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from django.utils.text import slugify

from ..models import Event
from . import cells

PIECE = 500  # rows
MOST_IN_XLSX = 20_000  # rows: a workbook is made in memory, where so many take 50 MB and 1.5 s
WIDTH = 18  # characters of a column
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_SLUG = 60  # characters of a name of a file
BOM = "\ufeff"  # which spreadsheets need to know UTF-8


def name_of(what: str, event: Event, ending: str) -> str:
    """Return the name of a file of an event: what is in it, which event, and its day where it is."""
    slug = slugify(event.name)[:LONGEST_SLUG].strip("-") or f"event-{event.pk}"  # of a script that ASCII has not
    return f"{what}-{slug}-{event.starts_at.astimezone(ZoneInfo(event.zone)):%Y-%m-%d}.{ending}"


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield a file of RFC 4180, UTF-8 with a byte order mark; no more of it is in memory than a piece."""
    told = iter(rows)
    yield (BOM + _lines([header])).encode()
    while piece := list(islice(told, PIECE)):
        yield _lines(piece).encode()


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([cells.text(value) for value in row] for row in rows)
    return written.getvalue()


def as_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a workbook (ISO/IEC 29500) of one sheet, whose every text is text, whatever it begins with."""
    written = io.BytesIO()
    # In memory: nothing but an upload writes a file. Texts are neither formulas, numbers nor links.
    asked = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(written, asked) as book:
        bold, sheet = book.add_format({"bold": True}), book.add_worksheet(title[:31])
        for column, name in enumerate(header):
            sheet.write_string(0, column, name, bold)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                _write(sheet, number, column, value)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(header) - 1, WIDTH)
    return written.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        sheet.write_number(row, column, value)
    elif value is not None:
        # The rule for CSV as well: somebody may save the sheet as one.
        sheet.write_string(row, column, cells.text(value))

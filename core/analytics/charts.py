"""One chart: what it is about, what it says in a sentence, its numbers as a table, and as a drawing."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..drawing import Drawing, Row, over_time, side_by_side
from ..formats import grouped

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOTHING = _("Nothing of this happened in this period.")


@dataclass(frozen=True)
class Chart:
    """Numbers by row (a bar) and column (a series); `labels` are what is written below, `rows` the exact words.

    `style` is stacked, grouped or line, of charts over time; `bars` have their names above, and one series. Where
    a drawing chooses its unit by the numbers, `in_file` are the columns by name that its file has in their place; None
    is an average of nothing.
    """

    key: str
    title: str
    summary: str
    first_column: str
    series: list[str]
    rows: list[str]
    values: list[list[float]]
    style: str = "grouped"
    labels: list[str] = field(default_factory=list)
    empty: "StrOrPromise" = NOTHING
    is_whole: bool = False  # whether the rows are parts of a whole, so that percents say something
    in_file: dict[str, list[float | None]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(any(row) for row in self.values)

    @cached_property
    def drawing(self) -> Drawing:
        """The chart over time."""
        return over_time(self.labels, self.values, style=self.style)

    @cached_property
    def side(self) -> tuple[list[Row], int]:
        """The bars from left to right, and their height."""
        values = [row[0] for row in self.values]
        return side_by_side(self.rows, values, [self._told(value) for value in values])

    def _told(self, value: float) -> str:
        total = sum(row[0] for row in self.values)
        if not (total and self.is_whole):
            return grouped(value)
        return gettext("%(number)s (%(percent)d%%)") % {"number": grouped(value), "percent": round(100 * value / total)}

    @property
    def table(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The rows that have anything, with the name of each column."""
        found = zip(self.rows, self.values, strict=True)
        named = ((row, zip(self.series, values, strict=True)) for row, values in found if any(values))
        return [(row, [(name, grouped(value)) for name, value in cells]) for row, cells in named]

    @property
    def records(self) -> list[list[str]]:
        """The whole as a file has it: the header, and every row."""
        columns = list(self.in_file) or self.series
        body = zip(self.rows, zip(*self.in_file.values(), strict=True) if self.in_file else self.values, strict=True)
        return [
            [self.first_column, *columns],
            *([row, *("" if value is None else f"{value:.15g}" for value in values)] for row, values in body),
        ]

"""Where the parts of a chart are drawn. The template writes what is reckoned here, and nothing else."""

from dataclasses import dataclass
from functools import cached_property

LEFT, TOP, WIDE, HIGH = 66, 26, 654, 244  # of the drawing: where it begins, and the room it has
BOTTOM = TOP + HIGH
LABELS = 4  # written below
LAST_LABEL = LEFT + WIDE * 0.93  # behind it, a label would be cut
MOST_LINES = 5  # above the one of none
WIDEST = 56  # of one bar, while there are few
ROW = 44  # of a drawing with bars from left to right
THOUSAND = 1000
MOST_DOTS = 25  # of one line
NAMES, NUMBERS = 236, 150  # the room for their names, and for their numbers


@dataclass(frozen=True)
class Box:
    """A rectangle of one series, which count from 1."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """What one series is drawn as: the points of a line, and where one that is short has its dots."""

    series: int
    points: str
    dots: list[tuple[float, float]]


@dataclass(frozen=True)
class Drawing:
    """All of a chart over time: boxes or lines, `(y, number)` of the lines behind, `(x, text)` of what is below."""

    boxes: list[Box]
    lines: list[Line]
    grid: list[tuple[float, str]]
    labels: list[tuple[float, str]]
    left = LEFT
    right = LEFT + WIDE
    bottom = BOTTOM

    @cached_property
    def has_lines(self) -> bool:
        """Whether it is made of lines."""
        return bool(self.lines)


@dataclass(frozen=True)
class Row:
    """One bar from left to right, with its name and its number in words."""

    name: str
    told: str
    y: float
    width: float
    end: float


def easy(step: float) -> int:
    """Return the next whole number that is easy to read: 1, 2 or 5 with zeros."""
    whole = max(1, -int(-step // 1))
    power: int = 10 ** (len(str(whole)) - 1)
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= whole)


def short(number: int) -> str:
    """Return a number as a scale has room for it: 2,500 is 2.5k."""
    return f"{number / THOUSAND:g}k" if number >= THOUSAND else str(number)


def over_time(labels: list[str], values: list[list[float]], *, style: str) -> Drawing:
    """Draw values, by bar and series, as bars that are `stacked` or `grouped`, or as `line`s."""
    most = max((sum(row) if style == "stacked" else max(row, default=0) for row in values), default=0)
    step = easy(most / MOST_LINES)
    steps = max(1, -int(-most // step))
    scale, width = HIGH / (step * steps), WIDE / max(1, len(values))
    every = -(-len(labels) // LABELS)
    grid = [(round(BOTTOM - n * step * scale, 2), short(n * step)) for n in range(steps + 1)]
    middles = [round(LEFT + (n + 0.5) * width, 2) for n in range(len(labels))]
    below = [(middles[n], text) for n, text in enumerate(labels) if n % every == 0 and middles[n] < LAST_LABEL]
    boxes = [] if style == "line" else _boxes(values, scale, width, is_stacked=style == "stacked")
    lines = _lines(values, scale, width) if style == "line" else []
    return Drawing(boxes, lines, grid, below)


def _boxes(values: list[list[float]], scale: float, width: float, *, is_stacked: bool) -> list[Box]:
    room = min(width * 0.86, WIDEST)
    boxes = []
    for bar, row in enumerate(values):
        top, each = float(BOTTOM), room / (1 if is_stacked else max(1, len(row)))
        for series, value in enumerate(row, start=1):
            height = value * scale
            top = (top if is_stacked else BOTTOM) - height
            x = LEFT + bar * width + (0 if is_stacked else each * (series - 1))
            if value:
                boxes.append(Box(series, round(x, 2), round(top, 2), round(each, 2), round(height, 2)))
    return boxes


def _lines(values: list[list[float]], scale: float, width: float) -> list[Line]:
    lines = []
    for series, column in enumerate(zip(*values, strict=True), start=1):
        at = [(round(LEFT + (n + 0.5) * width, 2), round(BOTTOM - value * scale, 2)) for n, value in enumerate(column)]
        dots = at if len(at) <= MOST_DOTS else []
        lines.append(Line(series, " ".join(f"{x},{y}" for x, y in at), dots))
    return lines


def side_by_side(names: list[str], values: list[float], told: list[str]) -> tuple[list[Row], int]:
    """Draw values as bars from left to right; return them, and how high the drawing is."""
    most = max([*values, 1])
    room = LEFT + WIDE - NAMES - NUMBERS
    rows = [
        Row(name, words, n * ROW, round(value / most * room, 2), round(NAMES + value / most * room + 10, 2))
        for n, (name, value, words) in enumerate(zip(names, values, told, strict=True))
    ]
    return rows, len(rows) * ROW

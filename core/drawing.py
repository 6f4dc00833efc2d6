"""Where the parts of a chart are drawn. The template writes what is reckoned here, and nothing else.

Across, all is in percents of the room there is, and downwards in pixels: a drawing becomes wider with its page, and
neither its words nor its lines grow with it.
"""

from dataclasses import dataclass

from .formats import grouped

HIGH = 244  # pixels of a drawing over time; what is written around it has room in its margins (chart.css)
LABELS = 4  # written below
LAST_LABEL = 93  # percent; behind it, a label would be cut
MOST_LINES = 5  # above the one of none
FULL = 86  # percent of its time that a bar, or a group of them, is wide at most
WIDEST = 5  # percent of the drawing that one bar is wide at most, however few there are
ROW = 42  # pixels of a drawing with bars from left to right, of which the name is above its bar
MOST_OF_A_NAME = 30  # characters: a phone has no room for more
MILLION = 1_000_000
MOST_DOTS = 25  # of one line


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
    bottom = HIGH


@dataclass(frozen=True)
class Row:
    """One bar, in the direction that is read, with its name and its number in words above it; widths are percents."""

    name: str
    told: str
    y: int
    width: float

    @property
    def rest(self) -> float:
        """Return where it begins on a page that is read from right to left."""
        return round(100 - self.width, 2)


def easy(step: float) -> int:
    """Return the next whole number that is easy to read: 1, 2 or 5 with zeros."""
    whole = max(1, -int(-step // 1))
    power: int = 10 ** (len(str(whole)) - 1)
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= whole)


def short(number: int) -> str:
    """Return a number as a scale has room for it: 2,500 as it is, and 2,500,000 as 2,500k."""
    return f"{grouped(number // 1000)}k" if number >= MILLION else grouped(number)


def over_time(labels: list[str], values: list[list[float]], *, style: str) -> Drawing:
    """Draw values, by bar and series, as bars that are `stacked` or `grouped`, or as `line`s.

    All of one bar, its label too, is about the middle of the bar's time.
    """
    most = max((sum(row) if style == "stacked" else max(row, default=0) for row in values), default=0)
    step = easy(most / MOST_LINES)
    steps = max(1, -int(-most // step))
    scale = HIGH / (step * steps)
    grid = [(round(HIGH - n * step * scale, 2), short(n * step)) for n in range(steps + 1)]
    middles = [round(100 * (n + 0.5) / len(values), 2) for n in range(len(values))]
    every = -(-len(labels) // LABELS)
    below = [(x, text) for n, (x, text) in enumerate(zip(middles, labels, strict=True)) if n % every == 0]
    below = [(x, text) for x, text in below if x < LAST_LABEL]
    boxes = [] if style == "line" else _boxes(middles, values, scale, is_stacked=style == "stacked")
    lines = _lines(middles, values, scale) if style == "line" else []
    return Drawing(boxes, lines, grid, below)


def _boxes(middles: list[float], values: list[list[float]], scale: float, *, is_stacked: bool) -> list[Box]:
    boxes = []
    for middle, row in zip(middles, values, strict=True):
        abreast = 1 if is_stacked else max(1, len(row))
        each = min(FULL / len(values) / abreast, WIDEST)
        top = float(HIGH)
        for series, value in enumerate(row, start=1):
            height = value * scale
            top = (top if is_stacked else HIGH) - height
            x = middle - each * abreast / 2 + (0 if is_stacked else each * (series - 1))
            if value:
                boxes.append(Box(series, round(x, 2), round(top, 2), round(each, 2), round(height, 2)))
    return boxes


def _lines(middles: list[float], values: list[list[float]], scale: float) -> list[Line]:
    lines = []
    for series, column in enumerate(zip(*values, strict=True), start=1):
        at = [(x, round(HIGH - value * scale, 2)) for x, value in zip(middles, column, strict=True)]
        dots = at if len(at) <= MOST_DOTS else []
        lines.append(Line(series, " ".join(f"{x},{y}" for x, y in at), dots))
    return lines


def side_by_side(names: list[str], values: list[float], told: list[str]) -> tuple[list[Row], int]:
    """Draw values as bars, one below the other; return them, and how high the drawing is."""
    most = max([*values, 1])
    rows = [
        Row(_cut(name), words, n * ROW, round(100 * value / most, 2))
        for n, (name, value, words) in enumerate(zip(names, values, told, strict=True))
    ]
    return rows, len(rows) * ROW


def _cut(name: str) -> str:
    return name if len(name) <= MOST_OF_A_NAME else f"{name[: MOST_OF_A_NAME - 1].rstrip()}…"

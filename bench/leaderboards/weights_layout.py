"""Where everything of the headline figure stands: points, names, lines of equal score. Pure.

Rows about as large as the dense model lie on one vertical: their names stand in a column beside the
axes, in order of accuracy. All others have theirs beside their points, where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Bbox

from bench.formatting.label_places import Place, Point, Surroundings, beside, column
from bench.formatting.plotting import FONT, in_percent
from bench.leaderboards.figure_rows import wrapped
from bench.ranking.leaderboard import Row
from bench.ranking.scores import Bounds
from bench.stats.intervals import Interval
from bench.stats.score import LARGEST, SMALLEST

WIDTH, HEIGHT = 500.0, 320.0
"""Of the axes with the column of names and, at least, of the axes, in points."""
FAN, GLYPH = 34.0, 7.0
"""Width of the lines between axes and column, and of the marks in it, in points."""
SIZE, LINE = 7.5, 10.0
"""Of the letters of a name, and height of a line of it, in points."""
MARK = 6.5
"""Diameter of a point, in points."""
SLOTS = (0.0, 4.0, -4.0, 8.0, -8.0)
"""How far points are moved across, in points, so that intervals stand side by side."""
DENSE = 90.0
"""Percent of the dense model's bits from which a name stands in the column."""
LEAST = 0.1
"""Percent at which less is drawn: a logarithm has no 0."""
LEAST_TALL = 6.0
"""Percentage points of accuracy that the axis shows at least."""
STEPS, FEWEST = (0.1, 0.05, 0.02, 0.01), 4
"""Between lines of equal score: the first that gives so many."""


@dataclass(frozen=True)
class Mark:
    """A row: its capacity and accuracy, in percent, and its name on lines with their extent."""

    row: Row
    x: Interval
    y: Interval
    name: str
    extent: Point

    @classmethod
    def of(cls, row: Row) -> Mark:
        """Of a row."""
        x = Interval(*(max(v, LEAST) for v in astuple(in_percent(row.capacity))))
        name = wrapped(row.name)
        return cls(row, x, in_percent(row.accuracy), name, extent(name))


@dataclass(frozen=True)
class Canvas:
    """The axes: their limits, in percent, and their size, in points."""

    xlim: Point
    ylim: Point
    size: Point

    def place(self, x: float, y: float) -> Point:
        """Capacity and accuracy in points from the lower left corner."""
        across = math.log(x / self.xlim[0]) / math.log(self.xlim[1] / self.xlim[0])
        up = (y - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return across * self.size[0], up * self.size[1]

    def factor(self, across: float) -> float:
        """Of the capacity so many points to the right."""
        return float((self.xlim[1] / self.xlim[0]) ** (across / self.size[0]))


@dataclass(frozen=True)
class ScoreLine:
    """Where a score is reached, in points, and where it is written."""

    score: float
    places: list[Point]
    label: Bbox


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in points from the lower left corner of the axes.

    Attributes:
        points: by the label of the row.
        beside: names beside their points.
        column: names in the column and their middles, the lowest first.
        left: of the names in the column.
        lines: of equal score.
    """

    canvas: Canvas
    points: dict[str, Point]
    beside: list[tuple[Mark, Place]]
    column: list[tuple[Mark, float]]
    left: float
    lines: list[ScoreLine]


def layout_of(marks: Sequence[Mark], bounds: Bounds) -> Layout:
    """As wide as it always is, as tall as the names ask; what finds no room stands in the column.

    Args:
        marks: best first.
        bounds: between which the score measures.
    """
    listed = {mark.row.label for mark in marks if mark.x.mean >= DENSE}
    while True:
        apart = [mark for mark in marks if mark.row.label in listed]
        within = [mark for mark in marks if mark.row.label not in listed]
        canvas = _canvas(marks, apart)
        points = _side_by_side(marks, canvas)
        discs = [_around(point, MARK + 2) for point in points.values()]
        lines = score_lines(canvas, bounds, discs)
        dense = [points[m.row.label][0] for m in marks if m.x.mean >= DENSE]
        right = min([canvas.size[0], *dense]) - MARK
        around = Surroundings(
            [*discs, *(line.label for line in lines)],
            [_bar(canvas, mark, points[mark.row.label][0]) for mark in marks],
            Bbox([(2, 2), (right, canvas.size[1])]),
            MARK / 2 + 3,
        )
        places = beside(
            [points[mark.row.label] for mark in within], [m.extent for m in within], around
        )
        missed = {m.row.label for m, p in zip(within, places, strict=True) if p is None}
        if not missed:
            break
        listed |= missed
    named = [(m, place) for m, place in zip(within, places, strict=True) if place is not None]
    left = canvas.size[0] + FAN + GLYPH
    names = _column(apart, points, canvas.size[1])
    return Layout(canvas, points, named, names, left, lines)


def score_lines(canvas: Canvas, bounds: Bounds, taken: Sequence[Bbox]) -> list[ScoreLine]:
    """The lines of equal score that can be written beside what is taken.

    Beyond the accuracy of joint training they are vertical, as more is worth nothing.
    """
    if not bounds.joint > bounds.chance:
        return []
    x = np.geomspace(*canvas.xlim, 400)
    caps = np.log(LARGEST / np.clip(x / 100, SMALLEST, LARGEST)) / np.log(LARGEST / SMALLEST)
    ends = (np.array(canvas.ylim) / 100 - bounds.chance) / (bounds.joint - bounds.chance)
    low, high = np.clip(ends, 0, 1)
    lines: list[ScoreLine] = []
    for score in _scores(low * caps.min(), high * caps.max()):
        with np.errstate(divide="ignore"):
            gain = score / caps
        reached = gain <= 1
        y = 100 * (bounds.chance + gain * (bounds.joint - bounds.chance))
        places = [canvas.place(*at) for at in zip(x[reached], y[reached], strict=True)]
        if places:
            if not reached.all():
                places.append((places[-1][0], max(places[-1][1], canvas.size[1])))
            line = _written(score, places, canvas, [*taken, *(line.label for line in lines)])
            lines += [line] if line else []
    return lines


def extent(text: str) -> Point:
    """Width and height of lines of a name, in points."""
    font = FontProperties(family=FONT)
    lines = text.split("\n")
    widths = [TextPath((0, 0), line, size=SIZE, prop=font).get_extents().x1 for line in lines]
    return max(widths), LINE * len(lines)


def _canvas(marks: Sequence[Mark], listed: Sequence[Mark]) -> Canvas:
    wide = max((mark.extent[0] for mark in listed), default=0.0)
    width = WIDTH - (wide + FAN + GLYPH if listed else 0)
    height = max(HEIGHT, sum(mark.extent[1] for mark in listed))
    every = [v for mark in marks for v in astuple(mark.x) if not math.isnan(v)]
    xlim = min(1.0, min(every)) * 0.95, max(100.0, *every) * 1.22
    reach = [v for mark in marks for v in astuple(mark.y) if not math.isnan(v)]
    tall = max(reach) - min(reach)
    margin = max(0.04 * tall, (LEAST_TALL - tall) / 3)
    return Canvas(xlim, (min(reach) - margin, max(reach) + 2 * margin), (width, height))


def _column(
    listed: Sequence[Mark], points: dict[str, Point], height: float
) -> list[tuple[Mark, float]]:
    worst_first = listed[::-1]  # of equals the best stands above
    rising = sorted(worst_first, key=lambda mark: mark.y.mean)
    wanted = [points[mark.row.label][1] for mark in rising]
    middles = column([mark.extent[1] for mark in rising], wanted, (0, height))
    return list(zip(rising, middles, strict=True))


def _scores(low: float, high: float) -> list[float]:
    """Round scores between two."""
    for step in STEPS:
        found = [round(k * step, 2) for k in range(1, round(1 / step)) if low < k * step < high]
        if len(found) >= FEWEST:
            return found
    return []


def _written(
    score: float, places: list[Point], canvas: Canvas, taken: Sequence[Bbox]
) -> ScoreLine | None:
    """The line from behind its label on, which stands where it comes into view."""
    size = extent(f"{score:g}")
    for i, (x, y) in enumerate(places):
        label = Bbox.from_bounds(x - size[0] / 2, y - size[1] / 2, *size)
        inside = label.x0 >= 2 and label.y0 >= 2 and label.y1 <= canvas.size[1] - 2
        if inside and label.x1 <= canvas.size[0] and not label.count_overlaps(list(taken)):
            rest = [place for place in places[i:] if not label.padded(1).contains(*place)]
            return ScoreLine(score, rest, label)
    return None


def _around(point: Point, diameter: float) -> Bbox:
    return Bbox.from_bounds(point[0] - diameter / 2, point[1] - diameter / 2, diameter, diameter)


def _bar(canvas: Canvas, mark: Mark, x: float) -> Bbox:
    """The interval of a row's accuracy, at least as long as its mark is."""
    low, high = (mark.y.mean if math.isnan(v) else v for v in (mark.y.low, mark.y.high))
    middle, bottom, top = (canvas.place(1, v)[1] for v in (mark.y.mean, low, high))
    bottom, top = min(bottom, middle - MARK / 2), max(top, middle + MARK / 2)
    return Bbox([(x - 1, bottom), (x + 1, top)])


def _side_by_side(marks: Sequence[Mark], canvas: Canvas) -> dict[str, Point]:
    """The points, moved across where intervals would cover each other: less than a mark or so."""
    points: dict[str, Point] = {}
    bars: list[Bbox] = []
    for mark in marks:
        x, y = canvas.place(mark.x.mean, mark.y.mean)
        tried = [_bar(canvas, mark, x + slot) for slot in SLOTS]
        covered = [bar.count_overlaps(bars) for bar in tried]
        best = covered.index(min(covered))
        bars.append(tried[best])
        points[mark.row.label] = (x + SLOTS[best], y)
    return points

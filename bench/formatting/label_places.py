"""Where the names of points stand: near them, covering neither a point nor each other. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from scipy.optimize import isotonic_regression

Point = tuple[float, float]
Array = npt.NDArray[np.float64]
ANGLES = [0, 180, 90, 270, 45, 315, 135, 225, 22.5, 337.5, 157.5, 202.5, 67.5, 292.5, 112.5, 247.5]
"""Degrees at which a name may stand from its point, those first that read best."""
STEP, FURTHEST = 7.0, 18
"""Distance between two rings of places, and how many there are."""
GAP = 2.0
"""Least distance of two names on one line, in points."""
BAR, CROSSING = 9.0, 90.0
"""What it costs to cover a bar, and to lead a line over a point or a line."""
MISSED = 400.0
"""What it costs to find no place."""
ORDERS = 10
"""How many are tried in which names choose their places."""


@dataclass(frozen=True)
class Place:
    """Where a name stands, and where a line to its point would begin."""

    box: Bbox
    near: Point


@dataclass(frozen=True)
class Surroundings:
    """What names keep clear of.

    Attributes:
        taken: what no name may cover: points, other writing.
        bars: what a name had better not cover.
        within: where names may stand.
        clear: least distance of a name from the middle of its point.
    """

    taken: Sequence[Bbox]
    bars: Sequence[Bbox]
    within: Bbox
    clear: float

    @cached_property
    def corners(self) -> Array:
        """Of `taken`."""
        return _corners(self.taken)

    @cached_property
    def bar_corners(self) -> Array:
        """Of `bars`."""
        return _corners(self.bars)


def beside(
    points: Sequence[Point], sizes: Sequence[Point], around: Surroundings
) -> list[Place | None]:
    """A place for each name, near its point; None if the names that chose before leave none.

    Of the orders in which they may choose it is the one that costs least of ORDERS: as given, and
    at random, but those first that found no place the last time.

    Args:
        points: one for each name.
        sizes: width and height of each name.
        around: what they keep clear of.
    """
    rng = np.random.default_rng(0)
    offers = [Offers(*each, around) for each in zip(points, sizes, strict=True)]
    order = list(range(len(points)))
    best, least = dict[int, Place](), math.inf
    for _ in range(ORDERS):
        cost, found = _in_order(order, points, offers)
        if cost < least:
            best, least = found, cost
        order = sorted(map(int, rng.permutation(order)), key=lambda i: i in found)
    return [best.get(i) for i in range(len(points))]


class Offers:
    """The places that a name may choose, the nearest first: distance, place, and cost but for it.

    Of the cost, what names that chose before add is missing. The rest is reckoned once for all
    orders, and as far as anybody asks.
    """

    def __init__(self, point: Point, size: Point, around: Surroundings) -> None:
        self._known: list[tuple[float, Place, float]] = []
        self._rest = (
            (distance, place, _cost(point, place, around))
            for distance, place in _candidates(point, size, around.clear)
        )

    def __iter__(self) -> Iterator[tuple[float, Place, float]]:
        yield from self._known
        for offer in self._rest:
            self._known.append(offer)
            yield offer


def _in_order(
    order: Sequence[int], points: Sequence[Point], offers: Sequence[Offers]
) -> tuple[float, dict[int, Place]]:
    """What it costs that names choose in this order, and what they choose."""
    found: dict[int, Place] = {}
    total = 0.0
    for i in order:
        others = Others(
            [place.box.padded(GAP, 0) for place in found.values()],
            [Path([points[k], place.near]) for k, place in found.items()],
        )
        best, least = None, MISSED
        for distance, place, alone in offers[i]:
            if distance >= least:
                break
            cost = distance + alone
            if cost < least:
                cost += others.cost(points[i], place)
            if cost < least:
                best, least = place, cost
        total += least
        if best is not None:
            found[i] = best
    return total, found


@dataclass(frozen=True)
class Others:
    """Names that have a place, with some room, and the lines to their points."""

    names: Sequence[Bbox]
    lines: Sequence[Path]

    @cached_property
    def name_corners(self) -> Array:
        """Of the names."""
        return _corners(self.names)

    @cached_property
    def line_corners(self) -> Array:
        """Of the boxes about the lines."""
        return _corners([_about(line) for line in self.lines])

    def cost(self, point: Point, place: Place) -> float:
        """What a place costs beside them; infinite if it must not be."""
        box = place.box
        if _which(box, self.name_corners).size:  # most places end here
            return math.inf
        line = Path([point, place.near])
        about = _about(line)
        if any(line.intersects_bbox(self.names[k]) for k in _which(about, self.name_corners)):
            return math.inf
        if any(self.lines[k].intersects_bbox(box) for k in _which(box, self.line_corners)):
            return math.inf
        near = _which(about, self.line_corners)
        return CROSSING * sum(line.intersects_path(self.lines[k]) for k in near)


def column(heights: Sequence[float], wanted: Sequence[float], within: Point) -> list[float]:
    """Middles of names below each other, as near to those that are wanted as can be.

    Args:
        heights: of the names, the lowest first; together they have to fit.
        wanted: middle of each, ascending.
        within: lower and upper end of the column.
    """
    if not heights:
        return []
    below = np.cumsum(heights) - np.array(heights) / 2  # the middles, were all at the bottom
    lifted = isotonic_regression(np.array(wanted) - below).x
    fitting = np.clip(lifted, within[0], within[1] - sum(heights))
    return [float(v) for v in fitting + below]


def _candidates(point: Point, size: Point, clear: float) -> Iterator[tuple[float, Place]]:
    """Rings of places around a point, and what each costs by its distance."""
    for ring in range(FURTHEST):
        away = clear + ring * STEP
        for order, angle in enumerate(ANGLES):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            near = point[0] + away * across, point[1] + away * up
            middle = near[0] + size[0] / 2 * _side(across), near[1] + size[1] / 2 * _side(up)
            left, bottom = middle[0] - size[0] / 2, middle[1] - size[1] / 2
            box = Bbox.from_bounds(left, bottom, *size)
            yield ring * STEP + order * STEP / len(ANGLES), Place(box, near)


def _side(share: float) -> float:
    """Which way a name lies from where it begins: -1 to 1."""
    return max(-1.0, min(1.0, 1.5 * share))


def _cost(point: Point, place: Place, around: Surroundings) -> float:
    """What a place costs were there no other name; infinite if it must not be."""
    box, within = place.box, around.within
    if (
        box.x0 < within.x0 or box.x1 > within.x1 or box.y0 < within.y0 or box.y1 > within.y1
        or _which(box, around.corners).size
    ):  # fmt: skip
        return math.inf
    line = Path([point, place.near])
    near = [around.taken[k] for k in _which(_about(line), around.corners)]
    over = [one for one in near if not one.contains(*point) and line.intersects_bbox(one)]
    return BAR * _which(box, around.bar_corners).size + CROSSING * len(over)


def _about(line: Path) -> Bbox:
    """The box about a line: what does not overlap it cannot meet the line."""
    ends = np.asarray(line.vertices, dtype=float)
    return Bbox([ends.min(axis=0), ends.max(axis=0)])


def _corners(boxes: Sequence[Bbox]) -> Array:
    """(n, 4): left, bottom, right and top of each."""
    return np.array([one.extents for one in boxes], dtype=float).reshape(-1, 4)


def _which(box: Bbox, corners: Array) -> npt.NDArray[np.intp]:
    """Which of the boxes with these corners it overlaps, by their number."""
    left, bottom, right, top = corners.T
    across = (left <= box.x1) & (right >= box.x0)
    return np.flatnonzero(across & (bottom <= box.y1) & (top >= box.y0))

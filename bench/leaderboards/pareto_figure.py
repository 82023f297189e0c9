"""The headline of a leaderboard: weights used against accuracy, every row by its number.

Rows that use nearly all weights stand side by side in a band of their own, best first; a disc that
would cover another stands beside its point, with a line to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import count

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from bench.formatting.plotting import INK, ends, in_percent, style
from bench.leaderboards.figure_rows import Entry, entries_of, title, wrapped
from bench.ranking.leaderboard import Leaderboard
from bench.stats.intervals import Interval, mean_interval

POINTS = 72
"""To the inch."""
DISC = 12.5
"""Diameter of the mark of a row, in points."""
DECADE, HEIGHT = 92.0, 300.0
"""Width of a factor of ten in weights, and height of the axes, in points."""
LINE, NAMES = 10.8, 190.0
"""Height of a line of names and width of their column, in points."""
LEFT, BELOW, ABOVE = 48.0, 42.0, 44.0
"""Margins, in points."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
NOTE = "dark and bold: on the Pareto front,\ndashed; a line leads from a disc\nto its point"
DENSE = 95.0
"""Percent of the weights from which a row stands in the band."""
LEAST = 0.05
"""Percent of the weights at which fewer are drawn: a logarithm has no 0."""
PALE = "#e3e3e3"
"""Discs of rows behind the Pareto front; those on it are dark."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """A row: share of the weights used and accuracy, both in percent."""

    entry: Entry
    x: Interval
    y: Interval

    @classmethod
    def of(cls, entry: Entry) -> Mark:
        """Of the row's runs."""
        shares = [one.weights for one in entry.row.scores.values()]
        used = mean_interval(shares, within=(0, max(1.0, *shares)))
        x = in_percent(used)
        return cls(entry, replace(x, mean=max(x.mean, LEAST)), in_percent(entry.row.accuracy))


@dataclass(frozen=True)
class Layout:
    """Where the axes end, their size in points, where the band begins, and where the discs stand.

    Attributes:
        places: of each mark's point and disc, in points from the lower left corner.
        discs: of each mark's point and disc, in points from the lower left corner.
    """

    left: float
    ylim: tuple[float, float]
    size: Point
    band: float
    places: list[Point]
    discs: list[Point]

    @classmethod
    def of(cls, marks: Sequence[Mark]) -> Layout:
        """As wide as the weights and the band ask, as tall as the names do."""
        left = min(10.0, max(LEAST, 0.8 * min(mark.x.mean for mark in marks)))
        reach = [v for mark in marks for v in astuple(mark.y) if not math.isnan(v)]
        ylim = max(0, math.floor(min(reach)) - 3), min(102, math.ceil(max(reach)) + 3)
        lines = sum(wrapped(mark.entry.name).count("\n") + 1 for mark in marks)
        height = max(HEIGHT, LINE * (lines + 3))
        band = math.log10(100 / left) * DECADE + DISC / 2
        dense = sorted((m for m in marks if m.x.mean >= DENSE), key=lambda mark: -mark.y.mean)
        column = {id(mark): band + (k + 1) * DISC for k, mark in enumerate(dense)}
        places = [
            (
                column.get(id(mark), math.log10(mark.x.mean / left) * DECADE),
                (mark.y.mean - ylim[0]) * height / (ylim[1] - ylim[0]),
            )
            for mark in marks
        ]
        width = band + (len(dense) + 1) * DISC if dense else band
        return cls(left, ylim, (width, height), band, places, apart(places, DISC, (width, height)))

    def data(self, place: Point) -> Point:
        """A place in points in the units of the axes."""
        rise = (self.ylim[1] - self.ylim[0]) / self.size[1]
        return self.left * 10 ** (place[0] / DECADE), self.ylim[0] + place[1] * rise


def weights_figure(leaderboard: Leaderboard) -> Figure | None:
    """Accuracy against the share of weights used, log scale, with intervals, and the front.

    None without a run that did not fail.
    """
    shown = [one for one in entries_of(leaderboard) if one.row.failed < len(one.row.runs)]
    if not shown:
        return None
    marks = [
        Mark.of(one) for one in sorted(shown, key=lambda one: one.row.non_domination_rank != 1)
    ]
    layout = Layout.of(marks)  # the front first: its discs stand where they are
    figure, axes = _axes(leaderboard, layout)
    _front(axes, marks, layout)
    _discs(axes, marks, layout)
    _names(axes, shown)
    return figure


def apart(places: Sequence[Point], diameter: float, within: Point) -> list[Point]:
    """Where discs stand that cover neither each other nor the place of another, as near as can be.

    The first stands at its place; the others too where that is free.

    Args:
        within: the upper right corner, beyond which no disc is moved.
    """
    discs: list[Point] = []
    for i, place in enumerate(places):
        taken = [*discs, *places[i + 1 :]]
        for found in _around(place, diameter, within):
            here = discs if found == place else taken
            if all(math.dist(found, other) >= diameter for other in here):
                discs.append(found)
                break
    return discs


def _around(place: Point, diameter: float, within: Point) -> Iterator[Point]:
    """The place, rings of places around it, and at last what lies to the right of everything."""
    yield place
    for ring in range(3, 3 + int(2 * max(within) / diameter)):
        for k in range(16):
            angle = 2 * math.pi * (k + 0.5) / 16
            away = ring * diameter / 2
            x, y = place[0] + away * math.cos(angle), place[1] + away * math.sin(angle)
            if 0 <= x <= within[0] and 0 <= y <= within[1]:
                yield x, y
    yield from ((within[0] + step * diameter, place[1]) for step in count(1))


def _axes(leaderboard: Leaderboard, layout: Layout) -> tuple[Figure, Axes]:
    width, height = layout.size
    whole = (LEFT + width + NAMES, BELOW + height + ABOVE)
    with style():
        figure = Figure(figsize=(whole[0] / POINTS, whole[1] / POINTS))
        axes = figure.add_axes(
            (LEFT / whole[0], BELOW / whole[1], width / whole[0], height / whole[1])
        )
        axes.set_title(title(leaderboard, "means with 95 % intervals"), fontsize=9, loc="left")
    axes.set_xscale("log")
    axes.set(xlim=(layout.left, layout.data(layout.size)[0]), ylim=layout.ylim)
    axes.xaxis.set_major_locator(
        FixedLocator(
            [
                v
                for v in TICKS
                if layout.left <= v < (DENSE if layout.size[0] > layout.band else 101)
            ]
        )
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("weights used, % of the model's, log scale", fontsize=8.5)
    axes.set_ylabel("final average accuracy, %", fontsize=8.5)
    if layout.size[0] > layout.band:
        band = layout.data((layout.band, 0))[0]
        axes.axvspan(band, axes.get_xlim()[1], color="0.5", alpha=0.12, zorder=0, linewidth=0)
        axes.annotate(
            f"{DENSE:g} or more, best first", ((layout.band + width) / 2 / width, 0), (0, -12),
            xycoords="axes fraction", textcoords="offset points", ha="center", va="center",
            fontsize=8, color="#262626", annotation_clip=False,
        )  # fmt: skip
    return figure, axes


def _discs(axes: Axes, marks: Sequence[Mark], layout: Layout) -> None:
    """The marks with their intervals; a line leads from a disc that stands beside its point."""
    at = np.array([layout.data(place) for place in layout.places])
    own = at[:, 0] / [mark.x.mean for mark in marks]  # in the band the interval moves along
    least = [replace(mark.x, low=max(mark.x.low, LEAST)) for mark in marks]  # logarithms end
    axes.errorbar(
        at[:, 0], at[:, 1], yerr=np.hstack([ends(mark.y) for mark in marks]),
        xerr=np.hstack([ends(x) for x in least]) * own, linestyle="none", ecolor=INK,
        elinewidth=0.8, capsize=2, alpha=0.7, zorder=2.5,
    )  # fmt: skip
    for mark, place, disc in zip(marks, layout.places, layout.discs, strict=True):
        front, point, stands = (
            mark.entry.row.non_domination_rank == 1,
            layout.data(place),
            layout.data(disc),
        )
        if disc != place:
            axes.plot(
                *zip(point, stands, strict=True), color=INK, linewidth=0.8, clip_on=False,
                zorder=2.8,
            )  # fmt: skip
            under = any(math.dist(place, other) < DISC / 3 for other in layout.discs)
            axes.plot(
                *point, "" if under else ".", color=INK, markersize=6.5, markeredgecolor="#ffffff",
                markeredgewidth=0.6, clip_on=False, zorder=4.5,
            )  # fmt: skip
        axes.plot(
            *stands, "o" if mark.entry.row.ranked else "s", label=mark.entry.name,
            markersize=DISC, markerfacecolor=INK if front else PALE, markeredgecolor=INK,
            markeredgewidth=0.8 if disc == place else 0.3, clip_on=False, zorder=4 if front else 3,
        )  # fmt: skip
        axes.annotate(
            mark.entry.number, stands, ha="center", va="center", fontsize=7.5,
            color="#ffffff" if front else "#000000", zorder=5, annotation_clip=False,
        )  # fmt: skip


def _front(axes: Axes, marks: Sequence[Mark], layout: Layout) -> None:
    """The steps between the rows of the front: as accurate as the best with so few weights."""
    front = [mark for mark in marks if mark.entry.row.non_domination_rank == 1]
    corners = sorted((mark.x.mean, mark.y.mean) for mark in front if mark.x.mean < DENSE)
    dense = [mark.y.mean for mark in front if mark.x.mean >= DENSE]
    if dense:
        corners.append((layout.data((layout.band, 0))[0], max(dense)))
    if corners:
        x, y = zip(*corners, (axes.get_xlim()[1], corners[-1][1]), strict=True)
        axes.step(x, y, where="post", color="0.35", linestyle=(0, (5, 2)), linewidth=1, zorder=2)


def _names(axes: Axes, shown: Sequence[Entry]) -> None:
    """The column of names beside the axes, those of the front in bold."""
    down = 0.0
    with style():
        for number, name, weight in [
            ("", NOTE, "normal"),
            *(
                (e.number, wrapped(e.name), "bold" if e.row.non_domination_rank == 1 else "normal")
                for e in shown
            ),
        ]:
            for text, across, side in ((number, 22, "right"), (name, 27, "left")):
                axes.annotate(
                    text, (1, 1), (across, -down), xycoords="axes fraction",
                    textcoords="offset points", ha=side, va="top", fontsize=7.5, fontweight=weight,
                    color="#262626", annotation_clip=False,
                )  # fmt: skip
            down += LINE * (name.count("\n") + 1) + (0 if number else LINE)

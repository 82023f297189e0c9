"""The headline of a leaderboard: weights used against accuracy, every row by its number.

Discs that would cover each other stand side by side; to the right of all weights there is nothing
else, and it is shaded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from bench.board_rows import Entry, entries_of, title, wrapped
from bench.board_style import INK, ends, in_percent, style
from bench.ranking import Leaderboard
from bench.stats import Interval
from bench.wording import share_interval

POINTS = 72
"""To the inch."""
DISC = 12.5
"""Diameter of the mark of a row, in points."""
DECADE, HEIGHT = 92.0, 300.0
"""Width of a factor of ten in weights, and height of the axes, in points."""
LINE, NAMES = 10.8, 190.0
"""Height of a line of names and width of their column, in points."""
LEFT, BELOW, ABOVE = 48.0, 42.0, 34.0
"""Margins, in points."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
NOTE = "dark and bold: on the Pareto front;\nside by side: would cover each other"
PALE = "#e3e3e3"
"""Discs of rows behind the Pareto front; those on it are dark."""

Point = tuple[float, float]


def weights_figure(board: Leaderboard) -> Figure | None:
    """Accuracy against the share of weights used, log scale, with intervals, and the front.

    A row is a disc with its number; discs that would cover each other stand side by side. None
    without a run that did not fail.
    """
    shown = [one for one in entries_of(board) if one.row.failed < len(one.row.runs)]
    if not shown:
        return None
    shown.sort(key=lambda one: one.row.layer != 1)  # the front stands where it is
    used = [in_percent(share_interval([m.weights for m in e.row.measured.values()])) for e in shown]
    reached = [in_percent(e.row.accuracy) for e in shown]
    left = math.log10(max(0.05, 0.8 * min(x.mean for x in used)))
    left = min(left, 1.0)  # at least a decade
    lowest = max(0.0, math.floor(min(_low(y) for y in reached)) - 3)
    highest = min(102, math.ceil(max(_high(y) for y in reached)) + 3)
    lines = [wrapped(e.name).count("\n") + 1 for e in shown]
    height = max(HEIGHT, LINE * (sum(lines) + 3))
    rise = height / (highest - lowest)
    places = [
        ((math.log10(x.mean) - left) * DECADE, (y.mean - lowest) * rise)
        for x, y in zip(used, reached, strict=True)
    ]
    shifts = side_by_side(places, DISC)
    right = max(x + shift for (x, _), shift in zip(places, shifts, strict=True)) + DISC
    width = max(right, (2 - left) * DECADE + DISC)
    figure, axes = _axes(board, width, height)
    axes.set_xscale("log")
    axes.set(xlim=(10**left, 10 ** (left + width / DECADE)), ylim=(lowest, highest))
    _front(axes, board)
    beside = [10 ** (shift / DECADE) for shift in shifts]
    at = [x.mean * factor for x, factor in zip(used, beside, strict=True)]
    least = [Interval(x.mean, max(x.low, 0.05), x.high) for x in used]  # a logarithm ends somewhere
    axes.errorbar(
        at, [y.mean for y in reached], yerr=np.hstack([ends(y) for y in reached]),
        xerr=np.hstack([ends(x) for x in least]) * beside, linestyle="none", ecolor=INK,
        elinewidth=0.8, capsize=2, alpha=0.7, zorder=2.5,
    )  # fmt: skip
    for entry, x, y in zip(shown, at, reached, strict=True):
        _disc(axes, entry, x, y.mean)
    axes.xaxis.set_major_locator(FixedLocator([v for v in TICKS if v >= 10**left]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("weights used, % of all, log scale", fontsize=8.5)
    axes.set_ylabel("final average accuracy, %", fontsize=8.5)
    axes.axvspan(100, axes.get_xlim()[1], color="0.5", alpha=0.12, zorder=0, linewidth=0)
    _names(axes, sorted(shown, key=lambda one: (not one.row.ranked, len(one.number), one.number)))
    return figure


def side_by_side(places: Sequence[Point], diameter: float) -> list[float]:
    """How far to the right each disc is moved so that it covers none of those before it."""
    shifts: list[float] = []
    for i, (x, y) in enumerate(places):
        taken = [(a + shift, b) for (a, b), shift in zip(places[:i], shifts, strict=True)]
        shift = 0.0
        while any(math.hypot(x + shift - a, y - b) < diameter for a, b in taken):
            shift += diameter / 4
        shifts.append(shift)
    return shifts


def _axes(board: Leaderboard, width: float, height: float) -> tuple[Figure, Axes]:
    whole = (LEFT + width + NAMES, BELOW + height + ABOVE)
    with style():
        figure = Figure(figsize=(whole[0] / POINTS, whole[1] / POINTS))
        axes = figure.add_axes(
            (LEFT / whole[0], BELOW / whole[1], width / whole[0], height / whole[1])
        )
        axes.set_title(title(board, "means with 95 % intervals"), fontsize=9, loc="left")
        sns.despine(ax=axes)
    return figure, axes


def _disc(axes: Axes, entry: Entry, x: float, y: float) -> None:
    front = entry.row.layer == 1
    axes.plot(
        [x], [y], "o" if entry.row.ranked else "s", label=entry.name, markersize=DISC,
        markerfacecolor=INK if front else PALE, markeredgecolor=INK, markeredgewidth=0.8,
        clip_on=False, zorder=4 if front else 3,
    )  # fmt: skip
    axes.annotate(
        entry.number, (x, y), ha="center", va="center", fontsize=7.5,
        color="#ffffff" if front else "#000000", zorder=5, annotation_clip=False,
    )  # fmt: skip


def _front(axes: Axes, board: Leaderboard) -> None:
    """The steps between the rows of the front: as accurate as the best with so few weights."""
    front = sorted((r.mean.weights, r.mean.accuracy) for r in board.rows if r.layer == 1)
    if front:
        shares = [*(100 * share for share, _ in front), 10 ** math.log10(axes.get_xlim()[1])]
        reached = [*(100 * accuracy for _, accuracy in front), 100 * front[-1][1]]
        axes.step(shares, reached, where="post", color="0.55", linewidth=1, zorder=2)


def _names(axes: Axes, shown: Sequence[Entry]) -> None:
    """The column of names beside the axes, those of the front in bold."""
    down = 0.0
    with style():
        for number, name, weight in [
            (
                "",
                "dark and bold: on the Pareto front;\nside by side: would cover each other",
                "normal",
            ),
            *((e.number, wrapped(e.name), "bold" if e.row.layer == 1 else "normal") for e in shown),
        ]:
            for text, across, side in ((number, 22, "right"), (name, 27, "left")):
                axes.annotate(
                    text, (1, 1), (across, -down), xycoords="axes fraction",
                    textcoords="offset points", ha=side, va="top", fontsize=7.5, fontweight=weight,
                    color="#262626", annotation_clip=False,
                )  # fmt: skip
            down += LINE * (name.count("\n") + 1) + (0 if number else LINE / 2)


def _low(found: Interval) -> float:
    return found.mean if np.isnan(found.low) else found.low


def _high(found: Interval) -> float:
    return found.mean if np.isnan(found.high) else found.high

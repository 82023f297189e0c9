"""The headline of a leaderboard: accuracy against capacity, every row by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from bench.formatting.label_places import Point
from bench.formatting.numbers import percent
from bench.formatting.plotting import FAMILY_COLOURS, TEXT, ends, style
from bench.leaderboards.figure_rows import drawn_rows, title
from bench.leaderboards.weights_layout import (
    GLYPH,
    MARK,
    SIZE,
    WIDTH,
    Canvas,
    Layout,
    Mark,
    layout_of,
)
from bench.leaderboards.without_inputs import best_rule
from bench.ranking.leaderboard import Leaderboard, Row
from strategies.entry import FAMILIES

POINTS = 72
"""To the inch."""
LEFT, RIGHT, BELOW, ABOVE = 42.0, 6.0, 36.0, 8.0
"""Margins of the axes, in points."""
HEADING, LEGEND = 12.5, 13.0
"""Height of a line of the title and of the legends, in points."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SHAPES = {"no examples stored": "o", "examples stored": "s", "examples not counted": "^"}
"""The marker of a row, by what it keeps."""
FAINT, GREY = "#cccccc", "#808080"
"""Of lines of equal score, and of what is written on them."""


def weights_figure(leaderboard: Leaderboard) -> Figure | None:
    """Accuracy against capacity, log scale, with intervals and lines of equal score.

    None without a run that did not fail.
    """
    marks = [Mark.of(row) for row in drawn_rows(leaderboard) if row.failed < len(row.runs)]
    if not marks:
        return None
    layout = layout_of(marks, leaderboard.bounds)
    figure, axes = _axes(leaderboard, layout.canvas)
    _score_lines(axes, layout)
    for mark in reversed(marks):  # the best in front
        _point(axes, mark, layout)
    _names(axes, layout)
    _legends(figure, [mark.row for mark in marks], lines=bool(layout.lines))
    return figure


def kept(row: Row) -> str:
    """Whether it stores training examples, as a key of SHAPES."""
    stored = row.mean.stored_examples
    if math.isnan(stored):
        return "examples not counted"
    return "examples stored" if stored > 0 else "no examples stored"


def marker(row: Row) -> dict[str, Any]:
    """How the point of a row is drawn: coloured by family, shaped by what it keeps, open if it is
    an upper bound.
    """
    colour = FAMILY_COLOURS[row.family]
    return {
        "marker": SHAPES[kept(row)],
        "markersize": MARK,
        "markerfacecolor": colour if row.ranked else "none",
        "markeredgecolor": TEXT if row.ranked else colour,
        "markeredgewidth": 0.5 if row.ranked else 1.4,
        "linestyle": "none",
    }


def _axes(leaderboard: Leaderboard, canvas: Canvas) -> tuple[Figure, Axes]:
    above = title(leaderboard, "means with 95 % intervals, side by side where they overlap,")
    top = ABOVE + HEADING * (above.count("\n") + 1) + 2 * LEGEND + 8
    width, height = LEFT + WIDTH + RIGHT, BELOW + canvas.size[1] + top
    with style("ticks"):
        figure = Figure(figsize=(width / POINTS, height / POINTS))
        axes = figure.add_axes(
            (LEFT / width, BELOW / height, canvas.size[0] / width, canvas.size[1] / height)
        )
        figure.suptitle(
            above, x=LEFT / width, y=1 - ABOVE / height, ha="left", va="top", fontsize=9
        )
    axes.set_xscale("log")
    axes.set(xlim=canvas.xlim, ylim=canvas.ylim)
    axes.xaxis.set_major_locator(FixedLocator([v for v in TICKS if _within(v, canvas.xlim)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(labelsize=8, length=3)
    axes.set_xlabel("capacity, % of the dense model's bits, log scale", fontsize=8.5)
    nights = leaderboard.nights
    axes.set_ylabel(f"{'accuracy by day' if nights else 'final average accuracy'}, %", fontsize=8.5)
    if nights:
        _floor(axes, best_rule(leaderboard), canvas)
    return figure, axes


def _floor(axes: Axes, best: tuple[str, float], canvas: Canvas) -> None:
    """The best rule that sees no input."""
    rule, share = best
    if _within(100 * share, canvas.ylim):
        axes.axhline(100 * share, color=GREY, linewidth=0.8, linestyle=":", zorder=1.2)
        up = canvas.place(canvas.xlim[0], 100 * share)[1]
        _write(
            axes,
            f"without inputs: {rule}, {percent(share)} %",
            (canvas.size[0] - 4, up + 6),
            "right",
            GREY,
        )


def _within(value: float, limits: Point) -> bool:
    return limits[0] <= value <= limits[1]


def _score_lines(axes: Axes, layout: Layout) -> None:
    """Faint, each with its score where it comes into view."""
    for line in layout.lines:
        across, up = np.array(line.places).T / np.array(layout.canvas.size)[:, None]
        axes.plot(
            across, up, color=FAINT, linewidth=0.8, zorder=1, transform=axes.transAxes,
        )  # fmt: skip
        middle = ((line.label.x0 + line.label.x1) / 2, (line.label.y0 + line.label.y1) / 2)
        _write(axes, f"{line.score:g}", middle, ha="center", color=GREY)


def _point(axes: Axes, mark: Mark, layout: Layout) -> None:
    """A row with its intervals."""
    moved = layout.points[mark.row.label][0] - layout.canvas.place(mark.x.mean, mark.y.mean)[0]
    factor = layout.canvas.factor(moved)
    x, y = mark.x.mean * factor, mark.y.mean
    axes.errorbar(
        x, y, xerr=ends(mark.x) * factor, yerr=ends(mark.y), linestyle="none",
        ecolor=FAMILY_COLOURS[mark.row.family], elinewidth=1, alpha=0.7, zorder=2,
    )  # fmt: skip
    axes.plot(x, y, label=mark.row.name, zorder=4, clip_on=False, **marker(mark.row))


def _names(axes: Axes, layout: Layout) -> None:
    """Those beside their points, and those in the column, each behind its mark."""
    canvas = layout.canvas
    for mark, place in layout.beside:
        box = place.box
        _leader(axes, layout, mark, place.near, GREY)
        _write(axes, mark.name, (box.x0, (box.y0 + box.y1) / 2))
    for mark, middle in layout.column:
        glyph = (layout.left - GLYPH, middle)
        _leader(axes, layout, mark, glyph, FAMILY_COLOURS[mark.row.family])
        across, up = glyph[0] / canvas.size[0], middle / canvas.size[1]
        axes.plot(across, up, transform=axes.transAxes, zorder=4, clip_on=False, **marker(mark.row))
        _write(axes, mark.name, (layout.left, middle))


def _leader(axes: Axes, layout: Layout, mark: Mark, to: Point, colour: str) -> None:
    """A thin line from a point to its name, if there is a way to go."""
    point = layout.points[mark.row.label]
    if math.dist(point, to) > MARK:
        x, y = np.array([point, to]).T / np.array(layout.canvas.size)[:, None]
        axes.plot(
            x, y, color=colour, linewidth=0.6, zorder=1.5,
            clip_on=False, transform=axes.transAxes,
        )  # fmt: skip


def _write(axes: Axes, text: str, at: Point, ha: str = "left", color: str = TEXT) -> None:
    with style():
        axes.annotate(
            text, at, xycoords="axes points", ha=ha, va="center", fontsize=SIZE, color=color,
            linespacing=1.1, annotation_clip=False, zorder=3,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.7, "pad": 0.3},
        )  # fmt: skip


def _legends(figure: Figure, rows: Sequence[Row], *, lines: bool) -> None:
    """A line of colours by family above one of shapes, of what is there."""
    families = [
        _handle(family, FAMILY_COLOURS[family])
        for family in FAMILIES
        if any(row.family == family for row in rows)
    ]
    found = {kept(row) for row in rows}
    others = [_handle(name, GREY, marker=SHAPES[name]) for name in SHAPES if name in found]
    if not all(row.ranked for row in rows):
        others.append(_handle("open: upper bound", "none"))
    if lines:
        others.append(Line2D([], [], color=FAINT, linewidth=1, label="equal score"))
    width, height = figure.get_size_inches() * POINTS
    for up, handles in ((LEGEND, families), (0.0, others)):
        top = 1 - (height - figure.axes[0].get_position().y1 * height - 6 - 2 * LEGEND) / height
        figure.legend(
            handles=handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=8,
            bbox_to_anchor=((LEFT - 2) / width, top - (LEGEND - up) / height), borderaxespad=0,
            borderpad=0, handletextpad=0.3, columnspacing=1.4, handlelength=1.2,
        )  # fmt: skip


def _handle(name: str, colour: str, marker: str = "o") -> Line2D:
    return Line2D(
        [], [], linestyle="none", label=name, marker=marker, markersize=MARK,
        markerfacecolor=colour, markeredgecolor=TEXT, markeredgewidth=0.5,
    )  # fmt: skip

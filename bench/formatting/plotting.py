"""How every figure looks: style, colours, panels, and how it is saved.

The figures of a leaderboard are readable in grey, on light and dark pages: they have one ink, or
the colours of FAMILY_COLOURS; those of papers, studies and strategies have the colours of COLOURS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.stats.intervals import Interval
from strategies.entry import Family

INK = "#01527f"
"""Of what a figure of a leaderboard is about; everything else is grey."""
TEXT, FONT = "#262626", "DejaVu Sans"
"""Colour and font of all that is written in a figure of a leaderboard."""
COLOURS = tuple(sns.color_palette("colorblind"))
"""Told apart by the colour-blind; use a marker, line or hatch beside it for print in grey."""

FAMILY_COLOURS: Mapping[Family, str] = {
    "sparse": "#1f7cc4",
    "sleep": "#a3174f",
    "replay": "#efb636",
    "regularised": "#44aa77",
    "plain": "#333333",
}
"""Told apart by the colour-blind, and in grey, where no two are equally light."""

COLUMNS = 4
"""Panels side by side."""
SIDE, TOP, FOOT, GAP = 0.7, 0.78, 0.48, 0.14
"""Inches at the left, above and below the panels, and between them."""
TITLE = 0.14
"""Inches of a line of a panel's title."""

Array = npt.NDArray[np.float64]


def style(background: str = "whitegrid") -> AbstractContextManager[None]:
    """The context in which axes of a leaderboard and their text are made: no frame at top or right.

    Args:
        background: `whitegrid`, or `ticks` for no grid.
    """
    return mpl.rc_context(sns.axes_style(background) | OPEN | {"font.family": FONT})


def paper_style(background: str = "whitegrid", scale: float = 1.1) -> AbstractContextManager[None]:
    """The same for figures in the size of a paper's.

    Args:
        background: see `style`.
        scale: of the text.
    """
    sizes = sns.plotting_context("paper", font_scale=scale)
    return mpl.rc_context(sns.axes_style(background) | sizes | OPEN)


OPEN = {"axes.spines.top": False, "axes.spines.right": False}
"""Axes without a frame at the top and at the right."""


def grid(count: int, size: tuple[float, float], columns: int) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels of `size`, in inches, row by row; call it within a style.

    Args:
        count: of panels.
        size: width and height of each.
        columns: panels side by side, at most.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    found = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in found[count:]:
        axes.set_visible(False)
    return figure, found[:count]


def in_percent(found: Interval) -> Interval:
    """The interval of a fraction in percent."""
    return Interval(100 * found.mean, 100 * found.low, 100 * found.high)


def ends(interval: Interval) -> Array:
    """(2, 1) distances of the ends from the mean, 0 where there are none."""
    found = [[interval.mean - interval.low], [interval.high - interval.mean]]
    return np.maximum(np.nan_to_num(np.array(found)), 0)


def panels(
    titles: Sequence[str], size: tuple[float, float], *, above: str, x: str, y: str
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel of `size`, in inches, for each title, row by row.

    Numbers of the axes stand at the outer panels alone.

    Args:
        titles: of the panels.
        size: width and height of each.
        above: title of the figure.
        x: title of the horizontal axes.
        y: title of the vertical axes.
    """
    columns = min(COLUMNS, max(3, len(titles)))  # the title of the figure has to fit
    rows = -(-len(titles) // columns)
    heading = TITLE * (1.6 + max(title.count("\n") for title in titles))
    wide, tall = size[0] + GAP, size[1] + heading + GAP
    width, height = SIDE + columns * wide, TOP + rows * tall + FOOT
    figure = Figure(figsize=(width, height))
    found = []
    for i, title in enumerate(titles):
        left, top = SIDE + i % columns * wide, height - TOP - i // columns * tall - heading
        axes = figure.add_axes(
            (left / width, (top - size[1]) / height, size[0] / width, size[1] / height)
        )
        axes.set_title(title, fontsize=8)
        axes.tick_params(
            labelsize=7, labelleft=i % columns == 0, labelbottom=i + columns >= len(titles)
        )
        found.append(axes)
    figure.supxlabel(x, fontsize=8, y=0.1 / height, va="bottom")
    figure.supylabel(y, fontsize=8, x=0.1 / width)
    figure.suptitle(above, fontsize=9, y=1 - 0.1 / height, va="top")
    return figure, found


def save(figure: Figure, path: Path, *, drawn_from: str = "") -> None:
    """Write `path` with the suffixes .svg and .png; equal figures give equal SVG files.

    Args:
        drawn_from: kept in the SVG file, see `bench.leaderboards.page.stamp`.
    """
    save_svg(figure, path.with_name(f"{path.name}.svg"), drawn_from=drawn_from)
    figure.savefig(path.with_name(f"{path.name}.png"), dpi=150)


def save_svg(figure: Figure, path: Path, *, drawn_from: str = "") -> None:
    """Write an SVG file whose text is text; equal figures give equal files."""
    with mpl.rc_context({"svg.hashsalt": "sleepbench", "svg.fonttype": "none"}):
        told = {"Date": None, "Description": drawn_from or None}
        figure.savefig(path, format="svg", metadata=told)

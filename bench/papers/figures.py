"""Figures that papers share: curves are told apart by marker and line as well as by colour."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from bench.formatting import plotting
from bench.papers.published import PublishedAccuracy, published_of
from bench.papers.results import Cell, Result
from bench.ranking.pools import budget_text
from bench.stats.intervals import Interval, mean_interval

MARKERS, LINES = "osD^v", ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
WIDTH, HEIGHT = 4.4, 3.6
"""Inches of one panel."""
FILLS = ("full", "none", "left", "top")
"""Of markers: settings of one strategy."""
COLUMNS = 2
ROW = 0.28
"""Inches of one row of accuracies."""


def weights_figure(results: Sequence[Result]) -> Figure:
    """Accuracy in percent with 95 % intervals against weights used, log scale, a panel for each.

    Weights are those of matrices and kernels, of all snapshots; failed runs are left out.
    """
    return panels(results, _draw_weights)


def accuracies_figure(
    results: Sequence[Result],
    known: Sequence[PublishedAccuracy],
    *,
    stands_out: Callable[[Cell], bool] = lambda cell: False,
    names: tuple[str, str] = ("", "measured"),
) -> Figure:
    """Accuracy in percent of every row with 95 % intervals, a panel for each experiment.

    Crosses are seeds, diamonds published figures.

    Args:
        known: the published figures.
        stands_out: whether a row has the other colour and marker.
        names: of rows that stand out and of those that do not, for the legend.
    """
    rows = [len(result.cells) for result in results]
    with plotting.paper_style():
        height = ROW * (sum(rows) + 3 * len(rows) + 3)
        figure = Figure(figsize=(WIDTH * COLUMNS, height), layout="constrained")
        grid = figure.subplots(
            len(rows), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": rows}
        )
        for axes, result in zip(grid.flat, results, strict=True):
            _draw_accuracies(axes, result, known, stands_out, names)
            axes.set_title(_title(result).replace("\n", "; "))
        grid[-1, 0].set_xlabel("final average accuracy, %")
        _one_legend(figure, COLUMNS)
    return figure


LETTERS, HANDLE = 60, 8
"""Letters of a legend that have room below a panel, and in how much of it a handle stands."""


def panels(results: Sequence[Result], draw: Callable[[Axes, Result], None]) -> Figure:
    """A figure with a panel for each experiment, two side by side, and one legend below them."""
    with plotting.paper_style():
        figure, grid = plotting.grid(len(results), (WIDTH, HEIGHT), COLUMNS)
        for axes, result in zip(grid, results, strict=True):
            draw(axes, result)
            axes.set_title(_title(result))
        _one_legend(figure, min(COLUMNS, len(results)))
    return figure


def _one_legend(figure: Figure, columns: int) -> None:
    """The entries of all panels once, below them: inside it would hide intervals."""
    entries = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    room = LETTERS * columns
    labels = [textwrap.fill(label, room - HANDLE) for label in entries]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    ncols = max(1, min(2 * columns, room // (longest + HANDLE)))
    figure.legend(list(entries.values()), labels, loc="outside lower center", ncols=ncols)


def _title(result: Result) -> str:
    assert result.key is not None, "only experiments with records are drawn"
    counts = sorted({len(cell.runs) for cell in result.cells if cell.runs})
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"{result.experiment.title}\n{budget_text(result.key)} a run, n = {n} seeds"


def _draw_weights(axes: Axes, result: Result) -> None:
    colours = plotting.COLOURS
    for i, strategy in enumerate(result.suite.strategies):
        curves: dict[str, list[tuple[float, Interval]]] = {}
        for cell in result.of(strategy):
            if weights := cell.weights():
                used = math.fsum(weights.values()) / len(weights)
                found = percent_interval(_accuracies(cell))
                curves.setdefault(_curve(cell), []).append((used, found))
        for fill, (label, points) in zip(FILLS, curves.items(), strict=False):
            x, intervals = zip(*sorted(points, key=lambda point: point[0]), strict=True)
            mark = {"marker": MARKERS[i], "linestyle": LINES[i], "color": colours[i]}
            with_intervals(axes, x, intervals, label=label, fillstyle=fill, **mark)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set(xlabel="weights used, count", ylabel="final average accuracy, %")


def _curve(cell: Cell) -> str:
    """The name of the curve over densities that a cell is a point of."""
    others = {name: value for name, value in cell.varied.items() if name != "density"}
    return replace(cell, varied=others).label


def _draw_accuracies(
    axes: Axes,
    result: Result,
    known: Sequence[PublishedAccuracy],
    stands_out: Callable[[Cell], bool],
    names: tuple[str, str],
) -> None:
    blue, orange, green = plotting.COLOURS[:3]
    for row, cell in enumerate(result.cells):
        published = published_of(result, cell, known)
        if published is not None:
            axes.plot(100 * published, row, "D", color=green, fillstyle="none", label="published")
        accuracies = [1 - error for error in cell.errors()]
        if not accuracies:
            continue
        axes.plot([100 * one for one in accuracies], [row + 0.25] * len(accuracies), "x",
                  color="0.4", markersize=4, label="one seed")  # fmt: skip
        out = stands_out(cell)
        mark = {"color": orange, "marker": "o"} if out else {"color": blue, "marker": "s"}
        found = percent_interval(accuracies)
        ends = [[found.mean - found.low], [found.high - found.mean]]
        axes.errorbar([found.mean], [row], xerr=ends, capsize=3, markersize=5, linestyle="none",
                      label=names[0] if out else names[1], **mark)  # fmt: skip
    axes.set(xlim=(0, 100), ylim=(len(result.cells) - 0.5, -0.5))
    axes.set_yticks(range(len(result.cells)), [cell.label for cell in result.cells])


def _accuracies(cell: Cell) -> list[float]:
    """Of the runs that did not fail, as their weights are drawn against it."""
    return [cell.measured[seed].accuracy for seed in cell.weights()]


def percent_interval(fractions: Sequence[float]) -> Interval:
    """Mean and 95 % interval of fractions, in percent."""
    return plotting.in_percent(mean_interval(fractions, (0, 1)))


def with_intervals(axes: Axes, x: Sequence[float], found: Sequence[Interval], **mark: Any) -> None:
    """Draw means joined by a line, each with its interval; with one seed there is none."""
    means = [one.mean for one in found]
    ends = [[one.mean - one.low for one in found], [one.high - one.mean for one in found]]
    axes.errorbar(x, means, yerr=ends, capsize=3, markersize=5, linewidth=1.4, zorder=3, **mark)

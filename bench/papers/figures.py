"""Figures of a paper's experiments: told apart by marker and line as well as by colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, LogLocator, NullLocator, ScalarFormatter

from bench.formatting import plotting
from bench.papers.experiments import Kind
from bench.papers.pruning_rounds import ADAPTIVE, BUDGETED, rounds_of
from bench.papers.results import Cell, Result
from bench.papers.sleep import published, sleeps
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
BESIDE = 1.07
"""Single seeds stand so many times to the right of their mean, where its interval is not."""


def rounds_figure(results: Sequence[Result]) -> Figure:
    """Error in percent against the number of rounds with 95 % intervals, a panel for each.

    Crosses are seeds; the adaptive strategy, which has no number, is a horizontal band.
    """
    return _panels(results, _draw_rounds)


def weights_figure(results: Sequence[Result]) -> Figure:
    """Accuracy in percent with 95 % intervals against weights used, log scale, a panel for each.

    Weights are those of matrices and kernels, of all snapshots; failed runs are left out.
    """
    return _panels(results, _draw_weights)


def accuracies_figure(results: Sequence[Result]) -> Figure:
    """Accuracy in percent of every row with 95 % intervals, a panel for each experiment.

    Crosses are seeds, diamonds published figures.
    """
    rows = [len(result.cells) for result in results]
    with plotting.paper_style():
        height = ROW * (sum(rows) + 3 * len(rows) + 3)
        figure = Figure(figsize=(WIDTH * COLUMNS, height), layout="constrained")
        grid = figure.subplots(
            len(rows), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": rows}
        )
        for axes, result in zip(grid.flat, results, strict=True):
            _draw_accuracies(axes, result)
            axes.set_title(_title(result).replace("\n", "; "))
        grid[-1, 0].set_xlabel("final average accuracy, %")
        _one_legend(figure, COLUMNS)
    return figure


DRAWN: dict[Kind, Callable[[Sequence[Result]], Figure]] = {
    "rounds": rounds_figure,
    "readings": weights_figure,
    "peers": weights_figure,
    "accuracies": accuracies_figure,
}
"""What draws the experiments of each kind."""


def _panels(results: Sequence[Result], draw: Callable[[Axes, Result], None]) -> Figure:
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
    figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=2 * columns
    )


def _title(result: Result) -> str:
    assert result.key is not None, "only experiments with records are drawn"
    counts = sorted({len(cell.runs) for cell in result.cells if cell.runs})
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"{result.experiment.title}\n{budget_text(result.key)} a run, n = {n} seeds"


def _draw_rounds(axes: Axes, result: Result) -> None:
    blue, orange = plotting.COLOURS[:2]
    cells = result.of(BUDGETED)
    rounds = rounds_of(cells)
    for own in result.of(ADAPTIVE):
        band = _percent(own.errors())
        axes.axhline(band.mean, color=orange, linestyle="--", label="adaptive", zorder=1)
        if not math.isnan(band.low):
            axes.axhspan(
                band.low, band.high, facecolor=orange, alpha=0.2, hatch="//", edgecolor=orange
            )
    for number, cell in zip(rounds, cells, strict=True):
        errors = [100 * error for error in cell.errors()]
        beside = [number * BESIDE] * len(errors)
        axes.plot(beside, errors, "x", color="0.4", markersize=4, label="one seed", zorder=2)
    found = [_percent(cell.errors()) for cell in cells]
    _with_intervals(
        axes, rounds, found, color=blue, marker="o", linestyle="-", label="fixed number of rounds"
    )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(rounds))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="prune-retrain rounds", ylabel="test error, %")


def _draw_weights(axes: Axes, result: Result) -> None:
    colours = plotting.COLOURS
    for i, strategy in enumerate(result.suite.strategies):
        curves: dict[str, list[tuple[float, Interval]]] = {}
        for cell in result.of(strategy):
            if weights := cell.weights():
                point = (math.fsum(weights.values()) / len(weights), _percent(_accuracy(cell)))
                curves.setdefault(_curve(cell), []).append(point)
        for fill, (label, points) in zip(FILLS, curves.items(), strict=False):
            used, found = zip(*sorted(points, key=lambda point: point[0]), strict=True)
            style = {"marker": MARKERS[i], "linestyle": LINES[i], "color": colours[i]}
            _with_intervals(axes, used, found, label=label, fillstyle=fill, **style)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set(xlabel="weights used, count", ylabel="final average accuracy, %")


def _curve(cell: Cell) -> str:
    """The name of the curve over densities that a cell is a point of."""
    others = {name: value for name, value in cell.varied.items() if name != "density"}
    return replace(cell, varied=others).label


def _draw_accuracies(axes: Axes, result: Result) -> None:
    blue, orange, green = plotting.COLOURS[:3]
    for row, cell in enumerate(result.cells):
        accuracies = [100 * (1 - error) for error in cell.errors()]
        known = published(result, cell)
        if known is not None:
            axes.plot(100 * known, row, "D", color=green, fillstyle="none", label="published")
        if not accuracies:
            continue
        axes.plot(accuracies, [row + 0.25] * len(accuracies), "x", color="0.4", markersize=4,
                  label="one seed")  # fmt: skip
        asleep = sleeps(cell)
        style = {"color": orange, "marker": "o"} if asleep else {"color": blue, "marker": "s"}
        label = "with sleep" if asleep else "without, and controls"
        found = _percent([1 - error for error in cell.errors()])
        ends = [[found.mean - found.low], [found.high - found.mean]]
        axes.errorbar([found.mean], [row], xerr=ends, capsize=3, markersize=5, linestyle="none",
                      label=label, **style)  # fmt: skip
    axes.set(xlim=(0, 100), ylim=(len(result.cells) - 0.5, -0.5))
    axes.set_yticks(range(len(result.cells)), [cell.label for cell in result.cells])


def _accuracy(cell: Cell) -> list[float]:
    """Of the runs that did not fail, as their weights are drawn against it."""
    return [cell.measured[seed].accuracy for seed in cell.weights()]


def _percent(fractions: Sequence[float]) -> Interval:
    found = mean_interval(fractions, (0, 1))
    return Interval(100 * found.mean, 100 * found.low, 100 * found.high)


def _with_intervals(
    axes: Axes, x: Sequence[float], found: Sequence[Interval], **style: Any
) -> None:
    """Means joined by a line, each with its interval; with one seed there is none."""
    means = [one.mean for one in found]
    ends = [[one.mean - one.low for one in found], [one.high - one.mean for one in found]]
    axes.errorbar(x, means, yerr=ends, capsize=3, markersize=5, linewidth=1.4, zorder=3, **style)

"""Error against the number of prune-retrain rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from bench.formatting import plotting
from bench.papers.ball2020.pruning_rounds import ADAPTIVE, BUDGETED, rounds_of
from bench.papers.figures import panels, percent_interval, with_intervals
from bench.papers.results import Result

SEED_OFFSET = 1.07
"""Single seeds stand so many times to the right of their mean, where its interval is not."""


def rounds_figure(results: Sequence[Result]) -> Figure:
    """Error in percent against the number of rounds with 95 % intervals, a panel for each.

    Crosses are seeds. The adaptive strategy, which has no number, is a horizontal band.
    """
    return panels(results, _draw_rounds)


def _draw_rounds(axes: Axes, result: Result) -> None:
    blue, orange = plotting.COLOURS[:2]
    cells = result.of(BUDGETED)
    rounds = rounds_of(cells)
    for own in result.of(ADAPTIVE):
        band = percent_interval(own.errors())
        axes.axhline(band.mean, color=orange, linestyle="--", label="adaptive", zorder=1)
        if not math.isnan(band.low):
            axes.axhspan(
                band.low, band.high, facecolor=orange, alpha=0.2, hatch="//", edgecolor=orange
            )
    for number, cell in zip(rounds, cells, strict=True):
        errors = [100 * error for error in cell.errors()]
        right = [number * SEED_OFFSET] * len(errors)
        axes.plot(right, errors, "x", color="0.4", markersize=4, label="one seed", zorder=2)
    found = [percent_interval(cell.errors()) for cell in cells]
    with_intervals(
        axes, rounds, found, color=blue, marker="o", linestyle="-", label="fixed number of rounds"
    )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(rounds))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="prune-retrain rounds", ylabel="test error, %")

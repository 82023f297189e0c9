"""How each search of a tuning went: a panel a strategy, all on one scale."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.formatting.plotting import INK, panels, style
from bench.study.results import progress
from bench.study.tuning_page import TunedStrategy, core_seconds, hours

PANEL = (1.75, 1.3)
"""Inches of one panel."""
NAME_WIDTH = 26
"""Characters of a line of names."""


def draw(found: Sequence[TunedStrategy]) -> Mapping[str, Figure]:
    """The figure of the page, by its name; at least one search must have a best trial."""
    study, judged = found[0].study, found[0].study.objectives[0]
    bests = [one.best.values[0] for one in found if one.best and one.best.values]
    values = [t.values[0] for one in found for t in one.trials if t.values]
    margin = max(0.05 * (max(values) - min(values)), 0.005)
    above = (
        f"{study.benchmark}, {study.scenario}-incremental, {study.budget}\n"
        f"{judged} on held-out data: crosses are trials, dashed is the best of all strategies"
    )
    titles = [f"{_wrapped(one.study.strategy)}\n{hours(core_seconds(one))}" for one in found]
    with style():
        figure, grid = panels(titles, PANEL, above=above, x="trial", y=judged)
        for axes, one in zip(grid, found, strict=True):
            _draw_history(axes, one)
            axes.axhline(max(bests), color="0.4", linestyle="--", linewidth=0.8, zorder=1.5)
            axes.set(
                xlim=(0.5, max(len(other.trials) for other in found) + 0.5),
                ylim=(min(values) - margin, max(values) + margin),
            )
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return {"history": figure}


def _draw_history(axes: Axes, one: TunedStrategy) -> None:
    numbers = [trial.number + 1 for trial in one.trials]
    own = [trial.values[0] if trial.values else math.nan for trial in one.trials]
    axes.plot(numbers, own, "x", color="0.5", markersize=4, zorder=2)
    reached = progress(one.study, one.trials)
    axes.step(
        numbers, reached, where="post", color=INK, marker="o", markersize=3, linewidth=1.3, zorder=3
    )


def _wrapped(name: str) -> str:
    return textwrap.fill(name, NAME_WIDTH).replace("$", r"\$")

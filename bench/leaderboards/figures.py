"""Figures of a leaderboard, readable in grey: rows are told apart by name, panel and hatch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from bench.config.budget import KINDS
from bench.formatting.plotting import COLOURS, INK, Array, in_percent, panels, style
from bench.leaderboards.figure_rows import drawn_rows, title, wrapped
from bench.leaderboards.page import FIGURES
from bench.leaderboards.tuning_figure import tuning_figure
from bench.leaderboards.weights_figure import weights_figure
from bench.ranking.leaderboard import Leaderboard, Row
from bench.records.schema import RunRecord
from bench.records.weight_share import shares_used
from bench.stats import metrics
from bench.stats.intervals import Interval, mean_interval

HATCHES = ("", "///", "...", "xxx", "\\\\\\")
WIDTH, PANEL = 7.6, (1.65, 1.05)
"""Inches of a figure, and of a panel with lines."""
BAR_NAME_WIDTH = 34
"""Characters of a line of names beside bars."""


@dataclass(frozen=True)
class Line:
    """A row over time or experiences: the means and their intervals, in percent."""

    of: Row
    x: Sequence[float]
    found: Sequence[Interval]

    @property
    def means(self) -> list[float]:
        """Without the intervals."""
        return [interval.mean for interval in self.found]


def figures(
    leaderboard: Leaderboard, names: Iterable[str] = tuple(FIGURES)
) -> Iterator[tuple[str, Figure]]:
    """Each of these figures that the records can fill, by its name in `FIGURES`."""
    for name in names if leaderboard.rows else ():  # upper bounds alone compare nothing
        figure = _DRAW[name](leaderboard)
        if figure is not None:
            yield name, figure


def time_figure(leaderboard: Leaderboard) -> Figure | None:
    """Mean accuracy over the experiences so far against the charged share of the budget.

    An upper bound, which has no past to remember, is a dashed line at its final accuracy.
    """
    budget = leaderboard.records[0].record.config.budget.amount
    lines: list[Line] = []
    for row in drawn_rows(leaderboard):
        curves = [record.outcome.curve for record in _ok(row) if record.outcome]
        n = max(map(len, curves), default=0)
        full = [curve for curve in curves if len(curve) == n]
        if n < 2:
            continue
        x = [100 * fmean(curve[i][0] for curve in full) / budget for i in range(n)]
        found = [
            in_percent(mean_interval([curve[i][1] for curve in full], (0, 1))) for i in range(n)
        ]
        lines.append(Line(row, x, found))
    drawn = {id(line.of) for line in lines}
    levels = {
        row.name: 100 * row.accuracy.mean
        for row in leaderboard.upper_bounds
        if id(row) not in drawn and _ok(row)
    }
    return _panels(leaderboard, lines, "charged, % of the budget", "accuracy so far, %", levels)


def matrix_figure(leaderboard: Leaderboard) -> Figure | None:
    """The mean accuracy matrix of each row as a heat map: after experience i, tested on j."""
    found = [
        (row, mean) for row in drawn_rows(leaderboard) if (mean := _mean_matrix(row)) is not None
    ]
    if not found or len(found[0][1]) < 2:  # one number is no map
        return None
    size = len(found[0][1])
    side = max(1.5, 0.36 * min(size, 10))
    titles = [f"{wrapped(row.name)}\nn = {len(_ok(row))}" for row, _ in found]
    above = title(leaderboard, "accuracy in percent, dark 0 to light 100, means")
    with style():
        figure, grid = panels(
            titles, (side, side), above=above, x="tested on experience", y="after experience"
        )
        for axes, (_, mean) in zip(grid, found, strict=True):
            sns.heatmap(
                100 * mean, ax=axes, vmin=0, vmax=100, cmap="cividis", square=True, cbar=False,
                annot=size <= 10, fmt=".0f", annot_kws={"size": 7}, linewidths=0.3,
                xticklabels=_every(size), yticklabels=_every(size), mask=np.isnan(mean),
            )  # fmt: skip
            axes.tick_params(length=0, rotation=0)
            for text in axes.texts:  # not the colour of text, which a dark page makes light
                text.set_color("black" if float(text.get_text()) >= 50 else "#fefefe")
    return figure


def forgetting_figure(leaderboard: Leaderboard) -> Figure | None:
    """The drop of each experience from its best accuracy since it was learned to the end."""
    lines: list[Line] = []
    for row in drawn_rows(leaderboard):
        drops = [drop for record in _ok(row) if (drop := _drops(record)) is not None]
        full = [drop for drop in drops if len(drop) == max(map(len, drops))]
        if full:
            found = [
                in_percent(mean_interval(list(column), (-1, 1))) for column in np.array(full).T
            ]
            lines.append(Line(row, range(1, len(found) + 1), found))
    return _panels(
        leaderboard, lines, "experience; of the last nothing can be forgotten", "forgetting, points"
    )


def seconds_figure(leaderboard: Leaderboard) -> Figure | None:
    """Charged seconds by kind, stacked, a bar for each row of which a run did not fail."""
    rows = [row for row in drawn_rows(leaderboard) if row.seconds and _ok(row)]
    if not rows:
        return None
    titles = [wrapped(row.name, BAR_NAME_WIDTH) for row in rows]
    lines = sum(title.count("\n") + 2 for title in titles)
    with style():
        figure = Figure(figsize=(WIDTH, 1.6 + 0.16 * lines), layout="constrained")
        axes = figure.subplots()
        left = np.zeros(len(rows))
        shades = COLOURS[: len(KINDS)]
        for kind, colour, hatch in zip(KINDS, shades, HATCHES, strict=True):
            width = np.array([row.seconds.get(kind, 0.0) for row in rows])
            if width.any():
                axes.barh(
                    range(len(rows)), width, left=left, color=colour, hatch=hatch, label=kind,
                    edgecolor="white", linewidth=0.5,
                )  # fmt: skip
            left += width
        axes.set_yticks(range(len(rows)), titles)
        axes.invert_yaxis()
        if leaderboard.key.clock != "steps":
            amount = leaderboard.records[0].record.config.budget.amount
            axes.axvline(amount, color="0.2", linestyle="--", linewidth=1, label="budget")
        axes.set(xlabel="charged seconds, mean over runs")
        axes.set_title(title(leaderboard, "means"), fontsize=9)
        figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    return figure


def claimed_figure(leaderboard: Leaderboard) -> Figure | None:
    """Share of the prunable weights in use after each experience."""
    lines: list[Line] = []
    for row in drawn_rows(leaderboard):
        shares = [
            [shares_used(w, record.config, record.benchmark_version)[1] for w in record.weights]
            for record in _ok(row)
        ]
        n = max(map(len, shares), default=0)
        full = [own for own in shares if len(own) == n]
        if n > 1:
            found = [in_percent(mean_interval(list(column), (0, 1))) for column in np.array(full).T]
            lines.append(Line(row, range(1, n + 1), found))
    share = "weights in use, % of matrices and kernels"
    return _panels(leaderboard, lines, "experience", share, {}, least=0.0)


_DRAW: dict[str, Callable[[Leaderboard], Figure | None]] = {
    "weights": weights_figure,
    "time": time_figure,
    "matrix": matrix_figure,
    "forgetting": forgetting_figure,
    "seconds": seconds_figure,
    "claimed": claimed_figure,
    "tuning": tuning_figure,
}
assert _DRAW.keys() == FIGURES.keys(), "every figure has a caption"


def _panels(
    leaderboard: Leaderboard,
    lines: Sequence[Line],
    xlabel: str,
    ylabel: str,
    levels: Mapping[str, float] | None = None,
    least: float = math.inf,
) -> Figure | None:
    """A panel for each row, which is dark there with its intervals, all others behind it in grey.

    Args:
        levels: heights of dashed lines, by name.
        least: the axis begins no higher. None without a line.
    """
    levels = levels or {}
    if not lines:
        return None
    every = [np.column_stack([line.x, line.means]) for line in lines]
    xlim = _around([x for line in lines for x in line.x])
    found = [v for line in lines for i in line.found for v in (i.mean, i.low, i.high)]
    ylim = _around([*found, *levels.values(), min(least, *found)])
    dashed = f"dashed: {', '.join(levels)} on the whole stream; " if levels else ""
    what = f"{dashed}each row in front of all others in grey, means with 95 % intervals"
    above = title(leaderboard, what)
    with style():
        figure, grid = panels(
            [wrapped(line.of.name) for line in lines], PANEL, above=above, x=xlabel, y=ylabel
        )
        for axes, line in zip(grid, lines, strict=True):
            axes.add_collection(LineCollection(every, colors="0.7", linewidths=0.5, zorder=1))
            _line(axes, line)
            for level in levels.values():
                axes.axhline(level, color="0.4", linestyle="--", linewidth=0.8, zorder=1.5)
            axes.set(xlim=xlim, ylim=ylim)
            axes.grid(visible=False)  # lines of other rows are as pale
            if xlabel.startswith("experience"):
                axes.xaxis.set_major_locator(FixedLocator(_every_number(max(map(len, every)))))
    return figure


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Limits of an axis that shows all of these."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = max(0.05 * (high - low), 0.5)
    return low - margin, high + margin


def _line(axes: Axes, line: Line) -> None:
    low, high = ([getattr(i, end) for i in line.found] for end in ("low", "high"))
    axes.fill_between(line.x, low, high, color=INK, alpha=0.2, linewidth=0, zorder=2)
    axes.plot(
        line.x, line.means, color=INK, marker="o", markersize=3, linewidth=1.3, zorder=3,
        label=line.of.name, clip_on=False,
    )  # fmt: skip


def _ok(row: Row) -> list[RunRecord]:
    return [item.record for item in row.runs.values() if item.record.status == "ok"]


def _mean_matrix(row: Row) -> Array | None:
    """The mean over the runs that did not fail; None if a row of it was never measured."""
    found = [np.array(r.outcome.accuracy, dtype=float) for r in _ok(row) if r.outcome]
    shapes = {matrix.shape for matrix in found}
    if len(shapes) != 1 or np.isnan(found[0]).all(axis=1).any():
        return None
    return np.asarray(np.mean(found, axis=0))


def _drops(record: RunRecord) -> Array | None:
    if record.outcome is None or len(record.outcome.accuracy) < 2:
        return None
    drops = metrics.forgetting_by_experience(np.array(record.outcome.accuracy, dtype=float))[:-1]
    return None if np.isnan(drops).any() else drops


def _every_number(n: int) -> list[int]:
    """1 to n, thinned to what an axis can show."""
    return list(range(1, n + 1, 1 + n // 12))


def _every(n: int) -> list[str]:
    shown = set(_every_number(n))
    return [str(i + 1) if i + 1 in shown else "" for i in range(n)]

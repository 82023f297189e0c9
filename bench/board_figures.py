"""Figures of a leaderboard, readable in grey: told apart by marker, line and hatch as by colour."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, ScalarFormatter

from bench import metrics
from bench.board_rows import Series, series_of, title, wrapped
from bench.budgets import KINDS
from bench.pages import FIGURES
from bench.ranking import Leaderboard, Row
from bench.records import RunRecord
from bench.stats import Interval
from bench.wording import share_interval, signed_interval

HATCHES = ("", "///", "...", "xxx", "\\\\\\")
WIDTH, HEIGHT = 6.4, 4.4
MATRIX_COLUMNS = 4
DODGE = 0.035
"""Experiences between the points of neighbouring rows, so that their intervals do not overlap."""

NEAR, BESIDE = 0.02, 1.05
"""Weights closer than `NEAR` on the logarithm are drawn `BESIDE` times apart."""

Array = npt.NDArray[np.float64]


def figures(
    board: Leaderboard, names: Iterable[str] = tuple(FIGURES)
) -> Iterator[tuple[str, Figure]]:
    """Each of these figures that the records of a board can fill, by its name in `FIGURES`."""
    for name in names:
        figure = _DRAW[name](board)
        if figure is not None:
            yield name, figure


def save(figure: Figure, path: Path) -> None:
    """Write `path` with the suffixes .svg and .png; equal figures give equal SVG files."""
    with mpl.rc_context({"svg.hashsalt": "sleepbench", "svg.fonttype": "none"}):
        figure.savefig(path.with_name(f"{path.name}.svg"), metadata={"Date": None})
        figure.savefig(path.with_name(f"{path.name}.png"), dpi=150)


def inline_svg(figure: Figure) -> str:
    """The figure as an SVG element whose text and axes take the colour of the page around it."""
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "sleepbench", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    element = text.getvalue()
    element = element[element.index("<svg") :]
    for ink in ("#262626", "#333333", "#4d4d4d"):
        element = element.replace(ink, "currentColor")
    return element


def weights_figure(board: Leaderboard) -> Figure | None:
    """Accuracy against the share of weights used, log scale, with intervals, and the front.

    Marks with the same weights stand side by side.
    """
    rows = [one for one in series_of(board) if one.row.failed < len(one.row.runs)]
    if not rows:
        return None
    figure, axes = _axes(board)
    taken: list[float] = []
    for one in rows:
        used = share_interval([m.weights for m in one.row.measured.values()])
        x, y = _percent(used), _percent(one.row.accuracy)
        least = max(x.low, 0.05)  # a logarithm ends somewhere
        beside = sum(abs(math.log(x.mean / other)) < NEAR for other in taken)
        taken.append(x.mean)
        axes.errorbar(
            [x.mean * BESIDE**beside], [y.mean], yerr=_ends(y),
            xerr=_ends(Interval(x.mean, least, x.high)),
            capsize=2, linestyle="none", label=wrapped(one.name), **_point(one),
        )  # fmt: skip
    front = sorted((r.mean.weights, r.mean.accuracy) for r in board.rows if r.layer == 1)
    if front:
        right = max(1.0, *(share for share, _ in front))
        shares = [*(100 * share for share, _ in front), 100 * right]
        reached = [*(100 * accuracy for _, accuracy in front), 100 * front[-1][1]]
        axes.step(
            shares, reached, where="post", color="0.55", linewidth=1, zorder=1, label="Pareto front"
        )
    axes.set_xscale("log")
    shown = [v for v in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if v >= 0.7 * axes.get_xlim()[0]]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(
        xlabel="weights used, % of all (log scale; equal ones side by side)",
        ylabel="final average accuracy, %",
    )
    return _finished(figure)


def time_figure(board: Leaderboard) -> Figure | None:
    """Mean accuracy over the experiences so far against the charged share of the budget."""
    figure, axes = _axes(board)
    drawn = False
    for one in series_of(board):
        curves = [record.outcome.curve for record in _ok(one.row) if record.outcome]
        n = max(map(len, curves), default=0)
        full = [curve for curve in curves if len(curve) == n]
        if n < 2:
            continue
        budget = board.records[0].record.config.budget.amount
        x = [100 * fmean(curve[i][0] for curve in full) / budget for i in range(n)]
        found = [_percent(share_interval([curve[i][1] for curve in full])) for i in range(n)]
        _line(axes, x, found, one)
        drawn = True
    axes.set(xlabel="charged, % of the budget", ylabel="accuracy on the experiences so far, %")
    return _finished(figure) if drawn else None


def matrix_figure(board: Leaderboard) -> Figure | None:
    """The mean accuracy matrix of each row as a heat map: after experience i, tested on j."""
    found = [(one, mean) for one in series_of(board) if (mean := _mean_matrix(one.row)) is not None]
    if not found or len(found[0][1]) < 2:  # one number is no map
        return None
    columns = min(MATRIX_COLUMNS, len(found))
    lines = -(-len(found) // columns)
    size = len(found[0][1])
    side = max(1.9, 0.42 * min(size, 10))
    with _style():
        figure = Figure(
            figsize=(side * columns + 1, (side + 0.45) * lines + 0.8), layout="constrained"
        )
        grid = figure.subplots(lines, columns, squeeze=False)
        for axes, (one, mean) in zip(grid.flat, found, strict=False):
            sns.heatmap(
                100 * mean, ax=axes, vmin=0, vmax=100, cmap="cividis", square=True, cbar=False,
                annot=size <= 10, fmt=".0f", annot_kws={"size": 7}, linewidths=0.3,
                xticklabels=_every(size), yticklabels=_every(size), mask=np.isnan(mean),
            )  # fmt: skip
            axes.set_title(f"{wrapped(one.name, 26)}\nn = {len(_ok(one.row))}", fontsize=8)
            axes.tick_params(length=0, labelsize=7, rotation=0)
            for text in axes.texts:  # not the colour of text, which a dark page makes light
                text.set_color(
                    "black" if sum(mpl.colors.to_rgb(text.get_color())) < 1.5 else "white"
                )
        for axes in grid.flat[len(found) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("after experience", fontsize=8)
        for axes in grid.flat[max(0, len(found) - columns) : len(found)]:
            axes.set_xlabel("tested on experience", fontsize=8)
        figure.colorbar(grid[0, 0].collections[0], ax=grid, shrink=0.6, label="accuracy, %")
        figure.suptitle(title(board, "means"), fontsize=9)
    return figure


def forgetting_figure(board: Leaderboard) -> Figure | None:
    """The drop of each experience from its best accuracy since it was learned to the end."""
    figure, axes = _axes(board)
    drawn = 0
    for one in series_of(board):
        drops = [_drops(record) for record in _ok(one.row)]
        full = [d for d in drops if d is not None]
        if not full:
            continue
        table = np.array(full)
        found = [_percent(signed_interval(list(column))) for column in table.T]
        x = [j + 1 + DODGE * (drawn - len(board.rows) / 2) for j in range(table.shape[1])]
        _line(axes, x, found, one)
        drawn += 1
        axes.xaxis.set_major_locator(FixedLocator(_every_number(table.shape[1])))
    axes.axhline(0, color="0.3", linewidth=0.8, zorder=1)
    axes.set(xlabel="experience", ylabel="forgetting (best minus last), points")
    return _finished(figure) if drawn else None


def seconds_figure(board: Leaderboard) -> Figure | None:
    """Charged seconds by kind, stacked, a bar for each row."""
    shown = [one for one in series_of(board) if one.row.seconds]
    if not shown:
        return None
    rows, titles = [one.row for one in shown], [wrapped(one.name) for one in shown]
    lines = sum(title.count("\n") + 2 for title in titles)
    with _style():
        figure = Figure(figsize=(WIDTH, 1.6 + 0.16 * lines), layout="constrained")
        axes = figure.subplots()
        left = np.zeros(len(rows))
        shades = sns.color_palette("colorblind", len(KINDS))
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
        if board.key.clock != "steps":
            amount = board.records[0].record.config.budget.amount
            axes.axvline(amount, color="0.2", linestyle="--", linewidth=1, label="budget")
        axes.set(xlabel="charged seconds, mean over runs")
        axes.set_title(title(board, "means"), fontsize=9)
        sns.despine(ax=axes)
        figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    return figure


def claimed_figure(board: Leaderboard) -> Figure | None:
    """Share of the prunable weights in use after each experience."""
    figure, axes = _axes(board)
    drawn = 0
    for one in series_of(board):
        shares = [
            [w.used_prunable / w.prunable if w.prunable else math.nan for w in record.weights]
            for record in _ok(one.row)
        ]
        n = max(map(len, shares), default=0)
        full = [own for own in shares if len(own) == n]
        if n < 2:
            continue
        found = [_percent(share_interval(list(column))) for column in np.array(full).T]
        x = [j + 1 + DODGE * (drawn - len(board.rows) / 2) for j in range(n)]
        _line(axes, x, found, one)
        drawn += 1
        axes.xaxis.set_major_locator(FixedLocator(_every_number(n)))
    axes.yaxis.set_major_formatter(PercentFormatter(symbol="", decimals=0))
    axes.set(
        xlabel="experience", ylabel="weights in use, % of matrices and kernels", ylim=(0, None)
    )
    return _finished(figure) if drawn else None


_DRAW: dict[str, Callable[[Leaderboard], Figure | None]] = {
    "weights": weights_figure,
    "time": time_figure,
    "matrix": matrix_figure,
    "forgetting": forgetting_figure,
    "seconds": seconds_figure,
    "claimed": claimed_figure,
}
assert _DRAW.keys() == FIGURES.keys(), "every figure has a caption"


def _style() -> Any:
    return sns.axes_style("whitegrid", {"font.family": "DejaVu Sans"})


def _axes(board: Leaderboard) -> tuple[Figure, Axes]:
    with _style():
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title(board, "means with 95 % intervals"), fontsize=9)
        sns.despine(ax=axes)
    return figure, axes


def _finished(figure: Figure) -> Figure:
    """With the legend beside the axes, where it hides nothing."""
    with _style():  # the colour of its text, which a dark page turns
        figure.legend(loc="outside right center", fontsize=8, frameon=False)
    return figure


def _line(axes: Axes, x: Sequence[float], found: Sequence[Interval], one: Series) -> None:
    means = [interval.mean for interval in found]
    ends = np.hstack([_ends(interval) for interval in found])
    axes.errorbar(
        x, means, yerr=ends, capsize=2, markersize=4, linewidth=1.1, elinewidth=0.8,
        label=wrapped(one.name), **one.style,
    )  # fmt: skip


def _point(one: Series) -> dict[str, Any]:
    style = {name: one.style[name] for name in ("color", "marker")}
    return {**style, "markersize": 6, "markeredgecolor": "0.2", "elinewidth": 1}


def _ends(interval: Interval) -> Array:
    """(2, 1) distances of the ends from the mean, 0 where there are none."""
    ends = [[interval.mean - interval.low], [interval.high - interval.mean]]
    return np.maximum(np.nan_to_num(np.array(ends)), 0)


def _percent(found: Interval) -> Interval:
    return Interval(100 * found.mean, 100 * found.low, 100 * found.high)


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

"""Figures of a study: told apart by marker and line as well as by colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.formatting import plotting
from bench.study import best_setting
from bench.study.results import Marginal, Surface, best, done, drawn, progress
from bench.study.study import Study
from bench.study.trials import Trial
from strategies.search_space import Choices, Range, Space

WIDTH, HEIGHT = 4.4, 3.6
"""Inches of one panel."""
COLUMNS = 3
LINES, MARKERS = ("-", "--", "-.", ":"), "osD^v"
"""Tasks are told apart by these."""


def draw(
    study: Study, trials: Sequence[Trial], weight_of: Mapping[str, Mapping[str, float]]
) -> dict[str, Figure]:
    """The figures that the trials are enough for, by name.

    Args:
        weight_of: importance of each hyper-parameter for each objective.
    """
    finished, space = done(trials), study.searched()
    names = drawn(study, trials)
    figures = {}
    if "front" in names:
        figures["front"] = _figure(1, lambda axes: _draw_front(axes[0], study, finished))
    if "history" in names:
        figures["history"] = _figure(1, lambda axes: _draw_history(axes[0], study, trials))
    if "importances" in names:
        figures["importances"] = _figure(1, lambda axes: _draw_importances(axes[0], weight_of))
    if "marginals" not in names:
        return figures
    surface = Surface(space, finished, [1 - trial.accuracy for trial in finished])
    ordered = sorted(space, key=lambda name: name != "rounds")  # what is asked comes first
    figures["marginals"] = _figure(
        len(ordered), lambda axes: _draw_marginals(axes, ordered, surface, space, finished)
    )
    if "contour" in names:
        ranges = [n for n in _by_importance(space, weight_of) if isinstance(space[n], Range)]
        figures["contour"] = _figure(
            1, lambda axes: _draw_contour(axes[0], surface, space, ranges[:2], finished)
        )
    return figures


def draw_across(tasks: Sequence[tuple[str, float, best_setting.Response]]) -> Figure:
    """The curves of the tasks with their lowest points, and these against difficulty.

    Args:
        tasks: name, error of the best trial and response surface of each.
    """
    return _figure(2, lambda axes: _draw_across(axes[0], axes[1], tasks))


def _draw_across(
    curves: Axes, bests: Axes, tasks: Sequence[tuple[str, float, best_setting.Response]]
) -> None:
    colours = plotting.COLOURS
    for i, (name, difficulty, response) in enumerate(tasks):
        colour, marker = colours[i % len(colours)], MARKERS[i % len(MARKERS)]
        found = best_setting.best(response, np.random.default_rng(0))
        curve = response.marginal()
        curves.plot(response.at, curve, LINES[i % len(LINES)], color=colour, label=name)
        curves.plot(found.at, curve.min(), marker, color=colour)
        reach = [[found.at - found.low], [found.high - found.at]]
        bests.errorbar(
            [100 * difficulty], [found.at], reach, fmt=marker, color=colour, capsize=3, label=name
        )
    for axes, axis in ((curves, curves.xaxis), (bests, bests.yaxis)):
        (axes.set_xscale if axis is curves.xaxis else axes.set_yscale)("log", base=2)
        _plain_ticks(axis)
    curves.set(xlabel="rounds", ylabel="rank of the error, 0 the best trial", ylim=(0, 1))
    bests.set(xlabel="error of the best trial, %", ylabel="best number of rounds")
    curves.legend()


def _figure(panels: int, draw: Callable[[Sequence[Axes]], object]) -> Figure:
    with plotting.paper_style():
        figure, grid = plotting.grid(panels, (WIDTH, HEIGHT), COLUMNS)
        draw(grid)
    return figure


def _draw_front(axes: Axes, study: Study, finished: Sequence[Trial]) -> None:
    orange = plotting.COLOURS[1]
    front = best(study, finished)
    axes.plot(
        [100 * trial.weights for trial in finished],
        [100 * trial.accuracy for trial in finished],
        "x", color="0.5", markersize=4, label="trial", zorder=2,
    )  # fmt: skip
    axes.step(
        [100 * trial.weights for trial in front],
        [100 * trial.accuracy for trial in front],
        where="post", color=orange, marker="o", markersize=5, label="Pareto front", zorder=3,
    )  # fmt: skip
    axes.set_xscale("log")
    _plain_ticks(axes.xaxis)
    axes.set(xlabel="weights used, %", ylabel="accuracy on held-out data, %")
    axes.legend(loc="lower right")


def _draw_history(axes: Axes, study: Study, trials: Sequence[Trial]) -> None:
    orange = plotting.COLOURS[1]
    single = len(study.objectives) == 1
    judged = study.objectives[0] if single else "hypervolume"
    scale = 100 if judged == "accuracy" else 1
    reached = [scale * value for value in progress(study, trials)]
    numbers = [trial.number + 1 for trial in trials]
    if single:
        own = [scale * trial.values[0] if trial.values else math.nan for trial in trials]
        axes.plot(numbers, own, "x", color="0.5", markersize=4, label="trial")
    label = "best so far" if single else "front so far"
    axes.step(numbers, reached, where="post", color=orange, label=label)
    unit = ", %" if judged == "accuracy" else ""
    axes.set(xlabel="trial", ylabel=f"{judged} on held-out data{unit}" if single else judged)
    axes.legend(loc="lower right")


def _draw_importances(axes: Axes, weight_of: Mapping[str, Mapping[str, float]]) -> None:
    colours, hatches = plotting.COLOURS, ("", "//")
    names = list(next(iter(weight_of.values())))[::-1]
    height = 0.8 / len(weight_of)
    for i, (objective, own) in enumerate(weight_of.items()):
        at = [row + (len(weight_of) - 1 - i) * height for row in range(len(names))]
        widths = [own[name] for name in names]
        axes.barh(at, widths, height, color=colours[i], hatch=hatches[i], label=objective)
    axes.set_yticks([row + (len(weight_of) - 1) * height / 2 for row in range(len(names))], names)
    axes.set(xlabel="importance, shares of 1")
    axes.legend(loc="lower right")


def _draw_marginals(
    grid: Sequence[Axes],
    names: Sequence[str],
    surface: Surface,
    space: Space,
    finished: Sequence[Trial],
) -> None:
    for axes, name in zip(grid, names, strict=True):
        _draw_marginal(axes, name, space[name], surface.marginal(name), finished)


def _draw_marginal(
    axes: Axes, name: str, tried: Range | Choices, found: Marginal, finished: Sequence[Trial]
) -> None:
    blue = plotting.COLOURS[0]
    mean, low, high = (100 * values for values in (found.mean, found.low, found.high))
    own = [100 * (1 - trial.accuracy) for trial in finished]
    if isinstance(tried, Range):
        at: list[Any] = list(found.at)
        axes.plot(_numbers(finished, name), own, "x", color="0.6", ms=3)
        axes.fill_between(at, low, high, color=blue, alpha=0.25)
        axes.plot(at, mean, color=blue)
        _scale(axes, tried, x=True)
    else:
        at = list(range(len(found.at)))
        places = [
            [str(choice) for choice in tried].index(str(trial.chosen[name])) for trial in finished
        ]
        axes.plot(places, own, "x", color="0.6", ms=3)
        axes.errorbar(at, mean, [mean - low, high - mean], fmt="o", color=blue, capsize=3)
        axes.set_xticks(at, [str(value) for value in found.at])
        axes.set_xlim(-0.5, len(at) - 0.5)
    axes.set(xlabel=name, ylabel="error on held-out data, %")


def _draw_contour(
    axes: Axes, surface: Surface, space: Space, names: Sequence[str], finished: Sequence[Trial]
) -> None:
    x, y, error = surface.plane(names[0], names[1])
    filled = axes.contourf(x, y, 100 * error, levels=12, cmap="viridis_r")
    places = [_numbers(finished, name) for name in names]
    axes.plot(*places, "o", color="white", markeredgecolor="black", markersize=3)
    for name, along_x in zip(names, (True, False), strict=True):
        tried = space[name]
        assert isinstance(tried, Range), "only ranges span a plane"
        _scale(axes, tried, x=along_x)
    axes.set(xlabel=names[0], ylabel=names[1])
    bar = axes.get_figure(root=True)
    assert bar is not None, "the axes lie in a figure"
    bar.colorbar(filled, ax=axes, label="error on held-out data, %")


def _numbers(trials: Sequence[Trial], name: str) -> list[float]:
    values = (trial.chosen[name] for trial in trials)
    return [value for value in values if isinstance(value, (int, float))]


def _scale(axes: Axes, tried: Range, *, x: bool) -> None:
    if not tried.log:
        return
    axis = axes.xaxis if x else axes.yaxis
    (axes.set_xscale if x else axes.set_yscale)("log", **({"base": 2} if tried.whole else {}))
    _plain_ticks(axis)


def _plain_ticks(axis: Axis) -> None:
    """A few plain numbers on a log scale, no powers between them."""
    if axis.get_scale() == "log" and getattr(axis.get_transform(), "base", 10) == 10:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(_short))


def _short(value: float, position: int) -> str:
    return f"{value:g}"


def _by_importance(space: Space, weight_of: Mapping[str, Mapping[str, float]]) -> list[str]:
    own = weight_of["accuracy"]
    return sorted(space, key=lambda name: -own[name])

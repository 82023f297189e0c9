"""A strategy's schedule drawn from its trace: nights, weights and learning rate over the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from bench.formatting import plotting

if TYPE_CHECKING:
    from bench.strategy_docs.schedule_trace import Moment, Trace

WIDTH, HEIGHT = 7.2, 4.6
"""Inches."""
SHORTEST_NIGHT = 0.012
"""Width of a night that takes no time, in experiences, so that it can be seen."""
LONG = 0.05
"""Nights, and times without a step of the optimizer, from this width on are drawn as such."""
INVISIBLE = 0.0005
"""Changes of a share that are smaller are not drawn."""

AREAS = {
    "copies": ("copies kept for earlier experiences", "0.45", "xxx"),
    "held": ("used by earlier experiences, held still", "#0b3c6f", None),
    "shared": ("used by earlier experiences, still trained", "#de8f05", "///"),
    "own": ("trained for this experience alone", "#9fd3ee", None),
    "rest": ("not in use", "white", None),
}
"""What the areas mean, from below, with colour and hatch: dark, hatched and light in grey too."""


def schedule_figure(name: str, trace: Trace) -> Figure:
    """Nights, shares of the weights and learning rate of one strategy over its budget."""
    experiences = trace.moments[-1].experience + 1
    stages = _stages(trace)
    with plotting.paper_style("ticks"):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        strip, weights, rate = figure.subplots(
            3, 1, sharex=True, gridspec_kw={"height_ratios": (0.5 * len(stages), 7, 1.9)}
        )
        _draw_nights(strip, stages)
        _draw_weights(weights, trace, experiences)
        _draw_rate(rate, trace)
        for axes in (weights, rate):
            _mark_nights(axes, trace)
        for axes in (strip, weights, rate):
            for border in range(1, experiences):
                axes.axvline(border, color="black", linewidth=1)
        _label_budget(strip, rate, experiences)
        figure.align_ylabels([weights, rate])
        figure.suptitle(name, fontweight="bold")
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _stages(trace: Trace) -> dict[str, list[tuple[float, float]]]:
    """From where to where each stage works, first stage first; a night of one is just a night."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name, start, end in trace.stages:
        found.setdefault(name, []).append((start, end))
    return found if len(found) > 1 else {"night": list(trace.nights)}


def _draw_nights(axes: Axes, stages: dict[str, list[tuple[float, float]]]) -> None:
    """A lane for each stage, the first on top."""
    height = 1 / len(stages)
    middles = [1 - (lane + 0.5) * height for lane in range(len(stages))]
    for center, times in zip(middles, stages.values(), strict=True):
        for start, end in times:
            middle, half = (start + end) / 2, max(end - start, SHORTEST_NIGHT) / 2
            bottom, top = center - height / 2, center + height / 2
            axes.axvspan(middle - half, middle + half, bottom, top, color="black", linewidth=0)
    axes.set(ylim=(0, 1), yticks=[])
    axes.tick_params(bottom=False)
    if len(stages) > 1:
        axes.tick_params(left=False)
        axes.set_yticks(middles, list(stages))
    else:
        axes.set_ylabel("night ", rotation=0, ha="right", va="center")


def _mark_nights(axes: Axes, trace: Trace) -> None:
    for start, end in trace.nights:
        if end - start >= LONG:
            axes.axvspan(start, end, color="0.5", alpha=0.15, linewidth=0)
        else:
            axes.axvline((start + end) / 2, color="0.3", linewidth=0.7, linestyle=":")


def _draw_weights(axes: Axes, trace: Trace, experiences: int) -> None:
    moments = _changes(trace.moments)
    at = [moment.at for moment in moments]
    below = [0.0] * len(at)
    highest = 100.0
    for part, (label, colour, hatch) in AREAS.items():
        if part == "rest":
            highest = max(highest, *below)
            above = [100 * (1 + moment.shares.copies) for moment in moments]
        else:
            above = [
                b + 100 * getattr(moment.shares, part)
                for b, moment in zip(below, moments, strict=True)
            ]
        if any(a - b > 0.01 for a, b in zip(above, below, strict=True)):
            axes.fill_between(
                at, below, above, step="post", facecolor=colour, hatch=hatch, label=label,
                edgecolor="0.3" if part == "rest" else "white", linewidth=0.3,
            )  # fmt: skip
            axes.step(at, above, where="post", color="black", linewidth=0.6)
        if part != "rest":
            below = above
    for index in range(experiences):
        last = max(i for i, moment in enumerate(moments) if moment.experience == index)
        _note_in_use(axes, moments[last].at, below[last])
    axes.set(ylim=(0, 1.02 * highest), ylabel="weights, %")


def _changes(moments: Sequence[Moment]) -> list[Moment]:
    """The first and last of each experience, and those that look unlike the one before."""
    kept = [moments[0]]
    for moment, following in zip(moments[1:], [*moments[2:], None], strict=True):
        last = following is None or following.experience != moment.experience
        if last or moment.experience != kept[-1].experience or not _alike(moment, kept[-1]):
            kept.append(moment)
    return kept


def _alike(one: Moment, other: Moment) -> bool:
    pairs = zip(astuple(one.shares), astuple(other.shares), strict=True)
    return all(abs(a - b) < INVISIBLE for a, b in pairs)


def _note_in_use(axes: Axes, at: float, percent: float) -> None:
    """The share that answers all experiences so far, at the end of one."""
    box = {"facecolor": "white", "edgecolor": "0.5", "pad": 2, "linewidth": 0.5}
    axes.annotate(
        f"{percent:.1f} % in use", (at, percent), (at - 0.04, 62), ha="right", va="center",
        bbox=box, arrowprops={"arrowstyle": "-|>", "color": "0.2", "linewidth": 0.7},
    )  # fmt: skip


def _draw_rate(axes: Axes, trace: Trace) -> None:
    at: list[float] = []
    rates: list[float] = []
    for moment in trace.moments:
        if at and moment.at - at[-1] > LONG:  # nothing was trained in between
            at.append(moment.at)
            rates.append(math.nan)
        at.append(moment.at)
        rates.append(moment.rate)
    axes.plot(at, rates, color="black", linewidth=1.2)
    axes.set(ylim=(0, 1.15), yticks=[0, 0.5, 1], ylabel="learning rate,\n1 = as set")


def _label_budget(top: Axes, bottom: Axes, experiences: int) -> None:
    quarters = [quarter / 4 for quarter in range(4 * experiences + 1)]
    bottom.xaxis.set_major_locator(FixedLocator(quarters))
    bottom.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _percent_of_experience(x)))
    bottom.set(xlim=(0, experiences), xlabel="spent of the budget of the experience, %")
    for index in range(experiences):
        place = (index + 0.5, 1.25)
        top.annotate(
            f"experience {index + 1}", place, xycoords=("data", "axes fraction"), ha="center"
        )


def _percent_of_experience(x: float) -> str:
    """0 to 75; 100 where one experience ends and the next begins."""
    within = 100 * (x % 1)
    return f"{within:.0f}" if within or not x else "100"

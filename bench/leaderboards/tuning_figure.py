"""How much tuning moved each row: from the accuracy at the defaults to the tuned one."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.formatting.plotting import FAMILY_COLOURS, TEXT, style
from bench.leaderboards.figure_rows import MOST_ROWS, title, wrapped
from bench.ranking.leaderboard import Leaderboard
from bench.ranking.tuning_gain import gains

NAME_WIDTH = 34
"""Characters of a line of names."""


def tuning_figure(leaderboard: Leaderboard) -> Figure | None:
    """A line for each strategy; None for a board that is not tuned, or compares with nothing."""
    found = gains(leaderboard)[:MOST_ROWS]
    if not found:
        return None
    with style():
        figure = Figure(figsize=(7.6, 1.6 + 0.24 * len(found)), layout="constrained")
        axes = figure.subplots()
        for place, gain in enumerate(found):
            colour = FAMILY_COLOURS[gain.tuned.family]
            before, after = 100 * gain.default.accuracy.mean, 100 * gain.tuned.accuracy.mean
            axes.plot([before, after], [place, place], color=colour, linewidth=1.5, zorder=2)
            axes.plot(before, place, "o", markerfacecolor="white", markeredgecolor=colour, zorder=3)
            axes.plot(after, place, "o", color=colour, zorder=4)
        names = [wrapped(gain.tuned.name, NAME_WIDTH) for gain in found]
        axes.set_yticks(range(len(found)), names)
        axes.set_ylim(len(found) - 0.5, -0.5)  # best first, no dot cut
        axes.set(xlabel="final average accuracy, %")
        axes.set_title(title(leaderboard, "from the defaults to tuned, means"), fontsize=9)
        ends = {"default": "white", "tuned": TEXT}
        handles = [
            Line2D([], [], marker="o", linestyle="", color=TEXT, markerfacecolor=inside, label=end)
            for end, inside in ends.items()
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False
        )
    return figure

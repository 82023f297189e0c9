"""Accuracy against how wide the transitions of a stream are, a line for each row."""

from __future__ import annotations

from matplotlib.figure import Figure

from bench.formatting.label_places import column
from bench.formatting.plotting import FAMILY_COLOURS, TEXT, ends, in_percent, style
from bench.leaderboards.fading_table import fading_title
from bench.leaderboards.figure_rows import plain
from bench.ranking.fading import Fading

MARKS = "osD^v<>Phx"
"""Of the rows, in turn, so that rows of one family are told apart in grey."""
NAME = 4.6
"""Height of a name, in percent of the axis."""
ROOM = 0.05
"""Of the axis that is left free above and below."""


def fading_figure(one: Fading) -> Figure:
    """Means and intervals of each row by sigma, and its name at the right."""
    places = {sigma: place for place, sigma in enumerate(one.boards)}
    with style():
        figure = Figure(figsize=(7.6, 4.2), layout="constrained")
        axes = figure.subplots()
        last = []
        for number, (label, rows) in enumerate(one.rows.items()):
            family = next(iter(rows.values())).family
            x = [places[sigma] for sigma in rows]
            found = [in_percent(row.accuracy) for row in rows.values()]
            for place, interval in zip(x, found, strict=True):
                axes.errorbar(
                    place, interval.mean, ends(interval), color=FAMILY_COLOURS[family], capsize=2
                )
            axes.plot(
                x, [interval.mean for interval in found], color=FAMILY_COLOURS[family],
                marker=MARKS[number % len(MARKS)], markersize=5, linewidth=1.3,
            )  # fmt: skip
            last.append((found[-1].mean, x[-1], label, family))
        low, high = axes.get_ylim()
        free = ROOM * (high - low)
        low, high = low - free, min(high + free, 100 + free)
        axes.set_ylim(low, high)
        last.sort()
        height = min(NAME / 100, 1 / len(last)) * (high - low)  # of many rows they touch
        middles = column([height] * len(last), [end for end, *_ in last], (low, high))
        for (end, place, label, family), middle in zip(last, middles, strict=True):
            axes.annotate(
                plain(label), (place, end), (len(places) - 0.85, middle), va="center", fontsize=8,
                color=TEXT, annotation_clip=False,
                arrowprops={
                    "arrowstyle": "-", "color": FAMILY_COLOURS[family], "linewidth": 0.6,
                    "shrinkA": 2, "shrinkB": 4, "relpos": (0, 0.5),
                },
            )  # fmt: skip
        axes.set_xticks(list(places.values()), [f"{sigma:g}" for sigma in places])
        axes.set_xlim(-0.2, len(places) - 0.9)
        axes.set(
            xlabel="sigma: spread of each experience over the stream; 0 disjoint, inf all mixed",
            ylabel="final average accuracy, %",
        )
        axes.set_title(
            plain(f"{fading_title(one)}\nmeans and 95 % intervals over seeds"), fontsize=9
        )
    return figure

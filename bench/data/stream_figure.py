"""A stream drawn: what share of each experience every class has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench.data.streams import Benchmark
from bench.formatting import plotting

WIDTH, HEIGHT = 7.2, 3.0
"""Inches."""
MOST_NAMED = 12
"""Classes that the legend can name."""
HATCHES = ("", "///", "...", "xxx")
"""Told apart in grey, each with all colours."""


def class_counts(benchmark: Benchmark) -> NDArray[np.int64]:
    """(experiences, targets) training samples; in `domain` a target is a position in its group."""
    counts = np.zeros((len(benchmark.train_stream), benchmark.n_classes), dtype=np.int64)
    for row, experience in zip(counts, benchmark.train_stream, strict=True):
        targets = [int(target) for target in experience.dataset.targets]
        row += np.bincount(targets, minlength=len(row))
    return counts


def stream_figure(title: str, counts: NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Stacked shares of the classes over the stream, experiences as wide as they are large.

    Args:
        title: of the figure.
        counts: (experiences, classes) training samples.
        classes: their names.
    """
    sizes = counts.sum(1)
    borders = np.concatenate([[0], np.cumsum(sizes)]) / sizes.sum()
    shares = 100 * counts / sizes[:, None]
    first = shares.argmax(0)
    order = np.lexsort((np.arange(len(classes)), first))  # those that come first below
    with plotting.paper_style("ticks"):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        below = np.zeros(len(sizes))
        handles = []
        for number, k in enumerate(order):
            colour = plotting.COLOURS[number % len(plotting.COLOURS)]
            hatch = HATCHES[number // len(plotting.COLOURS) % len(HATCHES)]
            axes.bar(
                borders[:-1], shares[:, k], np.diff(borders), below, align="edge",
                color=colour, hatch=hatch, edgecolor="white", linewidth=0.4,
            )  # fmt: skip
            handles.append(Patch(facecolor=colour, hatch=hatch, label=classes[k]))
            below += shares[:, k]
        axes.set(xlim=(0, 1), ylim=(0, 100), ylabel="share of the samples, %")
        axes.set_xlabel(f"time, in lengths of the stream; {len(sizes)} experiences")
        axes.set_title(title, fontweight="bold")
        if len(classes) <= MOST_NAMED:
            figure.legend(
                handles=handles[::-1], loc="outside right center", frameon=False, title="class"
            )
    return figure

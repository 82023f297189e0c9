"""A night drawn: spikes over its steps, and weights before and after it, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.formatting import plotting

if TYPE_CHECKING:
    from bench.strategy_docs.spike_trace import Layer, NightTrace

WIDTH, ROW = 9.0, 1.9
"""Inches of the figure, and of one layer in it."""
BINS = 80
MANY = 2000
"""Spikes of a layer, from which on each is a pixel."""


def night_figure(title: str, trace: NightTrace) -> Figure:
    """Rasters on the left, the input at the bottom; histograms of weights on the right."""
    layers = trace.layers[::-1]
    with plotting.paper_style("ticks", 1.0):
        figure = Figure(figsize=(WIDTH, ROW * len(layers)), layout="constrained")
        grid = figure.subplots(len(layers), 2, sharex="col", gridspec_kw={"width_ratios": (3, 2)})
        low = min(min(layer.before.min(), layer.after.min()) for layer in layers[:-1])
        high = max(max(layer.before.max(), layer.after.max()) for layer in layers[:-1])
        bins = np.linspace(low, high, BINS + 1)
        for (raster, weights), layer in zip(grid, layers, strict=True):
            _draw_raster(raster, layer, trace.steps)
            if len(layer.before):
                _draw_weights(weights, layer, bins)
            else:
                weights.set_axis_off()
        grid[-1, 0].set_xlabel("step of the night")
        lowest = grid[-2, 1]
        lowest.set_xlabel("weight")
        lowest.tick_params(labelbottom=True)
        grid[-1, 1].legend(*lowest.get_legend_handles_labels(), loc="lower center", frameon=False)
        figure.suptitle(title, fontweight="bold")
    return figure


def _draw_raster(axes: Axes, layer: Layer, steps: int) -> None:
    dense = len(layer.spikes) > MANY
    when, who = layer.spikes.T
    axes.plot(when, who, "," if dense else "|", color="black", markersize=4, rasterized=dense)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set(xlim=(0, steps), ylim=(-0.5, layer.neurons - 0.5), ylabel="neuron")
    per_step = len(layer.spikes) / steps
    axes.set_title(f"{layer.name}: {len(layer.spikes):,} spikes, {per_step:.3g} a step", loc="left")


def _draw_weights(axes: Axes, layer: Layer, bins: np.ndarray) -> None:
    blue, orange = plotting.COLOURS[:2]
    for weights, label, style in (
        (layer.before, "before the night", {"color": blue, "linestyle": "-"}),
        (layer.after, "after it", {"color": orange, "linestyle": "--"}),
    ):
        counts, _ = np.histogram(weights, bins)
        axes.stairs(counts, bins, label=label, linewidth=1.2, **style)
    changed = np.mean(layer.before != layer.after)
    axes.set(yscale="log", ylabel="weights")
    axes.set_title(f"into {layer.name}: {100 * changed:.1f} % changed", loc="left")

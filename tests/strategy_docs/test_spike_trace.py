"""A night that is watched: every spike, and the weights that it moved."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.strategy_docs.spike_figure import night_figure
from bench.strategy_docs.spike_trace import NightTrace, trace_night


def config(strategy: str = "sleep-replay", **hyperparameters) -> RunConfig:
    return RunConfig(
        benchmark="split-digits",
        scenario="class",
        model="mlp",
        strategy=strategy,
        hyperparameters=hyperparameters,
        budget=Budget(amount=10_000, clock="steps"),
    )


@pytest.fixture(scope="module")
def night() -> NightTrace:
    return trace_night(config(day_steps=100), experience=1)


def test_only_the_weights_of_neurons_that_fired_moved(night):
    assert [layer.neurons for layer in night.layers] == [64, 300, 100, 10]
    for below, layer in zip(night.layers, night.layers[1:], strict=False):
        shape = (layer.neurons, below.neurons)
        before, after = layer.before.reshape(shape), layer.after.reshape(shape)
        moved = set(np.flatnonzero((before != after).any(axis=1)).tolist())
        fired = set(layer.spikes[:, 1].tolist())
        assert moved <= fired
        assert len(layer.spikes) >= len(fired) > 0
    assert night.layers[1].before.min() > night.layers[1].after.min()


def test_watching_a_stage_among_others(night):
    found = trace_night(config("staged-sleep", stages="downscale+replay"), experience=0)
    assert found.experience == 0
    assert len(found.layers[0].spikes) > 0
    assert found.steps <= 2000


def test_kernels_that_sleep_are_drawn_neuron_by_neuron(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (80, 12, 12), dtype=np.uint8)
    labels = np.arange(80) % 4
    np.savez(tmp_path / "noise.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    own = {"benchmark": f"npz:{tmp_path / 'noise.npz'}", "model": "lenet5"}
    chosen = config(day_steps=20, sleep_steps=100, convolutions=True).model_copy(update=own)
    layers = trace_night(chosen, experience=0).layers
    assert [layer.neurons for layer in layers] == [144, 6 * 144, 16 * 4, 120, 84, 4]
    assert [len(layer.before) for layer in layers[1:3]] == [6 * 25, 16 * 6 * 25]
    assert all(layer.spikes[:, 1].max() < layer.neurons for layer in layers[:2])
    assert (layers[1].before != layers[1].after).any()


@pytest.mark.parametrize(
    ("strategy", "experience", "complaint"),
    [
        ("naive", 0, "strategy must sleep with a stage of replay, got naive"),
        ("dreaming", 0, "strategy must sleep with a stage of replay, got dreaming"),
        ("sleep-replay", 5, r"experience must be in \[1, 5\], got 6"),
    ],
)
def test_a_night_that_cannot_be_is_refused(strategy, experience, complaint):
    with pytest.raises(ValueError, match=complaint):
        trace_night(config(strategy), experience=experience)


def test_the_figure_has_a_raster_and_a_histogram_for_each_layer(night):
    figure = night_figure("a night", night)
    rasters, weights = figure.axes[::2], figure.axes[1::2]
    for axes, layer in zip(rasters, night.layers[::-1], strict=True):
        assert axes.get_title("left").startswith(f"{layer.name}: {len(layer.spikes):,} spikes")
        assert len(axes.lines[0].get_xdata()) == len(layer.spikes)
    for axes, layer in zip(weights[:-1], night.layers[:0:-1], strict=True):
        for stairs in axes.patches:
            assert stairs.get_data().values.sum() == len(layer.before)


def test_the_command_writes_both_files(tmp_path: Path):
    called = CliRunner().invoke(
        app, ["plot-night", "--budget", "2000steps", "--set", "day_steps=50", "--experience", "1",
              "--out", str(tmp_path / "x.png")],
    )  # fmt: skip
    assert called.exit_code == 0, called.output
    assert (tmp_path / "x.png").stat().st_size > 10_000
    assert "</svg>" in (tmp_path / "x.svg").read_text()

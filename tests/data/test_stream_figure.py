"""A stream drawn: the counts that are drawn, and the command that draws them."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from bench.cli.app import app
from bench.data.stream_figure import class_counts, stream_figure
from bench.data.streams import make_benchmark


def test_the_samples_of_each_class_and_experience_are_counted():
    made = make_benchmark("split-digits?sigma=0.1&parts=2", "class", class_seed=3)
    counts = class_counts(made)
    assert counts.sum(1).tolist() == made.train_samples
    assert [np.flatnonzero(row).tolist() for row in counts] == made.classes_by_experience


def test_bars_are_as_wide_as_experiences_are_large_and_as_high_as_the_shares():
    figure = stream_figure("title", np.array([[3, 1, 0], [0, 0, 12]]), "abc")
    [axes] = figure.axes
    bars = [bar for group in axes.containers for bar in group]
    assert [round(bar.get_width(), 3) for bar in bars] == [0.25, 0.75] * 3
    assert [bar.get_height() for bar in bars] == [75, 0, 25, 0, 0, 100]
    assert [bar.get_y() for bar in bars] == [0, 0, 75, 0, 100, 0]


def test_the_command_writes_both_files(tmp_path):
    out = tmp_path / "stream.png"
    said = CliRunner().invoke(app, ["plot-stream", "split-digits?sigma=.10", "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert "split-digits?sigma=0.1<" in out.with_suffix(".svg").read_text()
    assert out.stat().st_size > 1000


def test_a_scenario_that_the_stream_has_not_is_refused():
    said = CliRunner().invoke(app, ["plot-stream", "split-digits?sigma=1", "--scenario", "task"])
    assert "must be run in scenario class or domain, got 'task'" in str(said.exception)

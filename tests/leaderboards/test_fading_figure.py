"""Accuracy against sigma."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.text import Text

from bench.leaderboards.fading_figure import fading_figure
from bench.ranking.fading import fading
from bench.ranking.rank import rank_all
from factories import as_stored, make_runs


def test_every_row_has_its_name_and_no_name_covers_another():
    records = [
        record
        for sigma in ("", "?sigma=0.3", "?sigma=inf")
        for name in ("naive", "replay", "ewc", "der++", "staged-sleep")
        for record in make_runs(name, benchmark=f"split-mnist{sigma}")
    ]
    [one] = fading(rank_all(as_stored(records)))
    figure = fading_figure(one)
    figure.draw_without_rendering()
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "0.3", "inf"]
    assert {text.get_text() for text in axes.texts} == set(one.rows)
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines to them
    boxes.sort(key=lambda box: box.y0)
    assert all(below.y1 < above.y0 + 2 for below, above in pairwise(boxes))

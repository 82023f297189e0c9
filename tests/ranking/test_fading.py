"""Leaderboards that differ in sigma alone."""

from __future__ import annotations

from bench.ranking.fading import fading
from bench.ranking.rank import rank_all
from factories import as_stored, make_runs


def boards(*runs, **fields):
    records = [
        record
        for name, benchmark, accuracy in runs
        for record in make_runs(name, accuracy=accuracy, benchmark=benchmark, **fields)
    ]
    return list(rank_all(as_stored(records)))


def test_rows_stand_side_by_side_the_best_at_the_widest_first():
    found = fading(
        boards(
            ("naive", "split-mnist", 0.2), ("naive", "split-mnist?sigma=inf", 0.9),
            ("naive", "split-mnist?sigma=0.1", 0.5), ("replay", "split-mnist", 0.8),
            ("replay", "split-mnist?sigma=inf", 0.7), ("ewc", "split-mnist", 0.2),
            ("si", "split-mnist", 0.2), ("si", "split-mnist?sigma=0.1", 0.3),
        )
    )  # fmt: skip
    [one] = found
    assert one.benchmark == "split-mnist"
    assert list(one.boards) == [0.0, 0.1, float("inf")]
    assert list(one.rows) == ["naive", "replay", "si"]  # ewc ran at one width alone
    assert list(one.rows["replay"]) == [0.0, float("inf")]


def test_boards_that_share_no_row_compare_nothing():
    assert not fading(boards(("naive", "split-mnist", 0.2), ("ewc", "split-mnist?sigma=0.1", 0.3)))


def test_other_conditions_and_other_options_are_other_streams():
    assert not fading(
        boards(("naive", "split-mnist?sigma=0.1", 0.5))
        + boards(("naive", "split-mnist?repeat=2&sigma=0.3", 0.5))
        + boards(("naive", "split-mnist?sigma=0.3", 0.5), model="mlp-400")
    )
    [one] = fading(
        boards(("naive", "split-mnist?repeat=2&sigma=0.3", 0.5))
        + boards(("naive", "split-mnist?repeat=2", 0.5))
    )
    assert one.benchmark == "split-mnist?repeat=2"

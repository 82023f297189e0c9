from __future__ import annotations

import math

import pytest

from bench.ranking.rank import rank_all
from bench.ranking.tuning_gain import gains
from factories import as_stored, make_runs

CHOSEN = {"hyperparameters": {"learning_rate": 0.01}, "search_charged": 40.0}


def boards(*groups):
    return rank_all(as_stored([record for group in groups for record in group]))


def test_a_gain_is_paired_over_the_seeds_that_both_rows_have():
    before = make_runs("ewc", accuracy=0.5, seeds=5)
    after = make_runs("ewc", accuracy=0.7, seeds=3, **CHOSEN)
    default, tuned = boards(before, after)
    assert not gains(default)
    (gain,) = gains(tuned)
    assert gain.accuracy.mean == pytest.approx(0.2)
    assert gain.default.configuration.hyperparameters == "{}"


def test_a_strategy_without_a_row_at_its_defaults_has_no_gain():
    by_hand = make_runs("ewc", hyperparameters={"ewc_lambda": 10.0})
    after = make_runs("ewc", **CHOSEN)
    _, tuned = boards(by_hand, after)
    assert gains(tuned) == []


def test_without_a_board_of_the_defaults_there_is_nothing_to_compare():
    (tuned,) = boards(make_runs("ewc", **CHOSEN))
    assert tuned.defaults is None
    assert gains(tuned) == []


def test_one_seed_gives_a_gain_without_an_interval():
    before, after = make_runs("ewc", seeds=1), make_runs("ewc", seeds=1, **CHOSEN)
    _, tuned = boards(before, after)
    (gain,) = gains(tuned)
    assert gain.score.mean == 0
    assert math.isnan(gain.score.low)

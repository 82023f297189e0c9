"""What boards lack until each row has enough seeds: how many runs, how long, by which command."""

from __future__ import annotations

import math

import pytest

from bench.ranking.missing_runs import boards
from factories import as_stored, make_record, make_runs


def board(*groups, seeds=10):
    (found,) = boards(as_stored([record for group in groups for record in group]), seeds=seeds)
    return found


def test_every_row_is_filled_up_to_the_seeds_that_are_wanted():
    found = board(make_runs("a", 10), make_runs("b", 7), make_runs("c", 4))
    assert (found.rows, sorted(found.seeds), found.missing) == (3, [4, 7, 10], 3 + 6)
    assert found.hours == pytest.approx(9 * 0.9 * 20 / 3600)  # 18 s each
    assert found.commands == (
        "python -m bench run --benchmark split-mnist --scenario class --model mlp "
        "--strategy b,c --budget 20s --seeds 10",
    )


def test_a_full_board_needs_nothing():
    found = board(make_runs("a", 5), seeds=5)
    assert (found.missing, found.hours, found.commands) == (0, 0.0, ())


def test_other_hyper_parameters_have_a_command_of_their_own():
    found = board(make_runs("a"), make_runs("p", hyperparameters={"density": 0.1}))
    assert len(found.commands) == 2
    assert sum("--set density=0.1" in command for command in found.commands) == 1


def test_what_the_machine_broke_is_missing_and_what_failed_is_there():
    runs = [*make_runs("a", 3), make_record("a", 3, status="killed")]
    found = board([*runs, make_record("a", 4, status="oom")])
    assert (found.seeds, found.missing) == ((4,), 6)
    assert dict(found.statuses) == {"ok": 3, "killed": 1, "oom": 1}


def test_the_hours_are_not_known_where_no_run_told_its_cost():
    assert math.isnan(board([make_record(status="oom")]).hours)


def test_trials_of_a_search_are_on_no_board():
    trial = make_record(validation=0.1, validation_only=True)
    assert boards(as_stored([trial])) == []

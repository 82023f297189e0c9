from __future__ import annotations

import pytest

from bench.config.run_config import RULESET
from bench.config.suite import Suite
from bench.config.tuned import Tuned

POINT = {"learning_rate": 0.01, "optimizer": "adam", "batch_size": 32}


def tuned_suite(seal=None, **changed):
    seal = {
        "benchmark": "split-digits", "scenario": "class", "model": "mlp", "budget": "20s",
        "ruleset": RULESET, "base_seed": 1, "objective": "score", "trials": 16,
        "charged": {"naive": 320.0, "ewc": 300.0},
    } | (seal or {})  # fmt: skip
    fields = {
        "benchmarks": ("split-digits",), "scenarios": ("class",), "budget": "20s", "seeds": 10,
        "strategies": ("naive", "ewc"), "points": {"naive": [POINT], "ewc": [POINT]},
    } | changed  # fmt: skip
    return Suite(**fields, tuned=Tuned(**seal))


def test_every_run_says_what_the_search_of_its_strategy_charged():
    told = {(c.strategy, c.search_charged) for c in tuned_suite().configs()}
    assert told == {("naive", 320.0), ("ewc", 300.0)}


def test_a_strategy_without_a_point_was_not_tuned():
    configs = tuned_suite(strategies=("naive", "joint"), points={"naive": [POINT]}).configs()
    assert {(c.strategy, c.search_charged) for c in configs} == {("naive", 320.0), ("joint", 0.0)}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"benchmarks": ("split-mnist",)}, "benchmark must be split-digits, .*, got split-mnist"),
        ({"scenarios": ("task",)}, "scenario must be class, .*, got task"),
        ({"budget": "60s"}, "budget must be 20s, .*, got 60s"),
        ({"model": "mlp-400"}, "model must be mlp, .*, got mlp-400"),
    ],
)
def test_a_tuned_suite_holds_for_nothing_else(changed, told):
    with pytest.raises(ValueError, match=f"{told}; tune again: python -m bench tune"):
        tuned_suite(**changed).configs()


def test_a_tuned_suite_of_other_rules_is_refused():
    with pytest.raises(ValueError, match=f"ruleset must be 1.0, .*, got {RULESET}"):
        tuned_suite({"ruleset": "1.0"}).configs()


def test_seeds_that_the_trials_have_seen_are_refused():
    with pytest.raises(ValueError, match="base_seed must not be 1, whose seeds the trials"):
        tuned_suite(base_seed=1).configs()


def test_a_point_of_which_no_search_tells_is_refused():
    with pytest.raises(ValueError, match="charged must tell of ewc, which has a point, got none"):
        tuned_suite({"charged": {"naive": 320.0}}).configs()

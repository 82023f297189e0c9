from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.study.run_study import SearchOptions
from bench.study.space import search_space
from bench.study.tune import _refuse_default_outside, plan
from bench.study.tuning import Tuning
from strategies import building
from strategies.registry import STRATEGIES
from strategies.search_space import STORED, STORED_NAMES, TRAINING_SPACE, Range


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_all_is_every_strategy_that_can_do_the_scenario(scenario):
    studies = Tuning(scenario=scenario).studies()
    assert list(studies) == [n for n, e in STRATEGIES.items() if scenario in e.scenarios]
    assert {study.base_seed for study in studies.values()} == {1}
    assert {study.budget for study in studies.values()} == {"20s"}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_tuned_over_the_shared_space_and_its_own_and_its_default_lies_inside(
    name,
):
    entry = STRATEGIES[name]
    study = Tuning(strategies=(name,), scenario=entry.scenarios[0]).studies()[name]
    searched = search_space(name, study.space, study.hyperparameters)
    assert set(study.hyperparameters.values()) <= {STORED}
    assert searched.items() >= TRAINING_SPACE.items()
    assert searched.keys() == (entry.space.keys() - STORED_NAMES) | TRAINING_SPACE.keys()
    defaults = building.resolve(name, entry, {})
    for key, tried in searched.items():
        if isinstance(tried, Range):
            assert tried.low <= defaults[key] <= tried.high
        else:
            assert defaults[key] in tried


def test_on_the_first_experiences_trials_see_two():
    (study,) = Tuning(strategies=("naive",), tune_on="first").studies().values()
    assert study.experiences == 2
    assert str(study.run_budget) == "8s"  # of 20 s for five experiences


def test_a_default_outside_the_space_is_refused():
    (study,) = Tuning(strategies=("naive",)).studies().values()
    defaults = {"learning_rate": 0.5, "optimizer": "sgd", "batch_size": 128}
    ready = SimpleNamespace(study=study, defaults=defaults)
    with pytest.raises(
        ValueError, match=r"space of naive must hold its default, learning_rate=0.5"
    ):
        _refuse_default_outside(ready)
    ready.defaults = {**defaults, "learning_rate": 0.05, "batch_size": 100}
    with pytest.raises(ValueError, match="batch_size=100, got 16, 32, 64, 128, 256"):
        _refuse_default_outside(ready)
    ready.defaults = {**defaults, "learning_rate": 0.05}
    _refuse_default_outside(ready)


def test_what_is_to_be_charged_is_trials_left_times_seeds_times_budget():
    (study,) = Tuning(strategies=("naive",), seeds=2, threads=3).studies().values()
    ready = [SimpleNamespace(study=study, trials=[None] * done) for done in (0, 3, 20)]
    assert plan(ready, SearchOptions(trials=16)) == (
        "48 trials: 19 done, 29 to go, which charge at most 1,160 s, "
        "0.967 core-hours of training; evaluation comes on top"
    )
    (study,) = Tuning(strategies=("naive",), budget="50steps", clock="steps").studies().values()
    ready = [SimpleNamespace(study=study, trials=[])]
    told = "4 trials: 0 done, 4 to go, which charge at most 200 steps"
    assert plan(ready, SearchOptions(trials=4)) == told


@pytest.mark.parametrize("scenario", ["task", "class"])
def test_the_recipe_tells_what_all_strategies_cost(scenario):
    count = len(Tuning(scenario=scenario).studies())
    recipe = (Path(__file__).parents[2] / "docs" / "how-to" / "tune.md").read_text()
    hours = f"{count * 16 * 20 / 3600:.1f}"
    row = f"| {scenario}-incremental, all {count} | 16 | 20 s | {hours} core-hours |"
    assert row in recipe

from __future__ import annotations

from pathlib import Path

import pytest

from bench.study.space import grid, parse_space, search_space, sentences, written
from bench.study.study import Study, resolve
from strategies import building, registry
from strategies.search_space import Range

PRUNE = "iterative-prune-budgeted"
STUDIES = Path(__file__).parents[2] / "studies"
SEARCHED = [name for name, entry in registry.STRATEGIES.items() if entry.space]


@pytest.mark.parametrize("name", SEARCHED)
def test_every_default_lies_in_its_declared_range(name):
    entry = registry.STRATEGIES[name]
    defaults = building.hyperparameters(entry)
    assert entry.space.keys() <= defaults.keys()
    for key, tried in entry.space.items():
        if isinstance(tried, Range):
            assert tried.low <= defaults[key] <= tried.high, key
            assert tried.whole == isinstance(defaults[key], int), key
        else:
            assert defaults[key] in tried, key


@pytest.mark.parametrize(
    ("low", "high", "log", "message"),
    [
        (16, 1, False, "a range must go from low to high, got 16:1"),
        (1, 1, False, "a range must go from low to high, got 1:1"),
        (0.0, 1.0, True, "a range on a log scale must start above 0, got 0.0:1.0:log"),
        (0.0, float("inf"), False, "a range must have finite ends"),
    ],
)
def test_a_range_that_no_number_can_come_from_is_refused(low, high, log, message):
    with pytest.raises(ValueError, match=message):
        Range(low, high, log=log)


def test_the_space_is_the_strategys_own_narrowed_and_without_what_is_fixed():
    space = search_space(
        PRUNE,
        {"rounds": "2:8", "prune_from": "0:1", "schedule": ["linear", "cubic"]},
        {"scope": "layer", "importance": "magnitude", "rewind": "none"},
    )
    assert space == {
        "density": Range(0.005, 0.5, log=True),
        "prune_from": Range(0.0, 1.0),
        "rounds": Range(2, 8, log=True),  # the declared scale stands where none is given
        "schedule": ("linear", "cubic"),
    }
    assert search_space(PRUNE, written(space), {"scope": "layer"}).items() >= space.items()


def test_any_hyper_parameter_can_be_searched_that_the_strategy_has():
    space = search_space("naive", {"learning_rate": "0.001:1:log"}, {})
    assert space == {"learning_rate": Range(0.001, 1.0, log=True)}


@pytest.mark.parametrize(
    ("given", "fixed", "message"),
    [
        ({"ruonds": "1:8"}, {}, "in the space 'ruonds'; did you mean 'rounds'?"),
        ({}, {"densty": 0.1}, "has no hyper-parameter 'densty'; did you mean 'density'?"),
        ({"rounds": "16:1:log"}, {}, "rounds: a range must go from low to high, got 16:1:log"),
        ({"rounds": "1:8:cubic"}, {}, "rounds must be low:high, low:high:log or choices"),
        ({"rounds": "1:2.5"}, {}, "rounds must be a whole number, got 2.5"),
        ({"rounds": "1:8"}, {"rounds": 3}, "rounds must be fixed or searched, not both"),
        ({"schedule": "1:2"}, {}, "schedule must be text"),
        ({"schedule": ["linear"]}, {}, "schedule must have two choices or more"),
        ({"schedule": ["linear", "linear"]}, {}, "all different"),
        ({"rounds": [1, "two"]}, {}, "rounds must be a number, got 'two'"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(given, fixed, message):
    with pytest.raises(ValueError, match=message):
        search_space(PRUNE, given, fixed)


def test_a_strategy_without_a_space_of_its_own_needs_one():
    with pytest.raises(ValueError, match="naive has nothing to search; give a range"):
        search_space("naive", {}, {})


def test_the_command_line_gives_ranges_and_choices():
    assert parse_space(["rounds=1:16:log", "schedule=linear,cubic", "density=0.1,0.2"]) == {
        "rounds": "1:16:log",
        "schedule": ["linear", "cubic"],
        "density": [0.1, 0.2],
    }
    with pytest.raises(ValueError, match="--space must be name=low:high"):
        parse_space(["rounds"])
    with pytest.raises(ValueError, match="--space rounds must be given once"):
        parse_space(["rounds=1:2", "rounds=1:3"])


def test_a_grid_is_evenly_spaced_on_each_scale():
    space = {"a": Range(1, 16, log=True), "b": Range(0.0, 1.0), "c": ("x", "y"), "d": Range(1, 3)}
    assert grid(space) == {
        "a": [1, 2, 4, 8, 16],
        "b": [0.0, 0.25, 0.5, 0.75, 1.0],
        "c": ["x", "y"],
        "d": [1, 2, 3],  # 1.5 and 2.5 are rounded to 2
    }


def test_the_space_is_told_with_scales_and_defaults():
    space = {"rounds": Range(1, 32, log=True), "schedule": ("linear", "cubic")}
    assert sentences(space, {"rounds": 5, "schedule": "linear"}) == [
        "rounds: whole numbers from 1 to 32, log scale (default 5)",
        "schedule: one of linear, cubic (default linear)",
    ]


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_declared_study_can_be_begun(path):
    study, defaults = resolve(Study.read(path))
    assert study.searched().keys() == defaults.keys()
    assert study.resolved() == study  # so that a study goes on with its own file
    assert {"rounds", "schedule"} <= defaults.keys()

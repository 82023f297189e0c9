from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.config.suite import Suite, parse_settings


def test_a_suite_is_every_combination():
    suite = Suite(
        scenarios=("task", "class"),
        strategies=("naive", "ewc"),
        seeds=3,
        hyperparameters={"ewc": {"ewc_lambda": [1, 10]}, "*": {"batch_size": 32}},
    )
    configs = suite.configs()
    assert len(configs) == 2 * (1 + 2) * 3
    assert len({c.digest for c in configs}) == len(configs)
    assert all(c.hyperparameters["batch_size"] == 32 for c in configs)
    assert {c.hyperparameters.get("ewc_lambda") for c in configs} == {None, 1, 10}


def test_all_means_every_strategy_that_can_do_the_scenario():
    names = {c.strategy for c in Suite(scenarios=("class",)).configs()}
    assert "naive" in names
    assert "packnet-frozen" not in names


def test_a_suite_file_is_read_strictly(tmp_path):
    file = tmp_path / "suite.toml"
    file.write_text(
        'benchmarks = ["split-digits"]\nseeds = 5\n[hyperparameters.naive]\nmomentum = 0\n'
    )
    assert Suite.read(file).seeds == 5
    file.write_text("sedes = 5\n")
    with pytest.raises(ValueError, match="unknown key 'sedes'; did you mean 'seeds'"):
        Suite.read(file)
    file.write_text("seeds = ")
    with pytest.raises(ValueError, match="not TOML"):
        Suite.read(file)
    with pytest.raises(ValueError, match="cannot be read"):
        Suite.read(tmp_path / "none.toml")


def test_settings_on_the_command_line():
    settings = [
        "density=0.1",
        "ewc.ewc_lambda=10,100",
        "optimizer=adam",
        "packnet-frozen.scope=layer",
    ]
    assert parse_settings(settings, ("all",)) == {
        "*": {"density": 0.1, "optimizer": "adam"},
        "ewc": {"ewc_lambda": [10, 100]},
        "packnet-frozen": {"scope": "layer"},
    }


def test_seeds_pair_strategies_and_differ_by_repetition():
    naive, ewc, second = (
        Suite(strategies=(name,), seeds=2).configs()[index]
        for name, index in (("naive", 0), ("ewc", 0), ("naive", 1))
    )
    assert naive.seed("init") == ewc.seed("init") != second.seed("init")
    assert naive.seed("init") != naive.seed("data")


def test_every_declared_suite_can_be_read():
    root = Path(__file__).parents[2]
    own, papers = (root / "suites").rglob("*.toml"), (root / "bench/papers").glob("*/suites/*.toml")
    files = [*own, *papers]
    assert len(files) > 20
    assert all(Suite.read(file).configs() for file in files)


def test_points_are_hyper_parameters_that_belong_together_and_the_grid_lies_over_them(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        'strategies = ["packnet-frozen"]\nsearch_charged = 120.0\n'
        "[hyperparameters.packnet-frozen]\nmomentum = [0.0, 0.9]\n"
        "[[points.packnet-frozen]]\n"
        "[[points.packnet-frozen]]\ndensity = 0.1\nrounds = 3\n"
    )
    assert [(c.hyperparameters, c.search_charged) for c in Suite.read(path).configs()] == [
        ({"momentum": 0.0}, 0.0),
        ({"momentum": 0.9}, 0.0),
        ({"momentum": 0.0, "density": 0.1, "rounds": 3}, 120.0),
        ({"momentum": 0.9, "density": 0.1, "rounds": 3}, 120.0),
    ]


def test_points_of_a_strategy_that_is_not_in_the_suite_are_refused():
    suite = Suite(strategies=("naive",), points={"ewc": [{}]})
    with pytest.raises(ValueError, match="unknown strategy in points 'ewc'"):
        suite.configs()


@pytest.mark.parametrize(
    ("strategies", "setting", "message"),
    [
        (("naive",), "foo=1", r"naive has no hyper-parameter 'foo'\. Known: batch_size, "),
        (("naive", "ewc"), "ewc.lambda=1", "ewc has no hyper-parameter 'lambda'; did you mean"),
        (("all",), "learning=1", "no strategy has a hyper-parameter 'learning'; did you mean"),
        (("naive",), "learning_rate=0.1,-1", "learning_rate must be above 0, got -1"),
        (("naive",), "batch_size=1.5", r"batch_size must be a whole number, got 1\.5"),
        (("naive",), "optimizer=sdg", "optimizer must be 'sgd', 'adam' or 'adamw', got 'sdg'"),
    ],
)
def test_hyper_parameters_that_cannot_be_are_refused_without_building(strategies, setting, message):
    suite = Suite(strategies=strategies, hyperparameters=[setting])
    with pytest.raises(ValueError, match=message):
        suite.configs()


def test_hyper_parameters_of_one_strategy_may_be_set_where_all_run():
    assert Suite(hyperparameters=["optimizer=adam", "density=0.2"]).configs()


def test_a_byte_order_mark_in_front_of_a_suite_is_no_part_of_it(tmp_path):
    file = tmp_path / "suite.toml"
    file.write_bytes(b'\xef\xbb\xbfstrategies = ["naive"]\n')
    assert Suite.read(file).strategies == ("naive",)


def test_a_number_that_python_does_not_read_is_refused_with_its_file(tmp_path):
    file = tmp_path / "suite.toml"
    file.write_text(f"seeds = {'9' * 5000}\n")
    with pytest.raises(ValueError, match=r"suite.toml cannot be read: Exceeds the limit"):
        Suite.read(file)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text(""), "must declare something, got nothing"),
        (lambda path: path.write_text("# later\n"), "must declare something, got nothing"),
        (os.mkfifo, "must be a plain file, no folder, pipe or device"),
        (Path.mkdir, "must be a plain file, no folder, pipe or device"),
        (lambda path: path.write_text("#" * 2**21), "must have at most 1048576 bytes"),
    ],
)
def test_a_file_that_declares_nothing_is_refused_before_it_is_read(tmp_path, make, message):
    path = tmp_path / "suite.toml"
    make(path)
    with pytest.raises(ValueError, match=message):
        Suite.read(path)


def test_a_batch_of_more_than_a_million_is_refused_before_the_run():
    given = {"*": {"batch_size": 10**20}}
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, 1000000\], got 1000000000"):
        Suite(strategies=("naive",), hyperparameters=given, budget="1s").configs()


def test_a_plus_in_an_option_is_a_plus():
    assert Suite(benchmarks=("split-mnist?sigma=1e+3",)).benchmarks == ("split-mnist?sigma=1000",)

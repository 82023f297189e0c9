"""What the table says of Avalanche's strategies: it is complete, it runs, and its page shows it."""

from __future__ import annotations

import importlib
import inspect
import re
import signal
from pathlib import Path

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.training import supervised
from avalanche.training.templates.base import BaseTemplate

from bench.config.suite import Suite
from bench.runner.evaluation import answers
from metered import metered
from strategies import building
from strategies.avalanche_strategies import SEEN, avalanche_entry
from strategies.entry import ALL
from toy import logits, scores, toy_benchmark

MODULE = "avalanche.training.supervised"
ELSEWHERE = {
    "LaMAML": "lamaml:LaMAML",
    "lamaml_v2:LaMAML": "lamaml_v2:LaMAML",
    "ObjectDetectionTemplate": "naive_object_detection:ObjectDetectionTemplate",
}
"""Those that the package does not export, by their place below it."""
GIVEN = {
    "AGEM": {"patterns_per_exp": 20},
    "EWC": {"ewc_lambda": 1.0},
    "FeatureReplay": {"last_layer_name": "5"},
    "GEM": {"patterns_per_exp": 20},
    "LwF": {"alpha": 1.0, "temperature": 2.0},
    "MER": {"batch_size": 10},  # each example of a minibatch is ten steps
    "MIR": {"mem_size": 50, "subsample": 20},
    "SynapticIntelligence": {"si_lambda": 0.1},
}
CELLS = [(name, s) for name, seen in SEEN.items() if not seen.refused for s in seen.scenarios]
HANGS_AFTER = 20
"""Seconds."""
PAGE = Path(__file__).parents[2] / "docs/reference/avalanche-strategies.md"


def path_of(name: str) -> str:
    return f"{MODULE}.{ELSEWHERE[name]}" if name in ELSEWHERE else f"{MODULE}:{name}"


def suite(name: str, scenario: str, chosen: dict[str, object]) -> Suite:
    path = path_of(name)
    return Suite(strategies=(path,), scenarios=(scenario,), hyperparameters={path: chosen})


@pytest.fixture
def a_time_limit():
    """A hang is a failure."""

    def late(number, frame):
        raise TimeoutError(f"longer than {HANGS_AFTER} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(HANGS_AFTER)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("name", "scenario"), CELLS)
def test_one_that_is_not_refused_runs(a_time_limit, name, scenario):
    benchmark = toy_benchmark(scenario, experiences=3)
    strategy, meter = metered(path_of(name), benchmark, 12, chosen=GIVEN.get(name, {}))
    if SEEN[name].ranked:
        for index, experience in enumerate(benchmark.train):
            with meter.experience(index):
                strategy.train(experience)
    else:
        with meter.experience(None):
            strategy.train(benchmark.train)
    assert meter.spent == 12
    assert logits(strategy, benchmark.test[0]).isfinite().all()


@pytest.mark.parametrize("name", [name for name, seen in SEEN.items() if seen.refused])
def test_one_that_is_refused_says_why_before_a_run(name):
    with pytest.raises(ValueError, match=re.escape(f"{path_of(name)} {SEEN[name].refused}")):
        suite(name, "class", {}).configs()


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        (n, s)
        for n, seen in SEEN.items()
        for s in ALL
        if not seen.refused
        if s not in seen.scenarios
    ],
)
def test_a_scenario_that_it_cannot_do_is_refused(name, scenario):
    with pytest.raises(ValueError, match=f"cannot do the {scenario}-incremental scenario"):
        suite(name, scenario, {}).configs()


@pytest.mark.parametrize("name", [n for n in GIVEN if n != "MER"])
def test_what_must_be_given_is_said_before_a_run(name):
    with pytest.raises(ValueError, match=r"must be given --set \w+=…") as refused:
        suite(name, "class", {}).configs()
    keys = set(re.findall(r"--set (\w+)=…", str(refused.value)))
    assert keys == GIVEN[name].keys() == SEEN[name].needs.keys()


def test_the_table_has_every_strategy_that_avalanche_has():
    exported = {
        name
        for name, found in vars(supervised).items()
        if inspect.isclass(found) and issubclass(found, BaseTemplate)
        if found.__module__.startswith(MODULE)
    }
    assert exported | ELSEWHERE.keys() | {"OnlineNaive"} == SEEN.keys()  # deprecated, no class
    for name in SEEN:
        module, _, own = path_of(name).partition(":")
        assert callable(getattr(importlib.import_module(module), own))


def test_a_class_of_somebody_else_is_none_of_them():
    assert avalanche_entry("my_avalanche.training:LFL", "") is None
    assert avalanche_entry("avalanche.training.supervised:Mine", "") is None
    assert building.find("rogues:Hang").refused == ""


def test_a_function_of_ones_own_makes_what_a_strategy_needs(tmp_path, monkeypatch):
    page = (PAGE.parents[1] / "how-to/own-strategy.md").read_text(encoding="utf-8")
    source = re.search(r'```python title="my_scr.py"\n(.*?)```', page, re.DOTALL)
    assert source is not None
    (tmp_path / "my_scr.py").write_text(source[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    benchmark = toy_benchmark("class", experiences=2)
    strategy, meter = metered("my_scr:make", benchmark, 40, chosen={"mem_size": 20})
    logits(strategy, benchmark.test[0])  # it answers before it has seen an example
    for index, experience in enumerate(benchmark.train):
        with meter.experience(index):
            strategy.train(experience)
    assert meter.spent == 40
    assert min(scores(strategy, benchmark).accuracy) > 0.9  # naive: the first experience at 0


def test_what_is_written_after_an_evaluated_minibatch_is_the_answer():
    class Turned(SupervisedPlugin):
        def after_eval_iteration(self, strategy, **kwargs):
            strategy.mb_output = -strategy.mb_output

    benchmark = toy_benchmark("class")
    strategy, _ = metered("naive", benchmark, 8)
    before = answers(strategy, benchmark.test[0])
    strategy.plugins.append(Turned())
    assert torch.equal(answers(strategy, benchmark.test[0]), -before)


def row(name: str) -> str:
    """How the page begins the row of a strategy."""
    seen = SEEN[name]
    path = path_of(name).removeprefix(f"{MODULE}:").removeprefix(f"{MODULE}.")
    if seen.refused:
        return f"| `{path}` | {seen.refused[0].upper()}{seen.refused[1:]}. |"
    needs = "; ".join(f"`--set {key}=…`: {what}" for key, what in seen.needs.items()) or "-"
    return f"| `{path}` | {', '.join(seen.scenarios)} | {needs} |"


@pytest.mark.parametrize("name", SEEN)
def test_the_page_shows_the_table(name):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "|" in line]
    assert [line.startswith(row(name)) for line in rows].count(True) == 1, row(name)


if __name__ == "__main__":
    print("\n".join(map(row, SEEN)))

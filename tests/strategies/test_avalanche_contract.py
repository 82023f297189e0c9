"""Avalanche's own tests of strategies, which its wheel brings, with ours slotted in for its own."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import avalanche
import pytest
import torch
from avalanche.models import MTSimpleMLP, SimpleMLP
from avalanche.models.utils import is_multi_task_module
from avalanche.training.plugins import EvaluationPlugin

from strategies import (
    AdaptivePrune,
    CompactingPicking,
    IterativePrune,
    PackNet,
    SleepReplay,
    StagedSleep,
    WeightAveraging,
    WinningSubnetworks,
)

PER_TASK = (PackNet, WinningSubnetworks, CompactingPicking)
STRATEGIES: dict[str, tuple[type, dict[str, Any]]] = {
    "packnet-frozen": (PackNet, {}),
    "packnet-unfrozen": (PackNet, {"frozen": False}),
    "packnet-snapshot": (PackNet, {"frozen": False, "unfrozen": "snapshot"}),
    "packnet-rehearsed": (PackNet, {"frozen": False, "unfrozen": "rehearsed"}),
    "wsn": (WinningSubnetworks, {}),
    "cpg": (CompactingPicking, {}),
    "iterative-prune-budgeted": (IterativePrune, {}),
    "iterative-prune-adaptive": (AdaptivePrune, {}),
    # its night ends an experience: as late as can be, so that every epoch is there to be counted
    "sleep-replay": (SleepReplay, {"day": 0.99, "sleep_steps": 20}),
    "staged-sleep": (StagedSleep, {"stages": "downscale+align"}),
    "weight-averaging": (WeightAveraging, {}),
}
THEIRS = [
    ("test_strategies", "StrategyTest", "test_naive"),
    ("test_strategies", "BaseStrategyTest", "test_periodic_eval"),
    ("test_strategies", "BaseStrategyTest", "test_plugins_compatibility_checks"),
    ("test_strategies", "BaseStrategyTest", "test_forward_hooks"),
    ("test_strategies", "BaseStrategyTest", "test_early_stop"),
    ("test_plugins", "PluginTests", "test_callback_reachability"),
    ("test_plugins", "PluginTests", "test_scheduler_plugin"),
    ("test_online_strategies", "StrategyTest", "test_naive"),
]
IDS = [f"{module.removeprefix('test_')}.{test}" for module, _, test in THEIRS]


def their_module(name: str) -> ModuleType:
    """A module of Avalanche's package `tests`, whose name pytest gives to ours."""
    folder = Path(avalanche.__file__).parents[1] / "tests"
    spec = importlib.util.spec_from_file_location("tests", folder / "__init__.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tests", importlib.util.module_from_spec(spec))
        return importlib.import_module(name)


def slotted(name: str) -> Callable[..., Any]:
    """Builds the strategy from whatever arguments Avalanche's tests give to one of its own.

    Without task labels a strategy with a subnetwork per task infers the task.
    """
    kind, chosen = STRATEGIES[name]

    def build(*args: Any, **kwargs: Any) -> Any:
        model = args[0] if args else kwargs["model"]
        told = kind not in PER_TASK or is_multi_task_module(model)
        return kind(*args, **kwargs, **chosen, **({} if told else {"infer": "entropy"}))

    return build


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(("module", "case", "test"), THEIRS, ids=IDS)
def test_avalanches_own_test_passes(monkeypatch, name, module, case, test):
    theirs = their_module(f"tests.training.{module}")
    for slot in {"Naive", "Cumulative", "OnlineNaive"} & set(vars(theirs)):
        monkeypatch.setattr(theirs, slot, slotted(name))
    if module == "test_online_strategies" and STRATEGIES[name][0] in PER_TASK:
        # the parts of a task come as experiences that name neither task nor classes
        with pytest.raises(ValueError, match="OnlineCLExperience without classes_in_this_exp"):
            getattr(theirs, case)(test).debug()
    else:
        getattr(theirs, case)(test).debug()


def make(kind: type, model: torch.nn.Module) -> Any:
    return kind(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=1e-4),
        train_mb_size=64,
        train_epochs=2,
        evaluator=EvaluationPlugin(),
    )


@pytest.mark.parametrize("kind", PER_TASK)
def test_a_second_experience_without_a_task_label_of_its_own_is_refused(kind):
    fast = their_module("tests.unit_tests_utils").get_fast_benchmark
    benchmark = fast(use_task_labels=False)
    strategy = make(kind, SimpleMLP(input_size=6, hidden_size=10))
    strategy.train(benchmark.train_stream[0], num_workers=0)
    with pytest.raises(ValueError, match=r"task 0 had classes \[.*\] before, got \["):
        strategy.train(benchmark.train_stream[1], num_workers=0)


@pytest.mark.parametrize("kind", PER_TASK)
def test_inference_with_a_head_for_each_task_is_refused(kind):
    model = MTSimpleMLP(input_size=6, hidden_size=10)
    with pytest.raises(ValueError, match="infer needs one output layer for all tasks"):
        kind(
            model=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=1e-4),
            infer="entropy",
        )


def test_arguments_by_position_are_the_templates_first():
    model = SimpleMLP(input_size=6)
    optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.1), torch.nn.NLLLoss()
    with pytest.warns(UserWarning, match="keyword"):
        strategy = PackNet(model, optimizer, criterion, 7, density=0.25)
    assert strategy.model is model
    assert strategy.optimizer is optimizer
    assert strategy._criterion is criterion
    assert (strategy.train_mb_size, strategy.density) == (7, 0.25)

"""A saved network answers as the run did that it is from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import bench
from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.data.streams import make_benchmark
from bench.executor.executor import Executor
from bench.executor.messages import States
from bench.records.store import Store


@cache
def config(strategy: str, scenario: str) -> RunConfig:
    return RunConfig(
        benchmark="split-digits", scenario=scenario, model="mlp", strategy=strategy,
        budget=Budget.parse("60steps"),
    )  # fmt: skip


def saved(folder: Path, strategy: str, scenario: str):
    """The record of a run that saved its state, and its path."""
    store = Store(folder)
    [record] = Executor(store, states=States(keep=True)).run([config(strategy, scenario)])
    assert record.saved
    return record, store.path_of(record)


def images_of(strategy: str, scenario: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Images and targets of each test experience."""
    what = config(strategy, scenario)
    stream = make_benchmark(
        what.benchmark, scenario, data_root=None, class_seed=what.seed("classes")
    ).test_stream
    return [tuple(e.dataset.eval().source().read()[:2]) for e in stream]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    _, path = saved(tmp_path_factory.mktemp("saved"), "naive", "task")
    return bench.load_network(path)


@pytest.mark.parametrize(
    ("strategy", "scenario"),
    [
        ("naive", "class"),
        ("naive", "domain"),
        ("icarl", "class"),
        ("slda", "class"),
        ("analytic", "class"),
        ("staged-sleep", "class"),
        ("packnet-inferred", "class"),
        ("packnet-frozen", "task"),
        ("packnet-snapshot", "task"),
        ("wsn", "task"),
        ("hat", "task"),
    ],
)
def test_it_answers_as_in_the_run(tmp_path, strategy, scenario):
    record, path = saved(tmp_path, strategy, scenario)
    network = bench.load_network(path)
    assert not network.training
    found = []
    for task, (images, targets) in enumerate(images_of(strategy, scenario)):
        given = network(images, task) if scenario == "task" else network(images)
        found.append((given.argmax(1) == targets).double().mean().item())
    assert found == pytest.approx(record.outcome.accuracy[-1], abs=1e-12)


def test_it_says_what_its_answers_stand_for_and_leaves_the_generators_alone(network):
    assert sorted(label for own in network.labels for label in own) == list(range(10))
    torch.manual_seed(5)
    first = torch.rand(3)
    torch.manual_seed(5)
    answered = network(torch.zeros(2, 1, 8, 8), 4)
    assert torch.equal(torch.rand(3), first)
    assert not answered.requires_grad
    assert {id(p) for p in network.parameters()} == {id(p) for p in network.model.parameters()}


@pytest.mark.parametrize(
    ("images", "task", "message"),
    [
        (torch.zeros(2, 1, 8, 9), 0, r"images must be float32 \(N, 1, 8, 8\), got torch.float32"),
        (torch.zeros(1, 8, 8), 0, "images must be float32"),
        (torch.zeros(0, 1, 8, 8), 0, "images must be float32"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), 0, "got torch.uint8"),
        (np.zeros((2, 1, 8, 8)), 0, "images must be a tensor of torch, got a ndarray"),
        (torch.full((2, 1, 8, 8), 16.0), 0, r"pixels must be in \[0, 1\], got 16 to 16"),
        (torch.zeros(2, 1, 8, 8), 5, "task must be a number from 0 to 4, got 5"),
        (torch.zeros(2, 1, 8, 8), None, "task must be a number from 0 to 4, got None"),
    ],
)
def test_what_it_cannot_be_asked_is_refused(network, images, task, message):
    with pytest.raises(ValueError, match=message):
        network(images, task)


def test_without_a_task_told_none_is_taken(tmp_path):
    _, path = saved(tmp_path, "naive", "class")
    with pytest.raises(ValueError, match="task must be left out in scenario class, got 1"):
        bench.load_network(path)(torch.zeros(2, 1, 8, 8), 1)


def test_a_run_without_a_state_has_no_network(tmp_path):
    store = Store(tmp_path)
    [record] = Executor(store).run([config("naive", "class")])
    with pytest.raises(ValueError, match="must have been made with --save, and be ok, got status"):
        bench.load_network(store.path_of(record))
    for wrong in (tmp_path / "none.json", tmp_path, store.path_of(record).with_suffix(".log")):
        with pytest.raises(ValueError, match=r"record must be the \.json file of a run, got"):
            bench.load_network(wrong)


@pytest.mark.parametrize(
    ("strategy", "scenario"),
    [
        ("naive", "domain"),
        ("staged-sleep", "class"),
        ("packnet-frozen", "task"),
        ("packnet-snapshot", "task"),
        ("wsn", "task"),
        ("iterative-prune-budgeted", "task"),
        ("hat", "task"),
        ("icarl", "class"),
    ],
)
def test_a_plain_module_answers_alike_and_so_does_a_smaller_one(tmp_path, strategy, scenario):
    record, path = saved(tmp_path, strategy, scenario)
    network = bench.load_network(path)
    found: dict[str, list[float]] = {"plain": [], "smaller": []}
    for task, (images, targets) in enumerate(images_of(strategy, scenario)):
        told = task if scenario == "task" else None
        plain, small = network.plain(told), network.smaller(told)
        assert not any(module.training for module in (*plain.modules(), *small.modules()))
        torch.testing.assert_close(small(images), plain(images), rtol=1e-4, atol=1e-5)
        sizes = [sum(p.numel() for p in module.parameters()) for module in (small, plain)]
        assert sizes[0] <= sizes[1]
        for name, module in (("plain", plain), ("smaller", small)):
            found[name].append((module(images).argmax(1) == targets).double().mean().item())
    assert found["plain"] == pytest.approx(record.outcome.accuracy[-1], abs=0.01)
    assert found["smaller"] == found["plain"]


def test_a_strategy_that_answers_by_more_than_one_pass_has_no_plain_network(tmp_path):
    _, path = saved(tmp_path, "packnet-inferred", "class")
    with pytest.raises(ValueError, match="must answer by one pass through its network, got"):
        bench.load_network(path).plain()


def test_a_plain_network_knows_its_tasks(network):
    for task in (5, None):
        with pytest.raises(ValueError, match="task must be a number from 0 to 4, got"):
            network.plain(task)

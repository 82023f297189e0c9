"""Runs at once get a GPU each. CUDA is told which before it is asked, so no GPU is needed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.config.budget import Budget
from bench.config.executors import HERE, Place
from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.executor import refusals
from bench.executor.executor import Executor
from bench.executor.messages import States
from bench.executor.node import Order
from bench.executor.processes import VISIBLE, visible_gpu
from bench.executor.run_suite import RunOptions
from bench.executor.site import open_site
from bench.records.store import Store
from command_line import usage_error


def test_numbered_devices_are_one_kind_of_device():
    suite = Suite.of({"device": "cuda:1,cuda:3", "strategies": ["naive"]})
    assert (suite.device, suite.gpus) == ("cuda", (1, 3))
    assert {config.device for config in suite.configs()} == {"cuda"}
    assert (Suite(device="cuda").gpus, Suite().gpus) == ((), ())
    order = RunOptions().order(suite)
    assert (order.gpu, order.gpus, order.jobs) == (True, (1, 3), None)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda:", "device must be cpu, cuda, or such as cuda:0,cuda:1, got 'cuda:'"),
        ("cuda:0,1", "got 'cuda:0,1'"),
        ("cuda:0,cpu", "got 'cuda:0,cpu'"),
        ("cuda:-1", "got 'cuda:-1'"),
        ("cuda:0,cuda:0", "device must name each GPU once"),
    ],
)
def test_what_names_no_device_is_refused(device, message):
    with pytest.raises(ValueError, match=message):
        Suite.of({"device": device})


@pytest.mark.parametrize("gpus", [(0, 0), (-1,)])
def test_a_file_names_gpus_alike(gpus):
    with pytest.raises(ValueError, match="gpus must be numbers for device cuda, each once"):
        Suite(device="cuda", gpus=gpus)
    with pytest.raises(ValueError, match="gpus must be numbers for device cuda"):
        Suite(device="cpu", gpus=(0,))


def test_a_device_is_asked_for_on_the_command_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(VISIBLE, "")
    where = ("--strategy", "naive", "--out", str(tmp_path), "--device", "cuda:0")
    for more in ((), ("--profile",)):
        said = usage_error(monkeypatch, capsys, "run", *where, *more)
        assert "device must be cpu: this machine has no CUDA" in said


def test_each_gpu_has_one_run_at_a_time(tmp_path, every_core):
    with open_site(HERE, Order(gpu=True, gpus=(4, 7)), tmp_path) as site:
        assert site.jobs == 2
    with (
        pytest.raises(ValueError, match="jobs must be at most the 1 GPUs of --device, got 2"),
        open_site(HERE, Order(jobs=2, gpu=True, gpus=(4,)), tmp_path),
    ):
        pass
    with (
        pytest.raises(ValueError, match="--device must be cuda where slurm chooses the GPUs"),
        open_site(Place(executor="slurm"), Order(gpu=True, gpus=(0,)), tmp_path),
    ):
        pass


def test_runs_at_once_see_a_gpu_each(tmp_path, every_core):
    store = Store(tmp_path)
    configs = [
        RunConfig(
            benchmark="split-digits", scenario="class", model="mlp", repetition=repetition,
            strategy="rogues:SaysWhatItSees", budget=Budget.parse("200steps"),
        )
        for repetition in range(4)
    ]  # fmt: skip
    records = Executor(store, jobs=2, gpus=(4, 7)).run(configs)
    assert {record.status for record in records} == {"ok"}
    logs = [store.path_of(record).with_suffix(".log").read_text() for record in records]
    seen = [log.partition("it sees GPU ")[2].split()[0] for log in logs]
    assert set(seen) == {"4", "7"}
    times = [(r.environment.started, r.environment.ended) for r in records]
    spans = sorted(zip(seen, times, strict=True))
    for (gpu, (_, ended)), (next_gpu, (started, _)) in pairwise(spans):
        assert gpu != next_gpu or ended <= started


@pytest.mark.parametrize(
    ("shown", "number", "name"),
    [(None, 1, "1"), ("", 1, "1"), ("2,5", 1, "5"), ("GPU-a,GPU-b", 0, "GPU-a"), ("2", 3, "3")],
)
def test_a_gpu_is_numbered_among_those_that_the_user_shows(monkeypatch, shown, number, name):
    monkeypatch.delenv(VISIBLE, raising=False)
    if shown is not None:
        monkeypatch.setenv(VISIBLE, shown)
    assert visible_gpu(number) == name


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (0, "device must be cpu: this machine has no CUDA"),
        (2, "device must be below cuda:2 on this machine, got cuda:3"),
    ],
)
def test_a_device_that_is_not_there_is_refused(monkeypatch, there, message):
    monkeypatch.setattr(refusals.torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(refusals.torch.cuda, "device_count", lambda: there)
    suite = Suite.of({"device": "cuda:0,cuda:3", "strategies": ["naive"]})
    [refusal] = refusals.refusals(suite.configs(), [], None, False, States(), suite.gpus)
    assert refusal.for_all
    assert refusal.reason == message

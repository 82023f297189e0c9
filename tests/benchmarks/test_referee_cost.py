"""What the referee's checks take beside evaluating and counting: off the clock, but waited for."""

from __future__ import annotations

import statistics
import time

import pytest
import torch
from loops import has, ready, report

from bench.config.suite import Suite
from bench.data.presence import data_root
from bench.data.unlabelled import questions
from bench.executor.executor import Executor
from bench.executor.messages import States
from bench.records.schema import RunRecord
from bench.records.store import Store
from strategies.pruning.weight_count import weights_in_use
from toy import evaluate

SECONDS = 20
"""Budget of the run that the cost is a share of."""

pytestmark = pytest.mark.skipif(not has("mnist"), reason="needs MNIST under $SLEEPBENCH_DATA")


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[RunRecord]:
    suite = Suite(
        benchmarks=("split-mnist",), scenarios=("class",), strategies=("naive",), budget="1s",
        seeds=5,
    )  # fmt: skip
    store = Store(tmp_path_factory.mktemp("records"))
    return Executor(store, data_root=data_root()).run(suite.configs())


def test_the_checks_between_experiences(benchmark, records):
    torch.set_num_threads(1)
    built = ready("naive")
    stream = built.benchmark
    asked = questions(stream.test_stream, stream.classes_by_experience, told=False)
    bare = []
    for _ in range(len(stream.train_stream)):
        began = time.perf_counter()
        evaluate(built.strategy, asked, stream.classes_by_experience)
        weights_in_use(built.strategy)
        bare.append(time.perf_counter() - began)
    examined = statistics.median(r.cost.uncharged_seconds["evaluation"] for r in records)
    checks = examined - len(bare) * statistics.median(bare)
    what = "checks of an honest run of five experiences, beside the evaluation, over its 20 s"
    report(benchmark, what, checks / SECONDS, "0.01")
    assert checks < SECONDS


def test_what_lies_around_a_run(benchmark, records):
    around = [r.outside.wall_seconds - r.cost.accounted_seconds for r in records]
    what = "seconds of a run that it does not account for"
    report(benchmark, what, statistics.median(around), "0.1")
    assert 0 < statistics.median(around) < 2


@pytest.mark.parametrize("strategy", ["naive", "replay", "cumulative"])
def test_a_checkpoint_after_each_experience(benchmark, strategy, tmp_path):
    suite = Suite(
        benchmarks=("split-mnist",), scenarios=("class",), strategies=(strategy,), budget="1s",
        seeds=3,
    )  # fmt: skip
    executor = Executor(Store(tmp_path), data_root=data_root(), states=States(every=0.0))
    records = executor.run(suite.configs())
    saving = statistics.median(r.cost.uncharged_seconds["checkpoint"] for r in records)
    what = f"checkpoints of {strategy} after each of five experiences, over a run of 60 s"
    report(benchmark, what, saving / 60, "0.005 at most")
    assert saving < 60

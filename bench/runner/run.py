"""One run: a strategy trains on a stream under a budget, and what happened is written down.

The page everyone must read. The clock runs in one place only, around `strategy.train`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.budget import shares
from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark, make_benchmark
from bench.runner.budget_plugin import UNTIL_STOPPED, BudgetPlugin, CudaQueue, MeterClock
from bench.runner.evaluation import NoMetrics
from bench.runner.examiner import Diverged, Examiner, Findings, not_finite
from bench.runner.meter import Meter
from bench.runner.models import make_model
from bench.runner.progress import Account, Progress
from bench.runner.speedups import precision, prepare, warm_up
from strategies import building

EVAL_BATCH = 128
"""Images of a test minibatch: the activations of four times as many leave the caches."""


def run(
    config: RunConfig,
    findings: Findings,
    *,
    data_root: Path | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Run `config` and fill `findings`, which are right up to the moment of an error.

    Args:
        config: what to run.
        findings: filled while the run goes on.
        data_root: where the data sets lie.
        report: told how far the run is, a few times a second.

    Raises:
        ValueError: for what cannot be built.
        Diverged: when weights or outputs are not finite.
        UnchargedWork: when the strategy worked while the clock stood still.
        Exception: whatever else the strategy raises.
    """
    ready = build(config, data_root, report)
    benchmark, meter, strategy = ready.benchmark, ready.meter, ready.strategy
    entry = building.find(config.strategy)
    findings.resolved = building.resolve(config.strategy, entry, config.hyperparameters)
    findings.benchmark_version, findings.data_hash = benchmark.version, benchmark.data_hash
    with meter.off_the_clock("warm_up"), precision(config.speedups, config.device):
        warm_up(strategy, benchmark.input_shape, tasks=config.scenario == "task")
    examiner = Examiner(config, benchmark, meter, ready.account, findings)
    seed_everything(config.seed("data"))
    try:
        with precision(config.speedups, config.device):
            if entry.ranked:
                for i, experience in enumerate(benchmark.train_stream):
                    with meter.experience(i):
                        strategy.train(experience)
                    examiner.examine(i, strategy)
            else:  # an upper bound trains on the whole stream as if it were one experience
                with meter.experience(None):
                    strategy.train(list(benchmark.train_stream))
                examiner.examine(len(benchmark.train_stream) - 1, strategy)
    except (RuntimeError, ValueError) as error:
        lost = not_finite(strategy)
        if isinstance(error, Diverged) or lost is None:
            raise
        raise Diverged(
            f"{lost} are not finite, on which {type(error).__name__}: {error}"
        ) from error
    finally:
        examiner.keep_cost()


@dataclass(frozen=True)
class Ready:
    """Everything that a run needs, built and not yet started."""

    benchmark: Benchmark
    meter: Meter
    strategy: Any
    account: Account


def build(config: RunConfig, data_root: Path | None, report: Callable[[Progress], None]) -> Ready:
    """Streams, meter and strategy of `config`.

    Raises:
        ValueError: for what cannot be built.
    """
    began = time.perf_counter()
    benchmark = make_benchmark(
        config.benchmark,
        config.scenario,
        data_root=data_root,
        class_seed=config.seed("classes"),
        validation=config.validation,
        experiences=config.experiences,
        augment=config.augment,
        device=config.device,
    )
    meter = Meter(
        config.budget,
        shares(benchmark.train_samples, config.allocation),
        queue=CudaQueue() if config.device == "cuda" else None,
    )
    meter.uncharged["data"] = time.perf_counter() - began
    account = Account(meter, len(benchmark.train_stream), report)
    with meter.off_the_clock("model"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed("init"))
        strategy = _strategy(config, benchmark, meter, BudgetPlugin(meter, account.tell))
    return Ready(benchmark, meter, strategy, account)


def _strategy(config: RunConfig, benchmark: Benchmark, meter: Meter, budget: BudgetPlugin) -> Any:
    """The strategy around its model, with the plugin that stops it."""
    model = make_model(
        config.model,
        benchmark.input_shape,
        classes=benchmark.n_classes,
        tasks=benchmark.classes_by_experience if config.scenario == "task" else None,
    ).to(config.device)
    prepare(model, config.speedups)
    strategy = building.build(
        config.strategy,
        building.find(config.strategy),
        model=model,
        scenario=config.scenario,
        chosen=config.hyperparameters,
        budget_clock=MeterClock(meter),
        device=config.device,
        train_epochs=UNTIL_STOPPED,
        eval_mb_size=EVAL_BATCH,
        evaluator=NoMetrics(),
        plugins=[budget],
    )
    if budget not in strategy.plugins:
        raise ValueError(f"{config.strategy} must hand `plugins` on to Avalanche's template")
    strategy.plugins.remove(strategy.evaluator)  # nothing to measure, asked at every hook
    return strategy


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch: the only place that does."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)

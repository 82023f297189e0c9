"""One run: a strategy trains on a stream under a budget, and what happened becomes a record.

The page everyone must read. The clock runs in one place only, around `strategy.train`.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.budget import shares
from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark, make_benchmark
from bench.runner.budget_plugin import UNTIL_STOPPED, BudgetPlugin, CudaQueue, MeterClock
from bench.runner.evaluation import NoMetrics
from bench.runner.examiner import Bookkeeper, Diverged, Findings
from bench.runner.meter import Meter
from bench.runner.models import make_model
from bench.runner.progress import Account, Progress
from bench.runner.speedups import precision, prepare
from strategies import building
from strategies.networks.layers import finite

EVAL_BATCH = 128
"""Images of a test minibatch: the activations of four times as many leave the caches."""


def run(
    config: RunConfig,
    findings: Findings,
    *,
    data_root: Path | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Run `config` and fill `findings`; raises what the strategy raises, Diverged among it."""
    ready = build(config, data_root, report)
    benchmark, meter, strategy = ready.benchmark, ready.meter, ready.strategy
    entry = building.find(config.strategy)
    findings.resolved = building.resolve(config.strategy, entry, config.hyperparameters)
    findings.benchmark_version, findings.data_hash = benchmark.version, benchmark.data_hash
    with meter.excuse("warm_up"), precision(config.speedups, config.device):
        warm_up(strategy, benchmark)
    bookkeeper = Bookkeeper(config, benchmark, meter, ready.account, findings)
    seed_everything(config.seed("data"))
    try:
        with precision(config.speedups, config.device):
            if entry.ranked:
                for i, experience in enumerate(benchmark.train_stream):
                    with meter.experience(i):
                        strategy.train(experience)
                    bookkeeper.examine(i, strategy)
            else:  # an upper bound trains on the whole stream as if it were one experience
                with meter.experience(None):
                    strategy.train(list(benchmark.train_stream))
                bookkeeper.examine(len(benchmark.train_stream) - 1, strategy)
    except (RuntimeError, ValueError) as error:
        lost = _not_finite(strategy)
        if isinstance(error, Diverged) or lost is None:
            raise
        raise Diverged(
            f"{lost} are not finite, on which {type(error).__name__}: {error}"
        ) from error
    finally:
        bookkeeper.keep_cost()


def _not_finite(strategy: Any) -> str | None:
    """What of a strategy is no number any more; None if all is."""
    if not finite(strategy.model):
        return "weights"
    output = getattr(strategy, "mb_output", None)
    if isinstance(output, torch.Tensor) and not output.isfinite().all():
        return "outputs"  # finite weights can be large enough for that
    return None


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
    meter.excused["data"] = time.perf_counter() - began
    account = Account(meter, len(benchmark.train_stream), report)
    budget = BudgetPlugin(meter, account.tell)
    with meter.excuse("model"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed("init"))
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
    return Ready(benchmark, meter, strategy, account)


def warm_up(strategy: Any, benchmark: Benchmark) -> None:
    """Let kernels, memory and compiler settle on dummy data; model and generators are untouched."""
    model, device = strategy.model, strategy.device
    before = copy.deepcopy(model.state_dict())
    training = {module: module.training for module in model.modules()}

    def outputs(size: int) -> torch.Tensor:
        x = torch.zeros(size, *benchmark.input_shape, device=device)
        labels = torch.zeros(size, dtype=torch.long, device=device)
        return model(x, labels) if benchmark.scenario == "task" else model(x)

    with torch.random.fork_rng():
        # two sizes: the last minibatch of an epoch is smaller, and a compiler learns from both
        sizes = strategy.train_mb_size, max(2, strategy.train_mb_size // 2)
        for size, train, grad in product(sizes, (True, False), (True, False)):
            model.train(train)
            with torch.set_grad_enabled(grad):
                total = outputs(size).sum()
            if total.requires_grad:
                total.backward()
    for module, mode in training.items():
        module.training = mode
    model.zero_grad(set_to_none=True)
    model.load_state_dict(before)


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch: the only place that does."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)

"""One run: a strategy trains on a stream under a budget, and what happened becomes a record.

The page everyone must read. The clock runs in one place only, around `strategy.train`.
"""

from __future__ import annotations

import copy
import random
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.benchmarks import Benchmark, make_benchmark
from bench.budgets import Meter, shares
from bench.config import RunConfig
from bench.evaluation import NoMetrics, Scores, evaluate
from bench.metering import UNTIL_STOPPED, BudgetPlugin, MeterClock
from bench.models import make_model
from bench.records import Cost, Matrix, Outcome, WeightsInUse
from strategies import registry
from strategies.weights import weights_in_use

EVAL_BATCH = 1024


class Diverged(RuntimeError):
    """The network's weights are no longer finite."""


@dataclass(frozen=True)
class Progress:
    """What a run tells while it runs.

    experience: index of the one in training; spent: fraction of the whole budget;
    accuracy: mean over the experiences so far, None before the first evaluation.
    """

    experience: int
    experiences: int
    spent: float
    accuracy: float | None


@dataclass
class Findings:
    """What one run found; complete up to the moment it ended, however it ended."""

    benchmark_version: str | None = None
    data_hash: str | None = None
    resolved: dict[str, Any] = field(default_factory=dict)
    cost: Cost | None = None
    outcome: Outcome | None = None
    weights: list[WeightsInUse] = field(default_factory=list)
    overrun: bool = False


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
    entry = registry.find(config.strategy)
    findings.resolved = registry.resolve(config.strategy, entry, config.hyperparameters)
    findings.benchmark_version, findings.data_hash = benchmark.version, benchmark.data_hash
    bookkeeper = _Bookkeeper(config, ready, findings)
    with meter.excuse("warm_up"):
        warm_up(strategy.model, benchmark, config.device)
    seed_everything(config.seed("data"))
    try:
        if entry.ranked:
            for i, experience in enumerate(benchmark.train_stream):
                with meter.experience(i):
                    strategy.train(experience)
                bookkeeper.examine(i, strategy)
        else:  # an upper bound trains on the whole stream as if it were one experience
            with meter.experience(None):
                strategy.train(list(benchmark.train_stream))
            bookkeeper.examine(len(benchmark.train_stream) - 1, strategy)
    finally:
        bookkeeper.keep_cost()


@dataclass(frozen=True)
class Ready:
    """Everything that a run needs, built and not yet started."""

    benchmark: Benchmark
    meter: Meter
    strategy: Any
    account: _Account


def build(config: RunConfig, data_root: Path | None, report: Callable[[Progress], None]) -> Ready:
    """Streams, meter and strategy of `config`; ValueError for what cannot be built."""
    began = time.perf_counter()
    benchmark = make_benchmark(
        config.benchmark,
        config.scenario,
        data_root=data_root,
        class_seed=config.seed("classes"),
        validation=config.validation,
    )
    meter = Meter(
        config.budget,
        shares(benchmark.train_samples, config.allocation),
        synchronize=torch.cuda.synchronize if config.device == "cuda" else lambda: None,
    )
    meter.excused["data"] = time.perf_counter() - began
    account = _Account(meter, len(benchmark.train_stream), report)
    with meter.excuse("model"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed("init"))
        model = make_model(
            config.model,
            benchmark.input_shape,
            classes=benchmark.n_classes,
            tasks=benchmark.classes_by_experience if config.scenario == "task" else None,
        ).to(config.device)
        strategy = registry.build(
            config.strategy,
            registry.find(config.strategy),
            model=model,
            scenario=config.scenario,
            chosen=config.hyperparameters,
            sleep_clock=MeterClock(meter),
            device=config.device,
            train_epochs=UNTIL_STOPPED,
            eval_mb_size=EVAL_BATCH,
            evaluator=NoMetrics(),
            plugins=[BudgetPlugin(meter, account.tell)],
        )
    return Ready(benchmark, meter, strategy, account)


def warm_up(model: torch.nn.Module, benchmark: Benchmark, device: str) -> None:
    """Let kernels and memory settle on dummy data; the model and the generators are untouched."""
    model = copy.deepcopy(model)
    with torch.random.fork_rng():
        x = torch.zeros(32, *benchmark.input_shape, device=device)
        labels = torch.zeros(32, dtype=torch.long, device=device)
        for _ in range(3):
            out = model(x, labels) if benchmark.scenario == "task" else model(x)
            out.sum().backward()


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch: the only place that does."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class _Account:
    """Tells the outside how far the run is, four times a second at most."""

    def __init__(self, meter: Meter, experiences: int, report: Callable[[Progress], None]) -> None:
        self._meter, self._experiences, self._report = meter, experiences, report
        self._told = 0.0
        self.experience = 0
        self.accuracy: float | None = None

    def tell(self) -> None:
        """Report, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._told > 0.25:
            self._told = now
            spent = min(1.0, self._meter.spent / self._meter.budget.amount)
            self._report(Progress(self.experience, self._experiences, spent, self.accuracy))


class _Bookkeeper:
    """Examines the strategy between experiences, off the clock, and keeps the findings."""

    def __init__(self, config: RunConfig, ready: Ready, findings: Findings) -> None:
        n = len(ready.benchmark.train_stream)
        self._config, self._findings = config, findings
        self._benchmark, self._meter, self._account = ready.benchmark, ready.meter, ready.account
        self._rows: dict[str, Matrix] = {
            name: [[None] * n for _ in range(n)] for name in ("plain", "aware", "validation")
        }
        self._curve: list[tuple[float, float]] = []

    def examine(self, index: int, strategy: Any) -> None:
        """Evaluate on every experience, count the weights, and bring the findings up to date."""
        if not all(torch.isfinite(p).all() for p in strategy.model.parameters()):
            raise Diverged(f"weights are not finite after experience {index}")
        with self._meter.excuse("evaluation"), torch.random.fork_rng():
            scores = evaluate(strategy, self._benchmark.test_stream)
            self._store(index, scores)
            if self._benchmark.valid_stream is not None:
                held_out = evaluate(strategy, self._benchmark.valid_stream)
                self._rows["validation"][index] = list(held_out.accuracy)
            self._count(strategy)
        self._keep_outcome()
        self._account.experience, self._account.accuracy = index + 1, self._curve[-1][1]

    def _store(self, index: int, scores: Scores) -> None:
        self._rows["plain"][index] = list(scores.accuracy)
        self._rows["aware"][index] = list(scores.task_aware)
        mean = float(np.mean(scores.accuracy[: index + 1]))
        self._curve.append((self._meter.spent, mean))

    def _count(self, strategy: Any) -> None:
        counted = weights_in_use(strategy)
        before = self._findings.weights[-1].used_prunable if self._findings.weights else 0
        claimed = max(0, counted.used_prunable - before)
        self._findings.weights.append(WeightsInUse(claimed=claimed, **asdict(counted)))

    def _keep_outcome(self) -> None:
        benchmark, rows = self._benchmark, self._rows
        aware = None if self._config.scenario == "task" else rows["aware"]
        validation = None if benchmark.valid_stream is None else rows["validation"]
        self._findings.outcome = Outcome(
            accuracy=rows["plain"],
            accuracy_task_aware=aware,
            validation=validation,
            curve=self._curve,
            test_samples=benchmark.test_samples,
            chance=benchmark.chance,
        )

    def keep_cost(self) -> None:
        """Bring the findings' cost up to date."""
        meter, device = self._meter, self._config.device
        wall = meter.wall_seconds * self._config.threads
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._findings.overrun = meter.overrun
        self._findings.cost = Cost(
            charged=meter.spent,
            charged_by_experience=meter.charged_by_experience,
            seconds_by_kind={str(kind): seconds for kind, seconds in meter.seconds.items()},
            excused_seconds=meter.excused,
            wall_seconds=meter.wall_seconds,
            cpu_seconds=meter.cpu_seconds,
            cpu_share=meter.cpu_seconds / wall if wall > 0 else None,
            steps={str(kind): count for kind, count in meter.steps.items()},
            samples=meter.samples,
            longest_step=meter.longest_step,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if device == "cuda" else resident,
        )

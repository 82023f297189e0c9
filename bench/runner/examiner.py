"""What a run tells while it runs and what it found: kept up to date between experiences."""

from __future__ import annotations

import resource
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark
from bench.records.schema import Cost, Matrix, Outcome, WeightsInUse
from bench.records.weight_share import shares_used
from bench.runner.evaluation import Scores, evaluate
from bench.runner.meter import Meter
from bench.runner.progress import Account
from strategies.networks.layers import finite
from strategies.pruning.weight_count import weights_in_use


class Diverged(RuntimeError):
    """The network's weights are no longer finite."""


class UnchargedWork(RuntimeError):
    """The strategy worked while the clock stood still."""


@dataclass
class Findings:
    """What one run found; complete up to the moment it ended, however it ended.

    Attributes:
        benchmark_version: None until the benchmark is there.
        model_source: SHA-256 of the file of a user's own model; None for a model of the catalogue.
        data_hash: SHA-256 of the data; None until they are there.
        resolved: every hyper-parameter, defaults filled in.
        cost: what was spent; None before the first experience has ended.
        outcome: what was reached; None before the first examination.
        weights: those in use after each experience.
        overrun: whether more was charged than the budget and its tolerance.
    """

    benchmark_version: str | None = None
    model_source: str | None = None
    data_hash: str | None = None
    resolved: dict[str, Any] = field(default_factory=dict)
    cost: Cost | None = None
    outcome: Outcome | None = None
    weights: list[WeightsInUse] = field(default_factory=list)
    overrun: bool = False


class Examiner:
    """Examines the strategy between experiences, off the clock, and keeps the findings."""

    def __init__(
        self,
        config: RunConfig,
        benchmark: Benchmark,
        meter: Meter,
        account: Account,
        findings: Findings,
    ) -> None:
        n = len(benchmark.train_stream)
        self._config, self._findings = config, findings
        self._benchmark, self._meter, self._account = benchmark, meter, account
        self._rows: dict[str, Matrix] = {
            name: [[None] * n for _ in range(n)] for name in ("plain", "aware", "validation")
        }
        self._sample = tuple(benchmark.train_stream[0].dataset[0][0].shape)
        self._curve: list[tuple[float, float]] = []
        self._threads = set(threading.enumerate())

    def examine(self, index: int, strategy: Any) -> None:
        """Evaluate on every experience, count the weights, and bring the findings up to date."""
        if not finite(strategy.model):
            raise Diverged(f"weights are not finite after experience {index}")
        left = {thread.name for thread in set(threading.enumerate()) - self._threads}
        if left:
            names = ", ".join(sorted(left))
            raise UnchargedWork(f"threads run on while the clock stands still: {names}")
        before = _weights(strategy)
        with self._meter.off_the_clock("evaluation"), torch.random.fork_rng():
            self._evaluate(index, strategy)
            self._count(strategy)
        after = _weights(strategy)
        if not all(torch.equal(after[name], weight) for name, weight in before.items()):
            raise UnchargedWork("weights changed during evaluation, while the clock stands still")
        self._keep_outcome()
        last = self._findings.weights[-1]
        self._account.experience, self._account.accuracy = index + 1, self._curve[-1][1]
        version = self._findings.benchmark_version
        self._account.weights, _ = shares_used(last, self._config, version)

    def _evaluate(self, index: int, strategy: Any) -> None:
        shown: Scores | None = None
        if self._benchmark.valid_stream is not None:
            shown = evaluate(strategy, self._benchmark.valid_stream)
            self._rows["validation"][index] = list(shown.accuracy)
        if not self._config.validation_only:
            shown = evaluate(strategy, self._benchmark.test_stream)
            self._rows["plain"][index] = list(shown.accuracy)
            self._rows["aware"][index] = list(shown.task_aware)
        assert shown is not None, "a blind run holds something out"
        mean = float(np.mean(shown.accuracy[: index + 1]))
        self._curve.append((self._meter.spent, mean))

    def _count(self, strategy: Any) -> None:
        counted = weights_in_use(strategy, self._sample)
        before = self._findings.weights[-1].used_prunable if self._findings.weights else 0
        claimed = max(0, counted.used_prunable - before)
        self._findings.weights.append(WeightsInUse(claimed=claimed, **asdict(counted)))

    def _keep_outcome(self) -> None:
        benchmark, rows = self._benchmark, self._rows
        config = self._config
        aware = None if config.scenario == "task" or config.validation_only else rows["aware"]
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
            steps_by_experience=meter.steps_by_experience,
            seconds_by_kind=meter.seconds,
            uncharged_seconds=meter.uncharged,
            wall_seconds=meter.wall_seconds,
            cpu_seconds=meter.cpu_seconds,
            cpu_share=meter.cpu_seconds / wall if wall > 0 else None,
            steps=dict(meter.steps),
            samples=meter.samples,
            longest_step=meter.longest_step,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if device == "cuda" else resident,
        )


def _weights(strategy: Any) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in strategy.model.named_parameters()}


def not_finite(strategy: Any) -> str | None:
    """What of a strategy is no number any more; None if all is."""
    if not finite(strategy.model):
        return "weights"
    output = getattr(strategy, "mb_output", None)
    if isinstance(output, torch.Tensor) and not output.isfinite().all():
        return "outputs"  # finite weights can be large enough for that
    return None

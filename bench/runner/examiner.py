"""What a run tells while it runs and what it found: kept up to date between experiences."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark
from bench.records.collection import without_collection
from bench.records.cost import Cost
from bench.records.schema import Following, Matrix, Outcome, WeightsInUse
from bench.records.weight_share import shares_used
from bench.runner.divergence import Diverged
from bench.runner.elsewhere import Elsewhere
from bench.runner.examination import Answered, Holdings, Request
from bench.runner.meter import Meter
from bench.runner.progress import Account
from bench.runner.room import Room
from bench.runner.uncharged_work import MOST_TIMES_LOOKED_AT, Watch, check_excused
from strategies.networks.layers import finite
from strategies.pruning.held import Held, loose_bytes
from strategies.pruning.weight_count import as_weights
from strategies.saved_state import contents, end_experience, save

FREE_BYTES = 1_000
"""Numbers, text and code, pickled, that a state may gain before they count: settings change."""

FREE_BYTES_BY_EXPERIENCE = 300
"""The same for each experience: names of what belongs to it."""

MOST_BYTES = 16_000
"""Of the same, what may be there before the training."""

MOST_BYTES_BY_MODULE = 1_000
"""The same for each module of the network."""


@dataclass
class Findings:
    """What one run found; complete up to the moment it ended, however it ended.

    Attributes:
        benchmark_version: None until the benchmark is there.
        data_hash: SHA-256 of the data; None until they are there.
        resolved: every hyper-parameter, defaults filled in.
        cost: what was spent; None before the first experience has ended.
        outcome: what was reached; None before the first examination.
        weights: those in use after each experience.
        overrun: whether more was charged than the budget and its tolerance.
        unsaved: why its state could not be saved at the end.
    """

    benchmark_version: str | None = None
    data_hash: str | None = None
    resolved: dict[str, Any] = field(default_factory=dict)
    cost: Cost | None = None
    outcome: Outcome | None = None
    weights: list[WeightsInUse] = field(default_factory=list)
    overrun: bool = False
    unsaved: str | None = None


class Examiner:
    """Has the strategy examined between experiences, off the clock, and keeps the findings."""

    def __init__(
        self,
        config: RunConfig,
        benchmark: Benchmark,
        meter: Meter,
        account: Account,
        findings: Findings,
        *,
        room: Room,
        strategy: Any,
    ) -> None:
        """Look at the strategy before it is trained, so that what it gains is seen."""
        n = len(benchmark.test_samples)
        self._config, self._findings, self._room = config, findings, room
        self._benchmark, self._meter, self._account = benchmark, meter, account
        self._rows: dict[str, Matrix] = {
            name: [[None] * n for _ in range(n)] for name in ("plain", "aware", "validation")
        }
        self._sample = tuple(benchmark.train_stream[0].dataset[0][0].shape)
        self._curve: list[tuple[float, float]] = []
        self._changes: list[tuple[float, float]] = []
        began = time.process_time()
        with meter.off_the_clock("evaluation"):
            modules = sum(1 for _ in strategy.model.modules())
            most = MOST_BYTES + MOST_BYTES_BY_MODULE * modules
            self._loose_bytes = min(most, loose_bytes(contents(strategy, lent=room.lent)))
            self._elsewhere = Elsewhere(strategy, room.lent, room.modules)
        self._watch = Watch(meter, room.pids)
        self._bare_seconds = time.process_time() - began

    def look_around(self) -> None:
        """See what runs on while the clock stands still.

        Raises:
            UnchargedWork: says what.
        """
        with self._meter.off_the_clock("evaluation"):
            self._watch.check_beside()

    def examine(self, index: int, strategy: Any) -> None:
        """Evaluate on every experience, count the weights, and bring the findings up to date.

        Raises:
            Diverged: for weights that are not finite.
            UnchargedWork: for work that goes on while the clock stands still, and for work in this
                process meanwhile that the same before the training does not explain.
            ValueError: for a state that cannot be saved.
        """
        began = time.process_time()
        self._watch.check()
        with self._meter.off_the_clock("evaluation"), torch.random.fork_rng(), without_collection():
            if not finite(strategy.model):
                raise Diverged(f"weights are not finite after experience {index}")
            state, ask = save(strategy, self._room.lent), self._room.process.ask
            held = ask(Request(state, asked=False))
            assert isinstance(held, Holdings), "that was the request"
            answered = held.answered or ask(Request(state, asked=True))
            assert isinstance(answered, Answered), "that was the request"
            end_experience(strategy)
            self._keep_answers(index, answered)
            self._keep_weights(index, held, self._elsewhere.held(strategy, self._sample))
        worked = time.process_time() - began
        what, bare = "being looked at between experiences", self._bare_seconds
        check_excused(what, worked, bare, MOST_TIMES_LOOKED_AT)
        self._tell(index)

    def kept(self) -> dict[str, Any]:
        """What was found so far, as JSON.

        Raises:
            ValueError: for a strategy that keeps something where its state does not reach.
        """
        if self._elsewhere.changed:
            raise ValueError(
                "what it keeps must be in the strategy, got something else in its modules or "
                "classes, or on an experience"
            )
        weights = [one.model_dump() for one in self._findings.weights]
        found = {"rows": self._rows, "curve": self._curve, "changes": self._changes}
        return {**found, "weights": weights}

    def go_on(self, experiences: int, kept: Mapping[str, Any], strategy: Any) -> None:
        """Go on from what was found before.

        Args:
            experiences: how many of them were trained.
            kept: from `kept`.
            strategy: as it was then, of which it is asked what it answers now.

        Raises:
            ValueError: if it answers otherwise.
        """
        index = experiences - 1
        self._watch = Watch(self._meter, self._room.pids)  # the meter has just been moved
        with self._meter.off_the_clock("evaluation"), torch.random.fork_rng():
            state = save(strategy, self._room.lent)
            answered = self._room.process.ask(Request(state, asked=True))
            assert isinstance(answered, Answered), "that was the request"
            self._keep_answers(index, answered)
        for name, rows in self._rows.items():
            if rows[index] != kept["rows"][name][index]:
                raise ValueError("a checkpoint must answer as it did when it was saved")
        self._rows = kept["rows"]
        self._curve = [(charged, mean) for charged, mean in kept["curve"]]
        self._changes = [(lost, gained) for lost, gained in kept["changes"]]
        self._findings.weights = [WeightsInUse.model_validate(one) for one in kept["weights"]]
        self._tell(index)

    def _tell(self, index: int) -> None:
        """Bring the outcome, and what the outside is told, up to date."""
        self._keep_outcome()
        last = self._findings.weights[-1]
        outcome = self._findings.outcome
        days = None if outcome is None else outcome.days
        self._account.experience = index + 1
        self._account.accuracy = self._curve[-1][1] if days is None else days.mean
        version = self._findings.benchmark_version
        self._account.weights, _ = shares_used(last, self._config, version)
        shown = "validation" if self._config.validation_only else "plain"
        self._account.accuracies = tuple(self._rows[shown][index])

    def _keep_answers(self, index: int, found: Answered) -> None:
        mark = self._room.marker.mark
        scores = {stream: mark(stream, logits) for stream, logits in found.logits.items()}
        shown = scores.get("test") or scores["valid"]
        if "valid" in scores:
            self._rows["validation"][index] = list(scores["valid"].accuracy)
        if "test" in scores:
            self._changes.append((scores["test"].lost, scores["test"].gained))
            self._rows["plain"][index] = list(scores["test"].accuracy)
            self._rows["aware"][index] = list(scores["test"].task_aware)
        mean = float(np.mean(shown.accuracy[: index + 1]))
        self._curve.append((self._meter.spent, mean))

    def _keep_weights(self, index: int, found: Holdings, elsewhere: Held) -> None:
        gained = found.loose_bytes - self._loose_bytes
        free = FREE_BYTES + FREE_BYTES_BY_EXPERIENCE * (index + 1)
        other = max(0, gained - free)  # what it is for cannot be told: it may be needed
        counted = as_weights(found.weights, found.needed_bytes + other)
        buffers = counted.buffer_bytes - found.needed.bytes + elsewhere.bytes
        examples = counted.stored_examples + elsewhere.examples
        counted = replace(counted, buffer_bytes=buffers, stored_examples=examples)
        before = self._findings.weights[-1].used_prunable if self._findings.weights else 0
        claimed = max(0, counted.used_prunable - before)
        self._findings.weights.append(WeightsInUse(claimed=claimed, **asdict(counted)))

    def _keep_outcome(self) -> None:
        benchmark, rows = self._benchmark, self._rows
        config = self._config
        aware = None if config.scenario == "task" or config.validation_only else rows["aware"]
        validation = rows["validation"] if config.validation else None
        self._findings.outcome = Outcome(
            accuracy=rows["plain"],
            accuracy_task_aware=aware,
            validation=validation,
            curve=self._curve,
            test_samples=benchmark.test_samples,
            chance=benchmark.chance,
            days=None if self._room.desk is None else self._room.desk.marks(),
            following=self._following(),
        )

    def _following(self) -> Following | None:
        floors = self._room.marker.floors
        if floors is None or not self._changes:
            return None
        lost, gained = map(list, zip(*self._changes, strict=True))
        return Following(lost=lost, gained=gained, floors=dict(floors))

    def keep_cost(self) -> None:
        """Bring the findings' cost up to date."""
        meter, device = self._meter, self._config.device
        charged, steps = meter.charged_by_experience, meter.steps_by_experience
        if self._benchmark.days is not None:  # examined once, after all nights
            charged, steps = [sum(charged)], [sum(steps)]
        wall = meter.wall_seconds * self._config.threads
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._findings.overrun = meter.overrun
        self._findings.cost = Cost(
            charged=meter.spent,
            charged_by_experience=charged,
            steps_by_experience=steps,
            seconds_by_kind=meter.seconds,
            uncharged_seconds=meter.uncharged,
            wall_seconds=meter.wall_seconds,
            cpu_seconds=meter.cpu_seconds,
            cpu_share=meter.cpu_seconds / wall if wall > 0 else None,
            steps=dict(meter.steps),
            samples=meter.samples,
            longest_step=meter.longest_step,
            median_step=meter.median_step,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if device == "cuda" else resident,
        )

"""Trials that never ran, and something that pretends to run them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from bench.config.run_config import RunConfig
from bench.executor.listener import Listener
from bench.executor.messages import STOPPED
from bench.records.schema import Outcome, RunRecord
from bench.records.store import Store
from bench.study.study import Study
from factories import make_record

EXPERIENCES = 3


def make_study(**fields) -> Study:
    """A study of iterative pruning in three dimensions, as if resolved, which imports torch."""
    chosen = {
        "strategy": "iterative-prune-budgeted",
        "model": "mlp",
        "budget": "20steps",
        "clock": "steps",
        "space": {"rounds": "1:32:log", "density": "0.01:0.5:log", "schedule": ["linear", "cubic"]},
        "hyperparameters": {
            "scope": "layer", "importance": "magnitude", "rewind": "none", "prune_from": 0.4,
        },
    }  # fmt: skip
    return Study.of(chosen | fields)


def good(config: RunConfig) -> float:
    """An accuracy with its best at 8 rounds, that falls with the density."""
    rounds, density = config.hyperparameters["rounds"], config.hyperparameters["density"]
    distance = abs(math.log2(rounds / 8))
    return 0.9 - 0.05 * distance - 0.05 * math.log10(0.5 / density) + config.repetition / 1000


def trial_record(
    config: RunConfig, *, status: str = "ok", reason: str | None = None, number: int = 0
) -> RunRecord:
    """What a run of `config` would leave. number: of seconds after the first that it began."""
    record = make_record(
        config.strategy,
        status=status,
        reason=reason,
        weights=float(config.hyperparameters.get("density", 0.1)),
        benchmark=config.benchmark,
        scenario=config.scenario,
        model=config.model,
        experiences=EXPERIENCES,
    )
    unknown = [[None] * EXPERIENCES for _ in range(EXPERIENCES)]
    held_out = [[good(config)] * EXPERIENCES for _ in range(EXPERIENCES)]
    outcome = Outcome(
        accuracy=unknown,
        accuracy_task_aware=None,
        validation=held_out,
        curve=[(i + 1.0, good(config)) for i in range(EXPERIENCES)],
        test_samples=[100] * EXPERIENCES,
        chance=0.5,
    )
    began = record.environment.started + timedelta(seconds=number)
    cost = make_record(budget=config.budget, experiences=EXPERIENCES).cost
    known = status == "ok" or reason == STOPPED
    return record.model_copy(
        update={
            "config": config,
            "digest": config.digest,
            "cost": cost if known else None,
            "outcome": outcome if known else None,
            "environment": record.environment.model_copy(
                update={"started": began, "ended": began + timedelta(seconds=1)}
            ),
        }
    )


class PretendingExecutor:
    """Writes records without running anything; `fails` says why a run failed, or nothing."""

    def __init__(
        self, store: Store, fails: Callable[[RunConfig], tuple[str, str] | None] | None = None
    ) -> None:
        self.store, self.fails = store, fails or (lambda config: None)
        self.ran: list[RunConfig] = []

    def serve(
        self, next_run: Callable[[], RunConfig | None], listener: Listener, *, threads: int
    ) -> None:
        """One run after the other."""
        while (config := next_run()) is not None:
            self.ran.append(config)
            status, reason = self.fails(config) or ("ok", None)
            record = trial_record(config, status=status, reason=reason, number=len(self.ran))
            record = record.model_copy(update={"attempt": self.store.attempts(config) + 1})
            self.store.write(record)
            listener.finished(record)

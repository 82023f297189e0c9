"""Records of runs that never happened, for tests of what comes after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.config.budget import Budget
from bench.config.catalogue import find_benchmark
from bench.config.reference_values import frozen_weights
from bench.config.run_config import RULESET, RunConfig
from bench.records.cost import Cost
from bench.records.environment import fingerprint
from bench.records.schema import Environment, Outcome, RunRecord, WeightsInUse
from bench.records.store import Store, Stored

CHANCE = 0.1
TOTAL = 1000


def make_record(
    strategy: str = "naive",
    seed: int = 0,
    *,
    accuracy: float = 0.5,
    weights: float = 1.0,
    status: Any = "ok",
    attempt: int = 1,
    ranked: bool = True,
    matrix: Sequence[Sequence[float | None]] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    resolved: Mapping[str, Any] | None = None,
    reason: str | None = None,
    version: str | None = "1.0",
    data_hash: str | None = "d" * 12,
    cpu: str = "fake",
    accelerator: str | None = None,
    chance: float = CHANCE,
    experiences: int | None = None,
    **config: Any,
) -> RunRecord:
    """One record; by default of equal accuracy on all experiences, that nothing changed.

    experiences: as many as `matrix` has, or the benchmark; of own data 2.
    weights: share in use, of the model's or of 1000 where none are frozen.
    config: fields of RunConfig that differ from split-mnist, class.
    """
    chosen = {"benchmark": "split-mnist", "scenario": "class", "model": "mlp"}
    chosen |= {"budget": Budget.parse("20s"), **config}
    run = RunConfig(
        strategy=strategy, repetition=seed, hyperparameters=dict(hyperparameters or {}), **chosen
    )
    finished = status in ("ok", "overrun")
    n = experiences or len(matrix or ()) or find_benchmark(run.benchmark).experiences or 2
    default = [[accuracy if j <= i else CHANCE for j in range(n)] for i in range(n)]
    machine = {"cpu": cpu, "cores": 2, "accelerator": accelerator}
    return RunRecord(
        ruleset=RULESET,
        digest=run.digest,
        benchmark_version=version,
        config=run,
        resolved=dict(hyperparameters or {}) if resolved is None else dict(resolved),
        ranked=ranked,
        status=status,
        reason=reason,
        attempt=attempt,
        cost=_cost(run.budget.amount, run.threads, n) if finished else None,
        outcome=_outcome(default if matrix is None else matrix, chance) if finished else None,
        weights=[_weights(weights, run, version)] * n if finished else [],
        environment=Environment(
            commit="c0ffee",
            dirty=False,
            versions={"python": "3.11"},
            machine=machine,
            fingerprint=fingerprint(machine),
            data_hash=data_hash,
            command="python -m bench run",
            started=datetime(2026, 1, 1, tzinfo=UTC),
            ended=datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        ),
    )


def make_runs(strategy: str = "naive", seeds: int = 5, **fields: Any) -> list[RunRecord]:
    """The same record at each of `seeds` seeds, the accuracy a little higher at each."""
    base = fields.pop("accuracy", 0.5)
    return [make_record(strategy, s, accuracy=base + s / 1000, **fields) for s in range(seeds)]


def as_stored(records: Sequence[RunRecord]) -> list[Stored]:
    """The records as if read from a store."""
    store = Store(Path("records"))
    return [Stored(store.path(record.config, record.attempt), record) for record in records]


def write(root: Path, records: Sequence[RunRecord]) -> Path:
    """Store the records under `root`; returns `root`."""
    for record in records:
        Store(root).write(record)
    return root


def _cost(amount: float, threads: int, n: int) -> Cost:
    return Cost(
        charged=0.9 * amount,
        charged_by_experience=[0.9 * amount / n] * n,
        steps_by_experience=[100 // n + (i < 100 % n) for i in range(n)],
        seconds_by_kind={"train": 0.9 * amount},
        uncharged_seconds={},
        wall_seconds=0.9 * amount,
        cpu_seconds=0.81 * amount * threads,
        cpu_share=0.9,
        steps={"train": 100, "offline": 0},
        samples=1000,
        longest_step=0.01,
        peak_memory_bytes=None,
    )


def _outcome(matrix: Sequence[Sequence[float | None]], chance: float) -> Outcome:
    return Outcome(
        accuracy=[list(row) for row in matrix],
        accuracy_task_aware=None,
        validation=None,
        curve=[],
        test_samples=[100] * len(matrix),
        chance=chance,
    )


def _weights(share: float, run: RunConfig, version: str | None) -> WeightsInUse:
    frozen = frozen_weights(run.benchmark, version, run.scenario, run.model)
    total, prunable = frozen or (TOTAL, TOTAL)
    used, used_prunable = round(share * total), round(share * prunable)
    return WeightsInUse(
        total=total,
        used=used,
        prunable=prunable,
        used_prunable=used_prunable,
        claimed=used_prunable,
        active=used_prunable,
        mask_bits=0,
        buffer_bytes=64,
        artifact_bytes=4 * used,
    )

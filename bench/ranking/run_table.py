"""Runs as a table: one row each, with the type of every column declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.config.budget import KINDS
from bench.ranking import scores
from bench.ranking.pools import pool_key
from bench.records.schema import RunRecord
from bench.records.store import Stored
from bench.stats import metrics

NUMBERS = (
    *(field.name for field in fields(scores.Scores) if field.name != "metrics"),
    *metrics.METRICS,
)
"""What a run scored, as fractions unless the name says otherwise; NaN for a run that failed."""

TYPES: dict[str, str] = {
    **dict.fromkeys(("benchmark", "scenario", "model", "strategy"), "category"),
    "hyperparameters": "object",
    "budget": "category",
    "clock": "category",
    **dict.fromkeys(("base_seed", "repetition", "attempt"), "int64"),
    "status": "category",
    "reason": "object",
    "cuts": "int64",
    **dict.fromkeys(NUMBERS, "float64"),
    **dict.fromkeys((f"seconds_{kind}" for kind in KINDS), "float64"),
    "wall_seconds": "float64",
    "cpu_seconds": "float64",
    "samples": "float64",
    "device": "category",
    "threads": "int64",
    "machine": "category",
    "commit": "object",
    "started": "datetime64[ns, UTC]",
    "path": "object",
}
"""The columns of `run_table` in their order, each with its pandas type."""


def run_table(stored: Sequence[Stored], *, matrices: bool = False) -> pd.DataFrame:
    """A row for each run, in the given order.

    Args:
        matrices: add `accuracy_matrix`, an (n, n) array of fractions each, NaN where not measured;
            None for a run without an outcome.
    """
    frame = pd.DataFrame([_row(item) for item in stored], columns=list(TYPES)).astype(TYPES)
    if matrices:
        frame["accuracy_matrix"] = pd.Series(
            [_matrix(item.record) for item in stored], dtype=object
        )
    return frame


def _row(item: Stored) -> dict[str, Any]:
    record = item.record
    config, cost = record.config, record.cost
    measured = _scores(record)
    return {
        "benchmark": config.benchmark,
        "scenario": config.scenario,
        "model": config.model,
        "strategy": config.strategy,
        "hyperparameters": dict(config.hyperparameters),
        "budget": str(config.budget),
        "clock": config.budget.clock,
        "base_seed": config.base_seed,
        "repetition": config.repetition,
        "attempt": record.attempt,
        "status": record.status,
        "reason": record.reason,
        "cuts": record.cuts or 0,
        **{name: measured.get(name, math.nan) for name in NUMBERS},
        **{
            f"seconds_{kind}": cost.seconds_by_kind.get(kind, math.nan) if cost else math.nan
            for kind in KINDS
        },
        "wall_seconds": cost.wall_seconds if cost else math.nan,
        "cpu_seconds": cost.cpu_seconds if cost else math.nan,
        "samples": cost.samples if cost else math.nan,
        "device": config.device,
        "threads": config.threads,
        "machine": record.environment.fingerprint,
        "commit": record.environment.commit,
        "started": record.environment.started,
        "path": str(item.path),
    }


def _scores(record: RunRecord) -> dict[str, float]:
    """What a run that went well scored; a failed one has no accuracy, and no row invents one."""
    if record.status != "ok":
        return {}
    (found,) = map(asdict, scores.of_runs([record], scores.bounds(pool_key(record))))
    return found.pop("metrics") | found


def _matrix(record: RunRecord) -> npt.NDArray[np.float64] | None:
    return np.array(record.outcome.accuracy, dtype=float) if record.outcome else None

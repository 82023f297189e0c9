"""A small table of days, and the benchmark of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.config.catalogue import BENCHMARKS, BenchmarkSpec
from bench.config.datasets import TABLES, Table
from bench.data.rows import Rows

DAYS, PLACES = 40, 10
NAME = "toy-nights"


def toy(files: Sequence[Path]) -> Rows:
    """The label is the sign of the first column."""
    columns = np.random.default_rng(0).normal(size=(DAYS * PLACES, 3))
    days = np.arange(len(columns)) // PLACES
    return Rows(columns, (columns[:, 0] > 0).astype(np.int64), days.astype(np.int64))


def add(monkeypatch) -> str:
    """Make `toy-nights` a benchmark of this process; its name."""
    table = Table(
        rows=DAYS * PLACES, days=DAYS, features=3, classes=2, reader="toy_tables:toy",
        summary="toy", paper="-", files={},
    )  # fmt: skip
    spec = BenchmarkSpec(
        data="toy", kind="nights", experiences=table.months, scenarios=("domain",), model="mlp",
        summary="toy", paper="-", nights=DAYS,
    )  # fmt: skip
    monkeypatch.setitem(TABLES, "toy", table)
    monkeypatch.setitem(BENCHMARKS, NAME, spec)
    return NAME

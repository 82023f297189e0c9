"""What a night costs that is not charged: its day is brought, its labels are told."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
import torch
from loops import has, report

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.data.presence import data_root
from bench.runner.avalanche_patches import apply_patches
from bench.runner.nights import Nights
from bench.runner.ready import build

pytestmark = pytest.mark.skipif(
    not has("elec2"), reason="needs elec2/elec.csv under $SLEEPBENCH_DATA"
)
NIGHTS = 944


def test_what_a_night_costs_beside_its_budget(benchmark):
    apply_patches()
    torch.set_num_threads(1)
    config = RunConfig(
        benchmark="elec2-nights", scenario="domain", model="mlp", strategy="naive",
        budget=Budget.parse("1steps/night", nights=NIGHTS), allocation="equal",
    )  # fmt: skip
    ready = build(config, data_root(), examined=True)
    with closing(ready.room):
        nights = Nights(
            ready.benchmark, ready.room.desk, ready.meter, ready.account, ready.strategy
        )
        began, before = time.perf_counter(), ready.meter.wall_seconds
        nights.pass_by()
        took = time.perf_counter() - began
        charged = ready.meter.wall_seconds - before
    what = "milliseconds of a night that are not charged: its day is brought, its labels are told"
    report(benchmark, what, 1000 * (took - charged) / NIGHTS, "2")
    assert 0 < took - charged < took

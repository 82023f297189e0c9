"""Strategies as the referee runs them: on a meter."""

from __future__ import annotations

from bench.config.budget import Budget
from bench.runner.budget_plugin import UNTIL_STOPPED, BudgetPlugin, MeterClock
from bench.runner.meter import Meter
from toy import toy_strategy


def metered(name, benchmark, steps: int, **options):
    """A strategy on the steps clock with `steps` for the whole stream, and its meter."""
    n = len(benchmark.train)
    meter = Meter(Budget(amount=steps, clock="steps"), [1 / n] * n)
    strategy = toy_strategy(
        name,
        benchmark,
        epochs=UNTIL_STOPPED,
        budget_clock=MeterClock(meter),
        plugins=[BudgetPlugin(meter, lambda: None)],
        **options,
    )
    return strategy, meter

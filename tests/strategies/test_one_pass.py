from __future__ import annotations

import pytest

from bench.config.budget import Budget
from bench.runner.budget_plugin import UNTIL_STOPPED, BudgetPlugin, MeterClock
from bench.runner.meter import Meter
from toy import toy_benchmark, toy_strategy


class Seconds:
    """A clock that stands still but for what is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("name", ["analytic", "slda"])
@pytest.mark.parametrize("experiences", [1, 2])
def test_what_it_takes_to_solve_is_set_aside_in_the_first_experience_too(name, experiences):
    benchmark, seconds = toy_benchmark("class", experiences=experiences, samples=1000), Seconds()
    meter = Meter(
        Budget(amount=16.0 * experiences, clock="wall"),
        [1 / experiences] * experiences,
        wall=seconds,
        cpu=seconds,
    )
    strategy = toy_strategy(
        name,
        benchmark,
        epochs=UNTIL_STOPPED,
        budget_clock=MeterClock(meter),
        plugins=[BudgetPlugin(meter, lambda: None)],
    )
    solve, forward = strategy.solve, strategy.forward

    def slow(work, lasts):
        def worked():
            seconds.now += lasts
            return work()

        return worked

    strategy.solve, strategy.forward = slow(solve, 2.0), slow(forward, 1.0)
    for number, experience in enumerate(benchmark.train):
        with meter.experience(number):
            strategy.train(experience)
        assert meter.charged_by_experience[-1] == 16
    assert not meter.overrun

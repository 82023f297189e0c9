"""Nights that take longer than there is time for them."""

from __future__ import annotations

from strategies.pruning.weight_count import weights_in_use
from toy import StepClock, toy_benchmark, toy_strategy


def test_a_night_that_the_next_one_overtakes_is_left_out_and_the_last_does_its_work(monkeypatch):
    benchmark, clock = toy_benchmark("class", samples=100), StepClock(20)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        budget_clock=clock,
        chosen={"density": 0.1, "rounds": 5, "prune_from": 0.5},
    )
    pruned = []

    def slow(night):
        pruned.append(night.start)
        for _ in range(5):
            clock.tick()
        return type(strategy).density_after(strategy, night)

    monkeypatch.setattr(strategy, "density_after", slow)
    strategy.train(benchmark.train[0])
    assert pruned == [0.5, 0.7, 0.9]
    total = sum(w.numel() for w in strategy.weights.values())
    assert weights_in_use(strategy).used_prunable == round(0.1 * total)

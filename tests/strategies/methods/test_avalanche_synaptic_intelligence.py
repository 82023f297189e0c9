from __future__ import annotations

from avalanche.training.plugins import SynapticIntelligencePlugin

from toy import toy_benchmark, toy_strategy


def test_training_leaves_importances_behind():
    benchmark = toy_benchmark("task")
    strategy = toy_strategy("avalanche-si", benchmark)
    strategy.train(benchmark.train[0])
    [plugin] = [p for p in strategy.plugins if isinstance(p, SynapticIntelligencePlugin)]
    importances = plugin.ewc_data[1]
    assert all(float(stored.data.max()) > 0 for stored in importances.values())
    assert all(float(stored.data.min()) >= 0 for stored in importances.values())


def test_a_strong_penalty_holds_the_weights_and_a_weak_one_does_not():
    moved = {}
    for strength in (0.0, 10000.0):
        benchmark = toy_benchmark("domain")
        chosen = {"si_lambda": strength, "momentum": 0.0}
        strategy = toy_strategy("avalanche-si", benchmark, chosen=chosen)
        strategy.train(benchmark.train[0])
        before = [p.detach().clone() for p in strategy.model.parameters()]
        strategy.train(benchmark.train[1])
        after = [p.detach() for p in strategy.model.parameters()]
        moved[strength] = sum(float((a - b).norm()) for a, b in zip(after, before, strict=True))
    assert moved[10000.0] < 0.7 * moved[0.0]

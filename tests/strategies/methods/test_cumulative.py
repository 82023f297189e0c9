from __future__ import annotations

import torch
from avalanche.core import SupervisedPlugin

from toy import toy_benchmark, toy_strategy


class Seen(SupervisedPlugin):
    """Keeps the size of each minibatch, and the labels of an epoch."""

    def before_training_exp(self, strategy, **kwargs):
        self.sizes, self.labels = [], []

    def after_training_iteration(self, strategy, **kwargs):
        self.sizes.append(len(strategy.mb_y))
        self.labels.append(strategy.mb_y)


def test_an_epoch_has_every_example_so_far_once():
    benchmark, seen = toy_benchmark("class", experiences=3), Seen()
    strategy = toy_strategy("cumulative", benchmark, epochs=1, plugins=[seen])
    for number, experience in enumerate(benchmark.train, start=1):
        strategy.train(experience)
        assert torch.cat(seen.labels).bincount().tolist() == [20] * 2 * number


def test_a_minibatch_does_not_grow_with_the_number_of_tasks():
    benchmark, seen = toy_benchmark("task", experiences=3), Seen()
    strategy = toy_strategy("cumulative", benchmark, epochs=1, plugins=[seen])
    for experience in benchmark.train:
        strategy.train(experience)
        assert max(seen.sizes) == 10


def test_the_first_experience_is_that_of_plain_training():
    weights = []
    for name in ("naive", "cumulative"):
        benchmark = toy_benchmark("class")
        strategy = toy_strategy(name, benchmark)
        strategy.train(benchmark.train[0])
        weights.append(strategy.model.state_dict())
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())

from __future__ import annotations

import pytest
import torch

from strategies.methods.averaged_gem import projected
from toy import toy_benchmark, toy_strategy


def dot(one, other) -> float:
    return float(sum((a * b).sum() for a, b in zip(one, other, strict=True)))


def test_a_gradient_loses_its_part_against_the_reference_and_nothing_else():
    current = [torch.tensor([3.0, 0.0]), torch.tensor([[1.0]])]
    reference = (torch.tensor([-1.0, 1.0]), torch.tensor([[0.0]]))
    # their product is -3 and the reference's square is 2
    first, second = projected(current, reference)
    assert first.tolist() == [1.5, 1.5]
    assert second.tolist() == [[1.0]]
    assert dot((first, second), reference) == 0


def test_a_gradient_that_agrees_is_kept_to_the_bit():
    current = [torch.tensor([0.1, 0.7])]
    assert torch.equal(projected(current, (torch.tensor([0.3, 0.2]),))[0], current[0])
    assert torch.equal(projected(current, (torch.zeros(2),))[0], current[0])


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_the_step_does_not_raise_the_loss_of_stored_examples_to_first_order(scenario):
    benchmark = toy_benchmark(scenario)
    strategy = toy_strategy("agem", benchmark, epochs=4, chosen={"batch_size": 40, "momentum": 0.0})
    strategy.train(benchmark.train[0])
    seen = []

    def spy(**kwargs):
        type(strategy)._after_backward(strategy, **kwargs)
        if not seen:
            x, y, tasks = strategy.earlier.draw(40)  # 40 are stored: the same as were drawn
            gradients = [w.grad.clone() for w in strategy.model.parameters()]
            answers = strategy.model(x, tasks) if scenario == "task" else strategy.model(x)
            loss = strategy._criterion(answers, y)
            seen.append(dot(gradients, torch.autograd.grad(loss, [*strategy.model.parameters()])))

    strategy._after_backward = spy
    strategy.train(benchmark.train[1])
    assert seen[0] > -1e-5


def test_in_the_first_experience_it_is_plain_training():
    benchmark = toy_benchmark("class")
    weights = []
    for name in ("agem", "naive"):
        strategy = toy_strategy(name, benchmark)
        strategy.train(benchmark.train[0])
        weights.append([p.detach() for p in strategy.model.parameters()])
    assert all(map(torch.equal, *weights))


def test_a_store_without_room_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        toy_strategy("agem", toy_benchmark("class"), chosen={"mem_size": 0})

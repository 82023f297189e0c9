from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from strategies.methods.asymmetric_replay import among
from toy import toy_benchmark, toy_model, toy_strategy


def test_the_probability_of_other_classes_is_nothing_and_so_is_their_gradient():
    logits = torch.tensor([[1.0, 3.0, 2.0, 0.0]], requires_grad=True)
    masked = among(logits, torch.tensor([1, 3]))
    chances = masked.softmax(1)
    assert chances[0, [0, 2]].tolist() == [0, 0]
    assert torch.allclose(chances[0, [1, 3]], torch.tensor([3.0, 0.0]).softmax(0))
    functional.cross_entropy(masked, torch.tensor([3])).backward()
    assert logits.grad[0, [0, 2]].tolist() == [0, 0]
    assert (logits.grad[0, [1, 3]] != 0).all()


def test_a_step_is_that_of_the_papers_loss():
    benchmark = toy_benchmark("class")
    chosen = {"batch_size": 40, "momentum": 0.0, "learning_rate": 0.1}
    strategy = toy_strategy("er-ace", benchmark, epochs=1, chosen=chosen)
    strategy.train(benchmark.train[0])
    x, y, _ = (column.clone() for column in strategy.stored.columns)
    new_x = torch.stack([sample[0] for sample in benchmark.train[1].dataset])
    new_y = torch.tensor(list(benchmark.train[1].dataset.targets))

    twin = toy_model(benchmark)
    twin.load_state_dict(strategy.model.state_dict())
    # of four classes the second experience has the last two
    loss = functional.cross_entropy(twin(new_x)[:, 2:], new_y - 2)
    loss = loss + functional.cross_entropy(twin(x), y)  # 40 are stored, and all of them drawn
    loss.backward()
    expected = [p.detach() - 0.1 * p.grad for p in twin.parameters()]

    strategy.train(benchmark.train[1])
    for weight, value in zip(strategy.model.parameters(), expected, strict=True):
        assert torch.allclose(weight, value, atol=1e-6)


def test_new_examples_alone_leave_the_outputs_of_earlier_classes_as_they_are():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("er-ace", benchmark, epochs=1, chosen={"batch_size": 40})
    before = [p.clone() for p in strategy.model[-1].parameters()]
    strategy.train(benchmark.train[1])  # nothing is stored yet: one step
    for was, now in zip(before, strategy.model[-1].parameters(), strict=True):
        assert torch.equal(was[:2], now[:2])
        assert not torch.equal(was[2:], now[2:])


def test_a_store_without_room_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        toy_strategy("er-ace", toy_benchmark("class"), chosen={"mem_size": 0})

from __future__ import annotations

import pytest
import torch
from avalanche.models import IncrementalClassifier
from torch import nn
from torch.nn import functional

from strategies.methods.dark_experience_replay import distance
from strategies.networks.heads import MultiHeadModel
from toy import toy_benchmark, toy_model, toy_strategy


def one_epoch(name: str, benchmark, experience: int = 0, **chosen):
    strategy = toy_strategy(name, benchmark, epochs=1, chosen={"batch_size": 40, **chosen})
    strategy.train(benchmark.train[experience])
    return strategy


def test_the_answers_that_are_stored_are_those_of_the_moment():
    benchmark = toy_benchmark("class")
    before = toy_model(benchmark)
    strategy = one_epoch("der", benchmark)
    images, labels, _, answers = strategy.stored.columns
    assert torch.allclose(answers, before(images), atol=1e-6)
    assert not torch.allclose(answers, strategy.model(images), atol=1e-3)
    assert sorted(labels.tolist()) == [0] * 20 + [1] * 20


@pytest.mark.parametrize(("name", "beta"), [("der", 0.0), ("der++", 0.7)])
@pytest.mark.parametrize("scenario", ["class", "task"])
def test_a_step_is_that_of_the_papers_loss(name, beta, scenario):
    benchmark = toy_benchmark(scenario)
    chosen = {"alpha": 0.3, "momentum": 0.0, "learning_rate": 0.1}
    strategy = one_epoch(name, benchmark, **chosen, **({"beta": beta} if beta else {}))
    x, y, tasks, answers = (column.clone() for column in strategy.stored.columns)
    new_x = torch.stack([sample[0] for sample in benchmark.train[1].dataset])
    new_y = torch.tensor(list(benchmark.train[1].dataset.targets))

    twin = toy_model(benchmark)
    twin.load_state_dict(strategy.model.state_dict())

    def ask(images, labels):
        return twin(images, labels) if isinstance(twin, MultiHeadModel) else twin(images)

    loss = functional.cross_entropy(ask(new_x, torch.ones(40, dtype=torch.long)), new_y)
    # 40 are stored and 40 are drawn: all of them, in any order
    loss = loss + 0.3 * (ask(x, tasks) - answers).square().mean()
    loss = loss + beta * functional.cross_entropy(ask(x, tasks), y)
    loss.backward()
    expected = [p.detach() - 0.1 * p.grad for p in twin.parameters()]

    strategy.train(benchmark.train[1])
    for weight, value in zip(strategy.model.parameters(), expected, strict=True):
        assert torch.allclose(weight, value, atol=1e-6)


def test_a_store_smaller_than_a_minibatch_is_replayed():
    benchmark = toy_benchmark("class")
    small = one_epoch("der++", benchmark, mem_size=5)
    plain = one_epoch("naive", benchmark)
    assert len(small.stored) == 5
    for strategy in (small, plain):
        torch.manual_seed(1)
        strategy.train(benchmark.train[1])
    pairs = zip(small.model.parameters(), plain.model.parameters(), strict=True)
    assert not all(torch.equal(one, other) for one, other in pairs)


def test_a_class_that_was_not_there_when_an_answer_was_stored_has_no_distance():
    stored = torch.tensor([[1.0, 2.0]])
    logits = torch.tensor([[2.0, 0.0, 9.0, 9.0]], requires_grad=True)
    loss = distance(logits, stored)
    assert loss == (1 + 4) / 4
    loss.backward()
    assert logits.grad.tolist() == [[0.5, -1.0, 0.0, 0.0]]


def test_an_output_layer_may_grow():
    benchmark = toy_benchmark("class")
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), IncrementalClassifier(8, 2))
    strategy = toy_strategy("der++", benchmark, model=model, chosen={"batch_size": 20})
    for experience in benchmark.train:
        strategy.train(experience)
    assert strategy.stored.columns[-1].shape == (240, 4)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_weight_below_zero_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0, got -1"):
        toy_strategy("der", toy_benchmark("class"), chosen={name: -1.0})


def test_a_store_without_room_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        toy_strategy("der", toy_benchmark("class"), chosen={"mem_size": 0})

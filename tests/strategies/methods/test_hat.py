from __future__ import annotations

import pytest
import torch
from torch import nn

from strategies.methods.hat import compensated, newly_open
from strategies.pruning.masks import union
from strategies.pruning.weight_count import weights_in_use
from toy import logits, toy_benchmark, toy_strategy


def test_compensation_gives_the_gradient_of_a_gate_of_steepness_one():
    embedding = torch.linspace(-3, 3, 13, dtype=torch.float64).requires_grad_()
    through = torch.arange(1.0, 14.0, dtype=torch.float64)
    for s in (0.01, 1.0, 5.0):
        (steep,) = torch.autograd.grad((through * torch.sigmoid(s * embedding)).sum(), embedding)
        (plain,) = torch.autograd.grad((through * torch.sigmoid(embedding)).sum(), embedding)
        torch.testing.assert_close(compensated(steep, embedding, s, 400.0), 400 * plain)


def test_only_units_that_nobody_uses_are_penalised():
    gates = {"a": torch.tensor([1.0, 0.5, 0.0]), "b": torch.tensor([0.25])}
    taken = {"a": torch.tensor([True, False, False]), "b": torch.tensor([False])}
    assert newly_open(gates, taken) == (0.5 + 0.0 + 0.25) / 3
    all_taken = {name: torch.ones_like(mask) for name, mask in taken.items()}
    assert newly_open(gates, all_taken) == 0


def convolutions() -> nn.Sequential:
    """Every kind of layer with units, in sequence."""
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.GroupNorm(2, 4), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 2, 2, bias=False), nn.InstanceNorm2d(2, affine=True)),
        *(nn.Flatten(), nn.Linear(2 * 7 * 7, 16), nn.LayerNorm(16), nn.ReLU()),
    )


class Residual(nn.Module):
    """Units that two layers see, and one that sees the sum of two."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(36, 16), nn.Linear(16, 16)
        self.third = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.first(x.flatten(1)).relu()
        return self.third(seen + self.second(seen).sigmoid())


@pytest.mark.parametrize("trunk", [convolutions, Residual])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_earlier_tasks_are_bit_identical_through_any_network(trunk, optimizer):
    benchmark = toy_benchmark("task", experiences=3)
    model = toy_strategy("naive", benchmark).model
    torch.manual_seed(0)
    model.trunk = trunk()
    model.head.linear = nn.Linear(16, model.head.linear.out_features)
    chosen = {"optimizer": optimizer, "weight_decay": 0.1}
    strategy = toy_strategy("hat", benchmark, model=model, chosen=chosen)
    answers = {}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier, answer in answers.items():
            assert torch.equal(logits(strategy, benchmark.test[earlier]), answer)


def test_weights_between_used_units_never_move_and_all_others_may():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("hat", benchmark, epochs=4)
    for experience in benchmark.train:
        before = {name: weight.detach().clone() for name, weight in strategy.weights.items()}
        used = union(strategy.masks, strategy.weights)
        strategy.train(experience)
        for name, weight in strategy.weights.items():
            moved = weight.detach() != before[name]
            assert not moved[used[name]].any()
            assert moved[~used[name]].any()


def test_gates_are_counted_as_a_bit_for_each_unit_and_task():
    benchmark = toy_benchmark("task")
    strategy = toy_strategy("hat", benchmark)
    for experience in benchmark.train:
        strategy.train(experience)
    units = sum(layer.units for layer in strategy.layers.values())
    assert weights_in_use(strategy).mask_bits == 2 * units


def test_a_strong_penalty_opens_fewer_units():
    opened = []
    for sparsity in (0.0, 10.0):
        benchmark = toy_benchmark("task")
        strategy = toy_strategy("hat", benchmark, epochs=8, chosen={"sparsity": sparsity})
        strategy.train(benchmark.train[0])
        opened.append(sum(int(gate.sum()) for gate in strategy.packed[0].values()))
    assert opened[1] < opened[0]


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("sparsity", -1.0, "at least 0, got -1"),
        ("hardest", 1.0, "above 1, got 1"),
        ("gate_learning_rate", 0.0, "above 0, got 0"),
    ],
)
def test_values_that_cannot_be_are_refused(name, value, rule):
    with pytest.raises(ValueError, match=f"{name} must be {rule}"):
        toy_strategy("hat", toy_benchmark("task"), chosen={name: value})


def test_a_model_without_a_layer_to_gate_is_refused():
    benchmark = toy_benchmark("task")
    model = toy_strategy("naive", benchmark).model
    model.trunk = nn.Flatten()
    model.head.linear = nn.Linear(36, model.head.linear.out_features)
    with pytest.raises(ValueError, match="model must have a linear or convolutional layer to gate"):
        toy_strategy("hat", benchmark, model=model)

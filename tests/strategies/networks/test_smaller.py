"""A smaller network has no idle unit and gives the same answers; so does one stored sparsely."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from strategies.networks.smaller import SparseLinear, smaller, sparse


def thin(module: nn.Module, density: float, seed: int) -> nn.Module:
    """The same layers, most of whose weights are 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.weight *= torch.rand(layer.weight.shape, generator=generator) < density
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.running_mean.uniform_(-1, 1, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
    return module.eval()


def perceptron(bias: bool = True) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 12, bias=bias), nn.BatchNorm1d(12), nn.ReLU(),
        nn.Sequential(nn.Linear(12, 9, bias=bias), nn.Tanh(), nn.Dropout()), nn.Linear(9, 4),
    )  # fmt: skip


def convolutions(padding: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=padding), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(5 * (2 if padding else 1) ** 2, 8), nn.Sigmoid(), nn.Linear(8, 3),
    )  # fmt: skip


KINDS = {
    "perceptron": perceptron,
    "without biases": lambda: perceptron(bias=False),
    "padded convolutions": convolutions,
    "convolutions": lambda: convolutions(padding=0),
}


@given(kind=st.sampled_from(sorted(KINDS)), density=st.floats(0, 0.5), seed=st.integers(0, 1000))
def test_the_answers_stay_and_the_network_shrinks(kind, density, seed):
    torch.manual_seed(seed)
    module = thin(KINDS[kind](), density, seed).double()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    images = torch.randn(7, 1, 4, 4, dtype=torch.double)
    small = smaller(module, (1, 4, 4))
    torch.testing.assert_close(small(images), module(images))
    assert sum(p.numel() for p in small.parameters()) <= 9 + sum(
        p.numel() for p in module.parameters()
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    layers = [layer for layer in small if isinstance(layer, nn.Linear)]
    for first, second in pairwise(layers):
        idle = (first.weight == 0).all(1) | (second.weight == 0).all(0)
        assert not idle.any() or len(first.weight) == 1
        assert (first.out_features, second.in_features) == (len(first.weight), len(first.weight))


def test_what_a_unit_always_says_goes_into_the_next_bias():
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]))
        module[0].bias.copy_(torch.tensor([0.1, 0.5, 0.3]))
        module[2].weight.copy_(torch.tensor([[1.0, 10.0, 0.0]]))
        module[2].bias.copy_(torch.tensor([0.25]))
    small = smaller(module, (2,))
    assert small[0].weight.tolist() == [[1.0, 2.0]]
    assert small[2].weight.tolist() == [[1.0]]
    assert small[2].bias.tolist() == [5.25]  # 0.25 + 10 x 0.5


def test_a_constant_channel_stays_where_an_edge_tells_it_from_a_bias():
    def shrunk(padding: int) -> nn.Sequential:
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 3, padding=padding))
        with torch.no_grad():
            module[0].weight[1], module[0].bias[1] = 0.0, 1.0
        return smaller(module, (1, 4, 4))

    assert shrunk(padding=1)[0].out_channels == 2
    assert shrunk(padding=0)[0].out_channels == 1


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        return x + self.inner(x)


def test_layers_that_mix_their_units_are_left_alone():
    torch.manual_seed(0)
    module = thin(nn.Sequential(nn.Linear(4, 4), Skip(), nn.Linear(4, 2)), 0.0, 0)
    small = smaller(module, (4,))
    assert [tuple(p.shape) for p in small.parameters()] == [
        tuple(p.shape) for p in module.parameters()
    ]


@given(density=st.floats(0, 1), seed=st.integers(0, 1000))
def test_a_sparse_layer_answers_alike_and_stores_its_weights_alone(density, seed):
    torch.manual_seed(seed)
    module = thin(nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)), density, seed)
    kept, inputs = sparse(module), torch.randn(5, 8)
    torch.testing.assert_close(kept(inputs), module(inputs))
    for layer, dense in ((kept[0], module[0]), (kept[2], module[2])):
        assert isinstance(layer, SparseLinear)
        assert len(layer.values) == int(dense.weight.count_nonzero())
        assert layer.columns.dtype == torch.int32

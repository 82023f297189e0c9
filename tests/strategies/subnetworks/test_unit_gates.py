from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from strategies.networks.layers import prunable
from strategies.subnetworks.unit_gates import gated, gated_layers, weight_masks


def convolutions() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 4, 5), nn.ReLU()),
        nn.Linear(5, 2),
    )


def some_open(layers) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {n: torch.rand(one.units, generator=generator) < 0.6 for n, one in layers.items()}


def test_each_layer_knows_whose_units_it_sees():
    model = convolutions()
    layers = gated_layers(model, prunable(model))
    assert [one.sees for one in layers.values()] == [None, "0.weight", "4.weight", "7.weight"]
    assert layers["0.weight"].scaled == ("0.bias", "1.bias", "1.weight")


@pytest.mark.parametrize(
    "between",
    [
        nn.Sigmoid(),  # 0 becomes a half
        nn.ChannelShuffle(2),
        nn.BatchNorm2d(4, affine=False),
    ],
)
def test_where_a_closed_unit_may_be_seen_as_another_every_input_counts_as_open(between):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), between, nn.Conv2d(4, 2, 3))
    assert gated_layers(model, prunable(model))["2.weight"].sees is None


def test_layers_out_of_sequence_count_every_input_as_open():
    model = nn.ModuleDict({"one": nn.Linear(4, 4), "two": nn.Linear(4, 4)})
    assert gated_layers(model, prunable(model))["two.weight"].sees is None


def test_weights_outside_the_masks_do_not_change_what_answers_through_the_gates():
    model = convolutions()
    weights = dict(prunable(model))
    layers = gated_layers(model, weights)
    gates = some_open(layers)
    masks = weight_masks(weights, layers, gates)
    x = torch.rand(8, 1, 8, 8)

    def answer():
        view = gated(dict(model.named_parameters()), layers, gates)
        return functional_call(model.eval(), view, (x,))

    before = answer()
    with torch.no_grad():
        for name, weight in weights.items():
            assert 0 < masks[name].sum() < masks[name].numel()
            weight[~masks[name]] += 1
    assert torch.equal(answer(), before)
    with torch.no_grad():
        for name, weight in weights.items():
            weight[masks[name]] += 1
    assert not torch.equal(answer(), before)


def test_a_grouped_transposed_convolution_is_refused_by_name():
    model = nn.Sequential(nn.ConvTranspose2d(4, 4, 2, groups=2))
    with pytest.raises(ValueError, match="must have one group to be gated, got ConvTranspose2d"):
        gated_layers(model, prunable(model))

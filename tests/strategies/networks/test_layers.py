from __future__ import annotations

import pytest
import torch
from avalanche.models import IncrementalClassifier, MTSimpleMLP
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from strategies.networks.heads import TaskHead
from strategies.networks.layers import check_ownable, prunable, shared_head


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    return model


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LSTM(4, 4), "got LSTM '1'"),
        (nn.MultiheadAttention(4, 2), "got MultiheadAttention '1'"),
        (nn.Embedding(4, 4), "got Embedding '1'"),
        (weight_norm(nn.Linear(4, 4)), "got ParametrizedLinear '1'"),
        (nn.LazyLinear(4), "got LazyLinear '1'"),
        (nn.PReLU(), "got PReLU '1'"),
        (Scale(), "got Scale '1'"),
        (tied(), "weights must not be shared, got '1.1.weight' that is '1.0.weight'"),
        (nn.Linear(4, 4, dtype=torch.cfloat), "floats of 16 to 64 bits, got torch.complex64"),
    ],
)
def test_what_cannot_be_owned_is_refused_by_name(module, message):
    with pytest.raises(ValueError, match=message):
        check_ownable(nn.Sequential(nn.Linear(4, 4), module))


def test_matrices_kernels_norms_and_heads_can_be_owned():
    layers = [
        *(nn.Conv1d(4, 4, 1, groups=2), nn.Conv2d(4, 4, 1, bias=False), nn.Conv3d(4, 4, 1)),
        *(nn.ConvTranspose1d(4, 4, 1), nn.ConvTranspose2d(4, 4, 1), nn.ConvTranspose3d(4, 4, 1)),
        *(nn.BatchNorm2d(4), nn.InstanceNorm1d(4, affine=True), nn.LayerNorm(4)),
        *(nn.GroupNorm(2, 4), nn.Linear(4, 4), TaskHead(4, [[0]]), IncrementalClassifier(4)),
    ]
    model = nn.Sequential(*layers)
    check_ownable(model)
    assert list(prunable(model)) == [f"{i}.weight" for i in (0, 1, 2, 3, 4, 5, 10)]


def test_the_head_that_tasks_share_is_the_growing_one_or_the_last_linear():
    assert shared_head(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))) == "1"
    assert shared_head(nn.Sequential(IncrementalClassifier(4), nn.Linear(4, 2))) == "0"
    assert shared_head(nn.Sequential(nn.Linear(4, 4), TaskHead(4, [[0]]))) is None
    assert shared_head(MTSimpleMLP()) is None
    with pytest.raises(ValueError, match="must have a head or a linear output layer"):
        shared_head(nn.Sequential(nn.Conv2d(1, 1, 1)))

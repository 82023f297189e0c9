"""A network without the units that do nothing, and one whose weights are stored sparsely."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor, nn

Weighted = nn.Linear | nn.Conv2d
"""Layers whose units can be told apart."""

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
BY_CHANNEL = (
    *NORMS, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Identity,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d,
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten,
)  # fmt: skip
"""Layers that keep a channel, or the block of features made of it, apart from the others."""


@dataclass
class _Pair:
    """Two weighted layers in a row.

    Attributes:
        first: the one.
        second: the other.
        between: what stands between them, each of `BY_CHANNEL`.
        shape: of what the first gives for one input, without the batch.
    """

    first: Weighted
    second: Weighted
    between: nn.Sequential
    shape: torch.Size


@torch.no_grad()
def smaller(module: nn.Module, input_shape: Sequence[int]) -> nn.Sequential:
    """The same answers from fewer units, as a copy in evaluation mode.

    Units that no later weight reads go. So do units that no weight reaches: what they always say
    goes into the bias of the next layer. Layers other than linear ones and plain convolutions in a
    row keep their size.

    Args:
        module: the network; parts of it that are `nn.Sequential` are looked into.
        input_shape: of one input, without the batch.
    """
    layers = nn.Sequential(*_flat(copy.deepcopy(module).eval()))
    pairs = _pairs(layers, input_shape)
    while any(_shrink(pair) for pair in pairs):  # what went may have been all that another read
        pass
    return layers.eval()


def _flat(module: nn.Module) -> list[nn.Module]:
    if (
        type(module) is nn.Sequential
        and not module._forward_hooks
        and not module._forward_pre_hooks
    ):
        return [layer for part in module for layer in _flat(part)]
    return [module]


def _pairs(layers: nn.Sequential, input_shape: Sequence[int]) -> list[_Pair]:
    """Weighted layers with nothing between them that would mix their units."""
    x = next(layers.parameters()).new_zeros(1, *input_shape)
    pairs: list[_Pair] = []
    before: tuple[Weighted, torch.Size] | None = None
    between: list[nn.Module] = []
    for layer, times in Counter(layers).items():
        if times > 1:
            return []  # what is used twice cannot have two sizes
        given, x = x.ndim, layer(x)
        if _keeps_channels(layer):
            between.append(layer)
            continue
        if not _has_units(layer) or {given, x.ndim} != {2 if type(layer) is nn.Linear else 4}:
            before, between = None, []
            continue
        if before is not None:
            pairs.append(_Pair(before[0], layer, nn.Sequential(*between), before[1]))
        before, between = (layer, x.shape[1:]), []
    return pairs


def _has_units(layer: nn.Module) -> TypeGuard[Weighted]:
    if type(layer) is nn.Conv2d:
        return (layer.groups, layer.padding_mode) == (1, "zeros")
    return type(layer) is nn.Linear


def _keeps_channels(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, NORMS) and layer.running_mean is None:
        return False  # what it makes of one input depends on the others
    if isinstance(layer, nn.MaxPool2d | nn.AdaptiveMaxPool2d) and layer.return_indices:
        return False
    return type(layer) in BY_CHANNEL


def _shrink(pair: _Pair) -> bool:
    """Take units out of a pair of layers; False if there is none to take."""
    first, second = pair.first, pair.second
    units = len(first.weight)
    block = second.weight.shape[1] // units  # features of one unit, behind a flattening
    said = pair.between(_constants(pair)).unflatten(1, (units, block))[0]
    unread = (second.weight.unflatten(1, (units, block)) == 0).flatten(2).all(2).all(0)
    unreached = (first.weight == 0).flatten(1).all(1) & _foldable(second, said)
    keep = ~(unread | unreached)
    keep[0] |= not keep.any()  # a layer has a unit
    if keep.all():
        return False
    _fold(second, said, unreached & ~unread & ~keep)
    columns = keep.repeat_interleave(block)
    first.weight = nn.Parameter(first.weight[keep])
    if first.bias is not None:
        first.bias = nn.Parameter(first.bias[keep])
    second.weight = nn.Parameter(second.weight[:, columns])
    for layer in pair.between:
        if isinstance(layer, NORMS):
            _take_channels(layer, keep if layer.num_features == units else columns)
    for layer in (first, second):
        _tell_sizes(layer)
    pair.shape = torch.Size((len(first.weight), *pair.shape[1:]))
    return True


def _constants(pair: _Pair) -> Tensor:
    """What the first layer would say if no weight of it reached anything."""
    first = pair.first
    bias = first.weight.new_zeros(len(first.weight)) if first.bias is None else first.bias
    return bias.view(1, -1, *(1 for _ in pair.shape[1:])).expand(1, *pair.shape)


def _foldable(second: Weighted, said: Tensor) -> Tensor:
    """(units,) whether a constant unit can go into a bias: at an edge a convolution sees zeros."""
    if isinstance(second, nn.Linear):
        return torch.ones(len(said), dtype=torch.bool, device=said.device)
    flat = said.flatten(1)
    even = (flat == flat[:, :1]).all(1)
    return even if second.padding in ("valid", (0, 0)) else even & (flat[:, 0] == 0)


def _fold(second: Weighted, said: Tensor, units: Tensor) -> None:
    """Add to a bias what these units of the layer before always say."""
    weight = second.weight.unflatten(1, said.shape[:2])[:, units]
    if isinstance(second, nn.Conv2d):
        weight, said = weight.flatten(3).sum(3), said.flatten(2)[..., 0]
    added = (weight * said[units]).flatten(1).sum(1)
    if added.any():
        second.bias = nn.Parameter(added if second.bias is None else second.bias + added)


def _take_channels(norm: nn.BatchNorm1d | nn.BatchNorm2d, keep: Tensor) -> None:
    for name in ("weight", "bias"):
        if (parameter := getattr(norm, name)) is not None:
            setattr(norm, name, nn.Parameter(parameter[keep]))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, getattr(norm, name)[keep])
    norm.num_features = int(keep.sum())


def _tell_sizes(layer: Weighted) -> None:
    """Bring what a layer says of itself up to date."""
    made, read = layer.weight.shape[:2]
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = made, read
    else:
        layer.out_channels, layer.in_channels = made, read


class SparseLinear(nn.Module):
    """A linear layer that stores its nonzero weights and where they are (compressed rows).

    Args:
        linear: the layer that it answers as.
    """

    values: Tensor
    columns: Tensor
    starts: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            rows = linear.weight.detach().to_sparse_csr()
        self.shape = tuple(rows.shape)
        self.register_buffer("values", rows.values())
        self.register_buffer("columns", rows.col_indices().int())
        self.register_buffer("starts", rows.crow_indices().int())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        weight = torch.sparse_csr_tensor(
            self.starts, self.columns, self.values, self.shape, check_invariants=False
        )
        answer = (weight @ x.flatten(0, -2).T).T.unflatten(0, x.shape[:-1])
        return answer if self.bias is None else answer + self.bias


def sparse(module: nn.Sequential) -> nn.Sequential:
    """A copy in evaluation mode whose linear layers store their nonzero weights alone."""
    layers = copy.deepcopy(module)
    return nn.Sequential(
        *(SparseLinear(layer) if type(layer) is nn.Linear else layer for layer in layers)
    ).eval()

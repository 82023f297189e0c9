"""Gates on the units of a network: which tensors a unit consists of, and which weights it needs.

A unit is an output of a linear layer or a channel of a convolution. Its gate scales the weights,
the bias and the normalisation that make it, so that a closed unit is exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from strategies.networks.layers import MATRICES, NORMS
from strategies.pruning.masks import Masks

KEEPS_ZERO = (
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Dropout, nn.Dropout2d),
    *(nn.Flatten, nn.Identity, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d),
)
"""What passes a closed unit on as 0 and no unit in place of another."""


@dataclass(frozen=True)
class GatedLayer:
    """A layer whose units are gated.

    Attributes:
        units: how many it has.
        axis: of its weight along which they lie.
        scaled: names of the one-dimensional parameters that a gate scales besides the weight.
        sees: name of the weight whose units are its inputs; None where that is not known, and for
            the first layer: then every input counts as open.
    """

    units: int
    axis: int
    scaled: tuple[str, ...]
    sees: str | None


def gated_layers(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, GatedLayer]:
    """The layers of `weights`, weights of the model, by the name of the weight.

    Raises:
        ValueError: for a grouped transposed convolution, whose weight has its units along no axis.
    """
    layers: dict[str, GatedLayer] = {}
    modules = dict(model.named_modules())
    followers = {name: list(_followers(name, modules)) for name in modules}
    inputs = {reader: name for name, found in followers.items() for reader in _readers(found)}
    for weight in weights:
        name = weight.rpartition(".")[0]
        module = modules[name]
        if isinstance(module, _ConvTransposeNd) and module.groups > 1:
            raise ValueError(
                f"a transposed convolution must have one group to be gated, got {module} {name!r}"
            )
        axis = int(isinstance(module, _ConvTransposeNd))
        units = weights[weight].shape[axis]
        owners = [name, *(n for n, m in followers[name] if _affine(m, units))]
        scaled = [f"{owner}.bias" for owner in owners if modules[owner].bias is not None]
        scaled += [f"{owner}.weight" for owner in owners[1:]]
        sees = f"{inputs[name]}.weight" if name in inputs else None
        if sees not in layers or _size(module, "in") % layers[sees].units:
            sees = None
        layers[weight] = GatedLayer(units, axis, tuple(scaled), sees)
    return layers


def gated(
    tensors: Mapping[str, Tensor], layers: Mapping[str, GatedLayer], gates: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Those of `tensors` that make a unit, times its gate; all others as they are.

    Args:
        tensors: parameters by name.
        layers: of the network.
        gates: (units,) in [0, 1] for each layer, by the name of its weight.
    """
    result = dict(tensors)
    for weight, layer in layers.items():
        for name in {weight, *layer.scaled} & tensors.keys():
            shape = [1] * tensors[name].ndim
            shape[layer.axis if name == weight else 0] = -1
            result[name] = tensors[name] * gates[weight].to(tensors[name]).view(shape)
    return result


def weight_masks(
    weights: Mapping[str, Tensor], layers: Mapping[str, GatedLayer], gates: Masks
) -> Masks:
    """The weights from open units to open units: all that an answer through the gates needs."""
    masks = {}
    for name, layer in layers.items():
        weight, shape = weights[name], [1] * weights[name].ndim
        shape[layer.axis] = -1
        masks[name] = gates[name].view(shape).expand(weight.shape)
        if layer.sees is not None:
            width = weight.shape[1 - layer.axis]
            # a channel that is flattened is as many inputs in a row
            seen = gates[layer.sees].repeat_interleave(width // layers[layer.sees].units)
            shape[layer.axis], shape[1 - layer.axis] = 1, -1
            masks[name] = masks[name] & seen.view(shape)
        masks[name] = masks[name].contiguous()
    return masks


def _followers(name: str, modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """What comes after a layer in its `Sequential`, with the layer that reads it last."""
    parent, _, own = name.rpartition(".")
    if type(modules[parent]) is not nn.Sequential or not isinstance(modules[name], MATRICES):
        return
    children = list(modules[parent].named_children())
    first = [child for child, _ in children].index(own) + 1
    width = _size(modules[name], "out")
    for child, module in children[first:]:
        full = f"{parent}.{child}" if parent else child
        if not isinstance(module, (*MATRICES, *KEEPS_ZERO)) and not _affine(module, width):
            return
        yield full, module
        if isinstance(module, MATRICES):
            return


def _readers(followers: list[tuple[str, nn.Module]]) -> list[str]:
    """The layer, if any, whose inputs are the units of the one that it follows."""
    found = [name for name, module in followers if isinstance(module, MATRICES)]
    return [name for name in found if getattr(dict(followers)[name], "groups", 1) == 1]


def _affine(module: nn.Module, units: int) -> bool:
    """Whether it is normalisation with a weight and a bias for each of so many units."""
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if not isinstance(module, NORMS) or weight is None or bias is None:
        return False
    return bool(weight.shape == bias.shape == torch.Size([units]))


def _size(module: nn.Module, side: str) -> int:
    """How many inputs ("in") or outputs ("out") a layer has, or channels of them."""
    kind = "features" if isinstance(module, nn.Linear) else "channels"
    size: int = getattr(module, f"{side}_{kind}")
    return size

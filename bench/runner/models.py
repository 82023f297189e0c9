"""Named models: a trunk and a head, one head per task where the scenario tells the task."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from bench.config.catalogue import MODELS, find_model
from bench.runner.own_model import Shape, own_model
from strategies.networks.heads import MultiHeadModel, TaskHead


def mlp(shape: Shape, widths: Sequence[int]) -> tuple[nn.Sequential, int]:
    """Fully connected ReLU layers over the flattened input."""
    layers: list[nn.Module] = [nn.Flatten()]
    before = math.prod(shape)
    for width in widths:
        layers += [nn.Linear(before, width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers), before


def mlp_dropout(
    shape: Shape, widths: Sequence[int], *, dropped: float
) -> tuple[nn.Sequential, int]:
    """`mlp` with a share `dropped` out after each layer (Tadros et al. 2022)."""
    layers, width = mlp(shape, widths)
    groups = (
        (layer, nn.Dropout(dropped)) if isinstance(layer, nn.ReLU) else (layer,) for layer in layers
    )
    return nn.Sequential(*(layer for group in groups for layer in group)), width


class StandardDigits(nn.Module):
    """Images in [0, 1] less the mean of MNIST's pixels, over their standard deviation."""

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of `x`."""
        return (x - 0.1307) / 0.3081


def mlp_standardized(shape: Shape, widths: Sequence[int]) -> tuple[nn.Sequential, int]:
    """`mlp` without biases, over standardized digits (Kang et al. 2022)."""
    layers, width = mlp(shape, widths)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            layer.register_parameter("bias", None)
    return nn.Sequential(StandardDigits(), *layers), width


def start_small(model: nn.Module, *, within: float) -> None:
    """Linear weights uniform `within` so much of 0, biases 0 (Tadros et al. 2022)."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -within, within)
            nn.init.zeros_(layer.bias)


def lenet5(shape: Shape) -> tuple[nn.Sequential, int]:
    """LeNet-5 with ReLU and max pooling (LeCun et al. 1998); height and width at least 12."""
    layers = [
        *(nn.Conv2d(shape[0], 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
    ]
    convolutional = nn.Sequential(*layers)
    flat = _width(convolutional, shape)
    dense = [nn.Linear(flat, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()]
    return nn.Sequential(*layers, *dense), 84


def vgg_small(shape: Shape) -> tuple[nn.Sequential, int]:
    """Six 3x3 convolutions in three blocks of 32, 64, 128 channels, then 256 units; no norm.

    Weights from He et al. 2015's normal, as torchvision's VGG: without norm, torch's own start is
    too small to train in a short budget.
    """
    layers: list[nn.Module] = []
    before = shape[0]
    for channels in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    flat = _width(nn.Sequential(*layers), shape)
    trunk = nn.Sequential(*layers, nn.Linear(flat, 256), nn.ReLU())
    for parameter in trunk.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.zeros_(parameter)
    return trunk, 256


class _Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut (He et al. 2016)."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) to (B, channels, H / stride, W / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18_slim(shape: Shape) -> tuple[nn.Sequential, int]:
    """ResNet-18 with 20 instead of 64 channels (Lopez-Paz & Ranzato 2017)."""
    width = 20
    layers: list[nn.Module] = [
        *(nn.Conv2d(shape[0], width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    ]
    before = width
    for stage in range(4):
        channels = width * 2**stage
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(_Block(before, channels, stride))
            before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), before


def _width(trunk: nn.Module, shape: Shape) -> int:
    """Features that `trunk` makes of one input."""
    with torch.no_grad():
        return int(trunk(torch.zeros(1, *shape)).shape[1])


_BUILDERS: dict[str, Callable[[Shape], tuple[nn.Sequential, int]]] = {
    "mlp": lambda shape: mlp(shape, (300, 100)),
    "mlp-100": lambda shape: mlp_standardized(shape, (100, 100)),
    "mlp-400": lambda shape: mlp(shape, (400, 400)),
    "mlp-1200": lambda shape: mlp(shape, (1200, 1200)),
    "mlp-1200-dropout": lambda shape: mlp_dropout(shape, (1200, 1200), dropped=0.25),
    "mlp-1028-256-dropout": lambda shape: mlp_dropout(shape, (1028, 256), dropped=0.2),
    "lenet5": lenet5,
    "vgg-small": vgg_small,
    "resnet18-slim": resnet18_slim,
}


_STARTS: dict[str, Callable[[nn.Module], None]] = {
    "mlp-1200-dropout": partial(start_small, within=0.01),
    "mlp-1028-256-dropout": partial(start_small, within=0.05),
}
"""What draws the first weights of trunk and heads, where it is not each layer's own way."""


def make_model(
    name: str, shape: Shape, *, classes: int, tasks: Sequence[Sequence[int]] | None
) -> nn.Module:
    """The model `name`, initialised from torch's generator.

    Args:
        name: a model id or `module:make_model`.
        shape: of one input.
        classes: width of the answer.
        tasks: the class labels of each task for a head per task; None for one head of `classes`
            rows.

    Raises:
        ValueError: for an unknown name, too small an input, or a user's model that cannot be run.
    """
    smallest = find_model(name).smallest
    if name not in MODELS:
        return own_model(name, shape, classes=classes, tasks=tasks)
    if min(shape[1:]) < smallest:
        size = "x".join(map(str, shape[1:]))
        raise ValueError(f"{name} needs inputs of at least {smallest}x{smallest}, got {size}")
    trunk, width = _BUILDERS[name](shape)
    model: nn.Module
    if tasks is None:
        model = nn.Sequential(*trunk, nn.Linear(width, classes))
    else:
        model = MultiHeadModel(trunk, TaskHead(width, tasks))
    if name in _STARTS:
        _STARTS[name](model)
    return model

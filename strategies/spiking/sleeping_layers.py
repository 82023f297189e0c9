"""Which layers of a network sleep, and which stay awake."""

from __future__ import annotations

import warnings
from itertools import takewhile

from torch import nn

from strategies.networks.heads import head_tensors
from strategies.networks.layers import NORMS

Layer = nn.Linear | nn.Conv2d
"""What can sleep."""


def sleepers(convolutions: bool) -> tuple[type[nn.Module], ...]:
    """The kinds of layers that sleep."""
    return (nn.Linear, nn.Conv2d) if convolutions else (nn.Linear,)


def check_can_sleep(model: nn.Module, *, convolutions: bool = False) -> None:
    """Refuse a model that cannot sleep, and warn of normalisation that stays awake.

    Args:
        convolutions: all of the network sleeps, so that nothing else may learn anywhere.

    Raises:
        ValueError: unless the model ends in linear layers, with nothing else that learns between.
    """
    if convolutions:
        _check_sleeps_wholly(model)
    linear = False
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            linear = True
        elif linear and any(True for _ in module.parameters(recurse=False)):
            kind = type(module).__name__
            raise ValueError(
                f"after its first linear layer a model must have only linear ones that learn "
                f"to sleep, got {kind} {name!r}"
            )
    if not linear:
        raise ValueError("model must have a linear layer to put to sleep, got none")
    awake = [name for name, module in trunk(model).items() if isinstance(module, NORMS)]
    if awake:
        warnings.warn(
            f"normalisation stays awake: it learns by day, no night moves it: {', '.join(awake)}",
            stacklevel=3,
        )


def trunk(model: nn.Module) -> dict[str, nn.Module]:
    """The modules with weights or statistics before the first linear layer, by name."""
    before = takewhile(lambda item: not isinstance(item[1], nn.Linear), model.named_modules())
    return {
        name: module
        for name, module in before
        if any(True for _ in (*module.parameters(recurse=False), *module.buffers(recurse=False)))
    }


def sleeping_layers(model: nn.Module, *, convolutions: bool = False) -> int:
    """How many layers that sleep follow each other; of heads per task only one does."""
    kinds = sleepers(convolutions)
    asleep = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    heads = head_tensors(model)
    outside = sum(f"{name}.weight" not in heads for name in asleep)
    return outside + (outside < len(asleep))


def _check_sleeps_wholly(model: nn.Module) -> None:
    for name, module in model.named_modules():
        learns = any(True for _ in module.parameters(recurse=False))
        if learns and not isinstance(module, sleepers(True)):
            rule = "with convolutions asleep only they and linear layers may learn"
            raise ValueError(f"{rule}, got {type(module).__name__} {name!r}")
        if isinstance(module, nn.Conv2d) and (
            module.groups > 1 or module.padding_mode != "zeros" or isinstance(module.padding, str)
        ):
            rule = "to sleep a convolution must have one group and a number of zeros around"
            raise ValueError(f"{rule}, got {module} {name!r}")

"""Which layers of a network sleep, and which stay awake."""

from __future__ import annotations

import warnings
from itertools import takewhile

from torch import nn

from strategies.heads import head_tensors
from strategies.layers import NORMS


def check_can_sleep(model: nn.Module) -> None:
    """ValueError unless the model ends in linear layers, with nothing else that learns between.

    Warns of normalisation before them: it stays awake.
    """
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


def sleeping_layers(model: nn.Module) -> int:
    """How many linear layers follow each other; of heads per task only one does."""
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    heads = head_tensors(model)
    outside = sum(f"{name}.weight" not in heads for name in linear)
    return outside + (outside < len(linear))

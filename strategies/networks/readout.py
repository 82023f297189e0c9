"""The linear layer that a network answers by, and what it is given: for learners that solve it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from strategies.networks.heads import HIDDEN_LOGIT, TaskHead
from strategies.networks.layers import shared_head
from strategies.networks.uncompiled import uncompiled


class Readout:
    """The output layer of a network: one for all classes, or the rows of a `TaskHead`.

    Args:
        model: ends in a linear layer or a `TaskHead`.

    Raises:
        ValueError: for a network that ends in anything else.
    """

    def __init__(self, model: nn.Module) -> None:
        heads = [module for module in model.modules() if isinstance(module, TaskHead)]
        name = shared_head(model) if not heads else None
        layer = heads[0].linear if heads else model.get_submodule(name) if name else None
        if type(layer) is not nn.Linear:
            own = type(layer or model).__name__
            raise ValueError(f"model must end in one linear layer or a TaskHead, got {own}")
        self.layer = layer
        self.head = heads[0] if heads else None

    def rows(self, classes: Tensor, tasks: Tensor) -> Tensor:
        """(B,) rows of the layer that answer these (B,) classes of these (B,) tasks."""
        return classes if self.head is None else self.head.rows[tasks, classes]

    @contextmanager
    def given(self, model: nn.Module) -> Iterator[list[Tensor]]:
        """Inside, what the layer of `model` is given is appended to a list, (B, F) each."""
        found: list[Tensor] = []

        def note(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            found.append(arguments[0])

        hook = self.layer.register_forward_pre_hook(note)
        try:
            with uncompiled(model):
                yield found
        finally:
            hook.remove()

    def set(self, weight: Tensor, bias: Tensor, known: Tensor) -> None:
        """Answer by (R, F) `weight` and (R,) `bias`; rows that are not in (R,) `known` never."""
        self.layer.weight.data.copy_(weight * known.unsqueeze(1))
        if self.layer.bias is not None:
            self.layer.bias.data.copy_(bias.masked_fill(~known, HIDDEN_LOGIT))

"""The network of a strategy as a plain module: masks in its weights, the head of one task."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from avalanche.models import MultiTaskModule
from torch import Tensor, nn

from strategies.networks.heads import MultiHeadModel

PROBES = 32
"""Random inputs for which a plain module must answer as its strategy does."""

TOLERANCE = 1e-4
"""By how much answers may differ, relative to the largest: sums are made in another order."""


@torch.no_grad()
def plain_network(
    model: nn.Module, answer: Callable[[Tensor], Tensor], probes: Tensor, task: int | None
) -> nn.Module:
    """A module that gives the answers of a strategy without it.

    Args:
        model: the network of the strategy.
        answer: asks the strategy, which passes inputs through `model`.
        probes: inputs to compare the two on.
        task: which head is taken, where there is one for each task.

    Raises:
        ValueError: for a strategy that answers by more than one pass through its network.
    """
    seen: list[dict[str, Tensor]] = []

    def look(module: nn.Module, *_: Any) -> None:
        seen.append({name: tensor.clone() for name, tensor in module.state_dict().items()})

    own = copy.deepcopy(model)
    handle = model.register_forward_pre_hook(look)
    try:
        wanted = answer(probes)
    finally:
        handle.remove()
    if len(seen) == 1 and seen[0].keys() == own.state_dict().keys():
        own.load_state_dict(seen[0])  # as it was while it answered: with the masks of the task
        plain = _with_one_head(own, task).eval()
        if alike(plain(probes), wanted):
            return plain
    raise ValueError(
        "the run must answer by one pass through its network, got a strategy that adds more to it, "
        "such as a choice among tasks"
    )


def alike(found: Tensor, wanted: Tensor) -> bool:
    """Whether answers (N, K) are those, of which there may be more columns, for hidden classes."""
    if found.ndim != 2 or found.shape[1] > wanted.shape[1]:
        return False
    near = TOLERANCE * max(1.0, found.abs().max().item())
    return torch.allclose(found, wanted[:, : found.shape[1]], rtol=0.0, atol=near)


def _with_one_head(model: nn.Module, task: int | None) -> nn.Module:
    """The model with the rows of a task's head as its last layer, where tasks have heads.

    Raises:
        ValueError: for a model with heads of another kind.
    """
    if isinstance(model, MultiHeadModel):
        assert task is not None, "it is only known with its task"
        rows, linear = model.head.rows_of(task), model.head.linear
        head = nn.Linear(linear.in_features, len(rows))
        head.load_state_dict({"weight": linear.weight[rows], "bias": linear.bias[rows]})
        return nn.Sequential(model.trunk, head)
    if isinstance(model, MultiTaskModule):
        raise ValueError(
            f"the network must be one of `bench list` where the task is told, got "
            f"{type(model).__name__}"
        )
    return model

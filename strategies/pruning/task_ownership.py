"""Who owns each weight: one byte per weight, 0 for free, k for the k-th task.

Pure functions over uint8 tensors keyed by parameter name. Every weight has at most one owner, so
the masks of the tasks are a partition of what is owned.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from strategies.pruning.masks import Masks

Owners = dict[str, Tensor]

MOST_TASKS = 255
"""Tasks that a byte can tell apart, beside the free weights."""


def nobody(weights: Mapping[str, Tensor]) -> Owners:
    """Owners of weights that are all free."""
    return {name: torch.zeros_like(w, dtype=torch.uint8) for name, w in weights.items()}


def claim(owners: Owners, task: int) -> Owners:
    """`task`, in [1, 255], becomes the owner of every free weight."""
    assert 1 <= task <= MOST_TASKS, task
    return {name: torch.where(owner == 0, task, owner) for name, owner in owners.items()}


def release(owners: Owners, task: int, kept: Masks) -> Owners:
    """`task` goes on owning what it keeps and frees the rest; other owners stay."""
    return {
        name: owner.masked_fill((owner == task) & ~kept[name], 0) for name, owner in owners.items()
    }


def owned(owners: Owners, task: int) -> Masks:
    """The weights of `task` alone; of task 0 the free ones."""
    return {name: owner == task for name, owner in owners.items()}


def visible(owners: Owners, task: int) -> Masks:
    """The weights that answer `task`: its own and those of every earlier task."""
    return {name: (owner > 0) & (owner <= task) for name, owner in owners.items()}

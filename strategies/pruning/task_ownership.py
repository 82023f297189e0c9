"""Who owns each weight: one byte per weight, 0 for free, k for the k-th task.

Pure functions over uint8 tensors keyed by parameter name. Every weight has at most one owner, so
the masks of the tasks are a partition of what is owned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from strategies.pruning.masks import Masks

Owners = dict[str, Tensor]

MOST_TASKS = 255
"""Tasks that a byte can tell apart from each other and from the free weights."""


def unowned(weights: Mapping[str, Tensor]) -> Owners:
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


def free_share(owners: Owners, earlier: int) -> float:
    """Share of all weights that none of the first `earlier` tasks owns."""
    free = sum(int(((owner == 0) | (owner > earlier)).sum()) for owner in owners.values())
    return free / sum(owner.numel() for owner in owners.values())


def check_densities(density: float | Sequence[float], tasks: int | None, frozen: bool) -> None:
    """ValueError unless every density is in (0, 1] and so many tasks fit."""
    each = [density] if isinstance(density, (int, float)) else list(density)
    for value in each:
        if not 0 < value <= 1:
            raise ValueError(f"density must be in (0, 1], got {value}")
    if isinstance(density, Sequence) and frozen and sum(each) > 1 + 1e-9:
        raise ValueError(f"densities must add up to at most 1 when frozen, got {sum(each)}")
    if tasks is None:
        return
    if not frozen:
        raise ValueError(f"tasks must be None when not frozen, where none needs room, got {tasks}")
    if not 1 <= tasks <= MOST_TASKS:
        raise ValueError(f"tasks must be in [1, {MOST_TASKS}], got {tasks}")
    if isinstance(density, Sequence) and len(density) != tasks:
        raise ValueError(f"density must be one for each of {tasks} tasks, got {len(density)}")

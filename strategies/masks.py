"""Masks over weights: which parameters can be pruned, which entries to keep, and keeping them so.

Pure functions over tensors, but for `Guard`, which holds masked entries of one parameter in place.
A mask is a bool tensor of its parameter's shape; collections are keyed by parameter name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from strategies.heads import head_parameters

Scope = Literal["layer", "global"]
Masks = dict[str, Tensor]

_MATRICES = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weight matrices and kernels of `model` by name, per-task and growing heads excluded."""
    heads = head_parameters(model)
    names = {
        f"{prefix}.weight" if prefix else "weight"
        for prefix, module in model.named_modules()
        if isinstance(module, _MATRICES)
    }
    return {n: p for n, p in model.named_parameters() if n in names and n not in heads}


def largest(scores: Tensor, count: int) -> Tensor:
    """Mask of exactly `count` of the largest scores; ties go to the lower index.

    scores: (n,), finite.
    """
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    if count >= scores.numel():
        return torch.ones_like(scores, dtype=torch.bool)
    threshold = scores.kthvalue(scores.numel() - count + 1).values
    mask = scores > threshold
    missing = count - int(mask.sum())
    mask[(scores == threshold).nonzero()[:missing, 0]] = True
    return mask


def keep_largest(
    weights: Mapping[str, Tensor], eligible: Masks, density: float, scope: Scope
) -> Masks:
    """Masks of the largest magnitudes among the eligible entries.

    density: kept entries over all entries of a layer (or of all layers together), in [0, 1]; where
        fewer are eligible, all of those are kept.
    """
    scores = {
        name: torch.where(eligible[name], w.detach().abs(), -1.0).flatten()
        for name, w in weights.items()
    }
    if scope == "global":
        flat = torch.cat(list(scores.values()))
        chosen = largest(flat, round(density * flat.numel())).split(
            [s.numel() for s in scores.values()]
        )
        kept = dict(zip(scores, chosen, strict=True))
    else:
        kept = {name: largest(s, round(density * s.numel())) for name, s in scores.items()}
    return {name: mask.view_as(weights[name]) & eligible[name] for name, mask in kept.items()}


def geometric(density: float, rounds: int) -> list[float]:
    """Densities after each of `rounds` prunes that each remove the same share of the survivors.

    >>> [round(d, 3) for d in geometric(0.01, 4)]
    [0.316, 0.1, 0.032, 0.01]
    """
    return [density ** (r / rounds) for r in range(1, rounds + 1)]


def union(masks: list[Masks], like: Mapping[str, Tensor]) -> Masks:
    """Entries in any of `masks`; none of them when the list is empty."""
    result = {name: torch.zeros_like(w, dtype=torch.bool) for name, w in like.items()}
    for mask in masks:
        for name, entries in mask.items():
            result[name] |= entries
    return result


@dataclass
class Guard:
    """Holds the untrainable entries of one parameter at their anchor, whatever the optimizer did.

    Restoring after the step is exact under any elementwise optimizer: momentum, weight decay and
    Adam's moments move entries whose gradient is zero.

    trainable: bool, the parameter's shape; anchor: the values of all other entries.
    """

    parameter: nn.Parameter
    trainable: Tensor
    anchor: Tensor

    @torch.no_grad()
    def restore(self) -> None:
        """Put the untrainable entries back, bit for bit."""
        torch.where(self.trainable, self.parameter, self.anchor, out=self.parameter)

"""Masks over weights: which parameters can be pruned, which entries to keep, and keeping them so.

Pure functions over tensors, but for `Guard`, which holds masked entries of one parameter in place.
A mask is a bool tensor of its parameter's shape; collections are keyed by parameter name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from strategies.heads import head_tensors

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
    heads = head_tensors(model)
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


_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class Guard:
    """Holds the untrainable entries of one parameter at their anchor, whatever the optimizer did.

    Restoring after the step is exact under any elementwise optimizer: momentum, weight decay and
    Adam's moments move entries whose gradient is zero. It works on the bits of the entries, which
    is exact for every value and ten times as fast as selecting by a bool mask.
    """

    def __init__(self, parameter: nn.Parameter, trainable: Tensor, anchor: Tensor | None) -> None:
        """trainable: bool, the parameter's shape; anchor: the other entries, None for zeros."""
        bits = _BITS[parameter.element_size()]
        self.parameter = parameter
        self._keep = torch.empty_like(parameter, dtype=bits).copy_(trainable).neg_()
        self._held = None
        if anchor is not None:
            held = torch.empty_like(parameter).copy_(anchor).masked_fill_(trainable, 0)
            self._held = held.detach().view(bits)

    @torch.no_grad()
    def restore(self) -> None:
        """Put the untrainable entries back, bit for bit."""
        entries = self.parameter.detach().view(self._keep.dtype)
        entries.bitwise_and_(self._keep)
        if self._held is not None:
            entries.bitwise_or_(self._held)

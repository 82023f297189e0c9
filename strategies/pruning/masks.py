"""Masks over weights: which entries to keep, by what schedule, and keeping the others as they are.

Pure functions over tensors, but for `FrozenEntries`, which holds masked entries of one parameter in
place. A mask is a bool tensor of its parameter's shape; collections are keyed by parameter name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Scope = Literal["layer", "global", "layer-adaptive"]
"""What is ranked: each layer by itself; all layers at once; or all at once by what share of its
layer a weight is of all that are no smaller (LAMP; Lee et al. 2021), which empties no layer."""

Schedule = Literal["geometric", "linear", "cubic"]
Masks = dict[str, Tensor]


def largest(scores: Tensor, count: int) -> Tensor:
    """Mask of exactly `count` of the largest scores; ties go to the lower index.

    Args:
        scores: (n,), finite.
    """
    if count <= 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    if count >= scores.numel():
        return torch.ones_like(scores, dtype=torch.bool)
    threshold = _ranked(scores, scores.numel() - count)
    mask = scores >= threshold
    surplus = int(mask.count_nonzero()) - count
    if surplus:
        mask[(scores == threshold).nonzero()[-surplus:, 0]] = False
    return mask


def _ranked(scores: Tensor, place: int) -> Tensor | float:
    """The score at this place in ascending order, from 0."""
    if scores.device.type == "cpu" and scores.dtype in (torch.float32, torch.float64):
        # ten times as fast as torch's
        return float(np.partition(scores.detach().numpy(), place)[place])
    return scores.kthvalue(place + 1).values


def keep_largest(
    scores: Mapping[str, Tensor], eligible: Masks, density: float, scope: Scope
) -> Masks:
    """Masks of the largest magnitudes among the eligible entries.

    Args:
        scores: finite, of any floating-point type; their magnitudes are ranked.
        density: kept entries over all entries of a layer (or of all layers together), in [0, 1];
            where fewer are eligible, all of those are kept.
    """
    ranked = {
        name: torch.where(eligible[name], _magnitude(values), -1.0).flatten()
        for name, values in scores.items()
    }
    if scope == "layer-adaptive":
        ranked = {name: _shares(magnitudes) for name, magnitudes in ranked.items()}
    if scope != "layer":
        flat = torch.cat(list(ranked.values()))
        chosen = largest(flat, round(density * flat.numel())).split(
            [s.numel() for s in ranked.values()]
        )
        kept = dict(zip(ranked, chosen, strict=True))
    else:
        kept = {name: largest(s, round(density * s.numel())) for name, s in ranked.items()}
    return {name: mask.view_as(eligible[name]) & eligible[name] for name, mask in kept.items()}


def _shares(magnitudes: Tensor) -> Tensor:
    """(n,) each squared magnitude over the sum of those that are no smaller; -1 stays -1."""
    ordered, order = magnitudes.double().sort(descending=True, stable=True)
    squares = ordered.clamp(min=0).square()
    shares = torch.empty_like(squares)
    shares[order] = squares / squares.cumsum(0).clamp(min=torch.finfo(squares.dtype).tiny)
    return torch.where(magnitudes < 0, -1.0, shares)


def _magnitude(values: Tensor) -> Tensor:
    # half precision has no order statistics on a CPU; single precision holds it exactly
    return values.detach().abs().to(torch.promote_types(values.dtype, torch.float32))


def geometric(density: float, rounds: int, start: float = 1.0) -> list[float]:
    """Densities after each of `rounds` prunes that each remove the same share of the survivors.

    The schedule of Han et al. 2015.

    Args:
        start: density before the first, at least `density`.

    Examples:
        >>> [round(d, 3) for d in geometric(0.01, 4)]
        [0.316, 0.1, 0.032, 0.01]
    """
    return [density ** (r / rounds) * start ** (1 - r / rounds) for r in range(1, rounds + 1)]


def linear(density: float, rounds: int, start: float = 1.0) -> list[float]:
    """Densities after each of `rounds` prunes that each remove the same number of weights.

    Examples:
        >>> [round(d, 3) for d in linear(0.2, 4)]
        [0.8, 0.6, 0.4, 0.2]
    """
    return [density + (start - density) * (1 - r / rounds) for r in range(1, rounds + 1)]


def cubic(density: float, rounds: int, start: float = 1.0) -> list[float]:
    """Densities after each of `rounds` prunes that remove much at first and little at the end.

    Zhu & Gupta 2017, "To prune, or not to prune", eq. 1.

    Examples:
        >>> [round(d, 3) for d in cubic(0.2, 4)]
        [0.537, 0.3, 0.213, 0.2]
    """
    return [density + (start - density) * (1 - r / rounds) ** 3 for r in range(1, rounds + 1)]


SCHEDULES: dict[Schedule, Callable[[float, int, float], list[float]]] = {
    "geometric": geometric,
    "linear": linear,
    "cubic": cubic,
}


def union(masks: Sequence[Masks], like: Mapping[str, Tensor]) -> Masks:
    """Entries in any of `masks`; none of them when there is none."""
    result = {name: torch.zeros_like(w, dtype=torch.bool) for name, w in like.items()}
    for mask in masks:
        for name, entries in mask.items():
            result[name] |= entries
    return result


def masked(weights: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """The weights inside their masks, exact zeros outside, whatever was there."""
    return {name: torch.where(masks[name], w.detach(), 0) for name, w in weights.items()}


@torch.no_grad()
def put_back(weights: Mapping[str, Tensor], values: Mapping[str, Tensor], inside: Masks) -> None:
    """Set the weights inside their masks to `values`, in place."""
    for name, weight in weights.items():
        weight.copy_(torch.where(inside[name], values[name], weight))


def pack(mask: Tensor) -> Tensor:
    """The entries of a mask, eight to a byte: (ceil(n / 8),) uint8."""
    bits = mask.flatten().to(torch.uint8)
    bits = nn.functional.pad(bits, (0, -len(bits) % 8)).view(-1, 8)
    return (bits << torch.arange(8, dtype=torch.uint8, device=mask.device)).sum(1).to(torch.uint8)


def unpack(packed: Tensor, like: Tensor) -> Tensor:
    """The mask that `pack` made bytes of, in the shape of `like`."""
    places = torch.arange(8, dtype=torch.uint8, device=packed.device)
    bits = (packed[:, None] >> places) & 1
    return bits.flatten()[: like.numel()].view(like.shape).bool()


_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class FrozenEntries:
    """Holds the untrainable entries of one parameter at their anchor, whatever the optimizer did.

    Restoring after the step is exact under any elementwise optimizer: momentum, weight decay and
    Adam's moments move entries whose gradient is zero. It works on the bits of the entries, which
    is exact for every value and ten times as fast as selecting by a bool mask.

    Args:
        trainable: bool, the parameter's shape.
        anchor: what the other entries are held at, of that shape; None for zeros.
    """

    def __init__(self, parameter: nn.Parameter, trainable: Tensor, anchor: Tensor | None) -> None:
        bits = _BITS[parameter.element_size()]
        self.parameter = parameter
        self._keep = torch.empty_like(parameter, dtype=bits).copy_(trainable).neg_()
        self._held = None
        if anchor is not None:
            held = torch.empty_like(parameter).copy_(anchor).masked_fill_(trainable, 0)
            self._held = held.detach().view(bits)

    @property
    def trainable(self) -> Tensor:
        """Mask of the entries that are not held."""
        return self._keep != 0

    def restore(self) -> None:
        """Put the untrainable entries back, bit for bit."""
        entries = self.parameter.detach().view(self._keep.dtype)
        entries.bitwise_and_(self._keep)
        if self._held is not None:
            entries.bitwise_or_(self._held)

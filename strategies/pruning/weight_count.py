"""Counting the weights that a strategy needs to answer for every experience so far.

Counted from the network as it stands, never from a target. A network without masks uses all its
non-zero weights; a strategy with masks registers its own count with `network_in_use`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.networks.layers import prunable
from strategies.pruning.held import Held, Shape, held
from strategies.pruning.masks import Masks

WORD = 4
"""Bytes of one weight; what is wider counts as several."""


@dataclass(frozen=True)
class WeightsInUse:
    """Weights needed at inference for all experiences so far, and what is stored besides.

    Attributes:
        total: all parameters of the model, and what each task keeps for itself.
        used: of those, non-zero under the union of all task masks.
        prunable: as `total`, of weight matrices and kernels only, heads excluded.
        used_prunable: as `used`, of weight matrices and kernels only, heads excluded.
        active: of `used_prunable`, non-zero when the last experience is answered.
        mask_bits: bits that the stored masks need.
        buffer_bytes: stored examples, teachers, importances, weights that only go on training.
        artifact_bytes: compressed bytes to save to answer for all experiences.
        stored_examples: training examples among what the buffers hold.
    """

    total: int
    used: int
    prunable: int
    used_prunable: int
    active: int
    mask_bits: int
    buffer_bytes: int
    artifact_bytes: int
    stored_examples: int


def weights_in_use(strategy: SupervisedTemplate, sample: Shape | None = None) -> WeightsInUse:
    """Count what `strategy` uses now, and what it holds besides.

    Args:
        strategy: to be counted.
        sample: shape of a training sample, as in `strategies.pruning.held.held`.
    """
    return with_held(network_in_use(strategy), held(strategy, sample))


@singledispatch
def network_in_use(strategy: SupervisedTemplate) -> WeightsInUse:
    """Count what the network of `strategy` uses; without masks that is every non-zero weight."""
    return count_weights(strategy.model)


def with_held(counted: WeightsInUse, held: Held) -> WeightsInUse:
    """The count with what is held besides the network."""
    return replace(
        counted,
        buffer_bytes=counted.buffer_bytes + held.bytes,
        stored_examples=counted.stored_examples + held.examples,
    )


def count_weights(
    model: nn.Module,
    *,
    used: Masks | None = None,
    active: Masks | None = None,
    bits_per_weight: int = 0,
    private: Sequence[Mapping[str, Tensor]] = (),
    masks: Sequence[Masks] = (),
) -> WeightsInUse:
    """The count for one network; weights that no task is answered with are among its buffers.

    Args:
        used: entries in the union of all task masks, by name; None: all.
        active: entries that answer the last experience; None: the same.
        private: tensors that further tasks keep for themselves; of whole snapshots of prunable
            weights only what is not zero is stored.
        bits_per_weight: of the stored masks.
        masks: the stored masks themselves, one for each task.
    """
    weights = prunable(model)
    nonzero = {n: p.detach() != 0 for n, p in model.named_parameters()}
    inside = {n: nonzero[n] & used[n] if used and n in used else nonzero[n] for n in weights}
    outside = sum(int(mask.sum()) for n, mask in nonzero.items() if n not in weights)
    given = [(n, t) for tensors in private for n, t in tensors.items() if n in nonzero]
    own = [t for n, t in given if n not in weights]
    snapshots = sum(int(t.count_nonzero()) for n, t in given if n in weights)
    used_prunable = sum(int(mask.sum()) for mask in inside.values()) + snapshots
    answering = [nonzero[n] & active[n] if active and n in active else inside[n] for n in weights]
    numel = sum(w.numel() for w in weights.values())
    mask_bits = bits_per_weight * numel
    wide = sum(p.numel() * max(0, p.element_size() - WORD) for p in model.parameters())
    counted = WeightsInUse(
        total=sum(p.numel() for p in model.parameters()) + sum(t.numel() for t in own) + snapshots,
        used=used_prunable + outside + sum(int(t.count_nonzero()) for t in own),
        prunable=numel + snapshots,
        used_prunable=used_prunable,
        active=sum(int(mask.sum()) for mask in answering),
        mask_bits=mask_bits,
        buffer_bytes=_idle_bytes(weights, inside, private),
        artifact_bytes=_artifact_bytes(model, inside, private, masks),
        stored_examples=0,
    )
    return as_weights(counted, wide)


def as_weights(counted: WeightsInUse, size: int) -> WeightsInUse:
    """The count with `size` more bytes that the answers need: a weight for every four."""
    more = -(-size // WORD)
    return replace(counted, used=counted.used + more, total=counted.total + more)


def _idle_bytes(
    weights: Mapping[str, Tensor], inside: Masks, private: Sequence[Mapping[str, Tensor]]
) -> int:
    """Bytes of the weights that no answer needs and that are not zero, nor stored for a task."""
    size = 0
    for name, weight in weights.items():
        idle = (weight.detach() != 0) & ~inside[name]
        for tensors in private:
            if name in tensors:
                idle &= weight.detach() != tensors[name]
        size += int(idle.sum()) * weight.element_size()
    return size


def _artifact_bytes(
    model: nn.Module,
    inside: Masks,
    private: Sequence[Mapping[str, Tensor]],
    masks: Sequence[Masks],
) -> int:
    saved = dict(_visible(model, inside))
    kept = [tensor for tensors in private for tensor in tensors.values()]
    known = set(inside) if masks else set()  # masks tell where the others are zero
    size = compressed_bytes([tensor for n, tensor in saved.items() if n not in known] + kept)
    size += compressed_bytes([saved[n] for n in known], places=False)
    return size + sum(compressed_bits(change) for change in _changes(masks))


def _changes(masks: Sequence[Masks]) -> Iterator[Tensor]:
    """Each mask of a task as what differs from the task before, which compresses best."""
    for i, one in enumerate(masks):
        for name, mask in one.items():
            before = masks[i - 1].get(name) if i else None
            yield mask if before is None else mask ^ before


def _visible(model: nn.Module, inside: Masks) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in model.state_dict().items():
        yield name, tensor * inside[name] if name in inside else tensor


def compressed_bytes(tensors: Sequence[Tensor], *, places: bool = True) -> int:
    """Bytes of the non-zero values, and of their places, after zlib.

    Args:
        tensors: each counts as the packed bits of its non-zero places and the values there.
        places: count them; False where something else that is stored tells them.
    """
    size = 0
    for tensor in tensors:
        values = tensor.detach().cpu().float().numpy().ravel()
        size += len(zlib.compress(values[values != 0].tobytes(), 1))
        if places:
            size += compressed_bits(tensor != 0)
    return size


def compressed_bits(mask: Tensor) -> int:
    """Bytes of a mask, a bit for each entry, after zlib."""
    return len(zlib.compress(np.packbits(mask.detach().cpu().numpy().ravel()).tobytes(), 1))

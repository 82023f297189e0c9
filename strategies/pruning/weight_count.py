"""Counting the weights that a strategy needs to answer for every experience so far.

Counted from the network as it stands, never from a target. A network without masks uses all its
non-zero weights; a strategy with masks registers its own count with `weights_in_use`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.networks.layers import prunable
from strategies.pruning.masks import Masks


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
        buffer_bytes: stored examples, teachers, importances.
        artifact_bytes: compressed bytes to save to answer for all experiences.
    """

    total: int
    used: int
    prunable: int
    used_prunable: int
    active: int
    mask_bits: int
    buffer_bytes: int
    artifact_bytes: int


@singledispatch
def weights_in_use(strategy: SupervisedTemplate) -> WeightsInUse:
    """Count what `strategy` uses now; without masks that is every non-zero weight."""
    return count_weights(strategy.model, buffer_bytes=held_bytes(strategy))


def count_weights(
    model: nn.Module,
    *,
    used: Masks | None = None,
    active: Masks | None = None,
    bits_per_weight: int = 0,
    private: Sequence[Mapping[str, Tensor]] = (),
    buffer_bytes: int = 0,
) -> WeightsInUse:
    """The count for one network.

    Args:
        used: entries in the union of all task masks, by name; None: all.
        active: entries that answer the last experience; None: the same.
        private: tensors that further tasks keep for themselves; of whole snapshots of prunable
            weights only what is not zero is stored.
    """
    weights = prunable(model)
    nonzero = {n: p.detach() != 0 for n, p in model.named_parameters()}
    inside = {n: nonzero[n] & used[n] if used and n in used else nonzero[n] for n in weights}
    outside = sum(int(mask.sum()) for n, mask in nonzero.items() if n not in weights)
    held = [(n, t) for tensors in private for n, t in tensors.items() if n in nonzero]
    own = [t for n, t in held if n not in weights]
    snapshots = sum(int(t.count_nonzero()) for n, t in held if n in weights)
    used_prunable = sum(int(mask.sum()) for mask in inside.values()) + snapshots
    answering = [nonzero[n] & active[n] if active and n in active else inside[n] for n in weights]
    numel = sum(w.numel() for w in weights.values())
    saved = [*_visible(model, inside), *(t for tensors in private for t in tensors.values())]
    mask_bits = bits_per_weight * numel
    return WeightsInUse(
        total=sum(p.numel() for p in model.parameters()) + sum(t.numel() for t in own) + snapshots,
        used=used_prunable + outside + sum(int(t.count_nonzero()) for t in own),
        prunable=numel + snapshots,
        used_prunable=used_prunable,
        active=sum(int(mask.sum()) for mask in answering),
        mask_bits=mask_bits,
        buffer_bytes=buffer_bytes,
        artifact_bytes=compressed_bytes(saved) + mask_bits // 8,
    )


def _visible(model: nn.Module, inside: Masks) -> Iterator[Tensor]:
    for name, tensor in model.state_dict().items():
        yield tensor * inside[name] if name in inside else tensor


def compressed_bytes(tensors: Sequence[Tensor]) -> int:
    """Bytes of the non-zero values and their places, after zlib.

    Each tensor counts as the packed bits of its non-zero places and the values there.
    """
    size = 0
    for tensor in tensors:
        values = tensor.detach().cpu().float().numpy().ravel()
        places = np.packbits(values != 0).tobytes()
        size += len(zlib.compress(places, 1)) + len(zlib.compress(values[values != 0].tobytes(), 1))
    return size


def held_bytes(strategy: SupervisedTemplate) -> int:
    """Bytes that a strategy holds besides the network: examples, teachers, statistics.

    The network, the optimizer's state and what belongs to the running experience are not counted.
    """
    skipped = {
        "model", "optimizer", "experience", "adapted_dataset", "dataloader", "mbatch", "mb_output",
        "loss", "evaluator", "clock", "frozen_entries",
    }  # fmt: skip
    roots = [value for name, value in vars(strategy).items() if name not in skipped]
    seen = {id(t) for t in (*strategy.model.parameters(), *strategy.model.buffers())}
    seen |= {id(strategy), id(strategy.model), id(strategy.evaluator), id(strategy.clock)}
    return sum(_sizes(roots, seen))


def stored_bytes(*roots: Any) -> int:
    """Bytes of the tensors, arrays and examples that are stored under `roots`."""
    return sum(_sizes(list(roots), set()))


def _sizes(roots: list[Any], seen: set[int]) -> Iterator[int]:
    queue = list(roots)
    while queue:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            yield item.numel() * item.element_size()
        elif isinstance(item, np.ndarray):
            yield item.nbytes
        elif isinstance(item, AvalancheDataset):
            yield _dataset_bytes(item)
        elif isinstance(item, nn.Module):
            queue += [*item.parameters(), *item.buffers()]
        elif isinstance(item, Mapping):
            queue += item.values()
        elif isinstance(item, (list, tuple, set, frozenset)):
            queue += item
        elif isinstance(item, torch.Generator):
            continue
        elif type(item).__module__.partition(".")[0] not in ("builtins", "torch"):
            queue += getattr(item, "__dict__", {}).values()


def _dataset_bytes(dataset: AvalancheDataset) -> int:
    """Stored examples at one byte per input value, as images are, and eight per label."""
    if len(dataset) == 0:
        return 0
    sample = dataset[0]
    return len(dataset) * (sample[0].numel() + 8 * (len(sample) - 1))

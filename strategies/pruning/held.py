"""What a strategy holds besides its network: stored examples, teachers, importances, statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

SKIPPED = {
    "model", "optimizer", "experience", "adapted_dataset", "dataloader", "mbatch", "mb_output",
    "loss", "evaluator", "clock", "frozen_entries",
}  # fmt: skip
"""Attributes of a strategy that hold the network and the running experience, or count nothing."""
IMAGE_DIMENSIONS = 3
"""A sample of channels, rows and columns is an image."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Held:
    """What is stored besides the weights.

    Attributes:
        bytes: of all of it. An image has a byte for each channel and pixel, whoever stores it and
            in whatever type; anything else counts as it is. What is equal, bit for bit, to
            something that is counted already, the network's own weights included, counts once.
        examples: how many training examples are among it.
    """

    bytes: int = 0
    examples: int = 0


NOTHING = Held()


def held(strategy: SupervisedTemplate, sample: Shape | None = None) -> Held:
    """What a strategy holds besides the network, the optimizer and the running experience.

    Args:
        strategy: that holds it.
        sample: shape of a training sample, by which tensors of examples are recognised; None
            recognises examples in data sets alone.
    """
    roots = [value for name, value in vars(strategy).items() if name not in SKIPPED]
    network = [*strategy.model.parameters(), *strategy.model.buffers()]
    seen = {id(tensor) for tensor in network}
    seen |= {id(strategy), id(strategy.model), id(strategy.evaluator), id(strategy.clock)}
    return _sum(roots, seen, {_content(tensor) for tensor in network}, sample)


def held_under(*roots: Any, sample: Shape | None = None) -> Held:
    """What is stored under `roots`.

    Args:
        roots: objects that hold tensors, arrays and examples.
        sample: shape of a training sample; None recognises none among the tensors.
    """
    return _sum(list(roots), set(), set(), sample)


def _sum(roots: list[Any], seen: set[int], known: set[bytes], sample: Shape | None) -> Held:
    parts = [_of(item, sample) for item in _leaves(roots, seen) if _is_new(item, known)]
    return Held(sum(one.bytes for one in parts), sum(one.examples for one in parts))


def _of(item: Tensor | np.ndarray[Any, Any] | AvalancheDataset, sample: Shape | None) -> Held:
    if isinstance(item, AvalancheDataset):
        return _of_dataset(item)
    shape = tuple(item.shape)
    if sample is None or sample not in (shape, shape[1:]):
        return Held(item.nbytes)
    samples = item.reshape(-1, *sample)
    return Held(len(samples) * _sample_bytes(samples[0]) if len(samples) else 0, len(samples))


def _of_dataset(dataset: AvalancheDataset) -> Held:
    """Its examples, and eight bytes for each of their labels."""
    if len(dataset) == 0:
        return NOTHING
    first = dataset[0]
    return Held(len(dataset) * (_sample_bytes(first[0]) + 8 * (len(first) - 1)), len(dataset))


def _sample_bytes(sample: Tensor | np.ndarray[Any, Any]) -> int:
    if sample.ndim == IMAGE_DIMENSIONS:
        return int(np.prod(sample.shape))
    return sample.nbytes


def _is_new(item: object, known: set[bytes]) -> bool:
    """Whether nothing equal was counted; a tensor is remembered."""
    if not isinstance(item, Tensor):
        return True
    content = _content(item)
    if content in known:
        return False
    known.add(content)
    return True


def _content(tensor: Tensor) -> bytes:
    """A digest of type and bits; a flattened copy is equal."""
    plain = tensor.detach().cpu().contiguous()
    found = hashlib.blake2b(str(plain.dtype).encode(), digest_size=16)
    found.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return found.digest()


def _leaves(roots: list[Any], seen: set[int]) -> Iterator[Any]:
    """Tensors, arrays and data sets under `roots`, each object once."""
    queue = list(roots)
    while queue:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor | np.ndarray | AvalancheDataset):
            yield item
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

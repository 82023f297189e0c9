"""What a strategy holds besides its network: stored examples, teachers, importances, statistics."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils.data_attribute import DataAttribute
from avalanche.training.templates import SupervisedTemplate
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset

from strategies.import_path import is_there
from strategies.lent import DATASETS, Lent, tree
from strategies.networks.layers import buffers_of_layers
from strategies.saved_state import Contents, contents, parts

LABEL_BYTES = 8
"""Bytes of a label beside an image."""

COMPLEX = frozenset(
    [torch.complex32, torch.complex64, torch.complex128]
    + [np.dtype(name) for name in ("complex64", "complex128")]
)
"""Types that no image has: tensors and arrays of them count as they are, whatever their shape."""

NAMED_BYTES = 100
"""Pickled bytes that a tensor may take besides its numbers, if it has as many of those."""

IMAGE_DIMENSIONS = 3
"""A sample of channels, rows and columns is an image."""

Shape = tuple[int, ...]
Part = Any
"""A tensor, an array or a data set."""


@dataclass(frozen=True)
class Held:
    """What is stored besides the weights.

    Attributes:
        bytes: of all of it. An image has a byte for each channel and pixel, whoever stores it and
            in whatever type; a truth value has a bit; anything else counts as it is. What is equal,
            bit for bit, to something that is counted already, the network's own weights included,
            counts once.
        examples: how many training examples are among it.
    """

    bytes: int = 0
    examples: int = 0


NOTHING = Held()


@singledispatch
def counted_apart(strategy: SupervisedTemplate) -> Sequence[Any]:
    """What hangs on `strategy` and is counted among its weights and masks, not as held."""
    return ()


def is_believed(module: str) -> bool:
    """Whether what a module says of weights and masks is believed: this package's own do."""
    return module.partition(".")[0] == __name__.partition(".")[0]


def counted_as(strategy: SupervisedTemplate) -> type:
    """The class by which a strategy is counted: its own, or a plain one if it is from elsewhere."""
    kind = type(strategy)
    return kind if is_believed(kind.__module__) and is_there(kind) else SupervisedTemplate


def held(strategy: SupervisedTemplate, sample: Shape | None = None) -> Held:
    """What a strategy holds besides the network, the optimizer and the running experience.

    Args:
        strategy: that holds it.
        sample: shape of a training sample, by which tensors of examples are recognised; None
            recognises examples in data sets alone.
    """
    return size_of(held_parts(strategy), sample)


def held_parts(strategy: SupervisedTemplate) -> list[Part]:
    """What `held` counts: each part once, equal tensors too, always in the same order."""
    model = strategy.model
    network = [p for _, p in model.named_parameters()] + list(buffers_of_layers(model).values())
    reached = contents(strategy)
    apart = counted_apart.dispatch(counted_as(strategy))(strategy)
    elsewhere = {id(part) for part in [*network, *parts(contents(*apart))]}
    found = [part for part in parts(reached) if id(part) not in elsewhere]
    return [*_unequal(found, network), *_uncovered([*network, *reached.tensors])]


def _uncovered(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The bytes of storages that lie between and behind `tensors`, which are views of them."""
    storages: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        storages.setdefault(tensor.untyped_storage().data_ptr(), []).append(tensor.detach())
    for views in storages.values():
        storage = views[0].untyped_storage()
        whole = torch.empty(0, dtype=torch.uint8, device=views[0].device).set_(storage)
        end = 0
        for first, size in sorted(_span(view) for view in views):
            if first > end:
                yield whole[end:first]
            end = max(end, first + size)
        if storage.nbytes() > end:
            yield whole[end:]


def _span(view: Tensor) -> tuple[int, int]:
    """First byte in its storage, and how many it has from there on."""
    return int(view.storage_offset()) * view.element_size(), view.nbytes


def held_under(*roots: Any, sample: Shape | None = None) -> Held:
    """What is stored under `roots`.

    Args:
        roots: objects that hold tensors, arrays and examples.
        sample: shape of a training sample; None recognises none among the tensors.
    """
    return size_of(_unequal(parts(contents(*roots)), ()), sample)


def loose_bytes(found: Contents) -> int:
    """Of all else than tensors and data, what does not come with a tensor or an array."""
    forgiven = 0
    for part in _unequal([*found.tensors, *found.arrays], ()):
        whole = part.untyped_storage().nbytes() if isinstance(part, Tensor) else part.nbytes
        forgiven += min(NAMED_BYTES, whole, part.nbytes)
    return max(0, found.other_bytes - forgiven)


def size_of(found: Iterable[Part], sample: Shape | None = None, lent: Lent | None = None) -> Held:
    """Bytes and examples of `found`.

    Args:
        found: tensors, arrays and data sets.
        sample: as in `held`.
        lent: what the strategy was lent. The tensors of any other data set count whole, and once;
            None: what a data set refers to counts, wherever it lies.
    """
    every = list(found)
    datasets = [part for part in every if isinstance(part, DATASETS)]
    numbers = [part for part in every if not isinstance(part, DATASETS)]
    own = [] if lent is None else _own_leaves(datasets, lent)
    if own:
        numbers = list(_unequal([*numbers, *(t for leaf in own for t in leaf.tensors)], ()))
    sizes = [_of(part, sample) for part in numbers]
    sizes += [_of_dataset(dataset, sample, own) for dataset in datasets]
    return Held(sum(one.bytes for one in sizes), sum(one.examples for one in sizes))


def _of(item: Part, sample: Shape | None) -> Held:
    """Of a tensor or an array."""
    shape = tuple(item.shape)
    if item.dtype in (torch.bool, np.dtype(bool)) and _are_bits(item):
        return Held(-(-int(np.prod(shape)) // 8))
    if sample is None or sample not in (shape, shape[1:]):
        return Held(item.nbytes)
    if item.dtype in COMPLEX:
        return Held(item.nbytes, 1 if shape == sample else shape[0])
    samples = item.reshape(-1, *sample)
    return Held(len(samples) * _sample_bytes(samples[0]) if len(samples) else 0, len(samples))


def _own_leaves(datasets: Iterable[Any], lent: Lent) -> list[TensorDataset]:
    """What data sets are made of and what is no data of an experience, each once."""
    nodes = {id(node): node for dataset in datasets for node in tree(dataset)}
    leaves = [node for node in nodes.values() if isinstance(node, TensorDataset)]
    return [leaf for leaf in leaves if lent.place(leaf) is None]


def _of_dataset(dataset: Any, sample: Shape | None, own: Sequence[TensorDataset]) -> Held:
    """Its examples but for those that lie in `own`, and eight bytes for each of their labels.

    Of those in `own` the labels count that lie beside the data set's tensors.
    """
    if len(dataset) == 0:
        return NOTHING
    places = np.arange(len(dataset))
    count = _samples(dataset, places, {id(leaf) for leaf in own}) if own else len(places)
    told = sum(isinstance(value, DataAttribute) for value in vars(dataset).values())
    beside = LABEL_BYTES * max(0, told - 1) * (len(places) - count)
    if count == 0:
        return Held(beside)
    image, *others = dataset[0]
    labels = sum(getattr(other, "nbytes", LABEL_BYTES) for other in others)
    size = max(_sample_bytes(image), math.prod(sample) if sample else 0)
    return Held(count * (size + max(labels, LABEL_BYTES * told)) + beside, count)


def _samples(data: Any, places: NDArray[np.int64], own: set[int]) -> int:
    """How many of the samples at `places` lie in no leaf of `own`, given by their ids."""
    flat = vars(data).get("_flat_data")
    data = data if flat is None else flat
    children = vars(data).get("_datasets")
    if children is None:
        return 0 if id(data) in own else len(places)
    if (indices := vars(data).get("_indices")) is not None:
        places = np.asarray(indices)[places]
    ends = np.cumsum([len(child) for child in children])
    homes = np.searchsorted(ends, places, side="right")
    return sum(
        _samples(child, places[homes == n] - (ends[n] - len(child)), own)
        for n, child in enumerate(children)
    )


def _are_bits(item: Any) -> bool:
    """Whether truth values have a bit each, as a byte of memory can have eight."""
    if isinstance(item, Tensor):
        return not item.numel() or int(item.detach().view(torch.uint8).max()) <= 1
    return not item.size or int(item.view(np.uint8).max()) <= 1


def _sample_bytes(sample: Tensor | np.ndarray[Any, Any]) -> int:
    if sample.ndim == IMAGE_DIMENSIONS:
        return int(np.prod(sample.shape))
    return sample.nbytes


def _unequal(found: Iterable[Part], network: Iterable[Tensor]) -> Iterator[Part]:
    """Of `found` what equals nothing before it, and nothing of the network."""
    known: set[object] = {content_of(tensor) for tensor in network}
    for part in found:
        content = content_of(part) if isinstance(part, Tensor) else id(part)
        if content not in known:
            known.add(content)
            yield part


def content_of(part: Part) -> object:
    """A digest of the type and the bits of a tensor or an array; of a data set its identity.

    A flattened copy is equal.
    """
    if isinstance(part, DATASETS):
        return id(part)
    found = hashlib.blake2b(str(part.dtype).encode(), digest_size=16)
    if isinstance(part, Tensor):
        plain = part.detach().cpu().contiguous()
        found.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    else:
        found.update(part.tobytes())
    return found.digest()

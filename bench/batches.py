"""Image data sets that answer a whole list of indices at once, for everything Avalanche loads.

Avalanche and torch fetch and collate sample by sample, which costs more than the training step of
a small network. An `ImageDataset` is Avalanche's own data set (subset, concat, transform groups,
attributes) over uint8 leaves; torch's fetcher asks it for all indices of a minibatch and gets
`[x, y, task]` ready. Same samples in the same order as the plain path, from the same seed.

Images leave as float32 in [0, 1], value / 255 and nothing else: no constant is learned from data,
and generative strategies, whose decoders end in a sigmoid, need that range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import (
    ConstantSequence,
    TaskAwareSupervisedClassificationDataset,
    data_loader,
)
from avalanche.benchmarks.utils.data import _FlatDataWithTransform
from avalanche.benchmarks.utils.data_attribute import DataAttribute, TaskLabels
from avalanche.benchmarks.utils.flat_data import FlatData
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, TensorDataset
from torch.utils.data._utils.collate import default_collate_fn_map
from torch.utils.data.dataloader import default_collate
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import rotate


class Images(Dataset[tuple[Tensor, int]]):
    """Leaf: uint8 images (N, C, H, W) with int64 labels (N,); a sample is (x in [0, 1], label).

    permutation: (H * W,) int64; pixel k of a sample is pixel permutation[k] of its image, the same
    in every channel, applied to each minibatch as it is read.
    """

    def __init__(self, images: Tensor, labels: Tensor, permutation: Tensor | None = None) -> None:
        assert images.dtype == torch.uint8, images.dtype
        assert images.ndim == 4, images.shape
        assert len(images) == len(labels), (len(images), len(labels))
        self.images = images
        self.labels = labels
        self.permutation = permutation

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        x, y = self.read(torch.tensor([index]))
        return x[0], int(y[0])

    def read(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """float32 images (B, C, H, W) in [0, 1] and int64 labels (B,) at `positions` (B,)."""
        x = self.images.index_select(0, positions)
        if self.permutation is not None:
            x = x.flatten(2).index_select(2, self.permutation).view(x.shape)
        return x.to(torch.float32).div_(255), self.labels.index_select(0, positions)


def rotated(images: Tensor, angle: float) -> Tensor:
    """uint8 images (N, C, H, W) turned anticlockwise by `angle` degrees, bilinear, zero outside."""
    parts = images.split(1000)  # the whole would need four times its floats
    return torch.cat([rotate(part, angle, InterpolationMode.BILINEAR) for part in parts])


class Sample(tuple[Tensor, ...]):
    """One sample of a Batch; its type tells torch's default collate that a whole batch came."""


class Batch(Sequence[Any]):
    """A ready minibatch that still reads as the list of its samples, for any collate function."""

    def __init__(self, tensors: list[Tensor]) -> None:
        """tensors: each (B, ...), the same B."""
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> Any:
        return Sample(tensor[index] for tensor in self.tensors)


def collate(samples: Sequence[Any]) -> Any:
    """The tensors of a Batch as they are; anything else as torch's default collate does."""
    return samples.tensors if isinstance(samples, Batch) else default_collate(list(samples))


class ImageDataset(TaskAwareSupervisedClassificationDataset):
    """Avalanche's supervised data set that answers a list of indices with a Batch [x, y, task].

    It stays one through subset, concat, train(), eval() and replay buffers. Where a transform or a
    foreign leaf is in the way it answers with the list of single samples, as Avalanche would.
    """

    _source: tuple[object, object, _Source | None] | None = None

    @classmethod
    def of(cls, leaf: Images, task: int = 0) -> ImageDataset:
        """All samples of `leaf`, with one task label."""
        attributes = [
            DataAttribute(leaf.labels.tolist(), "targets"),
            TaskLabels(ConstantSequence(task, len(leaf))),
        ]
        return cls([leaf], data_attributes=attributes, collate_fn=collate)

    def __getitems__(self, indices: Sequence[int] | Tensor) -> Sequence[Any]:
        """The samples at `indices`, in that order: a Batch, or a list where that cannot be."""
        source, wanted = self._resolved(), torch.as_tensor(indices)
        if source is None:
            return [self[index] for index in wanted.tolist()]
        return Batch(source.read(wanted))

    def labels(self) -> Tensor:
        """The targets, (N,) int64, all at once."""
        values = _values(self.targets)
        assert values is not None, "targets are whole numbers"
        return values

    def _resolved(self) -> _Source | None:
        cached = self._source
        # Avalanche clones shallowly and then swaps these two; the clone must not keep our answer
        if (
            cached is None
            or cached[0] is not self._flat_data
            or (cached[1] is not self._data_attributes)
        ):
            cached = self._flat_data, self._data_attributes, _Source.of(self)
            self._source = cached
        return cached[2]


@dataclass(frozen=True)
class _Source:
    """Where every sample of a data set lies, resolved once, and how to read many of them.

    leaf, position: (N,) int64, sample n is sample position[n] of leaves[leaf[n]].
    attributes: each (N,) int64, appended to the minibatch.
    """

    leaves: list[Images | TensorDataset]
    leaf: Tensor
    position: Tensor
    attributes: list[Tensor]

    @classmethod
    def of(cls, data: ImageDataset) -> _Source | None:
        """The source of `data`, or None if it cannot be read in batches."""
        flat = data._flat_data
        resolved = _resolve(flat, flat._transform_groups.current_group)
        wanted = [a for a in data._data_attributes.values() if a.use_in_getitem]
        attributes = [_values(attribute) for attribute in wanted]
        if resolved is None or not all(_readable(leaf) for leaf in resolved[0]):
            return None
        if any(values is None for values in attributes):
            return None
        return cls(*resolved, [values for values in attributes if values is not None])

    def read(self, indices: Tensor) -> list[Tensor]:
        """The minibatch [x, y, attributes...] of the samples at `indices` (B,)."""
        position = self.position[indices]
        extra = [values[indices] for values in self.attributes]
        if len(self.leaves) == 1:
            return [*_read(self.leaves[0], position), *extra]
        number = self.leaf[indices]
        rows = [(number == k).nonzero().flatten() for k in range(len(self.leaves))]
        pairs = [(leaf, chosen) for leaf, chosen in zip(self.leaves, rows, strict=True)]
        parts = [_read(leaf, position[chosen]) for leaf, chosen in pairs if len(chosen)]
        return [*_interleaved(parts, rows), *extra]


def _interleaved(parts: Sequence[Sequence[Tensor]], rows: Sequence[Tensor]) -> list[Tensor]:
    """One minibatch out of `parts`, whose samples belong in its `rows`, both in the same order."""
    row = torch.cat(list(rows))
    columns = [torch.cat(column) for column in zip(*parts, strict=True)]
    in_order = torch.equal(row, torch.arange(len(row)))
    return columns if in_order else [column[row.argsort()] for column in columns]


def _readable(leaf: object) -> bool:
    """Whether `_read` gives what the leaf's own samples, collated, would give."""
    if isinstance(leaf, TensorDataset):  # what Avalanche makes of exemplars
        dtypes = [tensor.dtype for tensor in leaf.tensors]
        return dtypes == [torch.float32, torch.int64]
    return isinstance(leaf, Images)


def _read(leaf: Images | TensorDataset, position: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(leaf, Images):
        return leaf.read(position)
    x, y = leaf.tensors
    return x.index_select(0, position), y.index_select(0, position)


def _resolve(data: Any, group: str) -> tuple[list[Any], Tensor, Tensor] | None:
    """(leaves, leaf, position) of Avalanche's tree of data; None if `group` transforms samples."""
    if not isinstance(data, FlatData):
        return [data], torch.zeros(len(data), dtype=torch.int64), torch.arange(len(data))
    if isinstance(data, _FlatDataWithTransform):
        groups = data._transform_groups, data._frozen_transform_groups
        if any(transforms[group] is not None for transforms in groups):
            return None
    leaves: list[Any] = []
    numbers, positions = [torch.empty(0, dtype=torch.int64)], [torch.empty(0, dtype=torch.int64)]
    for child in data._datasets:
        resolved = _resolve(child, group)
        if resolved is None:
            return None
        numbers.append(resolved[1] + len(leaves))
        positions.append(resolved[2])
        leaves += resolved[0]
    number, position = torch.cat(numbers), torch.cat(positions)
    if data._indices is not None:
        chosen = torch.from_numpy(np.fromiter(data._indices, np.int64, len(data._indices)))
        number, position = number[chosen], position[chosen]
    return leaves, number, position


def _values(attribute: DataAttribute) -> Tensor | None:
    """The values of an attribute, (N,) int64; None if they are no whole numbers."""
    resolved = _resolve(attribute.data, "")
    assert resolved is not None, "attributes have no transforms"
    leaves, number, position = resolved
    if not all(isinstance(leaf[0], int) for leaf in leaves):
        return None
    out = torch.empty(len(number), dtype=torch.int64)
    for k, leaf in enumerate(leaves):
        constant = isinstance(leaf, ConstantSequence)
        values = torch.tensor([leaf[0]]).expand(len(leaf)) if constant else torch.tensor(leaf)
        out[number == k] = values[position[number == k]]
    return out


class WholeBatchConcat(ConcatDataset[Any]):
    """torch's ConcatDataset, which asks each of its data sets for all its indices at once."""

    def __getitems__(self, indices: Sequence[int]) -> Sequence[Any]:
        """The samples at `indices`, in that order: a Batch, or a list where that cannot be."""
        datasets = [data for data in self.datasets if isinstance(data, ImageDataset)]
        if len(datasets) < len(self.datasets):
            return [self[index] for index in indices]
        if len(datasets) == 1:
            return datasets[0].__getitems__(indices)
        wanted = torch.as_tensor(indices)
        owner = torch.bucketize(wanted, torch.tensor(self.cumulative_sizes), right=True)
        rows, parts = [], []
        for k in owner.unique().tolist():
            rows.append((owner == k).nonzero().flatten())
            start = self.cumulative_sizes[k] - len(datasets[k])
            parts.append(datasets[k].__getitems__(wanted[rows[-1]] - start))
        batches = [part.tensors for part in parts if isinstance(part, Batch)]
        if len(batches) < len(parts):
            return [self[index] for index in indices]
        return Batch(_interleaved(batches, rows))


def serve_whole_batches() -> None:
    """Make Avalanche's and torch's own loaders pass a Batch through, in this process.

    Three globals change. The `ConcatDataset` that Avalanche's loaders wrap their data sets in
    becomes `WholeBatchConcat`. Its `has_ffcv_support`, which visits every sample at the start of
    every epoch, answers no, as it would for every data set of ours. torch's default collate
    learns the type `Sample`, by the map that torch documents for that. Without this call everything
    gives the same numbers, slower; calling it again changes nothing.
    """
    data_loader.ConcatDataset = WholeBatchConcat
    data_loader.has_ffcv_support = _no_ffcv
    default_collate_fn_map[Sample] = _collate_samples


def _no_ffcv(datasets: object) -> bool:
    return False


def _collate_samples(samples: Sequence[Any], *, collate_fn_map: object = None) -> Any:
    if isinstance(samples, Batch):
        return samples.tensors
    return default_collate([list(sample) for sample in samples])

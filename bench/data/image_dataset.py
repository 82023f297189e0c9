"""Image data sets that know where all their samples lie and read any number of them at once.

Avalanche and torch fetch and collate sample by sample, which costs more than the training step of
a small network. An `ImageDataset` is Avalanche's own data set (subset, concat, transform groups,
attributes) over `Images`; `bench/data/batch_loader.py` reads it in whole minibatches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import ConstantSequence, TaskAwareSupervisedClassificationDataset
from avalanche.benchmarks.utils.data import _FlatDataWithTransform
from avalanche.benchmarks.utils.data_attribute import DataAttribute, TaskLabels
from avalanche.benchmarks.utils.flat_data import FlatData
from torch import Tensor
from torch.utils.data import TensorDataset

from bench.data.images import Images

MEMORY = "_known"
"""Attribute of an `ImageDataset` that holds what it was asked before."""


class ImageDataset(TaskAwareSupervisedClassificationDataset):
    """Avalanche's supervised data set over `Images`, which knows where all its samples lie.

    It stays one through subset, concat, train(), eval() and replay buffers.
    """

    _known: tuple[object, object, dict[Any, Any]] | None = None

    @classmethod
    def of(cls, leaf: Images, task: int = 0, *, filled_later: bool = False) -> ImageDataset:
        """All samples of `leaf`, with one task label.

        Args:
            leaf: of the samples.
            task: the label.
            filled_later: whether the labels of `leaf` change, and the targets with them.
        """
        targets: Any = LabelsOf(leaf) if filled_later else leaf.labels.tolist()
        attributes = [
            DataAttribute(targets, "targets"),
            TaskLabels(ConstantSequence(task, len(leaf))),
        ]
        return cls([leaf], data_attributes=attributes)

    def labels(self) -> Tensor:
        """The targets, (N,) int64, all at once."""
        values = _values(self.targets)
        assert values is not None, "targets are whole numbers"
        return values

    def source(self) -> Source | None:
        """Where all samples lie; None where a transform or a foreign leaf is in the way."""
        known = self._memory()
        if Source not in known:
            known[Source] = Source.of(self)
        source: Source | None = known[Source]
        return source

    def with_transforms(self, group_name: str) -> ImageDataset:
        """The view with the transforms of a group: the same one each time, with what it knows."""
        known = self._memory()
        if group_name not in known:
            known[group_name] = super().with_transforms(group_name)
        view: ImageDataset = known[group_name]
        return view

    def _memory(self) -> dict[Any, Any]:
        """What was asked before about these data and attributes.

        Avalanche clones shallowly and then swaps the two; the clone must not keep our answers.
        """
        known = self._known
        if (
            known is None
            or known[0] is not self._flat_data
            or known[1] is not self._data_attributes
        ):
            known = self._known = self._flat_data, self._data_attributes, {}
        return known[2]


class LabelsOf(Sequence[int]):
    """The labels of a leaf as they are when they are read."""

    def __init__(self, leaf: Images) -> None:
        self.leaf = leaf

    def __len__(self) -> int:
        return len(self.leaf)

    def __getitem__(self, index: Any) -> Any:
        return self.leaf.labels[index].tolist()


@dataclass(frozen=True)
class Source:
    """Where a sequence of N samples lies, and how to read them at once.

    All tensors lie on one device, that of the images.

    Attributes:
        leaf: (N,) int64, sample n is sample position[n] of leaves[leaf[n]]; with one leaf `leaf`
            says nothing and may have any length.
        position: see `leaf`.
        attributes: each (N,) int64, appended to the minibatch.
        training: whether the minibatches are for training, and may be augmented.
    """

    leaves: list[Images | TensorDataset]
    leaf: Tensor
    position: Tensor
    attributes: list[Tensor]
    training: bool

    @classmethod
    def of(cls, data: ImageDataset) -> Source | None:
        """The source of `data`, or None if it cannot be read in batches."""
        flat = data._flat_data
        group = flat._transform_groups.current_group
        resolved = _resolve(flat, group)
        wanted = [a for a in data._data_attributes.values() if a.use_in_getitem]
        attributes = [_values(attribute) for attribute in wanted]
        if resolved is None or not all(_readable(leaf) for leaf in resolved[0]):
            return None
        if any(values is None for values in attributes):
            return None
        leaves, leaf, position = resolved
        device = _device(leaves)
        return cls(
            leaves,
            leaf.to(device),
            position.to(device),
            [values.to(device) for values in attributes if values is not None],
            training=group == "train",
        )

    @classmethod
    def joined(cls, sources: Sequence[Source]) -> Source:
        """One after the other; a leaf that several have is one leaf."""
        pieces = [(source.leaves, source.leaf, source.position) for source in sources]
        columns = zip(*(source.attributes for source in sources), strict=True)
        training = any(source.training for source in sources)
        return cls(*_joined(pieces), [torch.cat(column) for column in columns], training)

    def take(self, rows: Tensor) -> Source:
        """The samples at `rows`, (M,) int64 on any device, in that order."""
        rows = rows.to(self.position.device)
        leaf = self.leaf[rows] if len(self.leaves) > 1 else self.leaf
        attributes = [values[rows] for values in self.attributes]
        return Source(self.leaves, leaf, self.position[rows], attributes, self.training)

    def split(self, size: int) -> Iterator[Source]:
        """Consecutive parts of `size` samples, the last one what is left; copies nothing."""
        shared = repeat(self.leaf) if len(self.leaves) == 1 else self.leaf.split(size)
        columns = [values.split(size) for values in self.attributes]
        for leaf, position, *attributes in zip(
            shared, self.position.split(size), *columns, strict=False
        ):
            yield Source(self.leaves, leaf, position, attributes, self.training)

    def read(self) -> list[Tensor]:
        """All samples as one minibatch [x, y, attributes...]."""
        if len(self.leaves) == 1:
            return [*_read(self.leaves[0], self.position, self.training), *self.attributes]
        rows = [(self.leaf == k).nonzero().flatten() for k in range(len(self.leaves))]
        pairs = [(leaf, chosen) for leaf, chosen in zip(self.leaves, rows, strict=True)]
        parts = [
            _read(leaf, self.position[chosen], self.training)
            for leaf, chosen in pairs
            if len(chosen)
        ]
        row = torch.cat(rows)
        columns = [torch.cat(column) for column in zip(*parts, strict=True)]
        in_order = torch.equal(row, torch.arange(len(row), device=row.device))
        return [*(c if in_order else c[row.argsort()] for c in columns), *self.attributes]


def _readable(leaf: object) -> bool:
    """Whether `_read` gives what the leaf's own samples, collated, would give."""
    if isinstance(leaf, TensorDataset):  # what Avalanche makes of exemplars
        dtypes = [tensor.dtype for tensor in leaf.tensors]
        return dtypes == [torch.float32, torch.int64]
    return isinstance(leaf, Images)


def _device(leaves: Sequence[Images | TensorDataset]) -> torch.device:
    """Where the images lie; exemplars that Avalanche stored elsewhere follow them."""
    places = [leaf.images.device for leaf in leaves if isinstance(leaf, Images)]
    return places[0] if places else torch.device("cpu")


def _read(leaf: Images | TensorDataset, position: Tensor, training: bool) -> tuple[Tensor, Tensor]:
    if isinstance(leaf, Images):
        return leaf.read(position, training)
    x, y = (tensor.to(position.device) for tensor in leaf.tensors)
    return x.index_select(0, position), y.index_select(0, position)


def _resolve(data: Any, group: str) -> tuple[list[Any], Tensor, Tensor] | None:
    """(leaves, leaf, position) of Avalanche's tree of data; None if `group` transforms samples."""
    if not isinstance(data, FlatData):
        return [data], torch.zeros(len(data), dtype=torch.int64), torch.arange(len(data))
    if isinstance(data, _FlatDataWithTransform):
        groups = data._transform_groups, data._frozen_transform_groups
        if any(transforms[group] is not None for transforms in groups):
            return None
    pieces = []
    for child in data._datasets:
        resolved = _resolve(child, group)
        if resolved is None:
            return None
        pieces.append(resolved)
    leaves, number, position = _joined(pieces)
    if data._indices is not None:
        chosen = torch.from_numpy(np.fromiter(data._indices, np.int64, len(data._indices)))
        number, position = number[chosen], position[chosen]
    return leaves, number, position


def _joined(pieces: Sequence[tuple[list[Any], Tensor, Tensor]]) -> tuple[list[Any], Tensor, Tensor]:
    """(leaves, leaf, position) of all `pieces`, one after the other."""
    if len(pieces) == 1:
        return pieces[0]
    place: dict[int, int] = {}
    leaves: list[Any] = []
    numbers: list[Tensor] = []
    positions: list[Tensor] = []
    for own, number, position in pieces:
        for leaf in own:
            if id(leaf) not in place:
                place[id(leaf)] = len(leaves)
                leaves.append(leaf)
        renamed = [place[id(leaf)] for leaf in own]
        numbers.append(torch.tensor(renamed, dtype=torch.int64, device=number.device)[number])
        positions.append(position)
    if not pieces:
        return [], *2 * (torch.empty(0, dtype=torch.int64),)
    return leaves, torch.cat(numbers), torch.cat(positions)


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
        if isinstance(leaf, LabelsOf):
            values = leaf.leaf.labels.cpu()
        else:
            values = torch.tensor([leaf[0]]).expand(len(leaf)) if constant else torch.tensor(leaf)
        out[number == k] = values[position[number == k]]
    return out

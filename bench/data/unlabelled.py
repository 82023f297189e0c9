"""What a strategy is shown when it is examined: images without labels.

Where the scenario tells the task, one experience after the other, the images of each mixed. Where
it does not, all images in one experience, mixed, so that nothing tells which one is from where.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks import DatasetExperience
from avalanche.benchmarks.utils import ConstantSequence, TaskAwareSupervisedClassificationDataset
from avalanche.benchmarks.utils.data_attribute import DataAttribute, TaskLabels
from torch import Tensor
from torch.utils.data import Dataset

from bench.data.experiences import Data, make_scenario
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images


@dataclass(frozen=True)
class Solution:
    """What the referee alone knows of images without labels.

    Attributes:
        labels: (N,) int64, the right answers.
        origins: (N,) int64, the experience of the stream that each image is from.
    """

    labels: Tensor
    origins: Tensor


@dataclass(frozen=True)
class Questions:
    """An experience of images without labels.

    Attributes:
        experience: what is shown; its targets are all 0.
        solution: what is not.
    """

    experience: DatasetExperience
    solution: Solution


def questions(
    stream: Sequence[Any], classes: Sequence[list[int]], *, told: bool
) -> list[Questions]:
    """The images of `stream` without their labels.

    Args:
        stream: experiences with labels.
        classes: for each of them its targets.
        told: whether the scenario tells the task.
    """
    parts = [experience.dataset for experience in stream]
    labels = [torch.tensor([int(y) for y in part.targets]) for part in parts]
    origins = [torch.full((len(part),), i) for i, part in enumerate(parts)]
    blank: dict[int, ImageDataset] = {}
    shown = [_without_labels(part, blank) for part in parts]
    # from the labels: who does not know them cannot undo it, and files may be in their order
    seed = hashlib.sha256(torch.cat(labels).numpy().tobytes()).digest()
    generator = np.random.default_rng(list(seed))
    if told:
        orders = [generator.permutation(len(part)) for part in parts]
        mixed = [one.subset(order.tolist()) for one, order in zip(shown, orders, strict=True)]
        experiences = make_scenario({"test": mixed}, classes, task_labels=True).streams["test"]
        solutions = [
            Solution(own[torch.from_numpy(order)], origin)
            for own, order, origin in zip(labels, orders, origins, strict=True)
        ]
        return [Questions(*both) for both in zip(experiences, solutions, strict=True)]
    order = generator.permutation(sum(map(len, parts)))
    all_mixed = type(shown[0])(shown, indices=order.tolist())
    everything = sorted({label for own in classes for label in own})
    [whole] = make_scenario({"test": [all_mixed]}, [everything], task_labels=False).streams["test"]
    where = torch.from_numpy(order)
    return [Questions(whole, Solution(torch.cat(labels)[where], torch.cat(origins)[where]))]


def _without_labels(part: Data, blank: dict[int, ImageDataset]) -> Data:
    """The samples of `part` as they are served for evaluation, with label 0.

    Args:
        part: with labels.
        blank: of leaves of images, by identity, what was made before; added to.
    """
    source = part.eval().source() if isinstance(part, ImageDataset) else None
    if source is None or not all(isinstance(leaf, Images) for leaf in source.leaves):
        return _Blank.of(part)
    for leaf in source.leaves:
        if id(leaf) not in blank:
            zeros = torch.zeros_like(leaf.labels)
            blank[id(leaf)] = ImageDataset.of(Images(leaf.images, zeros, leaf.permutation))
    leaves = [blank[id(leaf)] for leaf in source.leaves]
    first = torch.tensor([0, *(len(leaf) for leaf in leaves)]).cumsum(0)
    rows = source.position.cpu()
    if len(leaves) > 1:
        rows = rows + first[source.leaf.cpu()]
    return ImageDataset(leaves, indices=rows.tolist())


class _Blank(Dataset[tuple[Any, int]]):
    """The samples of any data set of Avalanche's with label 0."""

    @classmethod
    def of(cls, part: Data) -> TaskAwareSupervisedClassificationDataset:
        attributes = [
            DataAttribute([0] * len(part), "targets"),
            TaskLabels(ConstantSequence(0, len(part))),
        ]
        return TaskAwareSupervisedClassificationDataset([cls(part)], data_attributes=attributes)

    def __init__(self, part: Data) -> None:
        self._part = part.eval()

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._part[index][0], 0

"""Examples that a strategy stored, as tensors to be written, and as a data set again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from avalanche.benchmarks.utils import AvalancheDataset, ConstantSequence
from avalanche.benchmarks.utils.data_attribute import DataAttribute, TaskLabels
from avalanche.benchmarks.utils.flat_data import FlatData
from torch import Tensor

from bench.config.conditions import Augmentation
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images


class StoredSamples:
    """How stored images, or rows of a table, are written.

    Args:
        augment: how a minibatch of them is augmented when they are trained on again.
    """

    def __init__(self, augment: Collection[Augmentation] = ()) -> None:
        self._augment = augment

    def told(self, dataset: AvalancheDataset) -> Mapping[str, Tensor]:
        """Images, uint8 where that is all they are, targets and task labels.

        Raises:
            ValueError: for examples with transforms or attributes of their own.
        """
        source = dataset.source() if isinstance(dataset, ImageDataset) else None
        if source is None:
            raise ValueError("stored examples with transforms of their own cannot be saved")
        assert isinstance(dataset, ImageDataset), "it has a source"
        read = replace(source, training=False).read()
        names = [name for name, one in dataset._data_attributes.items() if one.use_in_getitem]
        if names != ["targets_task_labels"]:
            raise ValueError(f"stored examples with attributes {names} cannot be saved")
        images, tasks = read[0], read[2]
        whole = (images * 255).round().to(torch.uint8)
        if torch.equal(whole.to(torch.float32).div(255), images):
            images = whole
        return {"images": images, "targets": dataset.labels(), "tasks": tasks}

    def made(self, tensors: Mapping[str, Tensor]) -> ImageDataset:
        """The same examples."""
        images, targets = tensors["images"], tensors["targets"]
        leaf = Images(images, targets, augment=self._augment)
        attributes = [
            DataAttribute(targets.tolist(), "targets"),
            TaskLabels(_task_labels(tensors["tasks"].tolist())),
        ]
        return ImageDataset([leaf], data_attributes=attributes)


def _task_labels(tasks: Sequence[int]) -> Any:
    """Task labels in a form that Avalanche can join with those of an experience.

    Its FlatData of one list and its ConstantSequence cannot be joined.
    """
    if len(set(tasks)) == 1:
        return ConstantSequence(tasks[0], len(tasks))
    return FlatData([tasks[:1], tasks[1:]], can_flatten=False)

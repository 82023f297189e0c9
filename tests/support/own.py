"""Models and benchmarks by import path, as a user's own would be: some work, most do not."""

from __future__ import annotations

from math import prod
from pathlib import Path
from types import SimpleNamespace

import torch
from avalanche.benchmarks import benchmark_from_datasets
from avalanche.benchmarks.utils import AvalancheDataset, DataAttribute
from avalanche.benchmarks.utils.data_attribute import TaskLabels
from torch import nn
from torch.utils.data import TensorDataset


def small_model(input_shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(input_shape), 8), nn.ReLU(), last(classes))


def last(classes):
    return nn.Linear(8, classes)


def normalised_model(input_shape, classes):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(prod(input_shape), 8), nn.BatchNorm1d(8), nn.ReLU(), last(classes)
    )


def model_without_parameters():
    return nn.Identity()


def no_module(input_shape, classes):
    return "a model"


def narrow_model(input_shape, classes):
    return small_model(input_shape, classes - 1)


def model_of_flat_images(input_shape, classes):
    return nn.Linear(prod(input_shape), classes)


def model_with_softmax(input_shape, classes):
    return nn.Sequential(small_model(input_shape, classes), nn.Softmax(1))


class Doubled(nn.Module):
    """Its last module is linear, and its answer is twice what that says."""

    def __init__(self, input_shape, classes):
        super().__init__()
        self.inner = small_model(input_shape, classes)

    def forward(self, x):
        return 2 * self.inner(x)


def crash(**given):
    return Path("nowhere/data.bin").read_bytes()


not_callable = 3


def part(targets, *, task=None, labelled=True, images=None):
    targets = torch.as_tensor(targets)
    if images is None:
        images = (targets.float() / 10).view(-1, 1, 1, 1).expand(-1, 1, 3, 3).clone()
    attributes = [DataAttribute(targets.tolist(), "targets")] if labelled else []
    if task is not None:
        attributes.append(TaskLabels([task] * len(targets)))
    return AvalancheDataset(TensorDataset(images, targets), data_attributes=attributes)


def benchmark(*pairs):
    return benchmark_from_datasets(
        train=[train for train, _ in pairs], test=[test for _, test in pairs]
    )


def twice(targets, **options):
    return part(targets * 4, **options), part(targets, **options)


def of_classes():
    return benchmark(twice([0, 1]), twice([2, 3]), twice([4]))


def of_domains():
    return benchmark(twice([0, 1, 2]), twice([0, 1, 2]))


def of_tasks():
    return benchmark(twice([0, 1], task=0), twice([2, 3, 4], task=1))


def needs_an_argument(number):
    return of_classes()


def no_benchmark():
    return SimpleNamespace(train_stream=of_classes().train_stream)


def no_labels():
    return benchmark(twice([0, 1], labelled=False))


def flat_images():
    return benchmark((part([0, 1], images=torch.zeros(2, 9)),) * 2)


def byte_images():
    return benchmark((part([0, 1], images=torch.zeros(2, 1, 3, 3, dtype=torch.uint8)),) * 2)


def two_shapes():
    return benchmark(twice([0, 1]), (part([2, 3], images=torch.zeros(2, 1, 4, 4)),) * 2)


def gap_in_targets():
    return benchmark(twice([0, 1]), twice([5, 6]))


def unknown_test_class():
    return benchmark((part([0, 1]), part([0, 2])))


def unlike_streams():
    return benchmark_from_datasets(train=[part([0, 1])], test=[part([0, 1]), part([0, 1])])


def one_class():
    return benchmark(twice([0]))


def odd_tasks():
    return benchmark(twice([0, 1], task=0), twice([2, 3], task=5))

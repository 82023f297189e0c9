"""The data sets known by name, and how each is read from its published files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torchvision import datasets as torchvision_datasets
from torchvision.datasets.utils import download_and_extract_archive

from bench.data.image_files import Raw, decode, raw_of
from bench.data.patch_features import without_labels

_TINY_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
_TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"


@dataclass(frozen=True)
class DataSet:
    """A data set known by name.

    Attributes:
        train: numbers of images.
        test: numbers of images.
        shape: (C, H, W).
        read: the data root, and whether to download.
        files: what must lie under the data root, each with the md5 that identifies the original;
            none for a data set that comes with a library, which is not cached either.
        made: what the data set is made of the images that were read; None: the images themselves.
    """

    train: int
    test: int
    classes: int
    shape: tuple[int, int, int]
    read: Callable[[Path, bool], Raw]
    files: Mapping[str, str] = field(default_factory=dict)
    made: Callable[[Raw], Raw] | None = None


def _digits(root: Path, download: bool) -> Raw:
    """scikit-learn's digits, 0..16 scaled to 0..255; every fifth image of each class is test."""
    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    rank = np.empty(len(images), dtype=np.int64)
    for label in range(10):
        own = np.flatnonzero(bunch.target == label)
        rank[own] = np.arange(len(own))
    test = rank % 5 == 4
    return raw_of(
        (images[~test], bunch.target[~test]),
        (images[test], bunch.target[test]),
        tuple(str(label) for label in range(10)),
    )


def _torchvision(kind: Any) -> Callable[[Path, bool], Raw]:
    """Reader of one of torchvision's data sets."""

    def read(root: Path, download: bool) -> Raw:
        train, test = (kind(root, train=part, download=download) for part in (True, False))
        images = [torch.as_tensor(part.data) for part in (train, test)]
        if images[0].ndim == 4:  # CIFAR comes with channels last
            images = [part.permute(0, 3, 1, 2) for part in images]
        return raw_of((images[0], train.targets), (images[1], test.targets), tuple(train.classes))

    return read


def _tinyimagenet(root: Path, download: bool) -> Raw:
    """Tiny ImageNet as published; its validation images, which have labels, are the test set."""
    folder = root / "tiny-imagenet-200"
    if download and not folder.exists():
        download_and_extract_archive(_TINY_URL, str(root), md5=_TINY_MD5)

    def entries() -> Iterator[tuple[str, bytes]]:
        for path in sorted(folder.glob("train/*/images/*")):
            yield f"train/{path.parent.parent.name}/{path.name}", path.read_bytes()
        for line in (folder / "val/val_annotations.txt").read_text().splitlines():
            file, label = line.split("\t")[:2]
            yield f"test/{label}/{file}", (folder / "val/images" / file).read_bytes()

    return decode(entries())


def _idx(kind: Any) -> dict[str, str]:
    return {f"{kind.__name__}/raw/{gz.removesuffix('.gz')}": md5 for gz, md5 in kind.resources}


def _batches(kind: Any) -> dict[str, str]:
    return {f"{kind.base_folder}/{file}": md5 for file, md5 in kind.train_list + kind.test_list}


DATASETS: dict[str, DataSet] = {
    "digits": DataSet(1442, 355, 10, (1, 8, 8), _digits),
    "mnist": DataSet(
        60_000,
        10_000,
        10,
        (1, 28, 28),
        _torchvision(torchvision_datasets.MNIST),
        _idx(torchvision_datasets.MNIST),
    ),
    "fmnist": DataSet(
        60_000,
        10_000,
        10,
        (1, 28, 28),
        _torchvision(torchvision_datasets.FashionMNIST),
        _idx(torchvision_datasets.FashionMNIST),
    ),
    "cifar10": DataSet(
        50_000,
        10_000,
        10,
        (3, 32, 32),
        _torchvision(torchvision_datasets.CIFAR10),
        _batches(torchvision_datasets.CIFAR10),
    ),
    "cifar10-features": DataSet(
        45_000,
        10_000,
        10,
        (2048, 1, 1),
        _torchvision(torchvision_datasets.CIFAR10),
        _batches(torchvision_datasets.CIFAR10),
        without_labels,
    ),
    "cifar100": DataSet(
        50_000,
        10_000,
        100,
        (3, 32, 32),
        _torchvision(torchvision_datasets.CIFAR100),
        _batches(torchvision_datasets.CIFAR100),
    ),
    "tinyimagenet": DataSet(
        100_000,
        10_000,
        200,
        (3, 64, 64),
        _tinyimagenet,
        {"tiny-imagenet-200/val/val_annotations.txt": _TINY_MD5},
    ),
}
"""Every data set by name; the md5 of an MNIST file is that of its .gz."""

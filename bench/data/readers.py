"""How each data set known by name is read from its published files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.datasets import VisionDataset
from torchvision.datasets.utils import download_and_extract_archive

from bench.config.datasets import DATASETS
from bench.data.image_files import Raw, decode, raw_of, read_arrays
from strategies.import_path import imported

_TINY_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
_TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"


def read(name: str, root: Path, *, download: bool = False) -> Raw:
    """The images of the known data set `name`, as its reader gives them.

    Args:
        name: a key of `DATASETS`.
        root: the data root.
        download: fetch files that are missing.
    """
    spec = DATASETS[name]
    reader = imported("reader", spec.reader)
    if isinstance(reader, type) and issubclass(reader, VisionDataset):
        return _torchvision(reader, root, download)
    raw: Raw = reader(root, [root / file for file in spec.files], download)
    return raw


def made_of(raw: Raw, name: str) -> Raw:
    """What the known data set `name` is made of the images that were read."""
    made = DATASETS[name].made
    return raw if made is None else imported("data set", made)(raw)


def arrays(root: Path, files: Sequence[Path], download: bool) -> Raw:
    """Images of one .npz file with x_train, y_train, x_test and y_test, as `npz:PATH` has them."""
    return read_arrays(files[0])


def digits(root: Path, files: Sequence[Path], download: bool) -> Raw:
    """scikit-learn's digits, 0..16 scaled to 0..255; every fifth image of each class is test."""
    # its own reader brings 4 s of imports, to every run
    file = distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    rows = np.loadtxt(str(file), delimiter=",", dtype=np.int64)
    pixels, target = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    images = np.rint(pixels * (255 / 16)).astype(np.uint8)
    rank = np.empty(len(images), dtype=np.int64)
    for label in range(10):
        own = np.flatnonzero(target == label)
        rank[own] = np.arange(len(own))
    test = rank % 5 == 4
    return raw_of(
        (images[~test], target[~test]),
        (images[test], target[test]),
        tuple(str(label) for label in range(10)),
    )


def omniglot(root: Path, files: Sequence[Path], download: bool) -> Raw:
    """Characters, white on black, of 28 x 28: means of 4 x 4 pixels, with a border of black.

    Those of the first 15 of 20 drawers are for training. Classes are called by their alphabet and
    number: `Greek 01`. Two alphabets are in both archives, with the same drawings.
    """
    drawings: dict[str, bytes] = {}
    for file in files:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if name.endswith(".png"):
                    _, alphabet, character, drawing = name.split("/")
                    drawer = drawing.removesuffix(".png").rpartition("_")[2]
                    part = "train" if int(drawer) <= 15 else "test"
                    kind = f"{alphabet} {character.removeprefix('character')}"
                    drawings[f"{part}/{kind}/{drawer}.png"] = archive.read(name)
    raw = decode(drawings.items())
    small = {
        name: _shrunk(tensor) if name.endswith("images") else tensor
        for name, tensor in raw.tensors.items()
    }
    return Raw(small, raw.classes)


def _shrunk(images: Tensor) -> Tensor:
    """(N, 1, 105, 105) black on white, as (N, 1, 28, 28) white on black."""
    ink = torch.nn.functional.pad(255 - images, (3, 4, 3, 4))
    sums = ink.reshape(len(images), 1, 28, 4, 28, 4).to(torch.int32).sum((3, 5))
    return ((sums + 8) // 16).to(torch.uint8)


def tinyimagenet(root: Path, files: Sequence[Path], download: bool) -> Raw:
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


def _torchvision(kind: Any, root: Path, download: bool) -> Raw:
    # MNIST would rather read training.pt, a pickle of former versions that nobody published
    kind = type(kind.__name__, (kind,), {"_check_legacy_exist": lambda dataset: False})
    train, test = (kind(root, train=part, download=download) for part in (True, False))
    images = [torch.as_tensor(part.data) for part in (train, test)]
    if images[0].ndim == 4:  # CIFAR comes with channels last
        images = [part.permute(0, 3, 1, 2) for part in images]
    return raw_of((images[0], train.targets), (images[1], test.targets), tuple(train.classes))

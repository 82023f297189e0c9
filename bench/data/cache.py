"""Data sets as uint8 tensors: converted once, memory-mapped from then on, known by a content hash.

`bench.data.presence` says where files lie. A cache whose raw files have changed since is converted
again. Nothing is downloaded unless asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.config.datasets import DATASETS, TABLES
from bench.config.run_config import suggest
from bench.data import readers
from bench.data.image_files import Raw, decode, read_arrays, read_entries
from bench.data.presence import (
    DataError,
    cache_files,
    check_data,
    data_root,
    fingerprint,
    remedy,
)

IMPORTED = "import"


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set in memory-mapped tensors.

    Attributes:
        train_images: uint8 (N, C, H, W)
        test_images: uint8 (N, C, H, W)
        train_labels: int64 (N,), 0..K-1.
        test_labels: int64 (N,), 0..K-1.
        classes: the K names, in the order of the labels.
        content_hash: SHA-256 over the four tensors and their shapes.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    content_hash: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, channels, height, width = self.train_images.shape
        return channels, height, width


TENSORS = ("train_images", "train_labels", "test_images", "test_labels")


def load(
    name: str, root: Path | None = None, *, download: bool = False, verify: bool = False
) -> ImageData:
    """The data set `name`, `folder:PATH` or `npz:PATH`, converted first if it must be.

    folder:PATH holds train/<class>/ and test/<class>/ with images of one size. npz:PATH holds
    x_train, y_train, x_test, y_test: uint8 (N, H, W), (N, C, H, W) or (N, H, W, C), labels 0..K-1.

    Args:
        download: fetch raw files that are missing.
        verify: compare every byte with the content hash.

    Raises:
        DataError: for missing, damaged or unfit data.
        ValueError: for an unknown name.
    """
    root = data_root(root)
    if name in TABLES:
        files = ", ".join(TABLES[name].files)
        raise DataError(f"{name} is a table, which is read as it lies: {files} under the data root")
    known = DATASETS.get(name)
    if not (download and known and known.fetched):
        check_data(name, root)
    if known is not None and not known.files:
        raw = readers.read(name, root)
        return ImageData(name, **raw.tensors, classes=raw.classes, content_hash=_hash(raw.tensors))
    source = fingerprint(name, root)
    for file in cache_files(name, root):
        if file.exists():
            data, made_from = _open(file, name, root)
            if made_from == IMPORTED or source in (None, made_from):
                return _verified(data, file, root) if verify else data
    raw = _read(name, root, download)
    return _keep(raw, name, root, source=fingerprint(name, root) or IMPORTED)


def import_images(name: str, source: Path, root: Path | None = None) -> ImageData:
    """Convert a known data set from images: a folder, .tar(.gz) or .zip instead of its raw files.

    Args:
        source: holds train/<class>/ and test/<class>/ with .jpg or .png images; labels follow the
            alphabetical order of the classes. Archives are read in memory and never unpacked.

    Raises:
        DataError: if anything but the known number of images and classes, of the known size, comes
            out.
    """
    root = data_root(root)
    imported = [known for known, spec in DATASETS.items() if spec.files]
    if name not in imported:
        raise ValueError(suggest("data set to import", name, imported))
    if not source.exists():
        raise DataError(f"{source} does not exist: nothing to import as {name}")
    with _reading(str(source)):
        raw = readers.made_of(decode(read_entries(source)), name)
    return _keep(raw, name, root, source=IMPORTED)


def _read(name: str, root: Path, download: bool) -> Raw:
    """The raw data of `name`."""
    kind, _, path = name.partition(":")
    with _reading(name, remedy(name, root)):
        if name in DATASETS:
            if not download:  # before what else the reader may say of them
                _check_files(name, root)
            raw = readers.read(name, root, download=download)
            if download:  # the reader may have replaced a damaged one
                _check_files(name, root)
            return readers.made_of(raw, name)
        return decode(read_entries(Path(path))) if kind == "folder" else read_arrays(Path(path))


def _check_files(name: str, root: Path) -> None:
    """DataError for a raw file of a known data set that is not the published one."""
    known = DATASETS[name]
    for file, md5 in known.files.items():
        if known.packed or not (root / file).exists():
            continue
        found = hashlib.md5((root / file).read_bytes(), usedforsecurity=False).hexdigest()
        if found != md5:
            raise DataError(
                f"{root / file} must be the published file with md5 {md5}, got md5 {found}. "
                f"{remedy(name, root)}"
            )


@contextmanager
def _reading(what: str, remedy: str = "") -> Iterator[None]:
    """What readers raise about damaged files becomes a DataError that names them."""
    damaged = RuntimeError, ValueError, AssertionError, OSError, EOFError, KeyError
    archives = tarfile.TarError, zipfile.BadZipFile, zlib.error
    try:
        yield
    except DataError:
        raise
    except (*damaged, *archives) as error:
        raise DataError(
            f"{what} cannot be read: {error or type(error).__name__}. {remedy}"
        ) from error


def _keep(raw: Raw, name: str, root: Path, *, source: str) -> ImageData:
    """Check `raw`, write it to the cache and open it from there."""
    _check(raw, name)
    digest = _hash(raw.tensors)
    metadata = {
        "name": name,
        "classes": json.dumps(raw.classes),
        "content_hash": digest,
        "source": source,
    }
    near, home = cache_files(name, root)
    file = near if _writable(near.parent) else home
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(raw.tensors, temporary, metadata)
        temporary.chmod(file.parent.stat().st_mode & 0o666)  # readable to whom the folder is
        temporary.replace(file)
    except OSError as error:
        raise DataError(f"{file}: the converted data cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return _open(file, name, root)[0]


def _open(file: Path, name: str, root: Path) -> tuple[ImageData, str]:
    """The cached data set in `file`, mapped, not read, and what it was made from."""
    try:
        with safe_open(file, framework="pt") as opened:
            about = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key) for key in TENSORS}
        classes = tuple(json.loads(about["classes"]))
        data = ImageData(name, **tensors, classes=classes, content_hash=about["content_hash"])
        return data, about["source"]
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise DataError(_corrupt(file, name, root, str(error))) from error


def _verified(data: ImageData, file: Path, root: Path) -> ImageData:
    found = _hash({key: getattr(data, key) for key in TENSORS})
    if found != data.content_hash:
        reason = f"content hash {found[:12]} instead of {data.content_hash[:12]}"
        raise DataError(_corrupt(file, data.name, root, reason))
    return data


def _check(raw: Raw, name: str) -> None:
    """DataError unless `raw` is a data set, and the one that `name` promises."""
    for part in ("train", "test"):
        images, labels = raw.tensors[f"{part}_images"], raw.tensors[f"{part}_labels"]
        if images.dtype != torch.uint8 or images.ndim != 4 or len(images) != len(labels):
            raise DataError(
                f"{name}: {part} images must be uint8 (N, C, H, W), one for each label; got "
                f"{images.dtype} {tuple(images.shape)} and {len(labels)} labels"
            )
        if not torch.equal(labels.unique(), torch.arange(len(raw.classes))):
            raise DataError(
                f"{name}: {part} labels must be all of 0 to {len(raw.classes) - 1}, got "
                f"{labels.unique().tolist()[:20]}"
            )
    shapes = [tuple(raw.tensors[f"{part}_images"].shape) for part in ("train", "test")]
    if shapes[0][1:] != shapes[1][1:] or len(raw.classes) < 2:
        raise DataError(
            f"{name}: train and test images must have one shape and 2 classes or more; got "
            f"{shapes[0][1:]} and {shapes[1][1:]}, {len(raw.classes)} classes"
        )
    if known := DATASETS.get(name):
        wanted = [(known.train, *known.shape), (known.test, *known.shape)]
        if shapes != wanted or len(raw.classes) != known.classes:
            raise DataError(
                f"{name} must be {wanted[0]} train and {wanted[1]} test images of {known.classes} "
                f"classes; got {shapes[0]}, {shapes[1]} and {len(raw.classes)}"
            )


def _hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for key in TENSORS:
        array = tensors[key].numpy()
        digest.update(f"{key} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _writable(folder: Path) -> bool:
    """Whether files can be made in `folder`, which may have to be made in its parent first."""
    folder = folder if folder.exists() else folder.parent
    # a folder that nobody may write is meant to stay as it is, whatever root could do
    meant = folder.exists() and folder.stat().st_mode & 0o222
    return bool(meant) and os.access(folder, os.W_OK | os.X_OK)


def _corrupt(file: Path, name: str, root: Path, reason: str) -> str:
    """The sentence for a cache that cannot be used."""
    again = "it is converted again when its raw files are there"
    return f"{file}: corrupt cache of {name}: {reason}. Delete it; {again}. {remedy(name, root)}"

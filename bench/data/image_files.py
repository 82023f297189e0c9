"""Reading images: folders, archives and arrays, into the tensors of a data set."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from bench.data.array_headers import DAMAGED
from bench.data.presence import ARRAYS, DataError, check_arrays, files_in, is_image


@dataclass(frozen=True)
class Raw:
    """A data set as read, before it has a name: the four tensors of an ImageData, and classes."""

    tensors: dict[str, Tensor]
    classes: tuple[str, ...]


def raw_of(train: tuple[Any, Any], test: tuple[Any, Any], classes: tuple[str, ...]) -> Raw:
    """Raw from (images, labels) of each part; images uint8 (N, H, W) or (N, C, H, W)."""
    tensors = {}
    for part, (images, labels) in (("train", train), ("test", test)):
        images = torch.as_tensor(images)
        images = images.unsqueeze(1) if images.ndim == 3 else images
        tensors[f"{part}_images"] = images.contiguous()
        # a column of a table is not contiguous, and no such tensor can be saved
        tensors[f"{part}_labels"] = torch.as_tensor(labels, dtype=torch.int64).contiguous()
    # nor can two of one memory, as where a reader tests on a slice of what it trains on
    tensors |= {name: tensors[name].clone() for name in ("test_images", "test_labels")}
    return Raw(tensors, classes)


def read_arrays(path: Path) -> Raw:
    """What `npz:PATH` holds; no pickled objects."""
    check_arrays(path)
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: _array(stored, name, path) for name in ARRAYS}
    for name in ("x_train", "x_test"):
        x = arrays[name]
        if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
            arrays[name] = x.transpose(0, 3, 1, 2)
    for name in ("y_train", "y_test"):
        arrays[name] = arrays[name].reshape(-1).astype(np.int64)
    classes = tuple(str(label) for label in range(int(arrays["y_train"].max()) + 1))
    pairs = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    return raw_of(pairs[0], pairs[1], classes)


def _array(stored: Any, name: str, path: Path) -> np.ndarray:
    """One array of a file, which must be one of numbers."""
    try:
        array: np.ndarray = stored[name]
    except (ValueError, *DAMAGED) as error:  # numpy tells how to load what must not be loaded
        raise DataError(
            f"{name} of {path} must be an array of numbers, got objects or what is damaged"
        ) from error
    return array


def decode(entries: Iterable[tuple[str, bytes]]) -> Raw:
    """The images of `(part/class/file, content)` entries, by class, then file, in ASCII order.

    Grey images have one channel, all others three; where both occur all have three.
    """
    found: dict[str, list[tuple[str, str, np.ndarray]]] = {"train": [], "test": []}
    size: tuple[int, int] | None = None
    for name, content in entries:
        parts = PurePosixPath(name).parts
        if not is_image(name):
            continue
        if len(parts) != 3 or parts[0] not in found:
            raise DataError(f"images must lie in train/<class>/ or test/<class>/, got {name}")
        try:
            opened = Image.open(io.BytesIO(content))
            image = _pixels(opened)
        except UnidentifiedImageError:  # its own sentence has the address of an object
            raise DataError(f"{name} is no image that can be read: of no known kind") from None
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{name} is no image that can be read: {error}") from error
        size = size or opened.size
        if opened.size != size:
            wanted, got = ("x".join(map(str, pair)) for pair in (size, opened.size))
            raise DataError(f"images must have one size, {wanted} like the first; {name} is {got}")
        found[parts[0]].append((parts[1], parts[2], image.reshape(*image.shape[:2], -1)))
    seen = {part: {entry[0] for entry in entries_of} for part, entries_of in found.items()}
    if odd := sorted(seen["train"] ^ seen["test"]):
        raise DataError(f"train and test must have the same classes; only one has {odd[0]!r}")
    if not seen["train"]:
        raise DataError("no .jpg or .png images in train/<class>/ and test/<class>/")
    classes = sorted(seen["train"])
    channels = max(image.shape[2] for part in found.values() for *_, image in part)
    pairs = []
    for part in found.values():
        ordered = sorted(part, key=lambda entry: entry[:2])
        images = [np.broadcast_to(image, (*image.shape[:2], channels)) for *_, image in ordered]
        labels = np.searchsorted(classes, [entry[0] for entry in ordered])
        pairs.append((np.stack(images).transpose(0, 3, 1, 2), labels))
    return raw_of(pairs[0], pairs[1], tuple(classes))


def _pixels(image: Image.Image) -> np.ndarray:
    """uint8 (H, W) of a grey image, (H, W, 3) of any other; how opaque it is does not count."""
    if image.mode.startswith("I"):  # 16 bits, of which Pillow would make 255 wherever one is set
        values = np.asarray(image).astype(np.int64)
        return (values >> 8).astype(np.uint8)
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def read_entries(source: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file in a folder or an archive, which is not unpacked."""
    if source.is_dir():
        for file in files_in(source):
            yield file.relative_to(source).as_posix(), file.read_bytes()
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for item in archive.infolist():
                if not item.is_dir():
                    yield _safe(item.filename, source), archive.read(item)
    elif tarfile.is_tarfile(source):
        with tarfile.open(source) as tar:
            for member in tar:
                name = _safe(member.name, source)
                if member.isfile():
                    content = tar.extractfile(member)
                    assert content is not None, "a regular file has content"
                    yield name, content.read()
                elif not member.isdir():
                    raise DataError(f"{source} must hold files and folders only; {name} is a link")
    else:
        raise DataError(f"{source} must be a folder, a .tar, .tar.gz or .zip archive")


def _safe(name: str, source: Path) -> str:
    """`name`, unless it leads out of its archive."""
    if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        raise DataError(f"{source} holds the unsafe path {name!r}: not imported")
    return name

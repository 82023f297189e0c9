"""What the arrays of an .npz file claim to be, held against what the archive holds of them.

The labels are read, the images are not.
"""

from __future__ import annotations

import ast
import lzma
import math
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

DAMAGED = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError, OSError)
"""What reading a damaged archive raises."""

IMAGES = (3, 4)
"""Dimensions that an array of images may have."""

HEADER_BYTES = 10_000
"""Longest header that numpy reads without being told that the file is trusted."""


def complaint(archive: zipfile.ZipFile, name: str) -> str | None:
    """What is wrong with an array of images or of labels; None for nothing.

    Args:
        archive: of numpy.savez.
        name: of a member: `x_train.npy` has images, `y_train.npy` labels.
    """
    try:
        with archive.open(name) as member:
            start = member.read(HEADER_BYTES)
    except DAMAGED as error:
        return f"must be readable, got damage: {error}"
    header = _header(start)
    claimed, stored = _claimed_bytes(header), archive.getinfo(name).file_size
    if claimed is not None and claimed > stored:
        return f"must hold what its header claims, {claimed} bytes, got {stored}"
    if stored > _memory_bytes():
        return f"must fit the memory of {_memory_bytes()} bytes, got {stored}"
    try:
        kind, shape = np.dtype(header["descr"]), header["shape"]
    except (KeyError, TypeError, ValueError):
        return None  # numpy has to say what is wrong
    if kind.hasobject:
        return "must be an array of numbers, got objects or what is damaged"
    if name.startswith("x"):
        images = kind == np.uint8 and len(shape) in IMAGES
        return None if images else f"must be uint8 images, got {kind} {shape}"
    return _complaint_about_labels(archive, name, kind, shape)


def _complaint_about_labels(
    archive: zipfile.ZipFile, name: str, kind: np.dtype[Any], shape: tuple[int, ...]
) -> str | None:
    """The same of labels, which are read."""
    if kind.kind not in "iu" or not math.prod(shape):
        return f"must be whole numbers, got {kind} {shape}"
    try:
        with archive.open(name) as member:
            labels = np.lib.format.read_array(member, allow_pickle=False)
    except (ValueError, *DAMAGED):
        return "must be an array of numbers, got objects or what is damaged"
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= labels.size:
        return (
            "must be labels 0, 1, 2 and so on with none left out, "
            f"got {least if least < 0 else most} among {labels.size} labels"
        )
    return None


def _header(start: bytes) -> dict[str, Any]:
    """What a file that starts so says of its array; nothing where numpy has to say it."""
    text = re.search(rb"\{.*?\}", start, re.DOTALL)
    try:
        found = ast.literal_eval(text[0].decode("latin1")) if text else {}
    except (SyntaxError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _claimed_bytes(header: Mapping[str, Any]) -> int | None:
    """Bytes of the array with this header; None where numpy has to say what is wrong."""
    try:
        size = re.fullmatch(r"[<>|=][a-zA-Z](\d+)", header["descr"])
        return math.prod(header["shape"]) * int(size[1]) if size else None
    except (KeyError, TypeError, ValueError):
        return None


def _memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

"""What the arrays of an .npz file claim to be, held against what the archive holds of them."""

from __future__ import annotations

import ast
import lzma
import math
import os
import re
import zipfile
import zlib

DAMAGED = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError, OSError)
"""What reading a damaged archive raises."""

HEADER_BYTES = 10_000
"""Longest header that numpy reads without being told that the file is trusted."""


def complaint(archive: zipfile.ZipFile, name: str) -> str | None:
    """What is wrong with an array, without reading it; None for nothing.

    Args:
        archive: of numpy.savez.
        name: of a member, `x_train.npy`.
    """
    try:
        with archive.open(name) as member:
            start = member.read(HEADER_BYTES)
    except DAMAGED as error:
        return f"must be readable, got damage: {error}"
    stored = archive.getinfo(name).file_size
    claimed = _claimed_bytes(start)
    if claimed is not None and claimed > stored:
        return f"must hold what its header claims, {claimed} bytes, got {stored}"
    if stored > _memory_bytes():
        return f"must fit the memory of {_memory_bytes()} bytes, got {stored}"
    return None


def _claimed_bytes(start: bytes) -> int | None:
    """Bytes of the array whose file starts so; None where numpy has to say what is wrong."""
    text = re.search(rb"\{.*?\}", start, re.DOTALL)
    try:
        header = ast.literal_eval(text[0].decode("latin1")) if text else {}
        size = re.fullmatch(r"[<>|=][a-zA-Z](\d+)", header["descr"])
        return math.prod(header["shape"]) * int(size[1]) if size else None
    except (KeyError, SyntaxError, TypeError, ValueError):
        return None


def _memory_bytes() -> int:
    """Of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

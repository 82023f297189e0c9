"""Taking from a process what others could leave for it: files, shared memory, sockets."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NEW_IPC, NEW_USER, NEW_NET = 0x08000000, 0x10000000, 0x40000000
"""Of unshare(2): memory and queues of System V, user ids, the network."""

_NAMELESS = "/dev/zero (deleted)"
"""What is shared with nobody but forks."""

_FILES, _MAPS = Path("/proc/self/fd"), Path("/proc/self/maps")


@contextmanager
def nothing_shared() -> Iterator[None]:
    """What is opened inside is closed again, on Linux.

    Raises:
        ValueError: for memory shared with other processes that is still there at the end.
    """
    files, memory = _open_files(), _shared_memory()
    yield
    for file in _open_files() - files:
        os.close(file)
    if shared := sorted(_shared_memory() - memory):
        raise ValueError(
            f"a strategy's modules must share no memory with other processes, got {shared[0]}"
        )


def seclude() -> None:
    """Take every name of a file, of shared memory and of a socket from this process, on Linux.

    What is open stays open. Where a process may have no namespaces of its own, nothing changes.
    """
    if sys.platform != "linux":
        return
    here, folder = Path.cwd(), Path(tempfile.mkdtemp(prefix="secluded-"))
    os.chdir(folder)
    folder.rmdir()  # nothing can be made in a folder that is gone
    unshare = ctypes.CDLL(None).unshare
    if unshare(NEW_USER | NEW_IPC | NEW_NET) and unshare(NEW_IPC | NEW_NET):
        os.chdir(here)
        return
    with suppress(PermissionError):
        os.chroot(".")


def _open_files() -> set[int]:
    listed = [int(file.name) for file in _FILES.iterdir()] if _FILES.is_dir() else []
    return {number for number in listed if _is_open(number)}


def _is_open(number: int) -> bool:
    """Whether a file has this number; the listing itself had one."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _shared_memory() -> set[str]:
    """What this process shares with others, by the place that it has."""
    if not _MAPS.exists():
        return set()
    lines = (line.split(maxsplit=5) for line in _MAPS.read_text().splitlines())
    shared = {(where, *name) for where, how, _, _, _, *name in lines if how[3] == "s"}
    return {" ".join(one) for one in shared if one[1:] != (_NAMELESS,)}

"""Cores of this machine that a process has for itself, as long as others ask here too.

Several nodes of a cluster may lie on one machine, and none knows the cores of the others.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout


class Cores:
    """The cores that this process has claimed; the system gives them back when it dies."""

    def __init__(self) -> None:
        self._locks: dict[int, FileLock] = {}

    @property
    def claimed(self) -> frozenset[int]:
        """Their numbers."""
        return frozenset(self._locks)

    def claim(self, count: int) -> None:
        """Claim cores until `count` are claimed, or none is free any more."""
        folder = Path(tempfile.gettempdir(), f"sleepbench-cores-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        for core in sorted(os.sched_getaffinity(0) - self.claimed):
            if len(self._locks) == count:
                break
            lock = FileLock(folder / f"{core}.lock", timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                continue
            self._locks[core] = lock

    def release(self) -> None:
        """Give all of them back."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

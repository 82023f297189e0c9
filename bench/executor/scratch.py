"""The temporary files of a command in one folder, which the next command removes if it was killed.

What a killed command leaves behind is more than the folders of its runs: sockets of the fork server
and what imported packages make for themselves.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from multiprocessing import util
from pathlib import Path

import psutil

PREFIX = "sleepbench-"
"""Of the folders' names; the id of the process follows."""


@cache
def scratch() -> Path:
    """The folder of this process, removed when it ends; those of killed ones are removed now."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    # the fork server's folder, which lies in here, goes with priority -100: this one after it
    util.Finalize(
        None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-101
    )
    return folder


def remove_abandoned() -> None:
    """Remove the folders of processes of this user that are gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        with suppress(OSError, OverflowError):  # it is gone, somebody else's, or no id
            if pid.isdecimal() and not psutil.pid_exists(int(pid)) and _is_own(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    found = folder.lstat()
    return folder.is_dir() and not folder.is_symlink() and found.st_uid == os.getuid()

"""`python -m bench` that kills itself in the middle of writing its n-th record.

python tests/campaign/dies_in_write.py N sync|rename|settle ARGUMENTS
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path

from bench.records import store

PHASES = ("sync", "rename", "settle")
"""Before the new file is synced, before it gets its name, and before its folder is synced."""


def die(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Patch what writing a record calls, and go on as the command line."""
    nth, phase, *arguments = sys.argv[1:]
    left = [int(nth)]
    write = store.Store.write

    def counted(self: store.Store, record: store.RunRecord) -> Path:
        left[0] -= 1
        if left[0] == 0:
            if phase == "rename":
                Path.replace = die
            elif phase == "settle":
                replace = Path.replace

                def renamed(path: Path, target: Path) -> Path:
                    store.os.fsync = die
                    return replace(path, target)

                Path.replace = renamed
            else:
                store.os.fsync = die
        return write(self, record)

    store.Store.write = counted
    sys.argv = ["bench", *arguments]
    runpy.run_module("bench", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

"""Where a process is stuck: asked by a signal it writes its stack, even amid a call that waits."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sysconfig
import time
from pathlib import Path
from typing import TextIO

ASK = signal.SIGUSR2
"""Asks a process for its stack."""

WAIT_SECONDS = 2.0
"""Longest time to wait for it."""

TAIL_BYTES = 100_000
"""How much of the end of a file is searched for it."""

_CALL = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


def answer_into(file: TextIO) -> None:
    """From now on this process writes its stack into `file`, kept open, when it is asked."""
    faulthandler.register(ASK, file=file, all_threads=False)


def stuck_at(process_id: int, file: Path) -> str:
    """Ask a process that answers into `file`; "; it was stuck in FILE, line N, in FUNCTION".

    The innermost call outside Python's own library and torch. "" if there is no answer.
    """
    before = _size(file)
    try:
        os.kill(process_id, ASK)
    except ProcessLookupError:
        return ""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and _size(file) == before:
        time.sleep(0.05)
    time.sleep(0.05)  # the rest of the stack
    return _innermost(_tail(file, max(before, _size(file) - TAIL_BYTES)))


def _innermost(dump: str) -> str:
    calls = _CALL.findall(dump)
    own = [call for call in calls if not _is_library(call[0])]
    for path, line, function in [*own, *calls][:1]:
        return f"; it was stuck in {'/'.join(Path(path).parts[-3:])}, line {line}, in {function}"
    return ""


def _is_library(path: str) -> bool:
    packages = sysconfig.get_path("purelib")
    if path.startswith(packages):
        return path.startswith(f"{packages}/torch/")
    return path.startswith((sysconfig.get_path("stdlib"), "<"))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _tail(file: Path, start: int) -> str:
    if not file.exists():
        return ""
    with file.open("rb") as opened:
        opened.seek(start)
        return opened.read(TAIL_BYTES).decode(errors="replace")

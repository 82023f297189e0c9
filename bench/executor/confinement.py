"""What a run may not do to its own process, and what ends with it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import psutil


class SignalsOthers(RuntimeError):
    """A strategy sent a signal to a process that it had not started itself."""


def confine() -> None:
    """Give this process a session, make it keep its orphans, and let it signal these alone.

    What is called past Python, by ctypes say, is not seen.
    """
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    own = os.getpid()

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("os.kill", "os.killpg") and os.getpid() == own:
            whom, signal_number = arguments
            if signal_number and whom not in {process.pid for process in descendants(own)}:
                raise SignalsOthers("a strategy must send signals to what it has started alone")

    sys.addaudithook(refuse)


def descendants(process_id: int) -> list[psutil.Process]:
    """What a process has started and what still runs, orphans that it keeps among them."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process_id).children(recursive=True)
    return []


def cpu_seconds(process_id: int) -> float | None:
    """CPU seconds of a process and of all it has started; None if it is gone."""
    spent = 0.0
    try:
        for process in [psutil.Process(process_id), *descendants(process_id)]:
            spent += sum(process.cpu_times()[:4])  # user, system, and those of its ended children
    except psutil.NoSuchProcess:
        return None
    return spent


def kill(process: Any) -> None:
    """End a run and everything it has started, one that its server has left behind, too."""
    others = descendants(process.pid)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        with suppress(ProcessLookupError):  # it has no session yet, or has ended
            os.kill(process.pid, signal.SIGKILL)
    for other in others:
        with suppress(psutil.NoSuchProcess):
            other.kill()
    process.join()

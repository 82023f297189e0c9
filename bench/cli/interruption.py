"""Ctrl-C, a closed terminal and a request to end: a command answers all of them alike."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""Exit code of a command that was stopped."""

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

USUAL = (signal.SIG_DFL, signal.default_int_handler)


@contextmanager
def stopped_alike() -> Iterator[None]:
    """Inside, whatever asks this process to end raises `KeyboardInterrupt`, as Ctrl-C does.

    The second time it ends at once: its runs end with it, and what is stored is whole. A signal
    that is ignored, as a closed terminal by `nohup`, or that somebody else answers, is left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may say what answers a signal
        return
    before = {one: signal.getsignal(one) for one in STOPS}
    answered = [one for one in STOPS if before[one] in USUAL]

    def at_once(number: int, frame: Any) -> None:
        os._exit(INTERRUPTED)

    def interrupt(number: int, frame: Any) -> None:
        for one in answered:
            signal.signal(one, at_once)
        raise KeyboardInterrupt

    for one in answered:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one in answered:
            if signal.getsignal(one) is interrupt:  # else the end of an interrupted one is to come
                signal.signal(one, before[one])

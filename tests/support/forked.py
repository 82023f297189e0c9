"""Trying in a fork what cannot be undone."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from bench.runner.seclusion import seclude


def holds_in_a_fork(claim: Callable[[], bool]) -> bool:
    """What `claim` returns in a fork of this process."""
    process = get_context("fork").Process(target=lambda: os._exit(0 if claim() else 1))
    process.start()
    process.join()
    return process.exitcode == 0


@cache
def can_be_secluded() -> bool:
    """Whether processes may have namespaces of their own here."""
    return holds_in_a_fork(lambda: seclude() or not Path("/etc").exists())

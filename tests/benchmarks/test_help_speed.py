"""How long `python -m bench --help` takes beside a bare interpreter: the fastest of several."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 0.25
"""Seconds that the help may take longer than an interpreter that does nothing."""


def fastest(*arguments: str) -> float:
    """Seconds of the fastest of seven calls: what disturbs a call makes it slower only."""
    taken = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


def test_the_help_is_there_at_once(benchmark):
    seconds = fastest("-m", "bench", "--help") - fastest("-c", "pass")
    benchmark.extra_info.update(
        what="`--help` beside a bare interpreter, seconds more",
        value=round(seconds, 2),
        reach=f"{MOST} at most",
    )
    benchmark.pedantic(lambda: None, rounds=1)  # what pytest-benchmark times itself is not used
    assert seconds < MOST

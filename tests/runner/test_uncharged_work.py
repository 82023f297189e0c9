"""Work beside the clock, and a clock that was slowed."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from bench.runner.uncharged_work import UnchargedWork, Watch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(clock=lambda: 0.0):
    meter = SimpleNamespace(wall_seconds=0.0, uncharged={})
    return meter, Watch(meter, clock=clock)


@pytest.mark.parametrize(("missed", "refused"), [(0.2, False), (1.2, False), (1.4, True)])
def test_a_meter_may_miss_little(missed, refused):
    clock = Clock()
    meter, watch = watched(clock)
    clock.now = 20.0 + missed
    meter.wall_seconds, meter.uncharged = 15.0, {"evaluation": 5.0}
    if refused:
        with pytest.raises(UnchargedWork, match=r"the meter missed 1.4 of 21.4 s"):
            watch.check()
    else:
        watch.check()


def test_threads_that_run_on_are_named():
    _, watch = watched()
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="moonlight")
    thread.start()
    try:
        with pytest.raises(UnchargedWork, match=r"threads run on .*: moonlight"):
            watch.check()
    finally:
        done.set()
        thread.join()
    watch.check()


def test_processes_that_run_on_are_named_and_those_that_ended_are_not():
    _, watch = watched()
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        with pytest.raises(UnchargedWork, match=r"processes run on .*: python"):
            watch.check()
        process.communicate()
    watch.check()

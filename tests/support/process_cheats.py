"""Strategies that try to win, or not to have lost, by what they do to processes and clocks."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from avalanche.training.supervised import Naive

from bench.runner.meter import Meter
from bench.runner.uncharged_work import Watch


class KillsItself(Naive):
    """Ends its process so that it looks as if somebody else had."""

    def _after_training_exp(self, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)


class KillsItsGroup(Naive):
    """The same, with all that it has started."""

    def _after_training_exp(self, **kwargs):
        os.killpg(0, signal.SIGTERM)


class KillsItsServer(Naive):
    """Ends what tells how it ended."""

    def _after_training_exp(self, **kwargs):
        os.kill(os.getppid(), signal.SIGKILL)


class KillsItselfInC(Naive):
    """Ends its process past Python."""

    def _after_training_exp(self, **kwargs):
        ctypes.CDLL(None).kill(os.getpid(), int(signal.SIGKILL))


class SlowsEveryClock(Naive):
    """Trains for longer than it tells, with every clock of the referee's slowed in its process."""

    def _before_training_exp(self, **kwargs):
        if self.clock.train_exp_counter == 0:
            for held in gc.get_objects():
                if isinstance(held, (Meter, Watch)):
                    for name in ("_wall", "_read", "_cpu", "_clock"):
                        if hasattr(held, name):
                            setattr(held, name, slowed(getattr(held, name)))
        super()._before_training_exp(**kwargs)


def slowed(clock):
    began = clock()
    return lambda: began + 0.1 * (clock() - began)


class TellsItsOwnReport(Naive):
    """Tells a better report than the one that it gets."""

    def _after_training_exp(self, **kwargs):
        pipes = [int(p.name) for p in Path("/proc/self/fd").iterdir() if "pipe" in read(p)]
        for pipe in pipes:
            with suppress(OSError):
                os.write(pipe, b'{"report": {"status": "ok", "reason": null}}\n')
        super()._after_training_exp(**kwargs)


def read(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


class LeavesADaemon(Naive):
    """Leaves a process of another session behind when it crashes."""

    def _after_training_iteration(self, **kwargs):
        subprocess.Popen(["sleep", "4321"], start_new_session=True)
        raise RuntimeError("it has left something")

"""Strategies that try to win, or not to have lost, by what they do to processes and clocks."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import torch
from avalanche.training.supervised import Naive

from bench.data.presence import DataError
from bench.runner.meter import Meter
from bench.runner.uncharged_work import Watch
from cheats import Swap


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


class InterruptsTheCommand(Naive):
    """Ends the command as Ctrl-C would."""

    def _after_training_exp(self, **kwargs):
        os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGINT)


class AsksToBeStopped(Naive):
    """Ends as a trial that its search has stopped."""

    def _after_training_exp(self, **kwargs):
        signal.raise_signal(signal.SIGUSR1)


class BlamesTheData(Naive):
    """Fails as if the machine had no data."""

    def _after_training_exp(self, **kwargs):
        raise DataError("the file is damaged")


class ServerKilledByAnother(Naive):
    """Has a process of its own end what tells how it ended."""

    def _after_training_exp(self, **kwargs):
        subprocess.run(["kill", "-9", str(os.getppid())], check=False)


class WorksWhenSaved(Naive):
    """Trains while its state is saved."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.pupil = Pupil()


class Pupil:
    """Works whenever somebody asks how it is saved."""

    def __getattribute__(self, name):
        if name == "__reduce_ex__":
            work(2.0)
        return object.__getattribute__(self, name)


class WorksByTimer(Naive):
    """Trains in the handler of a timer while it is examined."""

    def _after_training_exp(self, **kwargs):
        super()._after_training_exp(**kwargs)
        signal.signal(signal.SIGALRM, lambda *_: work(4.0))
        signal.setitimer(signal.ITIMER_REAL, 0.1)


class WorksInNewArguments(Naive):
    """Says how it is saved, and works meanwhile."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.pupil = WithArguments()


class WithArguments:
    def __getnewargs__(self):
        return ()


def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


class SwapInFile(Swap):
    """Keeps its weights in a file, which is read to answer."""

    def place(self):
        return InFile(Path(self.__dict__.setdefault("folder", tempfile.mkdtemp())))


class InFile:
    def __init__(self, folder):
        self.file = folder / "weights.pt"

    def __setitem__(self, name, weights):
        torch.save(weights, self.file)

    def get(self, name, default):
        return torch.load(self.file) if self.file.exists() else default


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


class TellsOtherSettings(Naive):
    """Tells that it had another learning rate than it was given."""

    report = b'{"report": {"status": "oom", "reason": null, "resolved": {"learning_rate": 9.0}}}\n'

    def _after_training_exp(self, **kwargs):
        for pipe in [p for p in Path("/proc/self/fd").iterdir() if "pipe" in read(p)]:
            with suppress(OSError):
                os.write(int(pipe.name), self.report)
        super()._after_training_exp(**kwargs)


class LeavesADaemon(Naive):
    """Leaves a process of another session behind when it crashes."""

    def _after_training_iteration(self, **kwargs):
        subprocess.Popen(["sleep", "4321"], start_new_session=True)
        raise RuntimeError("it has left something")

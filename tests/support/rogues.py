"""Strategies that misbehave, run by import path as a user's own would be."""

from __future__ import annotations

import os
import signal
import threading
import time

from avalanche.logging import TextLogger
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.supervised import Naive


class Crash(Naive):
    """Raises in the middle of training."""

    def _after_training_iteration(self, **kwargs):
        raise RuntimeError("the third wheel came off")


class CrashAtStart(Naive):
    """Raises when it is built."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        raise RuntimeError("no wheel at all")


class RunOut(Naive):
    """Asks for more memory than there is."""

    def _after_training_iteration(self, **kwargs):
        raise MemoryError("cannot allocate 1 TiB")


class Swell(Naive):
    """Takes 8 GiB of memory, a little with each step."""

    def _after_training_iteration(self, **kwargs):
        self.taken = [*getattr(self, "taken", []), bytearray(2**28)]
        assert len(self.taken) < 32


class Diverge(Naive):
    """Its weights become infinite."""

    def _after_training_exp(self, **kwargs):
        next(self.model.parameters()).data.fill_(float("inf"))
        super()._after_training_exp(**kwargs)


class DivergeAndFail(Naive):
    """Its weights become NaN, which something then cannot work with."""

    def _after_training_iteration(self, **kwargs):
        next(self.model.parameters()).data.fill_(float("nan"))
        raise ValueError("inputs must be finite")


class Overflow(Naive):
    """Its weights stay finite and become too large for what they compute."""

    def _after_forward(self, **kwargs):
        if not self.mb_output.isfinite().all():
            raise ValueError("outputs must be finite")

    def _after_training_iteration(self, **kwargs):
        for parameter in self.model.parameters():
            parameter.data.fill_(1e30)


class Segfault(Naive):
    """Dies of a signal."""

    def _after_training_iteration(self, **kwargs):
        signal.raise_signal(signal.SIGSEGV)


class Hang(Naive):
    """Never comes back."""

    def _after_training_iteration(self, **kwargs):
        time.sleep(600)


class Dawdle(Naive):
    """Takes half a second for each minibatch."""

    def _after_training_iteration(self, **kwargs):
        time.sleep(0.5)
        super()._after_training_iteration(**kwargs)


class HangBefore(Naive):
    """Never comes to its first minibatch."""

    def _before_training_exp(self, **kwargs):
        while True:
            pass


class HangWhenMade(Naive):
    """Is never made."""

    def __init__(self, **base_kwargs):
        super().__init__(**base_kwargs)
        time.sleep(600)


class Overdraw(Naive):
    """Works on after it was told to stop."""

    def _after_training_exp(self, **kwargs):
        time.sleep(0.5)
        super()._after_training_exp(**kwargs)


class Slow(Naive):
    """Takes its time, so that a test can interrupt it."""

    def _after_training_iteration(self, **kwargs):
        time.sleep(0.05)
        super()._after_training_iteration(**kwargs)


class Moonlight(Naive):
    """Leaves a thread working when the clock stops."""

    def _after_training_exp(self, **kwargs):
        threading.Thread(name="moonlight", target=time.sleep, args=(30,), daemon=True).start()
        super()._after_training_exp(**kwargs)


class WorkAfterwards(Naive):
    """Trains in a hook after training; the meter must see it."""

    def _after_training_exp(self, **kwargs):
        time.sleep(0.1)
        super()._after_training_exp(**kwargs)


class Exit(Naive):
    """Ends its own process when it does not like what it sees."""

    def _after_training_iteration(self, **kwargs):
        raise SystemExit(0)


class Vanish(Naive):
    """Ends its own process without a word."""

    def _after_training_iteration(self, **kwargs):
        os._exit(0)


class Markup(Naive):
    """Its message would be markup on a terminal."""

    def _after_training_iteration(self, **kwargs):
        raise RuntimeError("cannot open [/data] of [bold]x")


class SaysWhatItSees(Naive):
    """Prints which GPUs it may see."""

    def _before_training_exp(self, **kwargs):
        print(f"it sees GPU {os.environ.get('CUDA_VISIBLE_DEVICES')} .")
        super()._before_training_exp(**kwargs)


class OwnLogger(Naive):
    """Brings loggers of its own."""

    def __init__(self, *, evaluator=None, **kwargs):
        super().__init__(evaluator=EvaluationPlugin(loggers=[TextLogger()]), **kwargs)


class DropPlugins(Naive):
    """Keeps the referee's plugin out."""

    def __init__(self, *, plugins=None, **kwargs):
        super().__init__(**kwargs)

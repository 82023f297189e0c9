"""Where a run spends its charged time: samples of its stack, each named by a part of the loop.

A timer's signal interrupts the run every 2 to 6 ms, at random, so that no step falls into beat with
it. No thread is started, so nothing waits for Python's lock and no long call of torch is missed: a
sample counts for all the time since the one before. On a GPU this is the host's time.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple

from bench.executor.messages import Job
from bench.executor.processes import run_child
from bench.records.store import write_atomically

REFEREE = "bench.runner.run"
"""The module that calls `strategy.train`; the clock runs while it does and at no other time."""
SECONDS_BETWEEN = (0.002, 0.006)

STEPS = {
    "train_dataset_adaptation": "data",
    "make_train_dataloader": "data",
    "_unpack_minibatch": "data",
    "forward": "forward",
    "_make_empty_loss": "loss",
    "criterion": "loss",
    "backward": "backward",
    "optimizer_step": "optimizer",
}
"""Methods of an Avalanche strategy that are a part of the loop."""
LIBRARIES = {
    "torch.utils.data": "data",
    "avalanche.benchmarks": "data",
    "bench.data": "data",
    "torch.optim": "optimizer",
}
"""Packages that are a part of the loop when the strategy calls them itself."""
PLUGINS, STAGE = "trigger_plugins", "sleep"
"""What calls plugins, and what a strategy calls of a night's stage: parts by their class."""
FRAME = "frame"
"""Avalanche's own loop: whatever it does that is none of the above."""
PARTS = ("data", "forward", "loss", "backward", "optimizer", FRAME)
"""The parts that every strategy has."""


class Call(NamedTuple):
    """One function on the stack.

    Attributes:
        owner: the class of its `self`, None for a plain function.
    """

    module: str
    function: str
    owner: str | None


def part_of(train: Call, calls: Iterable[Call]) -> str:
    """The part that a stack belongs to, or the class that handles it.

    Args:
        train: the strategy's `train`.
        calls: from there inwards, read only as far as needed. The first that says something
            decides: an importance pass of a plugin is the plugin's, its forward passes included.
    """
    strategy, own = train.owner, None
    for caller, call in pairwise(chain([train], calls)):
        if caller.function == PLUGINS:
            return call.owner or call.function
        if caller.owner == strategy and call.function == STAGE:
            return f"night: {call.owner}"
        if call.owner == strategy and call.function in STEPS:
            return STEPS[call.function]
        for library, part in LIBRARIES.items():
            if call.module.startswith(library):
                return part
        if call.owner == strategy and not call.module.startswith("avalanche."):
            own = strategy
    return own or FRAME


class Sampler:
    """Samples this process's main thread inside `with`; SIGALRM is its own for so long.

    Attributes:
        seconds: by part, counted only while `bench.runner.run` is in the strategy's `train`.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._pause = random.Random(0)  # the global generators belong to the run

    def __enter__(self) -> Sampler:
        self._before = signal.signal(signal.SIGALRM, self._sample)
        self._rearm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        elapsed = time.perf_counter() - self._last
        frames = charged_frames(frame)
        if frames:
            part = part_of(_call(frames[0]), map(_call, frames[1:]))
            self.seconds[part] = self.seconds.get(part, 0.0) + elapsed
        self._rearm()

    def _rearm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._pause.uniform(*SECONDS_BETWEEN))
        self._last = time.perf_counter()


def charged_frames(frame: FrameType | None) -> list[FrameType]:
    """The stack from the strategy's `train` inwards; empty while the clock stands still."""
    frames: list[FrameType] = []
    while frame is not None:
        if frame.f_globals.get("__name__") == REFEREE:
            return frames[::-1] if frames and frames[-1].f_code.co_name == "train" else []
        frames.append(frame)
        frame = frame.f_back
    return []


def _call(frame: FrameType) -> Call:
    code = frame.f_code
    owner = frame.f_locals.get("self") if code.co_varnames[:1] == ("self",) else None
    name = None if owner is None else type(owner).__name__
    return Call(frame.f_globals.get("__name__", ""), code.co_name, name)


def run_child_sampled(job: Job, channel: Connection) -> None:
    """`run_child`, with its samples beside the log of the run."""
    run_child(job, channel, _sampled)


@contextmanager
def _sampled(job: Job) -> Iterator[None]:
    with Sampler() as sampler:
        yield
    write_atomically(samples_file(job.log), json.dumps(sampler.seconds))


def samples_file(record: Path) -> Path:
    """Where the samples lie beside a record and its log."""
    return record.with_suffix(".samples")

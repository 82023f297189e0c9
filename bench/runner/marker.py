"""Comparing answers with labels, in a process where no strategy ever is.

What comes and goes are plain bytes: nothing that a strategy could have touched is unpickled there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.unlabelled import Solution
from bench.runner.fresh_process import end_process, end_with_parent

Logits = Sequence["np.ndarray[Any, Any]"]
"""The answers to each of several experiences, (N, C)."""


@dataclass(frozen=True)
class Scores:
    """Fractions of right answers, and what became of them since the last time.

    Attributes:
        accuracy: by experience, argmax over all classes.
        task_aware: by experience, argmax over the classes of the experience.
        lost: of all samples, those that were right the time before and are wrong; 0 at first.
        gained: of all samples, those that were wrong the time before, or never asked, and are
            right.
    """

    accuracy: tuple[float, ...]
    task_aware: tuple[float, ...]
    lost: float
    gained: float


Right = NDArray[np.bool_]
"""Of every sample that is asked, whether its answer was right."""


def marked(
    given: Logits,
    solutions: Sequence[Solution],
    classes: Sequence[list[int]],
    before: Right | None = None,
) -> tuple[Scores, Right]:
    """Scores of the answers to a stream, and which of them are right.

    Args:
        given: answers to what was asked.
        solutions: of the same.
        classes: for each experience its targets.
        before: which were right the time before; None for the first time.

    Raises:
        ValueError: for another number of answers, or fewer columns than classes.
    """
    right, right_aware, samples = np.zeros((3, len(classes)), dtype=np.int64)
    every: list[Right] = []
    columns = 1 + max(label for own in classes for label in own)
    for logits, solution in zip(given, solutions, strict=True):
        labels, origins = solution.labels.numpy(), solution.origins.numpy()
        if logits.ndim != 2 or len(logits) != len(labels) or logits.shape[1] < columns:
            raise ValueError(
                f"answers must be {len(labels)} rows of at least {columns} logits, "
                f"got {logits.shape}"
            )
        every.append(logits.argmax(1) == labels)
        right += np.bincount(origins[every[-1]], minlength=len(classes))
        samples += np.bincount(origins, minlength=len(classes))
        for number in np.unique(origins):
            rows, own = origins == number, np.array(classes[number])
            aware = own[logits[rows][:, own].argmax(1)]
            right_aware[number] += int((aware == labels[rows]).sum())
    now = np.concatenate(every)
    then = np.zeros_like(now) if before is None else before
    scores = Scores(
        accuracy=tuple((right / samples).tolist()),
        task_aware=tuple((right_aware / samples).tolist()),
        lost=float(np.mean(then & ~now)),
        gained=float(np.mean(~then & now)),
    )
    return scores, now


class Marker:
    """Marks what a run answers; its process alone keeps the labels."""

    def __init__(
        self,
        solutions: Mapping[str, Sequence[Solution]],
        classes: Sequence[list[int]],
        most: int,
        floors: Mapping[str, float] | None = None,
    ) -> None:
        """Fork its process, while the labels are there.

        Args:
            solutions: by stream, of what is asked.
            classes: for each experience its targets.
            most: how often each stream is marked at most, so that nobody learns labels by asking.
            floors: where experiences pass into each other, the mean accuracy on the next one of
                rules that see labels and no inputs.
        """
        self.floors = floors
        context = get_context("fork")
        self.channel, theirs = context.Pipe()
        left = dict.fromkeys(solutions, most)
        self._process = context.Process(
            target=_mark, args=(solutions, classes, left, theirs, self.channel), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._process.pid

    def mark(self, stream: str, given: Logits) -> Scores:
        """Scores of the answers to all that is asked of a stream.

        Raises:
            ValueError: for answers that cannot be marked, and for one time too many.
            RuntimeError: if its process is gone.
        """
        try:
            shapes = [list(logits.shape) for logits in given]
            self.channel.send_bytes(json.dumps([stream, shapes]).encode())
            for logits in given:
                self.channel.send_bytes(np.ascontiguousarray(logits, dtype=np.float64).data)
            said = json.loads(self.channel.recv_bytes())
        except (EOFError, OSError):
            raise RuntimeError("the process that marks answers is gone") from None
        if "error" in said:
            raise ValueError(said["error"])
        return Scores(
            tuple(said["accuracy"]), tuple(said["task_aware"]), said["lost"], said["gained"]
        )

    def close(self) -> None:
        """End its process."""
        self.channel.close()
        end_process(self._process)


def _mark(
    solutions: Mapping[str, Sequence[Solution]],
    classes: Sequence[list[int]],
    left: dict[str, int],
    channel: Connection,
    others: Connection,
) -> None:
    others.close()
    end_with_parent()
    before: dict[str, Right] = {}
    while True:
        try:
            stream, shapes = json.loads(channel.recv_bytes())
            read = [np.frombuffer(channel.recv_bytes()) for _ in shapes]
        except (EOFError, OSError):
            os._exit(0)  # nothing that was inherited is this process's to end
        try:
            given = [one.reshape(shape) for one, shape in zip(read, shapes, strict=True)]
            if not left.get(stream):
                raise ValueError(f"answers on {stream} are marked once after each experience")
            left[stream] -= 1
            scores, before[stream] = marked(given, solutions[stream], classes, before.get(stream))
            said: dict[str, Any] = asdict(scores)
        except ValueError as error:
            said = {"error": str(error)}
        channel.send_bytes(json.dumps(said).encode())

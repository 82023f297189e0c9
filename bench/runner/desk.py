"""How days come to a run: their inputs first, their labels once they are answered.

A process that no strategy was ever in keeps what the days will bring. What comes and goes are plain
bytes.
"""

from __future__ import annotations

import json
import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.estimates import estimated, losses_of_rules
from bench.data.label_rules import floors_by_day
from bench.data.nights import Days
from bench.records import by_day
from bench.runner.fresh_process import end_process, end_with_parent


class Desk:
    """Brings the days, one after the other; its process alone keeps what is to come."""

    def __init__(self, days: Days, *, classes: int, hindsight: bool) -> None:
        """Fork its process, while everything is there.

        Args:
            days: of the stream.
            classes: columns that answers have at least.
            hindsight: labels are given out before a day is answered, for an upper bound.
        """
        context = get_context("fork")
        self._days = days
        self.channel, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(days, classes, hindsight, theirs, self.channel), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._process.pid

    def open(self, day: int) -> None:
        """Put the inputs of a day on the desk.

        Raises:
            RuntimeError: if its process is gone.
        """
        rows = self._days.rows[day]
        features = np.frombuffer(self._ask(["open", day]), dtype=np.float32)
        images = self._days.seen.images
        images[rows.start : rows.stop] = images.new_tensor(
            features.reshape(len(rows), *images[0].shape)
        )

    def close_day(self, day: int, given: NDArray[np.float64] | None) -> None:
        """Hand in the answers of a day; the labels that its night has are there then.

        Args:
            day: that was opened.
            given: (N, C) logits of its rows; None for the first day, which nobody is asked about.

        Raises:
            ValueError: for answers that cannot be marked.
            RuntimeError: if its process is gone.
        """
        labels = np.frombuffer(self._ask(["close", day], given), dtype=np.int64)
        kept = self._days.kept[day]
        self._days.seen.labels[kept] = self._days.seen.labels.new_tensor(labels.copy())

    def marks(self) -> by_day.Days:
        """How right the answers of each day from the second on are, and what rules without inputs
        reach there.

        Raises:
            ValueError: before the last day is answered.
            RuntimeError: if its process is gone.
        """
        return by_day.Days.model_validate_json(self._ask(["marks", 0]))

    def close(self) -> None:
        """End its process."""
        self.channel.close()
        end_process(self._process)

    def _ask(self, what: list[Any], answers: NDArray[np.float64] | None = None) -> bytes:
        shape = None if answers is None else answers.shape
        told = b"" if answers is None else answers.tobytes()
        try:
            self.channel.send_bytes(json.dumps([*what, shape]).encode() + b"\n" + told)
            well, reply = self.channel.recv_bytes().split(b"\n", 1)
        except (EOFError, OSError):
            raise RuntimeError("the process that brings the days is gone") from None
        if well != b"well":
            raise ValueError(reply.decode())
        return reply


class _Clerk:
    """What the process of a desk does: days in order, each opened, answered and closed once."""

    def __init__(self, days: Days, classes: int, hindsight: bool) -> None:
        self._features = days.seen.images.numpy()
        self._labels = [days.labels.numpy()[rows.start : rows.stop] for rows in days.rows]
        self._values = (
            []
            if (e := days.estimates) is None
            else [e.values[rows.start : rows.stop] for rows in days.rows]
        )
        self._kept = [
            (k - rows.start).numpy() for k, rows in zip(days.kept, days.rows, strict=True)
        ]
        self._rows, self._classes, self._hindsight = days.rows, classes, hindsight
        self._first, self._earlier = days.first_asked, days.earlier
        self._estimates = days.estimates
        self._opened = self._closed = 0
        self._accuracy: list[float | None] = [None] * len(days.rows)
        self._losses: list[float] = []

    def open(self, day: int) -> bytes:
        if day != self._opened or (day > self._closed and not self._hindsight):
            raise ValueError(f"day {self._closed} must be answered before day {day} begins")
        self._opened += 1
        rows = self._rows[day]
        return self._features[rows.start : rows.stop].tobytes()

    def close(self, day: int, given: NDArray[np.float64] | None) -> bytes:
        if type(day) is not int or not 0 <= day < self._opened:
            raise ValueError(f"day {day} must be opened first")
        labels = self._labels[day]
        if given is None and not (day < self._first or self._hindsight):
            raise ValueError(f"day {day} must be answered before its labels are told")
        if given is not None:
            if given.ndim != 2 or len(given) != len(labels) or given.shape[1] < self._classes:
                raise ValueError(
                    f"answers must be {len(labels)} rows of at least {self._classes} logits, "
                    f"got {given.shape}"
                )
            if self._accuracy[day] is not None or day < self._first:
                raise ValueError(f"day {day} is answered once")
            self._accuracy[day] = float(np.mean(given.argmax(1) == labels))
            if self._estimates is not None:
                told = estimated(given, self._estimates.places[day])
                self._losses.append(float(np.abs(told - self._values[day]).mean()))
        self._closed = max(self._closed, day + 1)
        return labels[self._kept[day]].tobytes()

    def marks(self) -> bytes:
        right = [share for share in self._accuracy[self._first :] if share is not None]
        if len(right) < len(self._rows) - self._first:
            raise ValueError("every day must be answered before the marks are told")
        before, values = ([], []) if (e := self._earlier) is None else (e.labels, e.values)
        first = len(before) + self._first
        losses = None
        if self._estimates is not None:
            rules = losses_of_rules([*values, *self._values], first=first)
            losses = by_day.Losses(by_day=self._losses, floors=dict(rules))
        floors = floors_by_day([*before, *self._labels], self._classes, first=first)
        told = by_day.Days(accuracy=right, floors=dict(floors), losses=losses)
        return told.model_dump_json().encode()


def _serve(
    days: Days, classes: int, hindsight: bool, channel: Connection, others: Connection
) -> None:
    others.close()
    end_with_parent()
    clerk = _Clerk(days, classes, hindsight)
    while True:
        try:
            header, told = channel.recv_bytes().split(b"\n", 1)
        except (EOFError, OSError):
            os._exit(0)  # nothing that was inherited is this process's to end
        what, day, shape = json.loads(header)
        well, reply = b"well", b""
        try:
            read = None if shape is None else np.frombuffer(told).reshape(shape)
            if what == "open":
                reply = clerk.open(day)
            elif what == "close":
                reply = clerk.close(day, read)
            else:
                reply = clerk.marks()
        except Exception as found:  # whatever was asked, the process goes on
            well, reply = b"no", str(found).encode()
        channel.send_bytes(well + b"\n" + reply)

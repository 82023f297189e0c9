"""Progress in TensorBoard's event files; no torch is needed to write them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.loggers.logger import LoggedRun, Logger

FLUSH_SECONDS = 5


class TensorboardLogger(Logger):
    """One folder for each run; `tensorboard --logdir` shows them together."""

    def __init__(self, folder: Path) -> None:
        """As every logger."""
        super().__init__(folder)
        self._writers: dict[str, Any] = {}

    def begin(self, run: LoggedRun, charged: float) -> None:
        """Open the run's folder, empty, or with a mark that hides what is void."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = self._folder / run.id
        if not charged:
            shutil.rmtree(folder, ignore_errors=True)
        writer = EventFileWriter(str(folder), flush_secs=FLUSH_SECONDS)
        self._writers[run.id] = writer
        if charged:
            step, begun = run.step(charged), SessionLog(status=SessionLog.START)
            writer.add_event(Event(step=step, file_version="brain.Event:2"))
            writer.add_event(Event(step=step, session_log=begun))

    def log(self, run: LoggedRun, charged: float, values: Mapping[str, float]) -> None:
        """Write a scalar for each number."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = Event(wall_time=time.time(), step=run.step(charged), summary=Summary(value=scalars))
        self._writers[run.id].add_event(event)

    def end(self, run: LoggedRun, status: str) -> None:
        """Close the run's file."""
        self._writers.pop(run.id).close()

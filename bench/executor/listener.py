"""What is told of runs while they go on; a display shows it."""

from __future__ import annotations

from bench.config.run_config import RunConfig
from bench.executor.messages import Refusal
from bench.executor.plan import Plan
from bench.records.schema import RunRecord
from bench.runner.progress import Progress

WAITING = "waiting for a machine to run on"
"""What a display says where no node is there yet."""


class Listener:
    """Told what happens; a display overrides what it shows."""

    def checking(self, plan: Plan) -> None:
        """What will be done is about to be built once, which imports torch and takes seconds."""

    def left_out(self, refusal: Refusal) -> None:
        """A strategy of `all` cannot be built and is left out of the plan."""

    def planned(self, plan: Plan, jobs: int) -> None:
        """What will be done, so many runs at once, is known and can be built; none has begun."""

    def started(self, config: RunConfig) -> None:
        """A run has begun."""

    def resumed(self, config: RunConfig, experiences: int) -> None:
        """A run that has begun goes on from its checkpoint, after so many experiences."""

    def kept(self, config: RunConfig) -> None:
        """A checkpoint of a run has been kept, to go on from."""

    def waiting(self) -> None:
        """No node is there yet to run on; told again and again."""

    def lost(self, config: RunConfig, node: str) -> None:
        """A run was lost with its node, and will be begun again on another."""

    def progressed(self, config: RunConfig, progress: Progress) -> None:
        """A run tells how far it is."""

    def finished(self, record: RunRecord) -> None:
        """A run has left its record."""

    def warned(self, what: str) -> None:
        """Something beside the runs has failed; they go on."""


class Listeners(Listener):
    """Several listeners, told in turn."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def checking(self, plan: Plan) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.checking(plan)

    def left_out(self, refusal: Refusal) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.left_out(refusal)

    def planned(self, plan: Plan, jobs: int) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.planned(plan, jobs)

    def started(self, config: RunConfig) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.started(config)

    def resumed(self, config: RunConfig, experiences: int) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.resumed(config, experiences)

    def kept(self, config: RunConfig) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.kept(config)

    def waiting(self) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.waiting()

    def lost(self, config: RunConfig, node: str) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.lost(config, node)

    def progressed(self, config: RunConfig, progress: Progress) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.progressed(config, progress)

    def finished(self, record: RunRecord) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.finished(record)

    def warned(self, what: str) -> None:
        """Told to each."""
        for listener in self._listeners:
            listener.warned(what)

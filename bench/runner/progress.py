"""What a run tells while it goes on: how far it is, and what it has reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.runner.meter import Meter


@dataclass(frozen=True)
class Progress:
    """What a run tells while it runs.

    Attributes:
        experience: index of the one in training.
        spent: fraction of the whole budget.
        accuracy: mean over the experiences so far, weights: share in use; None before the first
            evaluation.
        accuracies: on the test data of each experience, at the last evaluation; on what was held
            out in a blind run.
    """

    experience: int
    experiences: int
    spent: float
    accuracy: float | None
    weights: float | None = None
    accuracies: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """A run tells that it has saved itself.

    Attributes:
        experiences: how many of them it had trained on.
    """

    experiences: int

    def file_in(self, folder: Path) -> Path:
        """Where it lies, in the folder of the run."""
        return folder / f"checkpoint-{self.experiences}.safetensors"


class Account:
    """Tells the outside how far the run is, four times a second at most."""

    def __init__(self, meter: Meter, experiences: int, report: Callable[[Progress], None]) -> None:
        self._meter, self._experiences, self._report = meter, experiences, report
        self._told = 0.0
        self.experience = 0
        self.accuracy: float | None = None
        self.weights: float | None = None
        self.accuracies: tuple[float | None, ...] = ()

    def tell(self) -> None:
        """Report, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._told > 0.25:
            self._told = now
            spent = min(1.0, self._meter.spent / self._meter.budget.amount)
            reached = self.accuracy, self.weights, self.accuracies
            self._report(Progress(self.experience, self._experiences, spent, *reached))

"""What every logger does: runs begin, tell numbers and end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.run_config import RunConfig
from bench.records.store import slug

PROJECT = "sleepbench"
"""What the runs are filed under."""


@dataclass(frozen=True)
class LoggedRun:
    """A run as loggers know it.

    Attributes:
        config: what is run.
        home: of the folder of its records, a name that no other folder has.
    """

    config: RunConfig
    home: str

    @property
    def id(self) -> str:
        """Its name for a machine: the same when it is resumed, or begun again."""
        config = self.config
        return f"{slug(config.strategy)}-{config.repetition}-{config.digest[:12]}-{self.home}"

    @property
    def name(self) -> str:
        """Its name for a reader."""
        return f"{self.config.strategy} seed {self.config.repetition}"

    @property
    def board(self) -> str:
        """What it is compared within."""
        return f"{self.config.benchmark}/{self.config.scenario} {self.config.budget}"

    @property
    def settings(self) -> dict[str, Any]:
        """Every field of what is run."""
        return self.config.model_dump(mode="json")

    def step(self, charged: float) -> int:
        """What was charged as a whole number: milliseconds, or training steps."""
        return round(charged if self.config.budget.clock == "steps" else charged * 1000)


class Logger(ABC):
    """Writes down what runs tell. Several may be open at once; its methods run in one thread."""

    def __init__(self, folder: Path) -> None:
        """A logger that can write.

        Args:
            folder: where it may put files; it need not be there.

        Raises:
            ValueError: if it cannot be used, in one sentence.
        """
        self._folder = folder

    @abstractmethod
    def begin(self, run: LoggedRun, charged: float) -> None:
        """A run begins anew at 0 charged, or goes on from more; what it told from there is void."""

    @abstractmethod
    def log(self, run: LoggedRun, charged: float, values: Mapping[str, float]) -> None:
        """A run has told numbers, after so many seconds or steps."""

    @abstractmethod
    def end(self, run: LoggedRun, status: str) -> None:
        """A run that has begun has ended: `ok`, or what its record says."""

    def close(self) -> None:  # noqa: B027
        """There are no more runs; those that have not ended are left as they are."""

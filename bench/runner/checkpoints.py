"""Checkpoints: a run saves itself between experiences, and goes on from there when it was cut.

One file holds the strategy, the account, what was found so far and the generators. On the clock of
steps a run that was cut ends as one that was not, bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.runner import states
from bench.runner.examiner import Examiner
from bench.runner.progress import Checkpoint
from bench.runner.ready import Ready
from bench.runner.seeding import generators, set_generators
from strategies import kept_state

STEPS = "step_seconds"
"""Name of the times of all steps, beside the state."""


OF_DATA_SETS = (
    "bench.data.image_dataset",
    "bench.data.images",
    "avalanche.benchmarks.utils.collate_functions",
    "avalanche.benchmarks.utils.data",
    "avalanche.benchmarks.utils.transform_groups",
    "torch.utils.data._utils.collate",
    "torch.utils.data.dataset",
)
"""Modules whose classes and functions data sets are made of, besides Avalanche's classes."""


@dataclass(frozen=True)
class Checkpointing:
    """How a run is saved between experiences.

    Attributes:
        folder: where its checkpoints are written.
        every: seconds of training after which there is a new one, at the next experience's end.
        cut: the checkpoint that it goes on from; None to begin anew.
    """

    folder: Path
    every: float
    cut: Path | None = None


class CannotGoOn(RuntimeError):
    """A checkpoint is not one that this run can go on from."""


class Checkpoints:
    """The checkpoints of one run.

    Attributes:
        experiences: how many of them it has trained on where it begins.
    """

    def __init__(
        self,
        ready: Ready,
        examiner: Examiner,
        how: Checkpointing | None,
        tell: Callable[[Checkpoint], None],
    ) -> None:
        """Nothing is read or written yet.

        Args:
            ready: what the run needs, its strategy as it is without a checkpoint.
            examiner: of the run.
            how: None for a run without checkpoints.
            tell: told of every checkpoint that is there.
        """
        self.experiences = 0
        self._ready, self._examiner, self._how, self._tell = ready, examiner, how, tell
        self._last = 0.0

    def begin(self) -> Ready:
        """What the run begins with: anew, or where it was cut.

        Raises:
            CannotGoOn: for a checkpoint that is none of this run.
        """
        if self._how is None or self._how.cut is None:
            return self._ready
        try:
            return self._go_on(self._how.cut)
        except ValueError as error:
            raise CannotGoOn(str(error)) from error
        except (LookupError, TypeError) as error:  # whatever a file may say
            raise CannotGoOn(f"{type(error).__name__}: {error}") from error

    def _go_on(self, cut: Path) -> Ready:
        meter = self._ready.meter
        with meter.off_the_clock("checkpoint"):
            kept = self._read(cut)
            strategy = kept_state.read(cut, **self._how_written)
            states.check_kind(strategy, self._ready.strategy, self._ready.plugins, cut)
            meter.go_on(kept["meter"], kept_state.beside(cut, STEPS).tolist())
        self.experiences, self._last = kept["experiences"], meter.wall_seconds
        self._examiner.go_on(self.experiences, kept["found"], strategy)
        set_generators(kept["generators"])
        self._ready = replace(self._ready, strategy=strategy)
        return self._ready

    def keep(self, experiences: int) -> None:
        """Save the run if that is due; a run that cannot be saved goes on all the same.

        Args:
            experiences: how many of them it has trained on.
        """
        meter = self._ready.meter
        last = experiences == len(self._ready.benchmark.train_stream)
        if self._how is None or last or meter.wall_seconds - self._last < self._how.every:
            return
        self._last, made = meter.wall_seconds, Checkpoint(experiences)
        with meter.off_the_clock("checkpoint"):
            try:
                self._write(made.file_in(self._how.folder), experiences)
            except (ValueError, OSError) as error:
                print(f"no checkpoint after experience {experiences - 1}: {error}")
                return
        self._tell(made)

    def _write(self, path: Path, experiences: int) -> None:
        ready = self._ready
        kept = {
            "experiences": experiences,
            "meter": ready.meter.kept(),
            "found": self._examiner.kept(),
            "generators": generators(),
        }
        told = {**self._facts, "checkpoint": json.dumps(kept, allow_nan=False)}
        steps = torch.from_numpy(np.array(ready.meter.step_seconds, dtype=np.float64))
        kept_state.write(
            ready.strategy, path, about=told, beside={STEPS: steps}, **self._how_written
        )

    @property
    def _facts(self) -> dict[str, str]:
        return {"run": self._ready.config.digest, "data": self._ready.benchmark.data_hash}

    @property
    def _how_written(self) -> dict[str, Any]:
        """Data sets as they are, of samples that the run has again when it goes on."""
        room = self._ready.room
        assert room is not None, "a run is examined"
        return {
            "lent": {str(place): thing for place, thing in enumerate(room.lent.things)},
            "samples": None,
            "modules": (*OF_DATA_SETS, *states.own_modules(self._ready.config)),
        }

    def _read(self, cut: Path) -> dict[str, Any]:
        """What the checkpoint of this run says."""
        told = kept_state.about(cut)
        for name, own in self._facts.items():
            if told.get(name) != own:
                raise ValueError(f"a checkpoint must be of the {name} {own}, got {told.get(name)}")
        kept: dict[str, Any] = json.loads(told["checkpoint"])
        return kept

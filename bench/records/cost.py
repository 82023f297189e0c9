"""What a run took: by its own account, and as it was seen from outside."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.config.budget import TOLERANCE, Kind

UNACCOUNTED_SECONDS = 2.0
"""Wall or CPU seconds of a run that its own account may miss: what lies around it."""

UNACCOUNTED = 0.05
"""The same as a share of what the run took."""

MORE_CPU, MORE_CPU_SECONDS = 0.05, 0.25
"""By how much CPU time may exceed wall time: a share, and the seconds by which clocks tick."""

ROUNDING = 1e-6
"""Share by which sums of the same amounts may differ."""

Amount = Annotated[float, Field(ge=0, le=1e12)]
"""Seconds, or steps: what adds up without overflowing."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Cost(Part):
    """What the run spent. Seconds unless the name says otherwise."""

    charged: Amount
    """Charged against the budget, in the budget's unit."""
    charged_by_experience: list[Amount]
    """The same for each experience."""
    steps_by_experience: list[Count] | None = None
    """Training minibatches and offline steps of each; null in records of schema 1."""
    seconds_by_kind: dict[Kind, Amount]
    """Charged seconds by kind: train, offline, data, hooks, validation."""
    uncharged_seconds: dict[str, Amount]
    """Measured, not charged: data, model, warm_up, evaluation, checkpoint."""
    wall_seconds: Amount
    """Monotonic clock over the charged spans."""
    cpu_seconds: Amount
    """CPU seconds of the process over the charged spans."""
    cpu_share: Amount | None
    """cpu_seconds / (wall_seconds x threads): how much of its cores the run really had."""
    steps: dict[Literal["train", "offline"], Count]
    """Training minibatches, `train`, and steps of nights and retraining, `offline`."""
    samples: Count
    """Training samples through forward and backward passes in minibatches."""
    longest_step: Amount
    """Longest time between two checks of the budget, in the budget's seconds."""
    median_step: Amount | None = None
    """Median of these times: by so much a run may overdraw. Null in records before schema 5."""
    peak_memory_bytes: Count | None
    """Largest resident set of the process; device memory when the device is cuda."""

    @property
    def accounted_seconds(self) -> float:
        """Wall seconds that the run accounts for, charged or not."""
        return self.wall_seconds + math.fsum(self.uncharged_seconds.values())

    def check_sums(self, *, timed: bool) -> None:
        """Refuse the cost of a whole run that contradicts itself.

        Args:
            timed: the budget is in seconds.

        Raises:
            ValueError: names the sum that does not hold.
        """
        parts = {"charged_by_experience": self.charged_by_experience}
        if timed:
            parts["seconds_by_kind"] = list(self.seconds_by_kind.values())
        for name, values in parts.items():
            total = sum(values)  # fsum would raise beyond a float
            if abs(total - self.charged) > ROUNDING * max(1.0, self.charged):
                raise ValueError(
                    f"charged must be the sum of {name}, {total:g}, got {self.charged:g}"
                )
        counted, steps = self.steps_by_experience, sum(self.steps.values())
        if counted is not None and sum(counted) != steps:
            raise ValueError(f"steps_by_experience must add up to {steps}, got {sum(counted)}")
        most = max(self.charged_by_experience, default=0.0)  # a step lies in one experience
        if timed and self.longest_step > most + ROUNDING * max(1.0, most):
            raise ValueError(
                "longest_step must be at most what one experience charged, "
                f"{most:g}, got {self.longest_step:g}"
            )
        longest = min(self.longest_step, 2 * self.charged / steps if steps else 0.0)
        if timed and self.median_step is not None and self.median_step > longest * (1 + ROUNDING):
            raise ValueError(
                "median_step must be at most the longest, and half of the steps as long must fit "
                f"into what was charged: {longest:g}, got {self.median_step:g}"
            )

    def check_clocks(self, *, threads: int) -> None:
        """ValueError when the clocks of a whole run on the wall clock contradict each other."""
        if abs(self.wall_seconds - self.charged) > 0.1 + TOLERANCE * self.charged:
            raise ValueError(
                f"wall_seconds must be the {self.charged:g} charged, got {self.wall_seconds:g}"
            )
        most = threads * self.wall_seconds * (1 + MORE_CPU) + MORE_CPU_SECONDS
        if self.cpu_seconds > most:
            raise ValueError(f"cpu_seconds must be at most {most:.2f}, got {self.cpu_seconds:.2f}")
        if self.cpu_share is None or not self.wall_seconds:
            return
        share = self.cpu_seconds / (threads * self.wall_seconds)
        if abs(share - self.cpu_share) > TOLERANCE:
            raise ValueError(f"cpu_share must be {share:g}, got {self.cpu_share:g}")


class Outside(Part):
    """What the run took, measured by the process that commands and not by the run."""

    wall_seconds: Amount
    """From the fork of its process to its report."""
    cpu_seconds: Amount | None
    """Of its process and all that it has started; null if that had ended."""

    def check(self, cost: Cost, *, threads: int, parts: int = 1) -> None:
        """ValueError when a run does not account for what it took, or for more than that.

        Args:
            cost: by the run's own account.
            threads: of the run.
            parts: into which it was cut; something lies around each of them.
        """
        accounted, around = cost.accounted_seconds, parts * UNACCOUNTED_SECONDS
        if accounted > self.wall_seconds + around:
            raise ValueError(
                f"a run of {self.wall_seconds:.2f} s cannot account for {accounted:.2f} s"
            )
        off_the_clock = threads * (accounted - cost.wall_seconds)
        for name, took, told in (
            ("", self.wall_seconds, accounted),
            ("CPU ", self.cpu_seconds, cost.cpu_seconds + off_the_clock),
        ):
            if took is not None and took - told > around + UNACCOUNTED * took:
                raise ValueError(
                    f"a run must account for its time, told {told:.2f} of {took:.2f} {name}s"
                )

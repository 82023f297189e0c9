"""What a run on a stream by day and night answered by day."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from bench.records.cost import Fraction, Part

Loss = Annotated[float, Field(ge=0)]


class Losses(Part):
    """By how much a run missed numbers that were to be estimated, in their own unit."""

    by_day: list[Loss] = Field(min_length=1)
    """Mean absolute error of each day from the second on, before its numbers were told."""
    floors: dict[str, Loss] = Field(min_length=1)
    """The same, mean over these days, of rules that see the numbers of days before and no
    inputs."""

    @property
    def mean(self) -> float:
        """Mean over the days."""
        return math.fsum(self.by_day) / len(self.by_day)

    def accuracy(self, loss: float) -> float:
        """A loss as a fraction, 1 for none: that of the best rule over the sum of both.

        0.5 for whoever is as good as the best rule, and less for whoever is worse.
        """
        best = min(self.floors.values())
        return best / (best + loss) if loss else 1.0


class Days(Part):
    """What a run on a stream by day and night answered by day."""

    accuracy: list[Fraction] = Field(min_length=1)
    """Share of right answers of each day from the second on, before its labels were told; where
    numbers are to be estimated the labels are their bins."""
    floors: dict[str, Fraction]
    """The same over all these days of rules that see labels and no inputs."""
    losses: Losses | None = Field(default=None, exclude_if=lambda losses: losses is None)
    """Where numbers are to be estimated."""

    @property
    def mean(self) -> float:
        """Accuracy by day, the mean over the days; of numbers by their losses."""
        if self.losses is not None:
            return self.losses.accuracy(self.losses.mean)
        return math.fsum(self.accuracy) / len(self.accuracy)

    @property
    def rules(self) -> dict[str, float]:
        """The same of rules that see labels and no inputs."""
        if self.losses is None:
            return dict(self.floors)
        return {name: self.losses.accuracy(loss) for name, loss in self.losses.floors.items()}

    @model_validator(mode="after")
    def _one_loss_a_day(self) -> Days:
        if self.losses is not None and len(self.losses.by_day) != len(self.accuracy):
            raise ValueError(
                f"losses must be of {len(self.accuracy)} days, got {len(self.losses.by_day)}"
            )
        return self

"""What a search may try for a hyper-parameter; knows no torch and no Optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Every number from `low` to `high`, both included; whole numbers when both ends are.

    Attributes:
        log: equal factors are equally likely, which takes ends above 0.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.low) or not math.isfinite(self.high):
            raise ValueError(f"a range must have finite ends, got {self}")
        if not self.low < self.high:
            raise ValueError(f"a range must go from low to high, got {self}")
        if self.log and not self.low > 0:
            raise ValueError(f"a range on a log scale must start above 0, got {self}")

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __str__(self) -> str:
        return f"{self.low}:{self.high}{':log' if self.log else ''}"


Choices = tuple[bool | int | float | str, ...]
Space = Mapping[str, Range | Choices]
"""The hyper-parameters that a search varies, by name."""

STORED = 500
"""Training examples that whoever stores any keeps at most, unless told otherwise."""

STORED_SPACE = Range(50, 5000, log=True)
STORED_NAMES = frozenset({"mem_size", "buffer"})
"""What strategies call that number. It is the same for all, so no tuning may move it."""

TRAINING_SPACE: Space = {
    "learning_rate": Range(3e-4, 0.2, log=True),
    "optimizer": ("sgd", "adam"),
    "batch_size": (16, 32, 64, 128, 256),
}
"""What every strategy is tuned over beside its own space, none excepted."""

DENSITY = Range(0.005, 0.5, log=True)
ROUNDS: Space = {"rounds": Range(1, 32, log=True), "schedule": ("geometric", "linear", "cubic")}
CRITERION: Space = {
    "scope": ("layer", "global", "layer-adaptive"),
    "importance": ("magnitude", "snip", "taylor"),
}
REWIND: Space = {"rewind": ("none", "learning-rate", "weights")}
"""What several strategies that prune have in common."""

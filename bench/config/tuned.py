"""What the hyper-parameters of a suite were tuned for: it holds for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bench.config.run_config import RULESET
from bench.config.stream_options import BenchmarkId


class Tuned(BaseModel):
    """The seal of a suite that `python -m bench tune` wrote.

    Attributes:
        budget: of one run.
        base_seed: of the trials; the suite is scored on another.
        experiences: of the stream that the trials saw, its first; None: all of it.
        charged: what the search of each strategy charged, in the budget's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: BenchmarkId
    scenario: str
    model: str
    budget: str
    ruleset: str
    base_seed: int = Field(ge=1)
    objective: str
    trials: int = Field(ge=1)
    experiences: int | None = Field(default=None, ge=1)
    charged: dict[str, float]

    def check(self, now: Mapping[str, Any], base_seed: int) -> None:
        """Refuse what it was not tuned for.

        Args:
            now: benchmark, scenario, model and budget of the runs, by name.
            base_seed: of the runs.

        Raises:
            ValueError: names what differs.
        """
        for name, value in {**now, "ruleset": RULESET}.items():
            then = getattr(self, name)
            if value != then:
                raise ValueError(
                    f"{name} must be {then}, which this suite was tuned for, got {value}; tune "
                    "again: python -m bench tune"
                )
        if base_seed == self.base_seed:
            raise ValueError(
                f"base_seed must not be {base_seed}, whose seeds the trials of this suite have seen"
            )

    def charged_by(self, strategy: str) -> float:
        """What the search of a strategy charged.

        Raises:
            ValueError: if it was not searched.
        """
        if strategy not in self.charged:
            raise ValueError(f"tuned.charged must tell of {strategy}, which has a point, got none")
        return self.charged[strategy]

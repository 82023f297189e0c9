"""What a run is: everything that may change its result, frozen, strict, with a digest."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    field_validator,
    model_validator,
)

from bench.config.budget import Budget, check_allocation
from strategies.suggestions import suggest

__all__ = [
    "RULESET", "SCENARIOS", "Allocation", "Augmentation", "RunConfig", "Scenario", "Speedup",
    "Value", "suggest",
]  # fmt: skip

RULESET = "1.0"
"""Version of the rules in `leaderboards/README.md`; records of two rulesets are never pooled."""

Scenario = Literal["task", "class", "domain"]
SCENARIOS: tuple[Scenario, ...] = ("task", "class", "domain")
Speedup = Literal["channels-last", "bf16", "compile", "cuda-graphs"]
Augmentation = Literal["crop", "flip"]
Allocation = Annotated[str, AfterValidator(check_allocation)]
Value = bool | int | FiniteFloat | str | None
"""What a hyper-parameter may be; never NaN or infinite, which JSON has not."""

_YOUNGER = ("speedups", "augment", "search_charged", "blind", "experiences")
"""Fields that the first records have not, whose digests must stand: left out while empty."""


class RunConfig(BaseModel):
    """Benchmark, model, strategy and its hyper-parameters, budget and seed of one run.

    Attributes:
        benchmark: an id of `bench.data.streams`, `folder:PATH` or `npz:PATH`.
        hyperparameters: only what differs from the strategy's defaults.
        allocation: experiences share the budget by `samples`, `equal`ly, or by numbers: `3,1,1`.
        validation: fraction of each training experience held out, in [0, 0.5]; 0 holds out nothing.
        repetition: which repetition this is, in [0, 10,000); with `base_seed` it makes the seed.
        search_charged: what a search charged that chose the hyper-parameters; shown, never ranked.
        blind: the test stream is never looked at, only what is held out; so are the trials of a
            search.
        experiences: a blind run may see only so many of the stream, its first; None: all of it.
        augment: how training minibatches are augmented, see
            `bench.data.image_dataset.augmented`.
        threads: threads of one run.
        device: `cpu` or `cuda`.
        speedups: what `bench/runner/speedups.py` does to the network of every strategy alike.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str
    scenario: Scenario
    model: str
    strategy: str
    budget: Budget
    hyperparameters: dict[str, Value] = Field(default_factory=dict)
    allocation: Allocation = "samples"
    validation: float = Field(default=0.0, ge=0, le=0.5)
    base_seed: int = Field(default=0, ge=0)
    repetition: int = Field(default=0, ge=0, lt=10_000)
    threads: int = Field(default=1, ge=1, le=4096)
    device: Literal["cpu", "cuda"] = "cpu"
    speedups: tuple[Speedup, ...] = ()
    augment: tuple[Augmentation, ...] = ()
    search_charged: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    blind: bool = False
    experiences: int | None = Field(default=None, ge=1)

    @field_validator("speedups", "augment")
    @classmethod
    def _one_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _sees_something(self) -> RunConfig:
        if self.blind and not self.validation:
            raise ValueError("validation must be above 0 for a blind run, got 0")
        if self.experiences and not self.blind:
            raise ValueError("experiences are for blind runs: a part of a stream is ranked nowhere")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: equal for equal configurations, on any machine."""
        fields = self.model_dump(mode="json")
        for younger in _YOUNGER:
            if not fields[younger]:
                del fields[younger]
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def seed(self, purpose: str) -> int:
        """A 63-bit seed for `purpose` that every strategy shares, so that runs pair by seed."""
        key = f"{self.base_seed}/{self.benchmark}/{self.repetition}/{purpose}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1

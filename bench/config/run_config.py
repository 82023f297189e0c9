"""What a run is: everything that may change its result, frozen, strict, with a digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bench.config.budget import Budget
from bench.config.conditions import SharedFields
from bench.config.stream_options import BenchmarkId, seed_id
from strategies.suggestions import suggest

__all__ = ["RULESET", "SCENARIOS", "RunConfig", "Scenario", "Value", "suggest"]

RULESET = "2.0"
"""Version of the rules in `leaderboards/README.md`; records of two rulesets are never pooled."""

Scenario = Literal["task", "class", "domain"]
SCENARIOS: tuple[Scenario, ...] = ("task", "class", "domain")
Value = bool | int | FiniteFloat | str | None
"""What a hyper-parameter may be; never NaN or infinite, which JSON has not."""

MOST_SEEDS = 10_000
"""Repetitions of a run at most."""

_FIRST = (
    "benchmark", "scenario", "model", "strategy", "budget", "hyperparameters", "allocation",
    "validation", "base_seed", "repetition", "threads", "device",
)  # fmt: skip
"""What the first records have, in their order. Every other field is left out of the digest while it
is empty, so that theirs stand."""

_WRITTEN = {"validation_only": "blind"}
"""What records call a field that has another name here."""


class RunConfig(SharedFields):
    """Benchmark, model, strategy and its hyper-parameters, budget and seed of one run.

    Attributes:
        benchmark: an id of `bench.config.catalogue`, `folder:PATH` or `npz:PATH`, in the one form
            of its options.
        hyperparameters: only what differs from the strategy's defaults.
        repetition: which repetition this is, in [0, 10,000); with `base_seed` it makes the seed.
        search_charged: what a search charged that chose the hyper-parameters; shown, never ranked.
        validation_only: the run never looks at the test stream, only at what is held out; so do the
            trials of a search. Records call it `blind`.
        experiences: a run on validation only may see only so many of the stream, its first; None:
            all of it.
        continues: SHA-256 of the saved state that it goes on from; None: it begins anew.
        first_day: of a stream by day and night, the first that the state has not seen.
    """

    benchmark: BenchmarkId
    scenario: Scenario
    model: str
    strategy: str
    budget: Budget
    hyperparameters: dict[str, Value] = Field(default_factory=dict)
    repetition: int = Field(default=0, ge=0, lt=MOST_SEEDS)
    search_charged: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    validation_only: bool = Field(
        default=False, validation_alias=AliasChoices("validation_only", "blind")
    )
    experiences: int | None = Field(default=None, ge=1)
    continues: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", exclude_if=lambda state: state is None
    )

    first_day: int = Field(default=0, ge=0, exclude_if=lambda day: not day)

    @model_validator(mode="after")
    def _sees_something(self) -> RunConfig:
        if self.validation_only and not self.validation:
            raise ValueError("validation must be above 0 for a run on validation only, got 0")
        if self.experiences and not self.validation_only:
            raise ValueError(
                "experiences are for runs on validation only: a part of a stream is ranked nowhere"
            )
        if self.first_day and not self.continues:
            raise ValueError("first_day is for runs that go on from the state of another")
        return self

    @model_serializer(mode="wrap")
    def _as_records_have_it(self, fields_of: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = fields_of(self)
        order = [*_FIRST, *(name for name in fields if name not in _FIRST)]
        return {_WRITTEN.get(name, name): fields[name] for name in order if name in fields}

    @property
    def rankable(self) -> bool:
        """Whether it is a run of a whole stream, from its beginning to the test."""
        return not (self.validation_only or self.continues)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: equal for equal configurations, on any machine."""
        fields = self.model_dump(mode="json")
        told = {name: value for name, value in fields.items() if name in _FIRST or value}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def seed(self, purpose: str) -> int:
        """A 63-bit seed for `purpose` that every strategy shares, so that runs pair by seed."""
        key = f"{self.base_seed}/{seed_id(self.benchmark)}/{self.repetition}/{purpose}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1

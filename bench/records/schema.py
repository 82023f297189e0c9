"""What happened in a run: the record's schema, field by field.

A number that was not measured is null; a failed run is a record with its status and reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from bench.config.budget import TOLERANCE
from bench.config.run_config import RunConfig, Value
from bench.records.by_day import Days
from bench.records.cost import Amount, Cost, Count, Fraction, Outside, Part

SCHEMA = 6
"""Version of the record's fields; `bench.records.upgrade` says what each of them added."""

Status = Literal["ok", "overrun", "timeout", "oom", "diverged", "error", "killed", "infra_error"]
FINISHED: frozenset[str] = frozenset({"ok", "overrun", "timeout", "oom", "diverged", "error"})
"""Statuses that a resumed suite keeps; `killed` and `infra_error` are run again."""

Matrix = list[list[Fraction | None]]


class WeightsInUse(Part):
    """Weights needed at inference for all experiences so far, after one experience."""

    total: Count
    """All parameters of the model."""
    used: Count
    """Non-zero under the union of all task masks; heads, biases, normalisation included."""
    prunable: Count
    """Parameters in weight matrices and kernels, heads excluded."""
    used_prunable: Count
    """Of those, non-zero under the union of all task masks."""
    claimed: Count
    """Of those, newly claimed by this experience."""
    active: Count
    """Of those, active when this experience is answered."""
    mask_bits: Count
    """Bits that the stored masks need."""
    buffer_bytes: Count
    """Stored examples, teachers, importances, snapshots."""
    artifact_bytes: Count
    """Compressed bytes that must be saved to answer for all experiences."""
    stored_examples: Count | None = None
    """Training examples among what the buffers hold; null in records before schema 4."""

    @property
    def capacity_bits(self) -> int:
        """Bits that it takes to answer: 32 for each weight in use, and what tells their places.

        The places are the masks; of a sparse network without masks a bit for each parameter, unless
        it is smaller with all of its weights.
        """
        if self.mask_bits:
            return 32 * self.used + self.mask_bits
        return min(32 * self.used + self.total, 32 * self.total)

    @property
    def memory_bytes(self) -> int:
        """What is kept between experiences: the capacity, and what the buffers hold."""
        return -(-self.capacity_bits // 8) + self.buffer_bytes

    @model_validator(mode="after")
    def _add_up(self) -> WeightsInUse:
        if not 0 <= self.used_prunable <= self.used <= self.total or self.total < 1:
            raise ValueError(f"weights used must be in [0, total], got {self.used} of {self.total}")
        if not self.used_prunable <= self.prunable <= self.total:
            raise ValueError(f"prunable weights must be in [used, total], got {self.prunable}")
        return self


class Following(Part):
    """How a run followed a stream whose experiences pass into each other."""

    lost: list[Fraction]
    """Share of the test samples that were right before an experience and are wrong after it; of
    each that was trained, from the first on, before which none is right."""
    gained: list[Fraction]
    """Share of the test samples that were wrong before it and are right after it."""
    floors: dict[str, Fraction]
    """Mean accuracy on the test samples of the next experience, of rules that see labels and no
    inputs."""

    @property
    def changes(self) -> list[tuple[float, float]]:
        """Lost and gained, after each experience."""
        return list(zip(self.lost, self.gained, strict=True))

    @model_validator(mode="after")
    def _pairs(self) -> Following:
        if len(self.lost) != len(self.gained):
            raise ValueError(
                f"lost must be of as many experiences as gained, {len(self.gained)}, "
                f"got {len(self.lost)}"
            )
        return self


class Outcome(Part):
    """What the run achieved. Accuracies are fractions; row i is after experience i."""

    accuracy: Matrix
    """`R[i][j]`: tested on experience j after training on i; task known only if the scenario
    tells it. Null where not measured, as everywhere in a blind run."""
    accuracy_task_aware: Matrix | None
    """The same with the argmax restricted to the classes of experience j; null if no different."""
    validation: Matrix | None
    """R on the held-out part of the training stream; null when nothing is held out."""
    curve: list[tuple[Amount, Fraction]]
    """(charged, mean accuracy over the experiences so far), off the clock; of a blind run on what
    was held out."""
    test_samples: list[Annotated[Count, Field(ge=1)]]
    """Test samples of each experience, at least 1."""
    chance: float = Field(gt=0, lt=1)
    """Accuracy of guessing: mean over experiences of 1 / number of possible answers."""
    days: Days | None = Field(default=None, exclude_if=lambda days: days is None)
    """Of a stream by day and night, whose experiences are months and whose accuracies are on what
    was held out of them."""
    following: Following | None = Field(default=None, exclude_if=lambda found: found is None)
    """Of a stream whose experiences pass into each other."""

    @model_validator(mode="after")
    def _square(self) -> Outcome:
        n = len(self.test_samples)
        for name in ("accuracy", "accuracy_task_aware", "validation"):
            matrix = getattr(self, name)
            if matrix is not None and [len(row) for row in matrix] != [n] * n:
                raise ValueError(f"{name} must be {n} x {n}, as there are {n} test_samples")
        return self


class Calibration(Part):
    """What the machine reached on the reference training, by `bench calibrate`; never ranks."""

    steps_per_second: float = Field(gt=0)
    """Median over short blocks of the reference, alone on the machine."""
    ratio: float = Field(gt=0)
    """Rate of the blocks called A over that of their neighbours called B: the same work."""
    noise: float = Field(ge=0)
    """Half width of the 95 % interval of `ratio`: smaller differences cannot be seen here."""
    jobs: int = Field(ge=1)
    """How many references ran at once for `beside`."""
    beside: float | None = None
    """Rate with `jobs` - 1 busy neighbours over the rate alone; null when there were none."""
    measured: AwareDatetime
    """When."""

    @property
    def told_apart(self) -> bool:
        """Whether two series of the same work differ by more than the noise explains."""
        return abs(self.ratio - 1) > self.noise


class Environment(Part):
    """Where and with what the run was made; no host name."""

    commit: str | None
    """Of the code; null outside of a repository."""
    dirty: bool | None
    """The code had local changes."""
    versions: dict[str, str]
    """Of Python and of the libraries that results may depend on."""
    machine: dict[str, str | int | None]
    """Stable facts: cpu, cores, memory_gib, system, accelerator."""
    fingerprint: str
    """SHA-256 of `machine`, first 12 hexadecimal digits."""
    data_hash: str | None
    """SHA-256 of the data; null if it was never loaded."""
    calibration: Calibration | None = None
    """The latest of this machine with these threads and device; null if never measured."""
    command: str
    """What the user typed."""
    started: AwareDatetime
    ended: AwareDatetime
    """Times with their zone, here and above."""


class RunRecord(Part):
    """One attempt at one RunConfig: the unit of evidence behind every number."""

    schema_version: int = SCHEMA
    """Version of these fields."""
    ruleset: str
    """Version of the rules; records of two are never pooled."""
    digest: str
    """SHA-256 of `config`; equal for equal configurations."""
    benchmark_version: str | None
    """Of a user's own benchmark the SHA-256 of its source file. Null if the run failed before its
    benchmark was built."""
    model_source: str | None = Field(default=None, exclude_if=lambda source: source is None)
    """SHA-256 of the source file of a user's own model; null for a model of the catalogue."""
    strategy_source: str | None = Field(default=None, exclude_if=lambda source: source is None)
    """The same of a strategy by import path; null, too, in records before this was written down."""
    config: RunConfig
    """What was to be run."""
    resolved: dict[str, Value | list[Value]]
    """Every hyper-parameter of the strategy, defaults filled in."""
    ranked: bool
    """False for upper bounds that see all data at once."""
    status: Status
    """How it ended; `leaderboards/README.md` says what each counts as."""
    reason: str | None = None
    """One line; the traceback lies in the log beside the record."""
    attempt: int = Field(ge=1, le=10_000)
    """Which attempt at this configuration."""
    cost: Cost | None = None
    """Null if nothing was charged or measured."""
    outcome: Outcome | None = None
    """Null if nothing was tested."""
    weights: list[WeightsInUse] = Field(default_factory=list)
    """After each experience."""
    environment: Environment
    """Where and with what."""
    outside: Outside | None = None
    """Null if the run left no report, and in records before schema 6."""
    saved: str | None = Field(default=None, exclude_if=lambda state: state is None)
    """SHA-256 of the state that was saved beside it at its end; null if none was."""
    cuts: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(
        default=None, exclude_if=lambda cuts: cuts is None
    )
    """How often it was cut, and went on from a checkpoint; null if it never was."""

    @model_validator(mode="after")
    def _ok_is_complete(self) -> RunRecord:
        if self.status != "ok":
            return self
        if self.cost is None or self.outcome is None or not self.weights:
            raise ValueError("status ok needs cost, outcome and weights")
        if self.reason is not None:
            raise ValueError(f"status ok has no reason, got {self.reason[:80]!r}")
        self._check_lengths(len(self.outcome.test_samples))
        budget = self.config.budget
        step = 1.0 if budget.clock == "steps" else self.cost.median_step or 0.0
        most = budget.amount + max(step, TOLERANCE * budget.amount)
        if not 0 <= self.cost.charged <= most:
            raise ValueError(f"status ok needs charged in [0, {most:g}], got {self.cost.charged:g}")
        self.cost.check_sums(timed=budget.clock != "steps")
        if budget.clock == "wall":
            self.cost.check_clocks(threads=self.config.threads)
        if self.outside is not None:
            parts = 1 + (self.cuts or 0)
            self.outside.check(self.cost, threads=self.config.threads, parts=parts)
        return self

    def _check_lengths(self, experiences: int) -> None:
        """ValueError unless what is told of each experience is.

        An upper bound, and what was examined after all nights alone, has but one.
        """
        assert self.cost is not None, "checked before"
        assert self.outcome is not None, "checked before"
        if self.outcome.days is not None:
            experiences = 1
        told: dict[str, Sequence[object] | None] = {
            "weights": self.weights,
            "charged_by_experience": self.cost.charged_by_experience,
            "steps_by_experience": self.cost.steps_by_experience,
        }
        for name, found in told.items():
            if found is not None and self.ranked and len(found) != experiences:
                raise ValueError(f"{name} must have {experiences} entries, got {len(found)}")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> RunRecord:
        for name, chosen in self.config.hyperparameters.items():
            if name in self.resolved and self.resolved[name] != chosen:
                raise ValueError(f"resolved {name} must be {chosen!r}, got {self.resolved[name]!r}")
        if self.environment.ended < self.environment.started:
            raise ValueError("the run must have ended after it started")
        return self

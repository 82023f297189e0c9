"""What an interval says about a published figure, in words computed from its ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.board import LISTED_FROM
from bench.papers import Experiment
from bench.ranking import RESAMPLING_SEED
from bench.stats import Interval, mean_interval
from bench.text import percent


@dataclass(frozen=True)
class Verdict:
    """One row of a page: a claim, the published figure, ours, what follows, what differs."""

    claim: str
    published: str
    measured: str
    verdict: str
    differs: str


@dataclass(frozen=True)
class Claim:
    """A claim and its published figure, before the answer is known."""

    text: str
    published: str
    differs: str

    @classmethod
    def of(cls, experiment: Experiment, text: str, published: str) -> Claim:
        """A claim put to one experiment."""
        return cls(f"{text}: {experiment.title}", published, experiment.differs)

    def answer(self, measured: str, verdict: str, *, seeds: int) -> Verdict:
        """The row. seeds: that the numbers rest on; few make it provisional."""
        few = f" (provisional: fewer than {LISTED_FROM} seeds)" if seeds < LISTED_FROM else ""
        n = f"n = {seeds} seed{'' if seeds == 1 else 's'}"
        return Verdict(
            self.text, self.published, f"{measured}; {n}", f"{verdict}{few}", self.differs
        )

    def not_run(self) -> Verdict:
        """The row of a claim without the runs it needs."""
        return Verdict(self.text, self.published, "-", "not run", self.differs)


def at_least(found: Interval, limit: float) -> str:
    """Whether the interval lies at or above `limit`, in words."""
    return _holds(found.mean >= limit, found.low >= limit, found.high < limit, found)


def at_most(found: Interval, limit: float) -> str:
    """Whether the interval lies at or below `limit`, in words."""
    return _holds(found.mean <= limit, found.high <= limit, found.low > limit, found)


def _holds(mean: bool, surely: bool, surely_not: bool, found: Interval) -> str:
    if math.isnan(found.low):
        return f"{'holds' if mean else 'does not hold'} in one seed, which settles nothing"
    if surely:
        return "holds here, with the whole interval"
    if surely_not:
        return "does not hold here, with the whole interval"
    return f"{'holds' if mean else 'does not hold'} in the mean; the interval does not settle it"


def number(found: Interval) -> str:
    """`1.87 [1.60, 2.11]`."""
    ends = "" if math.isnan(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.mean:.2f}{ends}"


def points(found: Interval, digits: int = 2) -> str:
    """A fraction and its interval in percent, or percentage points: `2.93 [2.71, 3.15]`."""
    if math.isnan(found.low):
        return percent(found.mean, digits)
    ends = f"[{percent(found.low, digits)}, {percent(found.high, digits)}]"
    return f"{percent(found.mean, digits)} {ends}"


def share_interval(fractions: Sequence[float]) -> Interval:
    """The interval of a mean share, cut to [0, 1] or what was reached, which loses no coverage."""
    found = mean_interval(fractions, rng=generator())
    return (
        found
        if math.isnan(found.low)
        else replace(found, low=max(found.low, 0.0), high=min(found.high, max(1.0, *fractions)))
    )


def signed_interval(differences: Sequence[float]) -> Interval:
    """The interval of a mean difference of accuracies, cut to [-1, 1], which loses no coverage."""
    found = mean_interval(differences, rng=generator())
    if math.isnan(found.low):
        return found
    return replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))


def generator() -> np.random.Generator:
    """The generator of one interval or test: the same on every machine."""
    return np.random.default_rng(RESAMPLING_SEED)

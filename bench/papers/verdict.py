"""What an interval says about a published figure, in words computed from its ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.papers.results import Experiment
from bench.stats.intervals import Interval

LEAST_SEEDS = 5
"""A verdict on fewer seeds is provisional."""


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
        """The row.

        Args:
            measured: our figure with its interval.
            verdict: what follows from it.
            seeds: how many the numbers rest on; few make the verdict provisional.
        """
        few = f" (provisional: fewer than {LEAST_SEEDS} seeds)" if seeds < LEAST_SEEDS else ""
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

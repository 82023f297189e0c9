"""Stopping early with two objectives, where Optuna has no pruner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.records.schema import RunRecord

BETTER = 5
"""As many finished runs must have been better in both for a run to be stopped."""


def path(record: RunRecord) -> list[list[float]]:
    """(share of weights in use, mean accuracy so far) after each experience of a finished run."""
    assert record.outcome is not None, "asked of runs that are ok"
    curve = [accuracy for _, accuracy in record.outcome.curve]
    shares = [counted.used / counted.total for counted in record.weights]
    return [[share, accuracy] for share, accuracy in zip(shares, curve, strict=False)]


def dominated(
    here: tuple[float, float], experiences: int, paths: Iterable[Sequence[Sequence[float]]]
) -> bool:
    """Whether BETTER runs had fewer weights and more accuracy after as many experiences.

    Args:
        here: (share of weights, accuracy) now; no worse in one and better in the other is enough.
    """
    weights, accuracy = here
    better = 0
    for steps in paths:
        if len(steps) >= experiences:
            own_weights, own_accuracy = steps[experiences - 1]
            no_worse = own_weights <= weights and own_accuracy >= accuracy
            better += no_worse and (own_weights, own_accuracy) != here
    return better >= BETTER

"""Continual-learning metrics: pure functions of the accuracy matrix and of the accuracy curve.

`accuracy` is always (..., n, n), fractions: row i is after training on experience i, column j is
tested on experience j, NaN where not measured; axes in front, for example of runs, stay. What a
metric needs and was not measured makes it NaN, so that an upper bound with only its last row has a
final accuracy and no forgetting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def average_accuracy(accuracy: Array) -> Array:
    """Mean accuracy over all experiences after the last one: 1/n * sum_j R[n-1, j].

    Lopez-Paz & Ranzato 2017, ACC.
    """
    return np.mean(_square(accuracy)[..., -1, :], axis=-1)


def average_incremental_accuracy(accuracy: Array) -> Array:
    """Mean over i of the mean accuracy on the experiences seen by then.

    1/n * sum_i mean(R[i, :i+1]). Rebuffi et al. 2017 (iCaRL), each
    experience weighing the same.
    """
    R = _square(accuracy)
    seen = np.arange(1, R.shape[-1] + 1)
    return np.mean(np.tril(R).sum(axis=-1) / seen, axis=-1)


def forgetting(accuracy: Array) -> Array:
    """Mean drop from each experience's best accuracy to its final one, max-minus-last.

    1/(n-1) * sum_{j<n-1} (max_{i<n-1} R[i, j] - R[n-1, j]); negative if the past improved at the
    end. The last experience is excluded; NaN for a single one. Chaudhry et al. 2018, eq. 3.
    """
    R = _square(accuracy)
    if R.shape[-1] < 2:
        return _not_measured(R)
    best = np.fmax.reduce(R[..., :-1, :-1], axis=-2)  # what is above the diagonal need not be known
    drop = np.mean(best - R[..., -1, :-1], axis=-1)
    return np.where(np.isnan(np.tril(R)).any(axis=(-2, -1)), math.nan, drop)[()]


def backward_transfer(accuracy: Array) -> Array:
    """Mean change of each experience from when it was learned to the end; negative if forgotten.

    1/(n-1) * sum_{j<n-1} (R[n-1, j] - R[j, j]); NaN for a single experience. Lopez-Paz & Ranzato
    2017, BWT.
    """
    R = _square(accuracy)
    if R.shape[-1] < 2:
        return _not_measured(R)
    return np.mean(R[..., -1, :-1] - _diagonal(R)[..., :-1], axis=-1)


def forward_transfer(accuracy: Array, *, chance: float) -> Array:
    """Mean accuracy above chance on each experience just before it is learned.

    1/(n-1) * sum_{i>0} (R[i-1, i] - chance); NaN for a single experience. Lopez-Paz & Ranzato
    2017, FWT, with the accuracy of guessing in place of that of the untrained network, which is
    random. A class-incremental network never answers with unseen classes, so there it is -chance.
    """
    R = _square(accuracy)
    if R.shape[-1] < 2:
        return _not_measured(R)
    return np.mean(_diagonal(R, 1) - chance, axis=-1)


def near_future_accuracy(accuracy: Array) -> Array:
    """Mean accuracy on each experience just before it is learned: 1/(n-1) * sum_{i>0} R[i-1, i].

    NaN for a single experience. Hammoud et al. 2023, who ask the samples that come next.
    """
    R = _square(accuracy)
    return np.mean(_diagonal(R, 1), axis=-1) if R.shape[-1] > 1 else _not_measured(R)


def mean_change(changes: Sequence[float]) -> float:
    """Mean over the experiences from the second on of the share of samples that changed.

    Counts in place of the information of Koh et al. 2023 (knowledge loss and gain). NaN for fewer
    than two experiences.

    Args:
        changes: after each experience.
    """
    return math.fsum(changes[1:]) / (len(changes) - 1) if len(changes) > 1 else math.nan


def plasticity(accuracy: Array) -> Array:
    """Mean accuracy on each experience just after it was learned: 1/n * sum_j R[j, j].

    Riemer et al. 2019 (MER), there "learning accuracy".
    """
    return np.mean(_diagonal(_square(accuracy)), axis=-1)


def stability(accuracy: Array) -> Array:
    """Mean final accuracy over the experiences before the last: 1/(n-1) * sum_{j<n-1} R[n-1, j].

    NaN for a single experience. Sarfraz et al. 2022 (SYNERgy).
    """
    R = _square(accuracy)
    return np.mean(R[..., -1, :-1], axis=-1) if R.shape[-1] > 1 else _not_measured(R)


def forgetting_by_experience(accuracy: Array) -> Array:
    """(..., n) drop of each experience from its best accuracy before the end to its final one.

    max_{j<=i<n-1} R[i, j] - R[n-1, j]: once it was learned, so that luck before is no forgetting.
    NaN for the last experience, which nothing followed, and where not measured.
    """
    R = _square(accuracy)
    drops = np.full(R.shape[:-1], math.nan)
    for j in range(R.shape[-1] - 1):
        drops[..., j] = R[..., j:-1, j].max(axis=-1) - R[..., -1, j]
    return drops


def anytime_accuracy(
    curve: Sequence[tuple[float, float]], *, budget: float, chance: float
) -> float:
    """Mean accuracy of the network over the budget, as if asked at a uniformly drawn moment.

    The area under the step function that is `chance` until the first measurement, holds each
    measurement until the next, and the last one until the budget ends, divided by the budget.
    Measurements past the budget count at its end, so not at all. NaN for an empty curve.

    Args:
        curve: (charged, mean accuracy over the experiences so far) in the budget's unit; any order.
    """
    if not curve:
        return math.nan
    points = sorted((min(charged / budget, 1.0), value) for charged, value in curve)
    starts = [0.0, *(charged for charged, _ in points)]
    values = [chance, *(value for _, value in points)]
    ends = [*starts[1:], 1.0]
    widths = (end - start for start, end in zip(starts, ends, strict=True))
    return math.fsum(value * width for value, width in zip(values, widths, strict=True))


@dataclass(frozen=True)
class Learned:
    """What runs of one pool that did not fail showed, as far as a metric reads it.

    Attributes:
        accuracy: (runs, n, n).
        curves: of each run, (charged, mean accuracy over the experiences so far), in the budget's
            unit.
        budget: the amount.
        chance: accuracy of guessing.
        changes: of each run, after each experience, the shares of the test samples that were lost
            and gained; empty unless experiences pass into each other.
    """

    accuracy: Array
    curves: Sequence[Sequence[tuple[float, float]]]
    budget: float
    chance: float
    changes: Sequence[Sequence[tuple[float, float]]]


METRICS: Mapping[str, Callable[[Learned], Sequence[float] | Array]] = {
    "average_incremental_accuracy": lambda runs: average_incremental_accuracy(runs.accuracy),
    "forgetting": lambda runs: forgetting(runs.accuracy),
    "backward_transfer": lambda runs: backward_transfer(runs.accuracy),
    "forward_transfer": lambda runs: forward_transfer(runs.accuracy, chance=runs.chance),
    "near_future_accuracy": lambda runs: [
        float(near_future_accuracy(one)) if changes else math.nan
        for one, changes in zip(runs.accuracy, runs.changes, strict=True)
    ],
    "knowledge_loss": lambda runs: [
        mean_change([lost for lost, _ in changes]) for changes in runs.changes
    ],
    "knowledge_gain": lambda runs: [
        mean_change([gained for _, gained in changes]) for changes in runs.changes
    ],
    "plasticity": lambda runs: plasticity(runs.accuracy),
    "stability": lambda runs: stability(runs.accuracy),
    "anytime_accuracy": lambda runs: [
        anytime_accuracy(curve, budget=runs.budget, chance=runs.chance) for curve in runs.curves
    ],
}
"""What is told of each run beside what ranks it; a column shows its mean over runs."""


def _not_measured(R: Array) -> Array:
    return np.full(R.shape[:-2], math.nan)[()]


def _diagonal(R: Array, offset: int = 0) -> Array:
    return np.diagonal(R, offset, axis1=-2, axis2=-1)


def _square(accuracy: Array) -> Array:
    """The matrices themselves.

    Raises:
        ValueError: unless they are squares of fractions and NaN.
    """
    R = np.asarray(accuracy, dtype=float)
    if R.ndim < 2 or R.shape[-1] != R.shape[-2] or not R.shape[-1]:
        raise ValueError(f"accuracy must be square matrices (..., n, n), got shape {R.shape}")
    outside = R[(R < 0) | (R > 1)]
    if len(outside):
        raise ValueError(f"accuracy must be fractions in [0, 1], got {outside[0]}")
    return R

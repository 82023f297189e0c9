"""Continual-learning metrics: pure functions of the accuracy matrix and of the accuracy curve.

`accuracy` is always (n, n), fractions: row i is after training on experience i, column j is tested
on experience j, NaN where not measured. What a metric needs and was not measured makes it NaN, so
that an upper bound with only its last row has a final accuracy and no forgetting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def average_accuracy(accuracy: Matrix) -> float:
    """Mean accuracy over all experiences after the last one: 1/n * sum_j R[n-1, j].

    Lopez-Paz & Ranzato 2017, ACC.
    """
    return float(np.mean(_square(accuracy)[-1]))


def average_incremental_accuracy(accuracy: Matrix) -> float:
    """Mean over i of the mean accuracy on the experiences seen by then.

    1/n * sum_i mean(R[i, :i+1]). Rebuffi et al. 2017 (iCaRL), each
    experience weighing the same.
    """
    R = _square(accuracy)
    return float(np.mean(np.tril(R).sum(axis=1) / np.arange(1, len(R) + 1)))


def forgetting(accuracy: Matrix) -> float:
    """Mean drop from each experience's best accuracy to its final one, max-minus-last.

    1/(n-1) * sum_{j<n-1} (max_{i<n-1} R[i, j] - R[n-1, j]); negative if the past improved at the
    end. The last experience is excluded; NaN for a single one. Chaudhry et al. 2018, eq. 3.
    """
    R = _square(accuracy)
    if len(R) < 2 or np.isnan(np.tril(R)).any():
        return math.nan
    best = np.fmax.reduce(R[:-1, :-1])  # the diagonal is measured, what is above need not be
    return float(np.mean(best - R[-1, :-1]))


def backward_transfer(accuracy: Matrix) -> float:
    """Mean change of each experience from when it was learned to the end; negative if forgotten.

    1/(n-1) * sum_{j<n-1} (R[n-1, j] - R[j, j]); NaN for a single experience. Lopez-Paz & Ranzato
    2017, BWT.
    """
    R = _square(accuracy)
    if len(R) < 2:
        return math.nan
    return float(np.mean(R[-1, :-1] - np.diag(R)[:-1]))


def forward_transfer(accuracy: Matrix, *, chance: float) -> float:
    """Mean accuracy above chance on each experience just before it is learned.

    1/(n-1) * sum_{i>0} (R[i-1, i] - chance); NaN for a single experience. Lopez-Paz & Ranzato
    2017, FWT, with the accuracy of guessing in place of that of the untrained network, which is
    random. A class-incremental network never answers with unseen classes, so there it is -chance.
    """
    R = _square(accuracy)
    if len(R) < 2:
        return math.nan
    return float(np.mean(np.diag(R, k=1) - chance))


def plasticity(accuracy: Matrix) -> float:
    """Mean accuracy on each experience just after it was learned: 1/n * sum_j R[j, j].

    Riemer et al. 2019 (MER), there "learning accuracy".
    """
    return float(np.mean(np.diag(_square(accuracy))))


def stability(accuracy: Matrix) -> float:
    """Mean final accuracy over the experiences before the last: 1/(n-1) * sum_{j<n-1} R[n-1, j].

    NaN for a single experience. Sarfraz et al. 2022 (SYNERgy).
    """
    R = _square(accuracy)
    return float(np.mean(R[-1, :-1])) if len(R) > 1 else math.nan


def forgetting_by_experience(accuracy: Matrix) -> npt.NDArray[np.float64]:
    """(n,) drop of each experience from its best accuracy before the end to its final one.

    max_{j<=i<n-1} R[i, j] - R[n-1, j]: once it was learned, so that luck before is no forgetting.
    NaN for the last experience, which nothing followed, and where not measured.
    """
    R = _square(accuracy)
    drops = np.full(len(R), math.nan)
    for j in range(len(R) - 1):
        drops[j] = R[j:-1, j].max() - R[-1, j]
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
    """What a run that did not fail showed, as far as a metric reads it.

    Attributes:
        accuracy: the matrix.
        curve: (charged, mean accuracy over the experiences so far), in the budget's unit.
        budget: the amount.
        chance: accuracy of guessing.
    """

    accuracy: Matrix
    curve: Sequence[tuple[float, float]]
    budget: float
    chance: float


METRICS: Mapping[str, Callable[[Learned], float]] = {
    "average_incremental_accuracy": lambda run: average_incremental_accuracy(run.accuracy),
    "forgetting": lambda run: forgetting(run.accuracy),
    "backward_transfer": lambda run: backward_transfer(run.accuracy),
    "forward_transfer": lambda run: forward_transfer(run.accuracy, chance=run.chance),
    "plasticity": lambda run: plasticity(run.accuracy),
    "stability": lambda run: stability(run.accuracy),
    "anytime_accuracy": lambda run: anytime_accuracy(
        run.curve, budget=run.budget, chance=run.chance
    ),
}
"""What is told of every run beside what ranks it; a column shows its mean over runs."""


def _square(accuracy: Matrix) -> Matrix:
    """The matrix itself.

    Raises:
        ValueError: unless it is a square of fractions and NaN.
    """
    R = np.asarray(accuracy, dtype=float)
    if R.ndim != 2 or R.shape[0] != R.shape[1] or not len(R):
        raise ValueError(f"accuracy must be a square matrix (n, n), got shape {R.shape}")
    outside = R[(R < 0) | (R > 1)]
    if len(outside):
        raise ValueError(f"accuracy must be fractions in [0, 1], got {outside[0]}")
    return R

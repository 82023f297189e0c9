"""Statistics of a leaderboard: intervals, paired tests, Pareto fronts and hypervolume. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

LEAST_SHARE = 1e-3
"""Weights below this share of the network count as this share: the left edge of the hypervolume."""
MARGIN = 0.1
"""The reference point lies this far beyond the worst corner, on both normalised axes."""
WORST_HYPERVOLUME = (MARGIN / (1 + MARGIN)) ** 2
"""Hypervolume of the worst corner: all weights, accuracy of chance. What a failed run gets."""

RESAMPLES = 2000
MOST_FLIPS = 2**16


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its interval; the ends are NaN for fewer than two values."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float], *, rng: np.random.Generator, level: float = 0.95
) -> Interval:
    """Bootstrap interval of the mean, widened so that it covers `level` from three values on.

    The ends of the percentile bootstrap, moved away from the mean by sqrt(n / (n - 1)), which makes
    up for the bootstrap's too small variance, and by t / z, the quantiles of Student's t with n - 1
    degrees of freedom and of the normal, which makes up for the unknown one. Normal data: 94-95 %
    at 3 to 20 values. After Hesterberg 2015 (there by moving the percentile, which
    cannot leave the range of three values).
    """
    data = np.asarray(values, dtype=float)
    n = len(data)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(data.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan)
    means = data[rng.integers(0, n, (RESAMPLES, n))].mean(axis=1)
    upper = (1 + level) / 2
    low, high = np.quantile(means, [1 - upper, upper])
    return widened(Interval(mean, low, high), n=n, level=level)


def widened(found: Interval, *, n: int, level: float = 0.95) -> Interval:
    """A bootstrap interval over n values, its ends moved away from the mean as few values need.

    n: at least 2. The factor is that of `mean_interval`.
    """
    upper = (1 + level) / 2
    factor = math.sqrt(n / (n - 1)) * stats.t.ppf(upper, n - 1) / stats.norm.ppf(upper)
    mean = found.mean
    low, high = (float(mean + factor * (end - mean)) for end in (found.low, found.high))
    return Interval(mean, low, high)


def paired_sign_flip(
    first: Sequence[float], second: Sequence[float], *, rng: np.random.Generator
) -> float:
    """Two-sided p-value that paired values differ in mean, by flipping the signs of differences.

    Exact over all 2^n flips up to 16 pairs, the smallest p is then 2^(1 - n); by random flips from
    `rng` beyond. 1.0 for fewer than two pairs.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs must match, got {len(first)} and {len(second)} values")
    if len(first) < 2:
        return 1.0
    result = stats.permutation_test(
        (np.asarray(first, dtype=float), np.asarray(second, dtype=float)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=MOST_FLIPS,
        random_state=rng,
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for testing all of them, in the order given. Holm 1979."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def seeds_to_separate(comparisons: int, *, alpha: float) -> int:
    """The fewest paired seeds with which the exact test can reach `alpha` after Holm."""
    return math.ceil(1 + math.log2(max(comparisons, 1) / alpha))


def non_domination_ranks(weights: Sequence[float], accuracy: Sequence[float]) -> list[int]:
    """Layer of each point when fewer weights and more accuracy are better; 1 is the Pareto front.

    A point is dominated by one that is no worse in both and better in one; equal points share a
    layer. Deb et al. 2002.
    """
    points = list(zip(weights, accuracy, strict=True))
    ranks = [0] * len(points)
    left = set(range(len(points)))
    layer = 0
    while left:
        layer += 1
        front = {i for i in left if not any(_dominates(points[j], points[i]) for j in left)}
        for i in front:
            ranks[i] = layer
        left -= front
    return ranks


def pareto_front(weights: Sequence[float], accuracy: Sequence[float]) -> list[bool]:
    """Whether each point is dominated by no other."""
    return [rank == 1 for rank in non_domination_ranks(weights, accuracy)]


def normalised(
    share: float, accuracy: float, *, chance: float, joint: float
) -> tuple[float, float]:
    """(cost, gain) of one point within the frozen bounds, both clipped to [0, 1].

    cost: log10 of the share of weights used, 0 at 1e-3 of them and 1 at all of them.
    gain: (accuracy - chance) / (joint - chance).
    """
    if not joint > chance:
        raise ValueError(f"joint must be above chance = {chance}, got {joint}")
    cost = math.log10(min(max(share, LEAST_SHARE), 1.0)) / -math.log10(LEAST_SHARE) + 1
    gain = (accuracy - chance) / (joint - chance)
    return cost, min(max(gain, 0.0), 1.0)


def hypervolume(points: Sequence[tuple[float, float]], *, chance: float, joint: float) -> float:
    """Area that the points dominate, as a share of the area that a perfect entry dominates.

    points: (share of weights used, accuracy). Axes as in `normalised`; the reference point is at
    cost 1.1 and gain -0.1, so a perfect entry (1e-3 of the weights, accuracy of joint) dominates
    1.1 * 1.1 and scores 1, and the worst corner scores (0.1 / 1.1)^2. No points score 0. It depends
    on the frozen bounds only, never on who else entered. Zitzler & Thiele 1999.
    """
    area, height = 0.0, -MARGIN
    for cost, gain in sorted(
        (normalised(share, accuracy, chance=chance, joint=joint) for share, accuracy in points),
        key=lambda point: (point[0], -point[1]),
    ):
        if gain > height:
            area += (1 + MARGIN - cost) * (gain - height)
            height = gain
    return area / (1 + MARGIN) ** 2


def attainment(points: Sequence[tuple[float, float]], share: float) -> float:
    """Best accuracy among the points that use at most `share` of the weights; NaN if none does.

    points: (share of weights used, accuracy). A step function: nothing is interpolated.
    """
    return max((accuracy for used, accuracy in points if used <= share), default=math.nan)


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether (weights, accuracy) `one` is no worse than `other` in both and better in one."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other

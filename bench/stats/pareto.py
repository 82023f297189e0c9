"""Fronts, hypervolumes and what joint resamples say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.stats.intervals import RESAMPLES, Array

LEAST_SHARE = 1e-3
"""Weights below this share of the network count as this share: the left edge of the hypervolume."""


MARGIN = 0.1
"""The reference point lies this far beyond the worst corner, on both normalised axes."""


WORST_HYPERVOLUME = (MARGIN / (1 + MARGIN)) ** 2
"""Hypervolume of the worst corner: all weights, accuracy of chance. What a failed run gets."""


def _uniform(entries: Sequence[Sequence[float]], rng: np.random.Generator) -> Array:
    """(RESAMPLES, most values of an entry) uniform numbers, which choose the seeds of all."""
    return rng.random((RESAMPLES, max(map(len, entries))))


def _resampled_means(entries: Sequence[Sequence[float]], drawn: Array, decimals: int = 12) -> Array:
    """(RESAMPLES, entries) means, rounded so that equal runs stay equal in the mean."""
    chosen = {n: (drawn[:, :n] * n).astype(int) for n in set(map(len, entries))}
    columns = [np.asarray(own, dtype=float)[chosen[len(own)]].mean(axis=1) for own in entries]
    return np.column_stack(columns).round(decimals)


def front_probabilities(
    weights: Sequence[Sequence[float]],
    accuracy: Sequence[Sequence[float]],
    *,
    decimals: tuple[int, int] = (12, 12),
    rng: np.random.Generator,
) -> list[float]:
    """Share of resamples over seeds in which each entry's means lie on the Pareto front.

    Args:
        weights: by entry, the shares of its seeds, in the same order of seeds, so that seeds are
            resampled for all entries together. Entries with other numbers of seeds are resampled by
            the same uniform numbers.
        accuracy: by entry, the accuracies of the same seeds.
        decimals: to which means of weights and accuracy are rounded.
        rng: draws the resamples.
    """
    if not weights:
        return []
    drawn = _uniform(weights, rng)
    means = (
        _resampled_means(values, drawn, digits)
        for values, digits in zip((weights, accuracy), decimals, strict=True)
    )
    return [float(share) for share in _on_front(*means).mean(axis=0)]


def _on_front(weights: Array, accuracy: Array) -> npt.NDArray[np.bool_]:
    """(sets, entries) whether each entry is dominated by no other of its set; so are both given."""
    order = np.lexsort((-accuracy, weights), axis=1)
    used, reached = (np.take_along_axis(m, order, axis=1) for m in (weights, accuracy))
    before = np.maximum.accumulate(reached, axis=1)
    better = np.ones_like(reached, dtype=bool)
    better[:, 1:] = reached[:, 1:] > before[:, :-1]
    # of equal entries only the first is better than all before it: the others are on with it
    first = np.maximum.accumulate(np.where(better, np.arange(used.shape[1]), 0), axis=1)
    same = (np.take_along_axis(used, first, axis=1) == used) & (
        np.take_along_axis(reached, first, axis=1) == reached
    )
    result = np.empty_like(same)
    np.put_along_axis(result, order, same, axis=1)
    return result


def non_domination_ranks(weights: Sequence[float], accuracy: Sequence[float]) -> list[int]:
    """Rank of each point when fewer weights and more accuracy are better; 1 is the Pareto front.

    A point is dominated by one that is no worse in both and better in one; equal points share a
    rank. Deb et al. 2002.
    """
    points = list(zip(weights, accuracy, strict=True))
    ranks = [0] * len(points)
    left = set(range(len(points)))
    rank = 0
    while left:
        rank += 1
        front = {i for i in left if not any(_dominates(points[j], points[i]) for j in left)}
        for i in front:
            ranks[i] = rank
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

    Axes as in `normalised`. The reference point is at cost 1.1 and gain -0.1, so a perfect entry
    (1e-3 of the weights, accuracy of joint) dominates 1.1 * 1.1 and scores 1, and the worst corner
    scores (0.1 / 1.1)^2. It depends on the frozen bounds only, never on who else entered. Zitzler &
    Thiele 1999.

    Args:
        points: (share of weights used, accuracy); none score 0.
        chance: accuracy of guessing.
        joint: accuracy of joint training, above chance.
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

    Args:
        points: (share of weights used, accuracy). A step function: nothing is interpolated.
    """
    return max((accuracy for used, accuracy in points if used <= share), default=math.nan)


def weights_needed(points: Sequence[tuple[float, float]], accuracy: float) -> float:
    """Least share of the weights among the points at least so accurate; NaN if none is.

    Args:
        points: (share of weights used, accuracy). A step function: nothing is interpolated.
    """
    return min((used for used, reached in points if reached >= accuracy), default=math.nan)


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether (weights, accuracy) `one` is no worse than `other` in both and better in one."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other

"""The score of a run for its size: its accuracy, weighed by how small its network is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

SMALLEST = 0.01
"""Sizes below this share of the dense network count as this share."""


LARGEST = 10.0
"""Sizes from this share of the dense network on score 0."""


def normalised_accuracy(accuracy: float, *, chance: float, joint: float) -> float:
    """(accuracy - chance) / (joint - chance), clipped to [0, 1]; NaN if it was not measured.

    Args:
        accuracy: a fraction.
        chance: accuracy of guessing, a fraction.
        joint: accuracy of joint training, a fraction.

    Raises:
        ValueError: if joint is not above chance.
    """
    if not joint > chance:
        raise ValueError(f"joint must be above chance = {chance}, got {joint}")
    return _clipped((accuracy - chance) / (joint - chance), 0.0, 1.0)


def size_score(
    accuracy: float,
    size: float,
    *,
    chance: float,
    joint: float,
    smallest: float = SMALLEST,
    largest: float = LARGEST,
) -> float:
    """Expected normalised accuracy when the size is capped at random, in [0, 1].

    S = y * log(largest / B) / log(largest / smallest), where y is the normalised accuracy and B the
    size clipped to [smallest, largest]. The cap is drawn log-uniformly from [smallest, largest]; a
    network larger than the cap scores 0. With the range left as it is, joint scores 1/3 at the size
    of the dense network, twice as much at a tenth of it, and whoever guesses 0 at any size. A run
    that failed is a 0 too, without this function. NaN if accuracy or size was not measured.

    Args:
        accuracy: a fraction.
        size: what the network keeps, as a share of the dense network: 1 is the same size.
        chance: accuracy of guessing, a fraction.
        joint: accuracy of joint training, a fraction.
        smallest: least cap, a share of the dense network.
        largest: largest cap, a share of the dense network.

    Raises:
        ValueError: if joint is not above chance, smallest not positive and below largest, or the
            size negative.
    """
    gain = normalised_accuracy(accuracy, chance=chance, joint=joint)
    return gain * _caps_met(size, smallest, largest)


def front_score(
    points: Iterable[tuple[float, float]],
    *,
    chance: float,
    joint: float,
    smallest: float = SMALLEST,
    largest: float = LARGEST,
) -> float:
    """Expected normalised accuracy of the best point within a random cap, in [0, 1].

    The score of one strategy in several configurations: at each cap it may choose among those that
    are no larger, and has 0 where there is none. Of one point it is `size_score`, of no point 0. No
    point can lower it. NaN if an accuracy or a size was not measured.

    Args:
        points: (accuracy, size), as in `size_score`.
        chance: accuracy of guessing, a fraction.
        joint: accuracy of joint training, a fraction.
        smallest: least cap, a share of the dense network.
        largest: largest cap, a share of the dense network.

    Raises:
        ValueError: as in `size_score`.
    """
    steps = [
        (_caps_met(size, smallest, largest), normalised_accuracy(a, chance=chance, joint=joint))
        for a, size in points
    ]
    if any(math.isnan(value) for step in steps for value in step):
        return math.nan
    score, best = 0.0, 0.0
    for met, gain in sorted(steps, reverse=True):  # from the smallest size on
        score += max(gain - best, 0.0) * met
        best = max(best, gain)
    return score


def collapsed(gains: Sequence[float]) -> int:
    """How many runs of a row have less than half of its median normalised accuracy.

    A failed run, which has 0, is one of them if it is given. At most half of the runs can be, and
    none of a row whose median is 0. Runs that are NaN, not measured, are left out.

    Args:
        gains: normalised accuracy of each run, fractions.
    """
    measured = np.asarray(gains, dtype=float)
    measured = measured[~np.isnan(measured)]
    return int((measured < np.median(measured) / 2).sum()) if len(measured) else 0


def _caps_met(size: float, smallest: float, largest: float) -> float:
    """Probability that a network of this size is within the cap."""
    if not 0 < smallest < largest:
        raise ValueError(f"smallest must be in (0, largest = {largest}), got {smallest}")
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size}")
    return math.log(largest / _clipped(size, smallest, largest)) / math.log(largest / smallest)


def _clipped(value: float, low: float, high: float) -> float:
    return value if math.isnan(value) else min(max(value, low), high)

"""Analyses behind the claims of papers on pruning: how many rounds, and how many weights. Pure.

`errors` is always (seeds, settings), fractions above 0: one row for each seed, so that settings
pair by seed, one column for each setting, such as a number of rounds. Randomness is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bench.stats.hypothesis_tests import paired_sign_flip
from bench.stats.intervals import RESAMPLES, Array, Interval, mean_interval, widened

PERMUTATIONS = 9999
LEVELS = 101
"""Matched accuracies over which a ratio of weights is averaged."""

Points = Sequence[tuple[float, float]]
"""(weights used, accuracy) of one seed at each density."""


@dataclass(frozen=True)
class Extremes:
    """The settings with the least and the largest mean error.

    Attributes:
        best: columns.
        worst: columns.
        ratio: mean error of the worst over that of the best.
        p_pair: sign-flip test of that pair, which ignores that the pair was selected, and is at
            least 2^(1 - seeds).
        p_any: whether settings differ at all, selection included.
    """

    best: int
    worst: int
    ratio: Interval
    p_pair: float
    p_any: float


def extremes(errors: Array, *, rng: np.random.Generator) -> Extremes:
    """The best and the worst setting, and how sure the gap between the two is.

    The interval is the basic bootstrap of the logarithm over seeds, with best and worst selected
    anew in each resample: what the selection adds to the ratio there is taken off here. Its lower
    end is never below 1, which no ratio of worst to best is.
    """
    means = errors.mean(axis=0)
    best, worst = int(means.argmin()), int(means.argmax())
    again = _resampled(errors, rng)
    found = _basic(
        math.log(means[worst] / means[best]),
        np.log(again.max(axis=1) / again.min(axis=1)),
        seeds=len(errors),
    )
    low = found.low if math.isnan(found.low) else max(1.0, math.exp(found.low))
    high = found.high if math.isnan(found.high) else max(1.0, math.exp(found.high))
    return Extremes(
        best=best,
        worst=worst,
        ratio=Interval(math.exp(found.mean), low, high),
        p_pair=paired_sign_flip(list(errors[:, worst]), list(errors[:, best]), rng=rng),
        p_any=settings_differ(errors, rng=rng),
    )


def settings_differ(errors: Array, *, rng: np.random.Generator) -> float:
    """The p-value that settings differ: a permutation test of the range of their means.

    Each seed's errors are shuffled. The test compares the observed gap with the largest gap of as
    many equal settings, so that looking for the best and the worst costs what it must. 1.0 for
    fewer than two seeds.
    """
    if len(errors) < 2:
        return 1.0
    shuffled = rng.permuted(np.repeat(errors[None], PERMUTATIONS, axis=0), axis=2)
    gaps = np.ptp(shuffled.mean(axis=1), axis=1)
    observed = np.ptp(errors.mean(axis=0))
    return float((1 + np.sum(gaps >= observed - 1e-12)) / (1 + PERMUTATIONS))


def best_shares(errors: Array, *, rng: np.random.Generator) -> Array:
    """Share of resamples over seeds in which each setting has the least mean error, (settings,)."""
    best = _resampled(errors, rng).argmin(axis=1)
    return np.bincount(best, minlength=errors.shape[1]) / len(best)


@dataclass(frozen=True)
class Move:
    """How the best setting of a second experiment lies to that of the first: shares that add to 1.

    Attributes:
        lower: share in which the best setting of the second experiment is the lower one.
        same: share in which both have the same.
        higher: share in which it is the higher one.
        p: of `interaction`, that the effect of the setting depends on the experiment.
    """

    lower: float
    same: float
    higher: float
    p: float


def move(first: Array, second: Array, *, rng: np.random.Generator) -> Move:
    """Whether the best setting moves between two experiments with the same settings, in order."""
    one, other = best_shares(first, rng=rng), best_shares(second, rng=rng)
    joint = np.outer(one, other)
    return Move(
        lower=float(np.tril(joint, -1).sum()),
        same=float(np.trace(joint)),
        higher=float(np.triu(joint, 1).sum()),
        p=interaction(first, second, rng=rng),
    )


def interaction(first: Array, second: Array, *, rng: np.random.Generator) -> float:
    """The p-value that the effect of the setting depends on the experiment.

    Each seed's profile is its log errors less their mean, so that one experiment may be harder
    than the other by any factor. The profiles are dealt to the two experiments anew: all splits
    up to 9999, as many random ones beyond. Statistic: squared distance of the mean profiles.
    1.0 for fewer than two seeds in either.
    """
    if min(len(first), len(second)) < 2:
        return 1.0
    logs = np.log(np.concatenate([first, second]))
    profiles = logs - logs.mean(axis=1, keepdims=True)
    n, m = len(profiles), len(first)
    exact = math.comb(n, m) <= PERMUTATIONS
    splits = (
        np.array(list(combinations(range(n), m)))
        if exact
        else np.array([rng.permutation(n)[:m] for _ in range(PERMUTATIONS)])
    )
    inside = profiles[splits].sum(axis=1)
    distance = inside / m - (profiles.sum(axis=0) - inside) / (n - m)
    statistics = np.sum(distance**2, axis=1)
    observed = np.sum((profiles[:m].mean(axis=0) - profiles[m:].mean(axis=0)) ** 2)
    reached = int(np.sum(statistics >= observed - 1e-12))
    return reached / len(splits) if exact else (1 + reached) / (1 + len(splits))


def excess(candidate: Array, errors: Array, *, rng: np.random.Generator) -> Interval:
    """Relative error of `candidate` over the best setting: 0.1 is a tenth more, negative is less.

    The interval is the basic bootstrap of the logarithm over seeds. The best setting is selected
    anew in each resample.

    Args:
        candidate: its errors, (seeds,), of the same seeds as `errors`.
    """
    table = np.column_stack([candidate, errors])
    means, again = table.mean(axis=0), _resampled(table, rng)
    found = _basic(
        math.log(means[0] / means[1:].min()),
        np.log(again[:, 0] / again[:, 1:].min(axis=1)),
        seeds=len(table),
    )
    return Interval(*(math.expm1(end) for end in (found.mean, found.low, found.high)))


@dataclass(frozen=True)
class Matched:
    """Weights of one strategy over those of another where both are equally accurate.

    Attributes:
        ratio: geometric mean over the accuracies that both reach.
        at_best: at the highest of them.
        low: mean over seeds of the ends of that range.
        high: mean over seeds of the ends of that range.
        seeds: with such an accuracy, of `of`.
    """

    ratio: Interval
    at_best: Interval
    low: float
    high: float
    seeds: int
    of: int


def matched_ratio(
    first: Sequence[Points], second: Sequence[Points], *, rng: np.random.Generator
) -> Matched:
    """Weights that `first` needs over those of `second` at the same accuracy, seed by seed.

    The logarithm of the weights is interpolated over accuracy along the `envelope` of a seed. A
    seed without an accuracy that both reach is left out and counted. The interval is over seeds.

    Args:
        first: the points of each seed.
        second: the points of the same seeds, in the same order.
    """
    logs, tops, ranges = [], [], []
    for one, other in zip(first, second, strict=True):
        a, b = envelope(one), envelope(other)
        if not a or not b:
            continue
        low, high = max(a[0][1], b[0][1]), min(a[-1][1], b[-1][1])
        if low > high:
            continue
        levels = np.linspace(low, high, LEVELS)
        gaps = _log_weights(a, levels) - _log_weights(b, levels)
        logs.append(float(np.mean(gaps)))
        tops.append(float(gaps[-1]))
        ranges.append((low, high))
    low, high = np.mean(ranges, axis=0) if ranges else (math.nan, math.nan)
    return Matched(
        ratio=_exp(mean_interval(logs, rng=rng)),
        at_best=_exp(mean_interval(tops, rng=rng)),
        low=float(low),
        high=float(high),
        seeds=len(ranges),
        of=len(first),
    )


def envelope(points: Points) -> list[tuple[float, float]]:
    """The points, by weights, that are more accurate than every point with no more weights."""
    found: list[tuple[float, float]] = []
    for weights, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not found or accuracy > found[-1][1]:
            found.append((weights, accuracy))
    return found


def _log_weights(front: Points, levels: Array) -> Array:
    weights, accuracy = np.array(front).T
    return np.interp(levels, accuracy, np.log(weights))


def _resampled(errors: Array, rng: np.random.Generator) -> Array:
    """Mean errors over seeds drawn with replacement, (RESAMPLES, settings)."""
    n = len(errors)
    return errors[rng.integers(0, n, (RESAMPLES, n))].mean(axis=1)


def _basic(estimate: float, resampled: Array, *, seeds: int) -> Interval:
    """The basic bootstrap interval: quantiles mirrored at the estimate; NaN for one seed."""
    if seeds < 2:
        return Interval(estimate, math.nan, math.nan)
    low, high = np.quantile(resampled, [0.025, 0.975])
    mirrored = Interval(estimate, 2 * estimate - float(high), 2 * estimate - float(low))
    return widened(mirrored, n=seeds)


def _exp(found: Interval) -> Interval:
    return Interval(*(math.exp(end) for end in (found.mean, found.low, found.high)))

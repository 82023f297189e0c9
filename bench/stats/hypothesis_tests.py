"""Tests of paired differences, and their corrections for many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

ALPHA = 0.05
"""Two rows are separated when the adjusted p-value is at most this."""


MOST_EXACT = 16
"""Most pairs whose flips are all tried."""


FLIPS = 9999


def paired_sign_flip(
    first: Sequence[float], second: Sequence[float], *, rng: np.random.Generator
) -> float:
    """Two-sided p-value that paired values differ in mean, by flipping the signs of differences.

    Exact over all 2^n flips up to 16 pairs, the smallest p is then 2^(1 - n); beyond, by FLIPS
    random ones from `rng` beside the one observed, and the smallest is 1 / (1 + FLIPS). 1.0 for
    fewer than two pairs.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs must match, got {len(first)} and {len(second)} values")
    if len(first) < 2:
        return 1.0
    differences = np.subtract(first, second, dtype=float)
    n = len(differences)
    exact = n <= MOST_EXACT
    signs = _all_signs(n) if exact else rng.integers(0, 2, (FLIPS, n), dtype=np.int8) * 2 - 1
    least = abs(float(differences.sum())) - 1e-12 * np.abs(differences).sum()
    reached = int((np.abs(signs @ differences) >= least).sum())
    return reached / len(signs) if exact else (1 + reached) / (1 + FLIPS)


@lru_cache(maxsize=MOST_EXACT)
def _all_signs(n: int) -> npt.NDArray[np.int8]:
    """(2^n, n) every choice of signs."""
    return np.array(list(product((-1, 1), repeat=n)), dtype=np.int8)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for testing all of them, in the order given. Holm 1979."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def probability_of_improvement(first: Sequence[float], second: Sequence[float]) -> float:
    """Probability that a run of `first` has a larger value than one of `second`; ties count half.

    Over all pairs of runs: the Mann-Whitney statistic over its largest value. NaN if one has no
    values. Agarwal et al. 2021.
    """
    if not len(first) or not len(second):
        return math.nan
    pairs = np.subtract.outer(np.asarray(first, dtype=float), np.asarray(second, dtype=float))
    return float(((pairs > 0) + (pairs == 0) / 2).mean())


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b of two orders of the same things, in [-1, 1]; ties count for neither.

    NaN below two things, or where all of one order are equal. Kendall 1945. As scipy.stats has it,
    which takes a second to import; `tests/stats/test_stats.py` compares the two.
    """
    signs = [np.sign(np.subtract.outer(order, order)) for order in (first, second)]
    pairs = math.sqrt(np.prod([np.count_nonzero(sign) for sign in signs], dtype=float))
    return float((signs[0] * signs[1]).sum() / pairs) if pairs else math.nan

"""Which rows of a table are told apart, and the intervals of their ranks that follow.

`scores` is always (seeds, rows), larger ones better, NaN where a row has no run of a seed. A run
that failed is no missing one: it counts as the worst score. Matrices of pairs are (rows, rows),
symmetric, 1 on the diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from bench.stats.hypothesis_tests import ALPHA, FLIPS, holm
from bench.stats.intervals import Array, generator

MOST_EXACT = 10
"""Most seeds whose flips `westfall_young` tries all."""


FEWEST_FLIPPED = 6
"""Fewest seeds whose sign flips can separate one pair at 5 %: the smallest p is 2^(1 - seeds)."""


SAME = 1e-12
"""Differences below this share of the largest score are rounding errors: none."""


CHUNK = 1024
"""Flips held in memory at a time."""


def paired_t_matrix(scores: Array) -> Array:
    """(rows, rows) two-sided p-values of the paired t-test, over the seeds that both rows have.

    1 where these are fewer than two, and where all differences are 0. Equal differences that are
    not 0 have no spread for the test to read. They come of scores that are the same at every seed:
    a row that always failed, a row always at the upper bound. Their p is the test's limit, 0, from
    six seeds on; with fewer it is that of the exact sign flips, 2^(1 - n), which separates nothing
    at 5 %: of a row that fails every other time, five equal runs are no rarity (6 %).

    Args:
        scores: (seeds, rows), NaN where missing.

    Raises:
        ValueError: if scores have not two dimensions.
    """
    from scipy import special  # takes half a second, which refusing a wrong option has not

    differences = _differences(scores)
    n = (~np.isnan(differences)).sum(axis=0)
    mean = _mean(differences)
    squares = np.nansum((differences - mean) ** 2, axis=0)
    spread = np.sqrt(squares / np.maximum(n - 1, 1))
    varies = (n >= 2) & (spread > SAME * _largest(scores))
    error = np.where(varies, spread, 1.0) / np.sqrt(np.maximum(n, 1))
    p = 2 * special.stdtr(np.maximum(n - 1, 1), -np.abs(mean) / error)
    flips = 2.0 ** (1 - n)
    equal = np.where(mean == 0, 1.0, np.where(flips <= ALPHA, 0.0, flips))
    return np.where(n < 2, 1.0, np.where(varies, p, equal))


def paired_t(first: Sequence[float], second: Sequence[float]) -> float:
    """The p-value of one pair, as in `paired_t_matrix`.

    Raises:
        ValueError: unless both have a value of each seed.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs must match, got {len(first)} and {len(second)} values")
    if not len(first):
        return 1.0
    return float(paired_t_matrix(np.column_stack([first, second]))[0, 1])


def holm_matrix(p_values: Array) -> Array:
    """(rows, rows) the p-values adjusted for testing all pairs of rows. Holm 1979.

    Args:
        p_values: (rows, rows), symmetric; a pair counts once.
    """
    pairs = _pairs(len(p_values))
    return _symmetric(np.array(holm(p_values[pairs].tolist())), len(p_values))


def rank_intervals(scores: Array, alpha: float = ALPHA) -> list[tuple[int, int]]:
    """First and last rank that each row may have; all hold at once, at level 1 - `alpha`.

    (1 + rows that are surely better, rows - rows that are surely worse): surely, where the paired
    t-test separates the two after Holm's correction over all pairs. A wrong interval needs a wrong
    separation, of which the correction allows any at all in `alpha` of tables. Al Mohamad, Goeman &
    van Zwet 2022, with Tukey's test.

    In simulations of ten rows and ten seeds this holds where rows have one shape, normal or very
    skewed. It does not where very skewed rows stand among steady ones of the same mean: 7 to 17 %
    of such tables are wrong. Nor where one row in ten runs collapses and the others never: 37 % at
    ten seeds, 15 % at twenty, as no collapse was seen. `tests/stats/test_simulations.py`.

    Args:
        scores: (seeds, rows), NaN where missing.
        alpha: probability that any interval is wrong, a fraction.

    Returns:
        (first, last) of each row, ranks from 1, the best.
    """
    better = _mean(_differences(scores)) > 0
    surely = better & (holm_matrix(paired_t_matrix(scores)) <= alpha)
    beaten, beats = surely.sum(axis=0), surely.sum(axis=1)
    return [(1 + int(b), len(surely) - int(w)) for b, w in zip(beaten, beats, strict=True)]


def told_apart(scores: Array, alpha: float = ALPHA) -> tuple[int, int]:
    """How many pairs of rows `rank_intervals` separates, and how many pairs there are.

    Args:
        scores: (seeds, rows), NaN where missing.
        alpha: as in `rank_intervals`, a fraction.
    """
    adjusted = holm_matrix(paired_t_matrix(scores))[_pairs(np.shape(scores)[1])]
    return int((adjusted <= alpha).sum()), len(adjusted)


def westfall_young(scores: Array, rng: np.random.Generator | None = None) -> Array:
    """(rows, rows) p-values adjusted over all pairs by the step-down maxT of sign flips.

    A flip turns the sign of all differences of a seed at once, so that what rows have in common
    stays; for the adjusted p-value of a pair its statistic is compared with the largest of all
    pairs that are no clearer. All flips up to ten seeds, then the smallest p is 2^(1 - seeds);
    beyond, FLIPS random ones beside the one observed. It needs differences that are symmetric where
    their mean is 0, and no normal ones. Westfall & Young 1993, algorithm 4.1.

    The statistic is |sum of differences| / sqrt(sum of their squares): of pairs with equally many
    seeds it has the order of |t|, and its variance over flips is 1 with fewer seeds too.

    Args:
        scores: (seeds, rows), NaN where missing.
        rng: draws the flips; `generator()` if it is left out, the same on every machine.
    """
    seeds, rows = np.shape(scores)
    differences = np.nan_to_num(_differences(scores)[(slice(None), *_pairs(rows))])
    lengths = np.sqrt((differences**2).sum(axis=0))
    unit = np.divide(differences, lengths, out=np.zeros_like(differences), where=lengths > 0)
    observed = np.abs(unit.sum(axis=0))
    order = np.argsort(observed, kind="stable")  # the clearest last: maxima run towards it
    unit, least = unit[:, order], observed[order] - 1e-9  # ties, of flips as well
    reached, flips = np.zeros(len(order)), 0
    for signs in _flips(seeds, rng or generator()):
        largest = np.maximum.accumulate(np.abs(signs @ unit), axis=1)
        reached += (largest >= least).sum(axis=0)
        flips += len(signs)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate((reached / flips)[::-1])[::-1]
    return _symmetric(adjusted, rows)


@dataclass(frozen=True)
class Disagreement:
    """Two rows that one test tells apart and the other does not.

    Attributes:
        first: index of a row.
        second: index of another, larger.
        holm: p-value of the paired t-test, adjusted by Holm.
        westfall_young: that of the sign flips.
    """

    first: int
    second: int
    holm: float
    westfall_young: float


def disagreements(
    scores: Array, alpha: float = ALPHA, *, rng: np.random.Generator | None = None
) -> list[Disagreement]:
    """The pairs that only one of Holm's t-test and `westfall_young` separates.

    Below 1 - log2(`alpha`) seeds, six at 5 %, sign flips separate nothing.

    Args:
        scores: (seeds, rows), NaN where missing.
        alpha: as in `rank_intervals`, a fraction.
        rng: as in `westfall_young`.
    """
    by_t, by_flips = holm_matrix(paired_t_matrix(scores)), westfall_young(scores, rng)
    return [
        Disagreement(int(i), int(j), float(by_t[i, j]), float(by_flips[i, j]))
        for i, j in zip(*_pairs(len(by_t)), strict=True)
        if (by_t[i, j] <= alpha) != (by_flips[i, j] <= alpha)
    ]


def _differences(scores: Array) -> Array:
    """(seeds, rows, rows) score of one row less that of another, NaN where either is missing."""
    values = np.asarray(scores, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"scores must be (seeds, rows), got shape {values.shape}")
    differences = values[:, :, None] - values[:, None, :]
    differences[np.abs(differences) <= SAME * _largest(values)] = 0.0
    return differences


def _largest(scores: Array) -> float:
    """The largest magnitude of a score; 0 if there is none."""
    return float(np.fmax.reduce(np.abs(scores), axis=None, initial=0.0))


def _mean(differences: Array) -> Array:
    """(rows, rows) mean over the seeds that both have; 0 where there is none."""
    n = (~np.isnan(differences)).sum(axis=0)
    return np.nansum(differences, axis=0) / np.maximum(n, 1)


def _pairs(rows: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    return np.triu_indices(rows, k=1)


def _symmetric(values: Array, rows: int) -> Array:
    """(rows, rows) the values of all pairs, on both sides of a diagonal of 1."""
    matrix = np.ones((rows, rows))
    matrix[_pairs(rows)] = values
    return np.minimum(matrix, matrix.T)


def _flips(seeds: int, rng: np.random.Generator) -> Iterator[Array]:
    """Arrays (flips, seeds) of signs, of which there are all or 1 + FLIPS.

    The first sign is always 1: a flip and its opposite have the same statistic.
    """
    if seeds <= MOST_EXACT:
        yield np.array(list(product((1.0,), *[(-1.0, 1.0)] * (seeds - 1))))[:, :seeds]
        return
    yield np.ones((1, seeds))
    for start in range(0, FLIPS, CHUNK):
        yield rng.choice([-1.0, 1.0], (min(CHUNK, FLIPS - start), seeds))

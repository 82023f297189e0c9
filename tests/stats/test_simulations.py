"""What intervals and rank intervals hold and what they do not, as simulated numbers.

Bands have two sides: the texts quote these numbers, which may drift in neither direction.
"""

import numpy as np
import pytest

from bench.stats.intervals import mean_interval
from bench.stats.rank_intervals import holm_matrix, paired_t_matrix, westfall_young

ROWS = 10
NO_DIFFERENCE = np.zeros(ROWS)
RISING = np.arange(ROWS) / 2
TWINS = np.repeat(np.arange(5.0), 2)
NEAR = np.array([0, 0.1, 0.1, 0.5, 1, 1, 1.5, 2, 2.2, 3])
"""True means of the rows, in standard deviations of a run."""


def collapsing(draw, shape):
    """Accuracies around 90 %, of which one in ten collapses to 10 %: 82 % on average."""
    return np.where(draw.random(shape) < 0.1, 0.1, 0.9) + 0.01 * draw.normal(size=shape)


SHAPES = {
    "normal": (lambda draw, shape: draw.normal(size=shape), 0),
    "Beta(20, 2)": (lambda draw, shape: draw.beta(20, 2, shape), 20 / 22),
    "Beta(50, 1)": (lambda draw, shape: draw.beta(50, 1, shape), 50 / 51),
    "Beta(5, 0.5)": (lambda draw, shape: draw.beta(5, 0.5, shape), 10 / 11),
    "one collapse in ten": (collapsing, 0.82),
}


@pytest.mark.parametrize(
    ("shape", "seeds", "expected"),
    [
        ("normal", 5, 0.964),
        ("normal", 10, 0.959),
        ("Beta(20, 2)", 5, 0.944),
        ("Beta(20, 2)", 10, 0.945),
        ("Beta(50, 1)", 5, 0.918),
        ("Beta(50, 1)", 10, 0.936),
        ("Beta(5, 0.5)", 5, 0.896),
        ("Beta(5, 0.5)", 10, 0.926),
        ("one collapse in ten", 5, 0.41),
        ("one collapse in ten", 10, 0.65),
        ("one collapse in ten", 20, 0.87),
    ],
)
def test_how_often_the_interval_covers_the_mean(shape, seeds, expected):
    sample, mean = SHAPES[shape]
    draw, cases, covered = np.random.default_rng(7), 2500, 0
    for _ in range(cases):
        found = mean_interval(sample(draw, seeds), rng=draw)
        covered += found.low <= mean <= found.high
    error = (expected * (1 - expected) / cases) ** 0.5
    assert covered / cases == pytest.approx(expected, abs=0.003 + 2.5 * error)


def test_a_rare_collapse_is_covered_as_often_as_it_is_seen():
    assert [round(1 - 0.9**seeds, 2) for seeds in (5, 10, 20)] == [0.41, 0.65, 0.88]


def standard(name):
    """Draws of this shape with mean 0 and standard deviation 1."""
    sample, mean = SHAPES[name]
    deviation = sample(np.random.default_rng(0), 200_000).std()
    return lambda draw, shape: (sample(draw, shape) - mean) / deviation


def alike(name):
    """(seeds, rows) rows of one shape and spread, half of whose variance the seed makes."""
    sample = standard(name)
    return lambda draw, n: (sample(draw, (n, 1)) + sample(draw, (n, ROWS))) / 2**0.5


def unlike(name):
    """The same, but every other row is normal and has a third of the spread of its own."""
    sample, steady = standard(name), np.arange(ROWS) % 2 == 1

    def rows(draw, n):
        own = np.where(steady, 0.3 * draw.normal(size=(n, ROWS)), sample(draw, (n, ROWS)))
        return (sample(draw, (n, 1)) + own) / 2**0.5

    return rows


def by_holm(scores):
    return holm_matrix(paired_t_matrix(scores))


def simulated(noise, means, *, seeds, adjusted=by_holm, tables=2500):
    """Share of tables with a rank interval without the true rank, and of pairs told apart.

    An interval misses exactly where rows of equal mean, or the worse of two, are surely better: a
    row of true means tied in ranks 3 and 4 must have both in its interval.
    """
    draw = np.random.default_rng(5)
    truly = means[:, None] > means
    wrong, told = 0, 0
    for _ in range(tables):
        scores = means + noise(draw, seeds)
        separated = adjusted(scores) <= 0.05
        ahead = scores.mean(axis=0)[:, None] > scores.mean(axis=0)
        wrong += (separated & ahead & ~truly).any()
        told += np.triu(separated).sum()
    return wrong / tables, told / tables / (ROWS * (ROWS - 1) / 2)


MONTE_CARLO = 0.0087
"""Two standard errors of a share of 5 % in 2500 tables."""


@pytest.mark.parametrize("shape", ["normal", "Beta(20, 2)", "Beta(50, 1)", "Beta(5, 0.5)"])
@pytest.mark.parametrize("seeds", [5, 10])
def test_equal_rows_of_one_shape_are_told_apart_in_5_percent_of_tables(shape, seeds):
    wrong, _ = simulated(alike(shape), NO_DIFFERENCE, seeds=seeds)
    assert wrong <= 0.05 + MONTE_CARLO


@pytest.mark.parametrize("shape", ["normal", "Beta(5, 0.5)"])
def test_westfall_young_uses_up_its_5_percent_of_skewed_rows_as_well(shape):
    wrong, _ = simulated(
        alike(shape), NO_DIFFERENCE, seeds=10, adjusted=westfall_young, tables=1000
    )
    assert wrong == pytest.approx(0.045, abs=0.015)


def test_holms_t_test_leaves_most_of_it_unused_where_all_rows_are_very_skewed():
    wrong, _ = simulated(alike("Beta(5, 0.5)"), NO_DIFFERENCE, seeds=10)
    assert wrong < 0.015


@pytest.mark.parametrize("shape", ["normal", "Beta(20, 2)", "Beta(50, 1)", "Beta(5, 0.5)"])
@pytest.mark.parametrize(
    ("means", "least"),
    [(RISING, 0.99), (TWINS, 0.97), (NEAR, 0.98)],
    ids=["rising", "twins", "near"],
)
def test_at_ten_seeds_all_true_ranks_are_inside_at_once(shape, means, least):
    wrong, _ = simulated(alike(shape), means, seeds=10, tables=1500)
    assert 1 - wrong >= least


@pytest.mark.parametrize(("seeds", "expected"), [(5, 0.19), (10, 0.63), (20, 0.83)])
def test_how_many_pairs_are_told_apart(seeds, expected):
    _, told = simulated(alike("normal"), RISING, seeds=seeds, tables=1000)
    assert told == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("shape", "no_difference", "near"),
    [("Beta(20, 2)", 0.066, 0.020), ("Beta(50, 1)", 0.128, 0.038), ("Beta(5, 0.5)", 0.173, 0.060)],
)
def test_very_skewed_rows_among_steady_ones_break_the_5_percent(shape, no_difference, near):
    for means, expected in ((NO_DIFFERENCE, no_difference), (NEAR, near)):
        wrong, _ = simulated(unlike(shape), means, seeds=10)
        assert wrong == pytest.approx(expected, abs=0.02)


def all_collapse(draw, n):
    return collapsing(draw, (n, ROWS))


def one_collapses(draw, n):
    """Nine rows of 82 % with a spread of 1 %, and a tenth that is 82 % only on average."""
    rows = 0.82 + 0.01 * draw.normal(size=(n, ROWS))
    rows[:, 0] = collapsing(draw, n)
    return rows


def test_where_all_rows_collapse_alike_nothing_false_is_said():
    wrong, _ = simulated(all_collapse, NO_DIFFERENCE, seeds=10)
    assert wrong <= 0.02


@pytest.mark.parametrize(("seeds", "expected"), [(5, 0.63), (10, 0.37), (20, 0.15), (30, 0.07)])
def test_a_rare_collapse_that_no_seed_showed_puts_a_row_surely_ahead(seeds, expected):
    wrong, _ = simulated(one_collapses, NO_DIFFERENCE, seeds=seeds)
    assert wrong == pytest.approx(expected, abs=0.03)
    assert wrong > 0.9**seeds - 0.03  # no collapse among its seeds


@pytest.mark.parametrize(("seeds", "expected"), [(5, 0.58), (10, 0.35), (20, 0.12), (30, 0.04)])
def test_so_it_does_where_its_true_rank_is_the_third(seeds, expected):
    means = np.array([0.82, 0.85, 0.86, 0.80, 0.78, 0.76, 0.74, 0.72, 0.70, 0.68])
    wrong, _ = simulated(lambda draw, n: one_collapses(draw, n) - 0.82, means, seeds=seeds)
    assert wrong == pytest.approx(expected, abs=0.03)

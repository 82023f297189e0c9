"""Which rows are told apart: against scipy, against the tests written out, and by hand."""

import math
import time
from itertools import chain, combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from bench.stats.rank_intervals import (
    disagreements,
    holm_matrix,
    paired_t_matrix,
    rank_intervals,
    told_apart,
    westfall_young,
)

NAN = math.nan


def rng(seed=0):
    return np.random.default_rng(seed)


def table(seeds, rows, missing=0.0, seed=0):
    draw = rng(seed)
    scores = draw.normal(size=(seeds, 1)) + draw.normal(np.arange(rows) / 2, size=(seeds, rows))
    return np.where(draw.random((seeds, rows)) < missing, NAN, scores)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seeds", [5, 10])
def test_the_p_values_are_those_of_scipys_paired_t_test(seeds, missing):
    scores = table(seeds, 6, missing)
    found = paired_t_matrix(scores)
    for i, j in product(range(6), repeat=2):
        both = ~np.isnan(scores[:, i] + scores[:, j])
        expected = 1.0
        if i != j and both.sum() > 1:
            expected = stats.ttest_rel(scores[both, i], scores[both, j]).pvalue
        assert found[i, j] == pytest.approx(expected, rel=1e-10)


def test_fewer_than_two_common_seeds_tell_nothing_apart():
    scores = np.array([[0.9, NAN, 0.1], [NAN, 0.2, 0.1], [0.9, NAN, 0.1], [0.9, 0.2, NAN]])
    found = paired_t_matrix(scores)
    assert found[0, 1] == 1  # one seed
    assert found[1, 2] == 1  # one seed
    assert found[0, 2] == 2 ** (1 - 2)  # two, of the same difference


def test_equal_rows_are_not_told_apart_rounding_errors_or_not():
    scores = np.column_stack([[0.3] * 10, [0.1 + 0.2] * 10, np.linspace(0, 1, 10)])
    assert paired_t_matrix(scores)[0, 1] == 1
    assert westfall_young(scores)[0, 1] == 1


@pytest.mark.parametrize(
    ("seeds", "p"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.0), (10, 0.0), (20, 0.0)]
)
def test_equal_differences_are_no_accident_from_six_seeds_on(seeds, p):
    always_failed, always_joint = np.zeros(seeds), np.full(seeds, 1 / 3)
    scores = np.column_stack([always_failed, always_joint])
    assert paired_t_matrix(scores)[0, 1] == p
    # so are differences that are equal but for rounding
    wobbles = np.linspace(0, 1, seeds)
    assert paired_t_matrix(np.column_stack([wobbles, wobbles + 0.1]))[0, 1] == p


def test_scores_must_be_a_table():
    with pytest.raises(ValueError, match="scores must be"):
        paired_t_matrix(np.zeros(5))


def subsets_with(i, count):
    others = [k for k in range(count) if k != i]
    some = chain.from_iterable(combinations(others, size) for size in range(count))
    return [[i, *subset] for subset in some]


def test_holm_is_the_closure_of_bonferroni():
    p = paired_t_matrix(table(6, 4))
    pairs = np.triu_indices(4, k=1)
    flat = p[pairs]
    expected = [
        max(min(1, len(some) * flat[some].min()) for some in subsets_with(i, len(flat)))
        for i in range(len(flat))
    ]
    found = holm_matrix(p)
    assert found[pairs] == pytest.approx(expected)
    assert (found == found.T).all()
    assert (np.diag(found) == 1).all()


def test_westfall_young_is_the_closure_of_the_largest_t_over_all_flips():
    scores = table(6, 4)
    pairs = np.triu_indices(4, k=1)
    differences = scores[:, pairs[0]] - scores[:, pairs[1]]
    flipped = [differences * np.array(signs)[:, None] for signs in product((1, -1), repeat=6)]
    statistics = np.abs([stats.ttest_1samp(one, 0).statistic for one in flipped])
    observed = statistics[0] - 1e-9
    expected = [
        max(
            (statistics[:, some].max(axis=1) >= observed[some].max()).mean()
            for some in subsets_with(i, len(pairs[0]))
        )
        for i in range(len(pairs[0]))
    ]
    found = westfall_young(scores)
    assert found[pairs] == pytest.approx(expected)
    assert (found == found.T).all()
    assert (np.diag(found) == 1).all()


def test_of_two_rows_westfall_young_is_the_exact_paired_permutation_test():
    scores = table(9, 2)
    reference = stats.permutation_test(
        (scores[:, 0], scores[:, 1]),
        lambda a, b: abs((a - b).mean()),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert westfall_young(scores)[0, 1] == pytest.approx(reference.pvalue)


def test_random_flips_of_more_seeds_come_close_to_all_of_them():
    scores = table(12, 4, seed=2)
    found = westfall_young(scores, rng(3))
    other = westfall_young(scores, rng(4))
    assert (found != other).any()
    assert found == pytest.approx(other, abs=0.02)
    assert found.min() >= 1 / 10_000
    assert (westfall_young(scores) == westfall_young(scores)).all()


def test_westfall_young_of_missing_seeds_stays_between_0_and_1():
    found = westfall_young(table(8, 5, missing=0.4))
    assert ((found > 0) & (found <= 1)).all()
    lonely = np.array([[0.9, NAN], [NAN, 0.1], [0.5, 0.2]])
    assert westfall_young(lonely)[0, 1] == 1


def test_rows_far_apart_have_one_rank_and_twins_share_two():
    noise = rng(1).normal(size=(10, 4)) * 0.01
    scores = np.array([0.2, 0.9, 0.5, 0.9]) + noise
    assert rank_intervals(scores) == [(4, 4), (1, 2), (3, 3), (1, 2)]
    assert told_apart(scores) == (5, 6)


def test_means_over_other_seeds_put_no_row_ahead():
    # over the seeds that both have the second is better by 0.1, though its mean is lower
    first = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9])
    second = np.array([0.6, 0.61, 0.6, 0.59, 0.6, 0.61, NAN, NAN, NAN, NAN])
    assert rank_intervals(np.column_stack([first, second])) == [(2, 2), (1, 1)]


def test_tables_of_no_row_one_row_or_no_seed():
    assert rank_intervals(np.zeros((10, 0))) == []
    assert rank_intervals(np.zeros((10, 1))) == [(1, 1)]
    assert rank_intervals(np.zeros((0, 2))) == [(1, 2), (1, 2)]
    assert told_apart(np.zeros((10, 1))) == (0, 0)
    assert westfall_young(np.zeros((0, 2))).tolist() == [[1, 1], [1, 1]]
    assert disagreements(np.zeros((10, 0))) == []


@given(arrays(float, (6, 4), elements=st.sampled_from([0.0, 0.1, 0.5, 0.9, NAN])))
def test_every_interval_holds_a_rank_and_the_intervals_agree(scores):
    found = rank_intervals(scores)
    separated, pairs = told_apart(scores)
    assert all(1 <= first <= last <= 4 for first, last in found)
    assert pairs == 6
    assert sum(last - first for first, last in found) == 2 * (pairs - separated)


@given(arrays(float, (6, 4), elements=st.floats(0, 1)), st.permutations(range(6)))
def test_the_order_of_seeds_changes_no_interval(scores, order):
    assert rank_intervals(scores[list(order)]) == rank_intervals(scores)


def test_tests_that_disagree_are_named_with_both_p_values():
    scores = np.zeros((5, 2))
    scores[:, 1] = [0.10, 0.11, 0.09, 0.1, 0.1]  # five seeds: sign flips never reach 5 %
    (found,) = disagreements(scores)
    assert (found.first, found.second) == (0, 1)
    assert found.holm < 0.001
    assert found.westfall_young == 2 / 32
    noise = rng(1).normal(size=(10, 3)) * 0.01
    assert disagreements(np.array([0.1, 0.5, 0.9]) + noise) == []


def test_a_table_is_quick():
    scores = table(10, 50)
    paired_t_matrix(scores)
    start = time.perf_counter()
    paired_t_matrix(scores)
    assert time.perf_counter() - start < 0.2  # 5 ms where nothing else runs
    start = time.perf_counter()
    westfall_young(table(10, 30))
    assert time.perf_counter() - start < 1  # 20 ms

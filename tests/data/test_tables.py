"""Tables in the order of time: what a row may depend on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.config.datasets import TABLES
from bench.data.estimates import BINS
from bench.data.presence import DataError
from bench.data.rows import Rows
from bench.data.tables import MOST, load_table, standardized, table_of

DATA = os.environ.get("SLEEPBENCH_DATA")
needs_data = pytest.mark.skipif(
    DATA is None or not (Path(DATA) / "elec2/elec.csv").exists(),
    reason="set SLEEPBENCH_DATA to a folder with elec2/elec.csv",
)


def made(sizes: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    columns = np.random.default_rng(seed).normal(size=(sum(sizes), 2)) * [1, 100] + [0, 5]
    return columns, np.cumsum(sizes)


sizes = st.lists(st.integers(1, 6), min_size=2, max_size=8)


@given(sizes, st.integers(0, 99), st.data())
def test_nothing_depends_on_what_comes_later(sizes, seed, data):
    columns, ends = made(sizes, seed)
    day = data.draw(st.integers(1, len(sizes) - 1))
    changed = columns.copy()
    changed[ends[day - 1] :] *= -1e12
    before = slice(0, ends[day - 1])
    np.testing.assert_array_equal(
        standardized(columns, ends)[before], standardized(changed, ends)[before]
    )


@given(sizes, st.integers(0, 99), st.data())
def test_a_row_depends_on_no_other_row_of_its_day(sizes, seed, data):
    columns, ends = made(sizes, seed)
    day = data.draw(st.integers(1, len(sizes) - 1))
    row = data.draw(st.integers(ends[day - 1], ends[day] - 1))
    changed = columns.copy()
    others = [other for other in range(ends[day - 1], ends[day]) if other != row]
    changed[others] += 1e12
    np.testing.assert_array_equal(
        standardized(columns, ends)[row], standardized(changed, ends)[row]
    )


@given(sizes, st.integers(0, 99))
def test_a_day_is_measured_by_the_days_before(sizes, seed):
    columns, ends = made([3, *sizes], seed)
    found = standardized(columns, ends)
    for day in range(len(ends)):
        past = columns[: ends[max(day - 1, 0)]]
        own = slice(ends[day - 1] if day else 0, ends[day])
        wanted = ((columns[own] - past.mean(0)) / past.std(0)).clip(-MOST, MOST)
        np.testing.assert_allclose(found[own], wanted, rtol=1e-4, atol=1e-5)


def test_a_column_that_was_constant_so_far_is_zero_and_then_no_more():
    columns = np.array([[0.1]] * 6 + [[0.3]] * 2 + [[0.2]] * 2)
    found = standardized(columns, np.array([2, 4, 6, 8, 10]))[:, 0]
    assert found[:8].tolist() == [0] * 8
    assert 0 < found[8] < MOST


@given(sizes, st.integers(0, 99), st.data())
def test_the_bin_of_a_number_depends_on_no_later_day_and_its_place_on_no_number_of_its_own(
    sizes, seed, data
):
    columns, ends = made(sizes, seed)
    days = np.repeat(np.arange(len(sizes)), sizes)
    values = columns[:, 1]
    day = data.draw(st.integers(1, len(sizes) - 1))
    changed = values.copy()
    changed[ends[day - 1] :] *= -1e6
    one, other = (table_of(Rows(columns, own, days)) for own in (values, changed))
    assert torch.equal(one.labels[: ends[day - 1]], other.labels[: ends[day - 1]])
    assert one.estimates is not None
    assert other.estimates is not None
    np.testing.assert_array_equal(
        one.estimates.places[: day + 1], other.estimates.places[: day + 1]
    )


@given(st.integers(0, 99))
def test_the_place_of_a_bin_is_within_half_a_bin_of_its_numbers(seed):
    columns, _ = made([50, 50, 50], seed)
    table = table_of(Rows(columns, columns[:, 1], np.repeat([0, 1, 2], 50)))
    estimates = table.estimates
    assert estimates is not None
    assert table.classes == BINS
    for day in range(3):
        own = np.array(table.rows(day))
        places, labels = estimates.places[day], table.labels[own].numpy()
        width = places[1] - places[0]
        inner = (labels > 0) & (labels < BINS - 1)
        missed = np.abs(places[labels] - estimates.values[own])[inner]
        assert (missed <= width / 2 * 1.001).all()


def test_a_target_is_kept_apart_from_what_was_read():
    values = np.arange(6.0)
    table = table_of(Rows(values[:, None], values, np.array([0, 0, 1, 1, 2, 2])))
    assert table.estimates is not None
    table.estimates.forget()
    np.testing.assert_array_equal(values, np.arange(6.0))


def test_the_rows_of_a_day_are_found_and_the_hash_tells_tables_apart():
    columns = np.arange(12.0).reshape(6, 2)
    labels, days = np.array([0, 1, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 2, 2])
    table = table_of(Rows(columns, labels, days))
    assert [list(table.rows(day)) for day in range(3)] == [[0, 1, 2], [3], [4, 5]]
    assert table.features.shape == (6, 2)
    other = table_of(Rows(columns, labels[::-1].copy(), days))
    assert table.content_hash != other.content_hash


def test_a_missing_or_changed_file_is_told(tmp_path):
    with pytest.raises(DataError, match=r"elec\.csv is missing .* Put it there"):
        load_table("elec2", tmp_path)
    (tmp_path / "elec2").mkdir()
    (tmp_path / "elec2/elec.csv").write_text("period,nswprice\n")
    found = hashlib.md5(b"period,nswprice\n").hexdigest()
    with pytest.raises(DataError, match=f"must be the published file with md5 .*, got md5 {found}"):
        load_table("elec2", tmp_path)


@needs_data
def test_elec2_has_no_column_that_tells_its_label():
    known, table = TABLES["elec2"], load_table("elec2")
    assert table.features.shape == (known.rows, known.features)
    assert len(table.ends) == known.days
    assert {len(table.rows(day)) for day in range(known.days)} == {48}
    labels = table.labels.numpy()[48:]
    for column in table.features.numpy()[48:].T:
        best = max(
            np.mean((column > cut) == (labels == side))
            for cut in np.quantile(column, np.linspace(0.05, 0.95, 19))
            for side in (0, 1)
        )
        assert best < 0.75  # the price of the moment against its mean would have 1.0

"""Days and nights of a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy_tables
from bench.config.datasets import MONTH
from bench.data.nights import HELD_OUT, nights_of
from bench.data.rows import Rows
from bench.data.streams import make_benchmark
from bench.data.tables import TableData, table_of


def table(sizes: list[int], seed: int = 0) -> TableData:
    generator = np.random.default_rng(seed)
    days = np.repeat(np.arange(len(sizes)), sizes)
    labels = generator.integers(0, 2, len(days))
    return table_of(Rows(generator.normal(size=(len(days), 3)), labels, days))


def pairs(data) -> list[tuple[tuple[float, ...], int]]:
    return [(tuple(x.flatten().tolist()), int(y)) for x, y, *_ in data]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=70), st.integers(0, 9))
def test_every_row_is_trained_on_or_held_out_with_its_label(sizes, seed):
    whole = table(sizes)
    made = nights_of(whole, seed)
    assert len(made.train) == len(sizes)
    assert len(made.test) == -(-len(sizes) // MONTH)
    for day, size in enumerate(sizes):
        held = max(round(HELD_OUT * size), int(size > 1))
        assert len(made.train[day].dataset) == size - held
    rows = [pair for part in [*made.train, *made.test] for pair in pairs(part.dataset)]
    wanted = zip(whole.features.tolist(), whole.labels.tolist(), strict=True)
    assert sorted(rows) == sorted((tuple(x), y) for x, y in wanted)


def test_a_day_asks_all_of_its_rows_in_order_without_labels():
    whole = table([5, 4])
    made = nights_of(whole, 0)
    asked = [pairs(experience.dataset) for experience in made.days.questions]
    assert [x for x, _ in asked[1]] == [tuple(row) for row in whole.features[5:].tolist()]
    assert {y for day in asked for _, y in day} == {0}


def test_before_a_day_comes_nothing_of_it_is_known():
    made = nights_of(table([8] * 4), 0)
    made.days.forget_labels()
    made.days.forget_days(examined_elsewhere=True)
    assert not made.days.labels.any()
    assert {x for month in made.test for pair in pairs(month.dataset) for x in pair[0]} == {0.0}
    for part in [one.dataset for one in (*made.train, *made.days.questions)]:
        assert {x for pair in pairs(part) for x in pair[0]} == {0.0}
        assert set(part.targets) == {0}
    made.days.seen.labels[made.days.kept[2]] = 1
    assert set(made.train[2].dataset.targets) == {1}
    assert set(made.train[1].dataset.targets) == {0}


def test_the_seed_draws_what_is_held_out_and_nothing_else():
    first, same, other = (nights_of(table([20] * 3), seed) for seed in (1, 1, 2))
    assert [k.tolist() for k in first.days.kept] == [k.tolist() for k in same.days.kept]
    assert [k.tolist() for k in first.days.kept] != [k.tolist() for k in other.days.kept]
    assert first.days.rows == other.days.rows


def test_the_benchmark_of_a_table(monkeypatch, tmp_path):
    found = make_benchmark(toy_tables.add(monkeypatch), "domain", class_seed=0, data_root=tmp_path)
    assert len(found.train_stream) == toy_tables.DAYS
    assert [len(one.dataset) for one in found.test_stream] == found.test_samples == [30, 10]
    assert found.chance == 0.5
    assert found.input_shape == (1, 1, 3)
    with pytest.raises(ValueError, match="toy-nights must be run in scenario domain, got 'task'"):
        make_benchmark(toy_tables.NAME, "task", class_seed=0, data_root=tmp_path)

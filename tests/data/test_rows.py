"""Rows of a table of a user's own: what is an input, what is refused, what is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.config.own_tables import OwnTable, own_table
from bench.data.rows import own_rows
from bench.data.streams import make_benchmark

TIMES = ["2024-01-01 08:00", "2024-01-01 09:00", "2024-01-02 08:00", "2024-01-03 08:00"]
LABELS = ["up", "down", "up", "down"]
MIXED = [0.5, 1.5, -2.0, 0.1]


def written(folder: Path, options: str = "", **columns: list[object]) -> OwnTable:
    path = folder / "own.csv"
    pd.DataFrame({"t": TIMES, "y": LABELS, **columns}).to_csv(path, index=False)
    return own_table(f"csv:{path}?time=t&label=y{options}")


def test_every_column_is_an_input_but_those_that_the_id_names(tmp_path):
    table = written(
        tmp_path, "&drop=z", a=MIXED, b=[True, False, False, True], z=["text", "b", "c", "d"]
    )
    found = own_rows(table)
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.rows.columns, np.array([MIXED, [1, 0, 0, 1]]).T)
    np.testing.assert_array_equal(found.rows.labels, [1, 0, 1, 0])
    np.testing.assert_array_equal(found.rows.days, [0, 0, 1, 2])
    assert not found.rows.estimated


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "must have a column besides those of its id, got none"),
        ({"a": [1, 2, "x", 4]}, "'a' of .* must hold numbers, got 'x' in row 3"),
        ({"a": [1, 2, None, 4]}, "'a' of .* a finite number in every row, got nan in row 3"),
        ({"a": [1, 2, np.inf, 4]}, "got inf in row 3"),
        ({"a": MIXED, "y": ["up"] * 4}, "'y' of .* must have 2 to 1000 values, got 1"),
        ({"a": MIXED, "y": ["up", "down", None, "up"]}, "'y' of .* got none in row 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        own_rows(written(tmp_path, **columns))


def test_a_number_to_be_estimated_is_no_class(tmp_path):
    path = tmp_path / "own.csv"
    count = np.arange(1_500)
    pd.DataFrame({"t": count, "d": count // 2, "y": count / 7, "a": count}).to_csv(
        path, index=False
    )
    with pytest.raises(ValueError, match="numbers that are to be estimated, say target=y"):
        own_rows(own_table(f"csv:{path}?time=t&label=y&day=d"))
    rows = own_rows(own_table(f"csv:{path}?time=t&target=y&day=d")).rows
    assert rows.estimated
    np.testing.assert_array_equal(rows.labels, count / 7)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([1, 2, "x", 4], "must hold numbers, got 'x' in row 3: of classes, say label=y"),
        ([1, 2, None, 4], "a finite number in every row, got nan in row 3: leave its row out"),
        ([1, 2, np.inf, 4], "got inf in row 3"),
        ([1, 2, -1e101, 4], r"numbers in \[-1e\+100, 1e\+100\], got -1e\+101 in row 3"),
        ([2.5] * 4, "must have numbers that differ, got 2.5 in every row"),
    ],
)
def test_what_cannot_be_estimated_is_refused(tmp_path, target, message):
    table = written(tmp_path, a=MIXED, y=target)
    with pytest.raises(ValueError, match=f"'y' of .*{message}"):
        own_rows(own_table(table.id.replace("label", "target")))


NOISE = np.random.default_rng(0).normal(size=40)
SIGNS = np.random.default_rng(1).integers(0, 2, size=40)


def leaky(folder: Path, column: np.ndarray, gap: int = 1, target: object = None) -> list[str]:
    path = folder / "own.csv"
    times = pd.date_range("2024-01-01", periods=40, freq=f"{12 * gap}h")
    told = SIGNS if target is None else target
    pd.DataFrame({"t": times, "y": told, "a": column}).to_csv(path, index=False)
    asked = "label" if target is None else "target"
    return own_rows(own_table(f"csv:{path}?time=t&{asked}=y")).notes()


@pytest.mark.parametrize(
    ("column", "note"),
    [
        (np.full(40, 3), "'a' is constant: it tells nothing"),
        (np.arange(40) ** 2, "'a' only rises, as a number of the row does: drop=a"),
        (5 - SIGNS, "'a' tells the label: drop=a, unless it is known before"),
        (10 * SIGNS + NOISE, "'a' tells the label"),
        (np.append(SIGNS[1:], 7), "'a' tells the next label: drop=a, unless it is known"),
    ],
)
def test_a_column_that_leaks_is_told(tmp_path, column, note):
    [found] = leaky(tmp_path, column)
    assert found.startswith(note)


def test_a_column_that_does_not_is_not(tmp_path):
    assert leaky(tmp_path, NOISE) == []
    assert leaky(tmp_path, NOISE + SIGNS, target=NOISE) == []


def test_a_column_that_tells_the_target_is_told(tmp_path):
    assert leaky(tmp_path, 3 - 1e6 * NOISE, target=NOISE) == [
        "'a' tells the target: drop=a, unless it is known before"
    ]
    assert leaky(tmp_path, np.append(NOISE[1:], 7), target=NOISE) == [
        "'a' tells the next target: drop=a, unless it is known"
    ]


def test_dates_without_a_row_are_told(tmp_path):
    [note] = leaky(tmp_path, NOISE, gap=4)
    assert note.startswith("39 dates between the first and the last have no row")


def test_a_file_that_changes_is_read_again(tmp_path):
    table = written(tmp_path, a=MIXED)
    first = own_rows(table)
    assert own_rows(table) is first
    written(tmp_path, a=MIXED, b=MIXED)
    assert own_rows(table).names == ("a", "b")


def test_a_parquet_file_is_the_same_table(tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow to read and write parquet files")
    own = own_rows(written(tmp_path, a=MIXED))
    frame = pd.read_csv(tmp_path / "own.csv", parse_dates=["t"])
    frame.to_parquet(tmp_path / "own.parquet")
    other = own_rows(own_table(f"parquet:{tmp_path}/own.parquet?time=t&label=y"))
    np.testing.assert_array_equal(own.rows.columns, other.rows.columns)
    np.testing.assert_array_equal(own.rows.days, other.rows.days)


def test_it_is_a_stream_of_nights(tmp_path):
    made = make_benchmark(written(tmp_path, a=MIXED).id, "domain", class_seed=0)
    assert made.n_classes == 2
    assert made.input_shape == (1, 1, 1)
    assert len(made.train_stream) == 3
    assert made.days is not None

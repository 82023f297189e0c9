"""Tables of a user's own: what an id says of them, and their days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.catalogue import find_benchmark
from bench.config.own_tables import (
    OwnTable,
    count_days,
    days_of,
    is_own_table,
    own_table,
    read_frame,
)
from bench.config.run_config import RunConfig
from bench.config.stream_options import canonical_id
from bench.config.suite import Suite

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(names, names, names, st.lists(names, max_size=3), st.booleans())
def test_an_id_says_the_same_after_it_was_written(time, label, day, drop, estimated):
    if label in (time, day, *drop):
        label += "_label"
    drop = tuple(sorted(set(drop) - {label}))
    table = OwnTable("csv", "a folder/b.csv", time, label, day, drop, estimated)
    if label in table.drop or label in (time, day):
        return
    assert own_table(table.id) == table
    assert canonical_id(table.id) == table.id


def test_the_order_of_options_makes_no_other_benchmark():
    one = "csv:a.csv?label=y&drop=c&drop=b&time=t"
    assert canonical_id(one) == "csv:a.csv?time=t&label=y&drop=b&drop=c"
    assert is_own_table(one)
    assert not is_own_table("split-mnist?sigma=0.1")
    assert find_benchmark(one).by_night


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("csv:a.csv", "time must be given for a table, csv:PATH"),
        ("csv:a.csv?time=t", "label, of classes, or target, of numbers, .* got neither in"),
        ("csv:a.csv?time=t&label=y&target=z", "must be given .* got label and target in"),
        ("csv:a.csv?time=t&target=y&target=z", r"target must be given once, got \['y', 'z'\]"),
        ("csv:a.csv?time=t&target=t", "target must name a column that no other option names"),
        ("csv:a.csv?time=t&label=", "label must be the name of a column, got none"),
        ("csv:a.csv?time=t&label=y&label=z", r"label must be given once, got \['y', 'z'\]"),
        ("csv:a.csv?time=t&label=t", "label must name a column that no other option names"),
        ("csv:a.csv?time=t&label=y&drop=y", "label must name a column that no other option names"),
        ("csv:a.csv?time=t&lable=y", "unknown option of a table 'lable'; did you mean 'label'"),
        ("csv:?time=t&label=y", "a table must be csv:PATH"),
    ],
)
def test_an_id_that_says_too_little_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        find_benchmark(name)


def written(folder: Path, **columns: list[object]) -> OwnTable:
    path = folder / "own.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return own_table(f"csv:{path}?time=t&label=y" + ("&day=d" if "d" in columns else ""))


@pytest.mark.parametrize(
    ("columns", "days"),
    [
        ({"t": ["2024-01-01 23:59", "2024-01-02", "2024-01-02 01:00", "2024-02-01"]}, [0, 1, 1, 2]),
        ({"t": ["2024-01-01T23:00+01:00", "2024-01-02T00:30+01:00"]}, [0, 1]),
        ({"t": ["2024-03-30 23:30+01:00", "2024-03-31 03:30+02:00"]}, [0, 1]),
        (
            {"t": ["2024-10-26 23:00Z", "2024-10-27 02:30 +0200", "2024-10-27 02:10+01:00"]},
            [0, 1, 1],
        ),
        ({"t": [1, 2, 30], "d": ["mo", "tu", "tu"]}, [0, 1, 1]),
        ({"t": [-1.5, 0.0, 2.0], "d": [9, 9, 3]}, [0, 0, 1]),
    ],
)
def test_a_day_is_a_date_or_what_a_column_says(tmp_path, columns, days):
    table = written(tmp_path, **columns, y=[0] * len(days))
    frame = pd.read_csv(table.path)
    np.testing.assert_array_equal(days_of(table, frame), days)
    assert count_days(table) == days[-1] + 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"t": ["2024-01-02", "2024-01-01"]}, "got 2024-01-01 in row 2 after 2024-01-02"),
        ({"t": ["2024-01-02", "2024-01-02"]}, "each at a time of its own, got 2024-01-02 in row 2"),
        (
            {"t": ["2024-01-02", None]},
            "'t' of .* a value in every row, got none in row 2",
        ),
        ({"t": ["2024-01-02", "soon"]}, "or dates as 2024-05-31 17:30, .* got 'soon' in row 2"),
        (
            {"t": ["2024-01-01T08:00+01:00", "2024-01-02T08:00"]},
            r"with an offset as \+02:00 or none, got '2024-01-02T08:00' in row 2",
        ),
        (
            {"t": ["2024-01-02T00:10+01:00", "2024-01-02T00:20+02:00"]},
            r"got 2024-01-02T00:20\+02:00 in row 2 after 2024-01-02T00:10\+01:00",
        ),
        ({"t": ["2024-01-02 08:00", "2024-01-02 09:00"]}, "must have at least 2 days, got 1"),
        ({"t": [1, 2]}, "'t' of .* holds numbers, so day must name the column of the days"),
        ({"t": [1, 2, 3], "d": [1, 2, 1]}, "must stand together in .* got 1 in row 1 and again in"),
        ({"t": [1, 2, 3], "d": [1, 2, None]}, "'d' of .* must have a value in every row"),
        ({"t": []}, "must have rows, got none"),
    ],
)
def test_times_that_make_no_days_are_refused(tmp_path, columns, message):
    table = written(tmp_path, **columns, y=[0] * len(columns["t"]))
    with pytest.raises(ValueError, match=message):
        count_days(table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "must be a file, got none there"),
        (b"", "must be a csv file, got an empty one"),
        (b"PAR1\x00\xff", r"must be a csv file, got Parquet: call it parquet:.*own\.csv"),
        (b"\x80\xff\x00\n", "must be a csv file, got no such: 'utf-8' codec"),
        (b"t,z\n1,2\n", "unknown column of .*'y'"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "own.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        count_days(own_table(f"csv:{path}?time=t&label=y"))


def test_a_budget_by_the_night_is_that_of_the_days_in_the_file(tmp_path):
    table = written(
        tmp_path, t=["2024-01-01", "2024-01-02", "2024-01-05"], y=[0, 1, 0], x=[1, 2, 3]
    )
    suite = Suite(
        benchmarks=(table.id,), scenarios=("domain",), strategies=("naive",), budget="0.5s/night"
    )
    [config] = suite.configs()
    assert config.budget.amount == 1.5
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_columns_stand_between_commas_semicolons_or_tabs(tmp_path, between):
    path = tmp_path / "own.csv"
    lines = [["t", "y", "my x"], ["2024-01-01", "0", "1.5"], ["2024-01-02", "1", "2,5"]]
    path.write_text("\n".join(between.join(f'"{cell}"' for cell in line) for line in lines))
    frame = read_frame(own_table(f"csv:{path}?time=t&label=y&drop=my x"))
    assert frame["my x"].tolist() == ["1.5", "2,5"]


def test_moments_of_a_parquet_file_are_in_order_though_clocks_go_back(tmp_path):
    path = tmp_path / "own.parquet"
    times = pd.date_range("2024-10-26 20:00", periods=10, freq="h", tz="UTC")
    local = times.tz_convert("Europe/Berlin")
    pd.DataFrame({"t": local, "y": range(10)}).to_parquet(path)
    table = own_table(f"parquet:{path}?time=t&label=y")
    np.testing.assert_array_equal(days_of(table, read_frame(table)), [0] * 2 + [1] * 8)

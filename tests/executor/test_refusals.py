"""What has changed since the records of a folder were made is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from bench.config.suite import Suite
from bench.executor.run_suite import RunOptions, run_suite
from bench.records.store import Store

THEIRS = "avalanche.training.supervised:Naive"

TABLE = "time,label,x\n" + "".join(
    f"2026-01-{day:02} {hour:02}:00,{(day + hour) % 2},{day * hour}\n"
    for day in range(1, 5)
    for hour in range(0, 24, 4)
)


def suite(benchmark: str, scenario: str, **fields) -> Suite:
    return Suite(
        benchmarks=(benchmark,), scenarios=(scenario,), budget="4steps",
        **{"strategies": ("naive",), **fields},
    )  # fmt: skip


def arrays(labels: np.ndarray) -> dict[str, np.ndarray]:
    images = np.arange(len(labels) * 36, dtype=np.uint8).reshape(-1, 6, 6)
    return {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}


def test_a_table_that_has_changed_is_refused_though_nothing_is_missing(tmp_path):
    file, store = tmp_path / "own.csv", Store(tmp_path / "records")
    file.write_text(TABLE)
    grid = suite(f"csv:{file}?time=time&label=label", "domain")
    [record] = run_suite(grid, store)
    assert record.status == "ok"
    assert run_suite(grid, store) == [record]
    file.write_text(TABLE.replace(",0,", ",2,"))
    for seeds in (1, 2):
        with pytest.raises(ValueError, match=r"the data of csv:.*label has changed since .* --out"):
            run_suite(grid.model_copy(update={"seeds": seeds}), store)
    file.write_text("time,label\n")
    with pytest.raises(ValueError, match="must have"):
        run_suite(grid, store)
    file.unlink()  # nothing to compare with
    assert run_suite(grid, store) == [record]


def test_arrays_that_have_changed_are_refused(tmp_path):
    file, store = tmp_path / "own.npz", Store(tmp_path / "records")
    labels = np.arange(40) % 4
    np.savez(file, **arrays(labels))
    grid = suite(f"npz:{file}", "class")
    options = RunOptions(data_root=tmp_path)
    [record] = run_suite(grid, store, options)
    assert record.status == "ok"
    np.savez(file, **arrays(labels[::-1].copy()))
    with pytest.raises(ValueError, match=r"the data of npz:.*npz has changed since"):
        run_suite(grid, store, options)


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("strategy_source", "0" * 64, f"the source of strategy {THEIRS}"),
        ("model_source", "0" * 64, "the source of model own:small_model"),
        ("benchmark_version", "sha256:0", "the source of benchmark own:of_classes"),
    ],
)
def test_a_source_that_has_changed_is_refused(tmp_path, field, value, what):
    store = Store(tmp_path)
    grid = suite(
        "own:of_classes",
        "class",
        model="own:small_model",
        strategies=("avalanche.training.supervised:Naive",),
    )
    [record] = run_suite(grid, store)
    assert record.status == "ok", record.reason
    store.write(record.model_copy(update={field: value}))
    with pytest.raises(ValueError, match=f"{what} has changed since the records"):
        run_suite(grid, store)

"""The files of a known data set must be the published ones, and what cannot be fetched says so."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.config.datasets import DATASETS, DataSet
from bench.data.cache import load
from bench.data.presence import DataError


@pytest.fixture
def stripes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a known data set, `stripes`, with its md5."""
    file, labels = tmp_path / "stripes.npz", np.arange(4) % 2
    x = np.zeros((4, 2, 3), np.uint8)
    np.savez(file, x_train=x, y_train=labels, x_test=x[:2], y_test=labels[:2])
    spec = DataSet(
        train=4,
        test=2,
        classes=2,
        shape=(1, 2, 3),
        reader="bench.data.readers:arrays",
        summary="stripes",
        paper="none",
        experiences=1,
        files={file.name: hashlib.md5(file.read_bytes()).hexdigest()},
    )
    monkeypatch.setitem(DATASETS, "stripes", spec)
    return file


def test_a_file_with_its_md5_is_read(stripes: Path) -> None:
    assert load("stripes", stripes.parent).train_images.shape == (4, 1, 2, 3)


def test_another_file_is_refused_with_both_md5s(stripes: Path) -> None:
    np.savez(stripes, x_train=np.ones(1))
    got = hashlib.md5(stripes.read_bytes()).hexdigest()
    wanted = DATASETS["stripes"].files["stripes.npz"]
    with pytest.raises(DataError, match=f"file with md5 {wanted}, got md5 {got}. Put it there"):
        load("stripes", stripes.parent)
    assert not (stripes.parent / "cache").exists()


def test_the_md5_of_an_archive_is_not_compared_with_what_came_out_of_it(
    stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(DATASETS["stripes"], files={"stripes.npz": "00ff"}, packed=True)
    monkeypatch.setitem(DATASETS, "stripes", spec)
    assert load("stripes", stripes.parent).train_images.shape == (4, 1, 2, 3)


@pytest.mark.parametrize("download", [False, True])
def test_what_nothing_fetches_is_not_to_be_fetched(stripes: Path, download: bool) -> None:
    stripes.unlink()
    with pytest.raises(DataError) as caught:
        load("stripes", stripes.parent, download=download)
    assert "stripes.npz is missing" in str(caught.value)
    assert "Put it there: nothing fetches it; or import it: python -m bench" in str(caught.value)
    assert "bench data fetch" not in str(caught.value)

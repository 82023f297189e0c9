"""The files of a known data set must be the published ones, and what cannot be fetched says so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from bench.config.datasets import DATASETS, DataSet
from bench.data import readers
from bench.data.cache import load
from bench.data.image_files import Raw, raw_of
from bench.data.presence import DataError, remedy


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
        paper="make_stripes.py",
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
    assert str(caught.value).endswith(
        "Put it there: nothing fetches it. Where it comes from: make_stripes.py"
    )


@pytest.mark.parametrize(
    ("reader", "fetched", "ways"),
    [
        ("bench.data.readers:arrays", False, ["Put it there"]),
        ("my_module:read", False, ["Put it there"]),
        ("torchvision.datasets:ImageNet", False, ["Put it there", "data import"]),
        ("torchvision.datasets:MNIST", True, ["data fetch", "data import"]),
        ("bench.data.readers:tinyimagenet", True, ["data fetch", "data import"]),
    ],
)
def test_only_what_helps_is_advised(
    stripes: Path, monkeypatch: pytest.MonkeyPatch, reader: str, fetched: bool, ways: list[str]
) -> None:
    spec = replace(DATASETS["stripes"], reader=reader, fetched=fetched)
    monkeypatch.setitem(DATASETS, "stripes", spec)
    advice = remedy("stripes", stripes.parent)
    assert [way for way in ("data fetch", "Put it there", "data import") if way in advice] == ways


def test_labels_that_are_a_column_of_a_table_can_be_kept(
    stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_rows(root: Path, files: Sequence[Path], download: bool) -> Raw:
        rows = np.array([[0, 0, 255], [1, 255, 0]])
        part = rows[:, 1:].astype(np.uint8).reshape(2, 1, 2), rows[:, 0]
        return raw_of(part, part, ("left", "right"))

    spec = replace(DATASETS["stripes"], train=2, shape=(1, 1, 2), reader="own:of_rows")
    monkeypatch.setitem(DATASETS, "stripes", spec)
    monkeypatch.setattr(readers, "imported", lambda kind, path: of_rows)
    assert load("stripes", stripes.parent).train_labels.tolist() == [0, 1]


def test_digits_are_those_that_scikit_learn_reads() -> None:
    theirs = load_digits()
    ours = readers.digits(Path(), [], False)
    images = torch.cat([ours.tensors[f"{stream}_images"] for stream in ("train", "test")])
    labels = torch.cat([ours.tensors[f"{stream}_labels"] for stream in ("train", "test")])
    found = sorted(zip(map(bytes, images.numpy()), labels.tolist(), strict=True))
    pixels = np.rint(theirs.images * (255 / 16)).astype(np.uint8)
    assert found == sorted(zip(map(bytes, pixels), theirs.target.tolist(), strict=True))

"""Images and labels of strangers: of every mode, of odd names, with values that no image has."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from avalanche.benchmarks import benchmark_from_datasets
from avalanche.benchmarks.utils import as_classification_dataset
from PIL import Image

from bench.data import own_benchmark
from bench.data.cache import load
from bench.data.presence import DataError

WIDTH, HEIGHT = 3, 2


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))


def encoded(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "png")
    return content.getvalue()


def plain(mode: str, colour) -> bytes:
    return encoded(Image.new(mode, (WIDTH, HEIGHT), colour))


def palette() -> bytes:
    image = Image.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    return encoded(image)


def deep() -> bytes:
    values = np.full((HEIGHT, WIDTH), 0x1234, dtype=np.uint16)
    return encoded(Image.fromarray(values))


def folder(root: Path, first: bytes, *, names=("ant", "bee"), file: str = "0.png") -> str:
    """Own data of two classes; every image is `first`."""
    for part in ("train", "test"):
        for name in names:
            (root / part / name).mkdir(parents=True)
            (root / part / name / file).write_bytes(first)
    return f"folder:{root}"


@pytest.mark.parametrize(
    ("content", "channels"),
    [
        (plain("L", 18), [18]),
        (plain("LA", (18, 7)), [18]),
        (plain("1", 1), [255]),
        (deep(), [0x12]),
        (plain("RGB", (10, 20, 30)), [10, 20, 30]),
        (plain("RGBA", (10, 20, 30, 40)), [10, 20, 30]),
        (palette(), [10, 20, 30]),
    ],
    ids=["grey", "grey-alpha", "black-white", "16-bit", "rgb", "rgba", "palette"],
)
def test_an_image_of_any_mode_is_read_as_grey_or_as_three_channels(tmp_path, content, channels):
    data = load(folder(tmp_path / "own", content), tmp_path)
    assert data.input_shape == (len(channels), HEIGHT, WIDTH)
    for image in data.train_images:
        assert [plane.unique().tolist() for plane in image] == [[value] for value in channels]


@pytest.mark.parametrize("names", [("größe 1", "ねこ"), ("a b", "a b c"), ("é", "e\u0301")])
def test_names_may_have_spaces_and_any_letters(tmp_path, names):
    name = folder(tmp_path / "ein Ordner ü", plain("L", 1), names=names, file="bild 1 ñ.PNG")
    assert load(name, tmp_path).classes == tuple(sorted(names))
    assert load(name, tmp_path).classes == tuple(sorted(names))  # from the cache


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_is_refused_in_a_sentence(tmp_path):
    name = folder(tmp_path / "own", plain("L", 1), names=("ant", "b\udcff"))
    with pytest.raises(DataError, match=r"must have a name that is text, got b'b\\xff'"):
        load(name, tmp_path)


@pytest.mark.parametrize("content", [None, "photo.bmp"])
def test_a_class_without_images_is_refused_and_not_left_out(tmp_path, content):
    name = folder(tmp_path / "own", plain("L", 1), names=("ant", "bee", "cat"))
    for part in ("train", "test"):
        (tmp_path / "own" / part / "cat" / "0.png").unlink()
        if content:
            (tmp_path / "own" / part / "cat" / content).write_bytes(b"BM")
    with pytest.raises(DataError, match=r"train/cat must hold images \(.jpg, .jpeg, .png\); got"):
        load(name, tmp_path)


def test_a_hidden_folder_is_no_class(tmp_path):
    name = folder(tmp_path / "own", plain("L", 1))
    (tmp_path / "own/train/.ipynb_checkpoints").mkdir()
    assert load(name, tmp_path).classes == ("ant", "bee")


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ([-1, 0, 1, 0], "must be labels 0, 1, 2 and so on with none left out, got -1 among"),
        ([0, 1, 3, 1], "train labels must be all of 0 to 3"),
        ([0, 2, 0, 2], "train labels must be all of 0 to 2"),
    ],
)
def test_labels_of_arrays_that_do_not_count_from_0_are_refused(tmp_path, labels, rule):
    x = np.zeros((4, HEIGHT, WIDTH), np.uint8)
    file = tmp_path / "own.npz"
    np.savez(file, x_train=x, y_train=np.array(labels), x_test=x, y_test=np.array([0, 1, 0, 1]))
    with pytest.raises(DataError, match=rule):
        load(f"npz:{file}", tmp_path)


def own(monkeypatch, *, pixel: float = 0.0, label: object = 0):
    """What is said of an own benchmark with such a first pixel and such a first label."""
    images = torch.rand(6, 1, HEIGHT, WIDTH)
    images[0, 0, 0, 0] = pixel
    data = torch.utils.data.TensorDataset(images, torch.tensor([0, 1, 0, 1, 0, 1]))
    data.targets = [label, 1, 0, 1, 0, 1]
    part = as_classification_dataset(data)
    made = benchmark_from_datasets(train=[part], test=[part])
    monkeypatch.setattr(own_benchmark, "called", lambda *given: made)
    monkeypatch.setattr(own_benchmark, "source_hash", lambda *given: "0" * 64)
    own_benchmark._read.cache_clear()
    return own_benchmark.read("theirs:make", "class")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_pixel_that_is_no_number_is_refused_before_the_run(monkeypatch, value):
    with pytest.raises(ValueError, match=f"theirs:make must be finite, got {value} in sample 0 of"):
        own(monkeypatch, pixel=value)


@pytest.mark.parametrize("label", [0.5, 0.0, "0", None])
def test_labels_that_are_no_whole_numbers_are_refused_before_the_run(monkeypatch, label):
    with pytest.raises(ValueError, match="theirs:make must be whole numbers from 0, got "):
        own(monkeypatch, label=label)


def test_an_own_benchmark_that_is_all_right_is_read(monkeypatch):
    assert own(monkeypatch).classes == [[0, 1]]

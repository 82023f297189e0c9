"""Omniglot as it is read: who drew what, in which alphabet, and how large."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.cache import load
from bench.data.presence import data_root
from bench.data.readers import omniglot
from bench.data.streams import make_benchmark

ALPHABETS = {"Balinese": 24, "Early_Aramaic": 22, "Greek": 24, "Japanese_(katakana)": 47,
             "Korean": 40, "Latin": 26, "Sanskrit": 42, "Tagalog": 17}  # fmt: skip
REAL = data_root() / "omniglot/images_background_small1.zip"


def png(ink: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(~ink).convert("1").save(file, "png")
    return file.getvalue()


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    """Two archives; one character is in both, and every drawer draws a square of his own size."""
    made = {"one.zip": ["Greek/character01", "Greek/character02"], "two.zip": ["Greek/character01"]}
    made["two.zip"].append("Old_Norse/character01")
    for name, characters in made.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(f"{name}/", "")
            for character in characters:
                for drawer in range(1, 21):
                    ink = np.zeros((105, 105), dtype=bool)
                    ink[1 : 1 + 4 * drawer, 1:5] = True  # after the border of 3, a whole mean
                    archive.writestr(f"x/{character}/0001_{drawer:02}.png", png(ink))
    return [tmp_path / name for name in made]


def test_the_first_fifteen_drawers_are_for_training_and_no_drawing_comes_twice(archives):
    raw = omniglot(Path(), archives, False)
    assert raw.classes == ("Greek 01", "Greek 02", "Old_Norse 01")
    assert raw.tensors["train_images"].shape == (45, 1, 28, 28)
    assert raw.tensors["test_images"].shape == (15, 1, 28, 28)
    assert raw.tensors["test_labels"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    heights = (raw.tensors["test_images"] == 255).sum((1, 2, 3)).tolist()
    assert heights == [16, 17, 18, 19, 20] * 3


def test_a_pixel_is_the_mean_of_sixteen_with_a_border_of_black(archives):
    image = omniglot(Path(), archives, False).tensors["train_images"][0, 0]
    expected = torch.zeros(28, 28, dtype=torch.uint8)
    expected[1, 1] = 255
    assert torch.equal(image, expected)


needs_omniglot = pytest.mark.skipif(not REAL.exists(), reason="needs Omniglot: $SLEEPBENCH_DATA")


@needs_omniglot
def test_eight_alphabets_with_their_characters(tmp_path):
    (tmp_path / "omniglot").symlink_to(REAL.parent, target_is_directory=True)
    data = load("omniglot", tmp_path)
    kinds = [name.rpartition(" ")[0] for name in data.classes]
    assert {kind: kinds.count(kind) for kind in kinds} == ALPHABETS
    assert torch.bincount(data.train_labels).tolist() == [15] * 242
    assert torch.bincount(data.test_labels).tolist() == [5] * 242
    made = make_benchmark("omniglot-alphabets", "task", data_root=tmp_path, class_seed=1)
    sizes = [len(own) for own in made.classes_by_experience]
    assert sorted(sizes) == sorted(ALPHABETS.values())
    assert made.train_samples == [15 * size for size in sizes]
    other = make_benchmark("omniglot-alphabets", "class", data_root=tmp_path, class_seed=2)
    assert sorted(map(sorted, other.labels_by_experience)) == sorted(made.labels_by_experience)
    assert other.labels_by_experience != made.labels_by_experience


def test_the_number_of_alphabets_is_what_it_is():
    with pytest.raises(ValueError, match="experiences of omniglot-alphabets must be 8, as its"):
        make_benchmark("omniglot-alphabets?experiences=4", "task", class_seed=0)

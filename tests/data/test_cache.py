"""Conversion, cache, import and refusal of data sets."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bench.config.datasets import DATASETS, DataSet
from bench.data import readers
from bench.data.cache import TENSORS, import_images, load
from bench.data.image_files import Raw
from bench.data.presence import DataError, data_root

SHARED = os.environ.get("SLEEPBENCH_DATA")
needs_mnist = pytest.mark.skipif(
    SHARED is None or not (Path(SHARED) / "MNIST/raw").is_dir(),
    reason="SLEEPBENCH_DATA names no folder with MNIST/raw",
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))


def png(value: int, size: tuple[int, int] = (4, 3), mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    colour = value if mode == "L" else (value, value + 1, value + 2)
    Image.new(mode, size, colour).save(content, "png")
    return content.getvalue()


def images(**changes: bytes) -> dict[str, bytes]:
    """Two train and one test image of each of the classes ant and bee, with `changes`."""
    entries = {
        f"{part}/{label}/{k}.png": png(10 * k + 100 * (label == "bee"))
        for part, count in (("train", 2), ("test", 1))
        for label in ("bee", "ant")
        for k in range(count)
    }
    return {**entries, **changes}


def as_folder(entries: dict[str, bytes], root: Path) -> Path:
    for name, content in entries.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def as_tar(entries: dict[str, bytes], path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def as_zip(entries: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def ants(monkeypatch: pytest.MonkeyPatch) -> str:
    """A data set known by the name `ants`: 4 train and 2 test images of 2 classes."""

    def read(root: Path, files: Sequence[Path], download: bool) -> Raw:
        assert download, "nothing may be fetched unless asked"
        return readers.digits(root, files, False)

    monkeypatch.setattr(readers, "ants", read, raising=False)
    spec = DataSet(
        train=4,
        test=2,
        classes=2,
        shape=(3, 3, 4),
        reader=f"{readers.__name__}:ants",
        summary="ants and bees",
        paper="none",
        experiences=1,
        files={"ants/raw": "00ff"},
        fetched=True,
    )
    monkeypatch.setitem(DATASETS, "ants", spec)
    return "ants"


def test_digits_are_split_by_class_and_scaled_to_bytes() -> None:
    digits = load("digits")
    assert digits.train_images.shape == (1442, 1, 8, 8)
    assert digits.test_images.shape == (355, 1, 8, 8)
    assert digits.input_shape == (1, 8, 8)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_images.max() == 255
    assert torch.bincount(digits.test_labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    assert digits.classes == tuple("0123456789")


def test_digits_are_the_same_everywhere_and_always() -> None:
    assert load("digits").content_hash.startswith("734b60bbfe")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown data set 'minst'; did you mean 'mnist'"):
        load("minst")


def test_missing_files_are_named_with_hash_and_command(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("mnist", tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "MNIST/raw/train-images-idx3-ubyte") in message
    assert "f68b3c2dcbeaaa9fbdd348bbdeb94873" in message
    assert f"python -m bench data fetch mnist --data {tmp_path}" in message


def test_the_root_is_the_argument_then_the_environment_then_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLEEPBENCH_DATA", "/there")
    assert data_root(Path("/here")) == Path("/here")
    assert data_root() == Path("/there")
    monkeypatch.delenv("SLEEPBENCH_DATA")
    assert data_root() == Path("data")


def test_nothing_is_fetched_unless_asked_and_what_comes_is_checked(
    tmp_path: Path, ants: str
) -> None:
    with pytest.raises(DataError, match="is missing"):
        load(ants, tmp_path)
    with pytest.raises(DataError, match=r"ants must be .* got \(1442, 1, 8, 8\)"):
        load(ants, tmp_path, download=True)


def test_folder_tar_and_zip_hold_the_same_data(tmp_path: Path, ants: str) -> None:
    sources = [
        as_folder(images(), tmp_path / "folder"),
        as_tar(images(), tmp_path / "ants.tar.gz"),
        as_zip(images(), tmp_path / "ants.zip"),
    ]
    found = [import_images(ants, source, tmp_path) for source in sources]
    assert len({one.content_hash for one in found}) == 1
    assert found[0].classes == ("ant", "bee")
    assert found[0].train_labels.tolist() == [0, 0, 1, 1]
    assert found[0].train_images[:, 0, 0, 0].tolist() == [0, 10, 100, 110]
    assert found[0].train_images[3, :, 2, 3].tolist() == [110, 111, 112]


def test_an_imported_data_set_is_found_again(tmp_path: Path, ants: str) -> None:
    made = import_images(ants, as_tar(images(), tmp_path / "ants.tar.gz"), tmp_path)
    again = load(ants, tmp_path, verify=True)
    assert again.content_hash == made.content_hash
    assert all(torch.equal(getattr(again, key), getattr(made, key)) for key in TENSORS)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"train/ant/9.png": png(1, (5, 3))},
            r"one size, 4x3 like the first; train/ant/9.png is 5",
        ),
        ({"train/ant/9.png": png(1)}, r"ants must be \(4, 3, 3, 4\) train .* got \(5, 3, 3, 4\)"),
        ({"train/ant/9.png": b"no image"}, "train/ant/9.png is no image"),
        ({"train/cat/9.png": png(1)}, "same classes; only one has 'cat'"),
        ({"valid/ant/9.png": png(1)}, "must lie in train/<class>/ or test/<class>/, got valid/ant"),
        ({"../../etc/9.png": png(1)}, r"unsafe path '../../etc/9.png'"),
        ({"/etc/9.png": png(1)}, r"unsafe path '/etc/9.png'"),
    ],
)
def test_unfit_archives_are_refused(
    tmp_path: Path, ants: str, changes: dict[str, bytes], complaint: str
) -> None:
    for source in (
        as_tar(images(**changes), tmp_path / "a.tar.gz"),
        as_zip(images(**changes), tmp_path / "a.zip"),
    ):
        with pytest.raises(DataError, match=complaint):
            import_images(ants, source, tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_links_in_an_archive_are_refused(tmp_path: Path, ants: str) -> None:
    source = tmp_path / "ants.tar"
    with tarfile.open(source, "w") as archive:
        member = tarfile.TarInfo("train/ant/0.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(DataError, match=r"files and folders only; train/ant/0\.png"):
        import_images(ants, source, tmp_path)


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_cut_archive_is_named(tmp_path: Path, ants: str, suffix: str) -> None:
    whole = (as_tar if suffix == "tar.gz" else as_zip)(images(), tmp_path / "whole")
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(DataError, match=f"cut.{suffix}"):
        import_images(ants, cut, tmp_path)


def test_nothing_but_known_data_sets_can_be_imported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'cifar10'"):
        import_images("cifar1", tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        import_images("cifar10", tmp_path / "nowhere", tmp_path)


def test_own_folder_is_cached_and_converted_again_when_it_changes(tmp_path: Path) -> None:
    own = as_folder(images(), tmp_path / "own")
    first = load(f"folder:{own}", tmp_path)
    (own / "train/ant/0.png").write_bytes(png(77))
    second = load(f"folder:{own}", tmp_path)
    assert first.content_hash != second.content_hash
    assert second.train_images[0, 0, 0, 0] == 77
    assert load(f"folder:{own}", tmp_path).content_hash == second.content_hash


def test_grey_and_coloured_images_may_be_mixed(tmp_path: Path) -> None:
    own = as_folder(images(**{"train/ant/0.png": png(9, mode="L")}), tmp_path / "own")
    assert load(f"folder:{own}", tmp_path).train_images[0, :, 0, 0].tolist() == [9, 9, 9]


def test_own_folder_with_an_odd_image_is_refused(tmp_path: Path) -> None:
    own = as_folder(images(**{"train/ant/1.png": png(1, (9, 9))}), tmp_path / "own")
    with pytest.raises(DataError, match=r"4x3 like the first; train/ant/1\.png is 9x9"):
        load(f"folder:{own}", tmp_path)
    with pytest.raises(DataError, match="does not exist or is empty"):
        load(f"folder:{tmp_path / 'nowhere'}", tmp_path)


def save(path: Path, arrays: dict[str, Any]) -> str:
    np.savez(path, **arrays)
    return f"npz:{path}"


def arrays() -> dict[str, np.ndarray]:
    x = np.arange(4 * 3 * 5 * 3, dtype=np.uint8).reshape(4, 3, 5, 3)
    y = np.array([0, 1, 0, 1])
    return {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]}


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (np.zeros((4, 3, 5, 3), np.uint8), (3, 5, 3)),
        (np.zeros((4, 6, 5, 3), np.uint8), (3, 6, 5)),
        (np.zeros((4, 6, 5), np.uint8), (1, 6, 5)),
    ],
)
def test_arrays_may_have_channels_first_last_or_none(
    tmp_path: Path, x: np.ndarray, shape: tuple[int, int, int]
) -> None:
    name = save(tmp_path / "own.npz", {**arrays(), "x_train": x, "x_test": x[:2]})
    assert load(name, tmp_path).input_shape == shape


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"x_train": np.zeros((4, 3, 5, 3))}, "x_train of .* must be uint8 images, got float64"),
        ({"y_train": np.array([-1, 0, 1, 1])}, "none left out, got -1 among 4 labels"),
        ({"y_train": np.zeros(4)}, "y_train of .* must be whole numbers, got float64"),
        ({"y_train": np.array([0, 2, 0, 2])}, "train labels must be all of 0 to 2"),
        ({"y_train": np.array([0, 1, 0, 2**40])}, "got 1099511627776 among 4 labels"),
        ({"y_train": np.array([0, 1, 0])}, "one for each label; got .* and 3 labels"),
        ({"y_test": np.array([0, 0])}, "test labels must be all of 0 to 1"),
        ({"x_test": np.zeros((2, 9, 9), np.uint8)}, "train and test images must have one shape"),
        ({"y_train": np.array([{}] * 4)}, "y_train of .* must be an array of numbers, got objects"),
    ],
)
def test_unfit_arrays_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], complaint: str
) -> None:
    name = save(tmp_path / "own.npz", {**arrays(), **changes})
    with pytest.raises(DataError, match=complaint):
        load(name, tmp_path)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    name = save(tmp_path / "own.npz", {k: v for k, v in arrays().items() if k != "x_test"})
    with pytest.raises(DataError, match="x_test is missing"):
        load(name, tmp_path)


def cached(tmp_path: Path) -> tuple[str, Path]:
    name = save(tmp_path / "own.npz", arrays())
    load(name, tmp_path)
    (file,) = tmp_path.glob("cache/*.safetensors")
    return name, file


def test_a_cut_cache_is_named_with_what_to_do(tmp_path: Path) -> None:
    name, file = cached(tmp_path)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"corrupt cache of npz:.* Delete it") as caught:
        load(name, tmp_path)
    assert str(file) in str(caught.value)


def test_a_changed_byte_is_found_by_verify(tmp_path: Path) -> None:
    name, file = cached(tmp_path)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"content hash .* instead of"):
        load(name, tmp_path, verify=True)


def test_a_cache_without_its_metadata_is_refused(tmp_path: Path) -> None:
    name, file = cached(tmp_path)
    save_file(load_file(file), file)
    with pytest.raises(DataError, match="corrupt cache"):
        load(name, tmp_path)


def test_a_read_only_root_is_left_alone_and_two_of_them_do_not_collide(tmp_path: Path) -> None:
    found = []
    for k in (1, 2):
        root = tmp_path / f"root{k}"
        root.mkdir()
        other = {**arrays(), "x_test": arrays()["x_test"] + np.uint8(k)}
        name = save(root / "own.npz", other)
        root.chmod(0o555)
        found.append(load(name, root))
        assert [file.name for file in root.iterdir()] == ["own.npz"]
    assert found[0].content_hash != found[1].content_hash
    assert len(list((tmp_path / "home-cache/sleepbench").iterdir())) == 2


def _convert(name: str, root: Path) -> str:
    return load(name, root).content_hash


def test_two_processes_may_convert_at_once(tmp_path: Path) -> None:
    name = save(tmp_path / "own.npz", arrays())
    with multiprocessing.get_context("fork").Pool(2) as pool:
        hashes = pool.starmap(_convert, [(name, tmp_path)] * 8)
    assert set(hashes) == {load(name, tmp_path, verify=True).content_hash}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_tiny_imagenet_is_read_as_published(tmp_path: Path) -> None:
    root = tmp_path / "tiny-imagenet-200"
    entries = {f"train/n{k}/images/n{k}_{i}.JPEG": png(k + i) for k in (1, 2) for i in (0, 1)}
    entries |= {f"val/images/val_{k}.JPEG": png(50 + k) for k in (1, 2)}
    entries["val/val_annotations.txt"] = b"val_1.JPEG\tn2\t0\t0\nval_2.JPEG\tn1\t0\t0\n"
    as_folder(entries, root)
    raw = readers.read("tinyimagenet", tmp_path)
    assert raw.classes == ("n1", "n2")
    assert raw.tensors["train_labels"].tolist() == [0, 0, 1, 1]
    assert raw.tensors["test_images"][:, 0, 0, 0].tolist() == [52, 51]


@needs_mnist
def test_mnist_is_read_as_it_lies() -> None:
    assert SHARED is not None
    mnist = load("mnist", Path(SHARED), verify=True)
    assert mnist.train_images.shape == (60_000, 1, 28, 28)
    assert torch.bincount(mnist.test_labels).tolist()[:3] == [980, 1135, 1032]
    assert load("mnist", Path(SHARED)).content_hash == mnist.content_hash


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's mapped files")
def test_the_cache_is_mapped_not_read(tmp_path: Path) -> None:
    name, file = cached(tmp_path)
    opened = load(name, tmp_path)
    assert str(file) in Path("/proc/self/maps").read_text()
    opened.train_images[:] = 7  # a mapping of one's own: the file must not change
    assert not torch.equal(load(name, tmp_path, verify=True).train_images, opened.train_images)


def test_damaged_raw_files_are_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    for file in DATASETS["mnist"].files:
        (tmp_path / file).write_bytes(b"\0\0\x08\x03")
    with pytest.raises(DataError, match="mnist cannot be read"):
        load("mnist", tmp_path)

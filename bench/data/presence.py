"""Whether the data of a run are there: looked up without torch, before anything is started.

Raw files lie under a data root (`--data`, else $SLEEPBENCH_DATA, else `data/`). The converted form
lies in `<root>/cache`, or, where that cannot be written, in `$XDG_CACHE_HOME/sleepbench` (default
`~/.cache/sleepbench`) under a name that holds a hash of the root's path.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from bench.config.catalogue import find_benchmark
from bench.config.datasets import DATASETS, TABLES, published
from bench.config.run_config import suggest
from bench.data.array_headers import complaint
from bench.data.rows import own_rows
from strategies.import_path import definition, is_import_path, source_file

OWN = ("folder", "npz")
"""Kinds of own data: `folder:PATH` and `npz:PATH`."""

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
"""What `npz:PATH` holds."""

IMAGES = (".jpg", ".jpeg", ".png")
"""How the names of images in `folder:PATH` end."""


class DataError(ValueError):
    """Data that is missing, damaged or not what it should be; says which file and what to do."""


def data_root(root: Path | None = None) -> Path:
    """`root`, else $SLEEPBENCH_DATA, else `data` in the current folder."""
    return root if root is not None else Path(os.environ.get("SLEEPBENCH_DATA") or "data")


def check_inputs(
    benchmarks: Iterable[str],
    models: Iterable[str],
    root: Path | None = None,
    *,
    download: bool = False,
) -> None:
    """Refuse runs whose data, or whose own model or benchmark, are not there.

    Args:
        benchmarks: of the runs.
        models: of the runs.
        root: the data root.
        download: a known data set may be missing, for it will be fetched.

    Raises:
        DataError: names what is missing and how to get it.
        ValueError: for a module or a name in it that is not there.
    """
    for model in sorted(set(models)):
        if is_import_path(model):
            _check_own("model", model)
    for benchmark in sorted(set(benchmarks)):
        spec = find_benchmark(benchmark)
        data = spec.data
        if spec.table is not None:
            own_rows(spec.table)
        elif data is None:
            _check_own("benchmark", benchmark)
        elif not (download and data in DATASETS):
            check_data(data, root)


def _check_own(kind: str, path: str) -> None:
    """ValueError unless the module of an import path is there, as source, and has the name."""
    source_file(kind, path)
    definition(kind, path)


def check_data(name: str, root: Path | None = None) -> None:
    """Refuse a data set that lies neither under the data root nor in a cache, or own data amiss.

    Args:
        name: a key of `DATASETS` or `TABLES`, `folder:PATH` or `npz:PATH`.
        root: the data root.

    Raises:
        DataError: names what is missing and how to get it.
        ValueError: for an unknown name.
    """
    root = data_root(root)
    known = published(name)
    kind, _, path = name.partition(":")
    if known is None and not (kind in OWN and path):
        raise ValueError(
            suggest("data set", name, [*DATASETS, *TABLES], forms=("folder:PATH", "npz:PATH"))
        )
    if known is not None and not known.files:
        return
    cached = any(file.exists() for file in cache_files(name, root))
    if known is None and Path(path).exists():
        check_arrays(Path(path)) if kind == "npz" else check_folder(Path(path))
    elif not cached and fingerprint(name, root) is None:
        raise DataError(_missing(name, root))


def check_arrays(path: Path) -> None:
    """Refuse a file that holds not the arrays of a data set; none of them is read.

    Raises:
        DataError: names what is missing, damaged, or claims to be more than there is.
    """
    if path.suffix != ".npz" or not path.is_file():
        got = "a folder" if path.is_dir() else path.name
        raise DataError(f"{path} must be a file that ends in .npz, got {got}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            wrong = {name: complaint(archive, names[name]) for name in ARRAYS if name in names}
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} must be a file of numpy.savez, got no such: {error}") from error
    if absent := [name for name in ARRAYS if name not in names]:
        raise DataError(f"{path} must hold {', '.join(ARRAYS)}; {absent[0]} is missing")
    for name, what in wrong.items():
        if what is not None:
            raise DataError(f"{name} of {path} {what}")


def check_folder(path: Path) -> None:
    """Refuse a folder without images in `train/<class>/` and `test/<class>/`; none is opened.

    Raises:
        DataError: names the folder that is missing or empty.
    """
    if not path.is_dir():
        raise DataError(f"{path} must be a folder, got a file")
    classes = {}
    for part in ("train", "test"):
        folder = path / part
        if not folder.is_dir():
            raise DataError(
                f"{folder} must be a folder with one of images for each class, "
                f"got {'a file' if folder.exists() else 'none there'}"
            )
        classes[part] = {own.name for own in folder.iterdir() if _is_class(own)}
        if not classes[part]:
            raise DataError(
                f"{folder} must hold a folder of images for each class "
                f"({', '.join(IMAGES)}), got none"
            )
    for part, other in (("train", "test"), ("test", "train")):
        for name in sorted(classes["train"] | classes["test"]):
            folder, twin = path / part / name, path / other / name
            if not _has_image(folder):
                such = f", as {twin} does" if _has_image(twin) else f" ({', '.join(IMAGES)})"
                raise DataError(f"{folder} must hold images{such}; got none")


def _has_image(folder: Path) -> bool:
    return folder.is_dir() and any(is_image(file.name) for file in folder.iterdir())


def _is_class(folder: Path) -> bool:
    """Whether a folder is of a class, with images or without: not where its name is hidden.

    Raises:
        DataError: for a name that is no text, which nothing could show.
    """
    name = os.fsencode(folder.name)
    try:
        name.decode()
    except UnicodeDecodeError:
        raise DataError(
            f"every folder in {folder.parent} must have a name that is text, got {name!r}"
        ) from None
    return folder.is_dir() and not folder.name.startswith(".")


def is_image(name: str) -> bool:
    """Whether a file is read as an image, by its name."""
    return Path(name).suffix.lower() in IMAGES and not Path(name).name.startswith(".")


def fingerprint(name: str, root: Path) -> str | None:
    """Hash of names, sizes and times of the raw files; None if one is missing or there is none."""
    kind, _, path = name.partition(":")
    known = published(name)
    base = Path(path) if known is None else root
    if known is not None:
        files = [root / file for file in known.files]
    else:
        files = files_in(base) if kind == "folder" else [base]
    if not files or not all(file.exists() for file in files):
        return None
    digest = hashlib.sha256()
    for file in files:
        about = file.stat()
        digest.update(os.fsencode(file.relative_to(base)))  # the names of images may be no text
        digest.update(f" {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """Every file below `folder`, in order."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def cache_files(name: str, root: Path) -> list[Path]:
    """Where the converted form may lie, the preferred place first."""

    def key(path: Path) -> str:
        return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]

    kind, _, path = name.partition(":")
    stem = name if published(name) else f"{kind}-{key(Path(path))}"
    return [
        root / "cache" / f"{stem}.safetensors",
        user_cache_path("sleepbench") / f"{stem}-{key(root)}.safetensors",
    ]


def remedy(name: str, root: Path) -> str:
    """What to type so that `name` is there; nothing for own data."""
    known, command = published(name), "python -m bench data"
    if known is None:
        return ""
    by_hand = f"Put it there: nothing fetches it. Where it comes from: {known.paper}"
    ways = [f"Fetch it: {command} fetch {name} --data {root}" if known.fetched else by_hand]
    if known.of_images:
        ways.append(
            f"or import its images: {command} import {name} ARCHIVE-OR-FOLDER --data {root}"
        )
    return "; ".join(ways)


def _missing(name: str, root: Path) -> str:
    """The sentence for raw files that are not there."""
    spec = published(name)
    if spec is None:
        return f"{name.partition(':')[2]} does not exist or is empty"
    file, md5 = next(item for item in spec.files.items() if not (root / item[0]).exists())
    return f"{root / file} is missing (md5 of the published file {md5}). {remedy(name, root)}"

"""Whether the data of a run are there: looked up without torch, before anything is started.

Raw files lie under a data root (`--data`, else $SLEEPBENCH_DATA, else `data/`). The converted form
lies in `<root>/cache`, or, where that cannot be written, in `$XDG_CACHE_HOME/sleepbench` (default
`~/.cache/sleepbench`) under a name that holds a hash of the root's path.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from bench.config.catalogue import find_benchmark
from bench.config.datasets import DATASETS
from bench.config.import_path import check_import_path, is_import_path
from bench.config.run_config import suggest

OWN = ("folder", "npz")
"""Kinds of own data: `folder:PATH` and `npz:PATH`."""


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
            check_import_path("model", model)
    for benchmark in sorted(set(benchmarks)):
        data = find_benchmark(benchmark).data
        if data is None:
            check_import_path("benchmark", benchmark)
        elif not (download and data in DATASETS):
            check_data(data, root)


def check_data(name: str, root: Path | None = None) -> None:
    """Refuse a data set that lies neither under the data root nor in a cache.

    Args:
        name: a key of `DATASETS`, `folder:PATH` or `npz:PATH`.
        root: the data root.

    Raises:
        DataError: names what is missing and how to get it.
        ValueError: for an unknown name.
    """
    root = data_root(root)
    known = DATASETS.get(name)
    kind, _, path = name.partition(":")
    if known is None and not (kind in OWN and path):
        raise ValueError(suggest("data set", name, [*DATASETS, "folder:PATH", "npz:PATH"]))
    if known is not None and not known.files:
        return
    cached = any(file.exists() for file in cache_files(name, root))
    if not cached and fingerprint(name, root) is None:
        raise DataError(_missing(name, root))


def fingerprint(name: str, root: Path) -> str | None:
    """Hash of names, sizes and times of the raw files; None if one is missing or there is none."""
    kind, _, path = name.partition(":")
    base = root if name in DATASETS else Path(path)
    if name in DATASETS:
        files = [root / file for file in DATASETS[name].files]
    else:
        files = files_in(base) if kind == "folder" else [base]
    if not files or not all(file.exists() for file in files):
        return None
    digest = hashlib.sha256()
    for file in files:
        about = file.stat()
        digest.update(f"{file.relative_to(base)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """Every file below `folder`, in order."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def cache_files(name: str, root: Path) -> list[Path]:
    """Where the converted form may lie, the preferred place first."""

    def key(path: Path) -> str:
        return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]

    kind, _, path = name.partition(":")
    stem = name if name in DATASETS else f"{kind}-{key(Path(path))}"
    return [
        root / "cache" / f"{stem}.safetensors",
        user_cache_path("sleepbench") / f"{stem}-{key(root)}.safetensors",
    ]


def remedy(name: str, root: Path) -> str:
    """What to type so that `name` is there; nothing for own data."""
    if name not in DATASETS:
        return ""
    command = "python -m bench data"
    return (
        f"Fetch it: {command} fetch {name} --data {root}; "
        f"or import it: {command} import {name} ARCHIVE-OR-FOLDER --data {root}"
    )


def _missing(name: str, root: Path) -> str:
    """The sentence for raw files that are not there."""
    if name not in DATASETS:
        return f"{name.partition(':')[2]} does not exist or is empty"
    spec = DATASETS[name]
    file, md5 = next(item for item in spec.files.items() if not (root / item[0]).exists())
    return f"{root / file} is missing (md5 of the published file {md5}). {remedy(name, root)}"

"""No file is ever unpickled, for that runs its code: no source does it, and no trap springs."""

from __future__ import annotations

import ast
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from bench.config.datasets import DATASETS
from bench.data.cache import load
from bench.data.presence import DataError, cache_files
from bench.records.store import Store
from bench.study.folder import Folder
from bench.study.storage import open_storage

ROOT = Path(__file__).parents[1]
LOADERS = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal",
    "torch.load", "np.load", "numpy.load", "np.fromfile", "pd.read_pickle", "torch.hub",
    "torch.jit.load", "yaml.load", "jsonpickle",
}  # fmt: skip
"""Modules and functions that may run what they read."""
ALLOWED = {
    # states of strategies, in memory: from one process of a run to another, never from a file
    "strategies/saved_state.py": {"pickle", "cloudpickle", "torch.load"},
    # shares of a command's own work, from its own forks
    "bench/records/parallel.py": {"pickle"},
    # numbers alone: with allow_pickle=False numpy refuses objects
    "bench/data/image_files.py": {"np.load"},
}
"""What uses one of them, and why it may."""


def uses(tree: ast.Module) -> set[str]:
    """Which of `LOADERS` a module imports or calls."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found & LOADERS


def test_what_can_run_a_file_is_called_where_a_reason_stands_and_nowhere_else():
    found = {}
    for package in ("bench", "strategies"):
        for path in (ROOT / package).rglob("*.py"):
            if used := uses(ast.parse(path.read_text(encoding="utf-8"))):
                found[str(path.relative_to(ROOT))] = used
    assert found == ALLOWED


def test_arrays_are_read_without_objects_and_states_from_memory():
    for path, call in (
        ("bench/data/image_files.py", "np.load(path, allow_pickle=False)"),
        ("strategies/saved_state.py", "torch.load(io.BytesIO(state), "),
    ):
        source = (ROOT / path).read_text(encoding="utf-8")
        assert source.count(call) == source.count(f"{call.partition('(')[0]}(") == 1, path


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A pickle that springs when it is read; it must not have sprung when the test ends."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    content = pickle.dumps(Trap(tmp_path / "sprung"))
    pickle.loads(content)
    (tmp_path / "sprung").rmdir()  # it works
    yield content
    assert not (tmp_path / "sprung").exists()


def placed(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize("name", [n for n, known in DATASETS.items() if known.files])
def test_files_of_a_data_set_that_hold_a_trap_are_refused(tmp_path, trap, name):
    files = [*DATASETS[name].files, "MNIST/processed/training.pt", "MNIST/processed/test.pt"]
    for file in [*files, "cifar-10-batches-py/batches.meta", "cifar-100-python/meta"]:
        placed(tmp_path / file, trap)
    with pytest.raises(DataError, match=r"must be the published file|cannot be read"):
        load(name, tmp_path)


def test_a_cache_that_is_a_trap_is_refused(tmp_path, trap):
    for file in cache_files("mnist", tmp_path):
        placed(file, trap)
    with pytest.raises(DataError, match="corrupt cache of mnist"):
        load("mnist", tmp_path)


def test_arrays_that_hold_a_trap_are_refused(tmp_path, trap):
    numbers = np.zeros((2, 2, 2), np.uint8)
    objects = np.array([Trap(tmp_path / "sprung"), None])
    np.savez(tmp_path / "own.npz", x_train=numbers, y_train=objects, x_test=numbers, y_test=[0, 1])
    with pytest.raises(DataError, match="must be an array of numbers, got objects"):
        load(f"npz:{tmp_path / 'own.npz'}", tmp_path)


def test_records_and_studies_that_are_a_trap_are_left_out_or_refused(tmp_path, trap):
    placed(tmp_path / "split-mnist-class/10s/naive/0-1.json", trap)
    records, damaged = Store(tmp_path).read()
    assert records == []
    assert len(damaged) == 1
    folder = Folder(tmp_path / "study")
    placed(folder.study_file, trap)
    with pytest.raises(ValueError, match="cannot be read"):
        folder.study()
    placed(folder.journal, trap + b"\n")
    with pytest.raises(ValueError, match="journal"):
        open_storage(str(folder.journal)).get_all_studies()

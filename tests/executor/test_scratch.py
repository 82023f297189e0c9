"""What a killed command leaves behind is removed by the next one, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.executor.executor import Executor
from bench.executor.scratch import remove_abandoned
from bench.records.store import Store

USE = (
    "from bench.executor.processes import fork_server; from bench.executor.scratch import scratch;"
)
USE += "fork_server(1); print(scratch())"


@pytest.fixture
def temporary(monkeypatch) -> Iterator[Path]:
    """Where temporary files lie; its name is short, as the path of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def use(folder: Path, then: str = "") -> subprocess.CompletedProcess[str]:
    """A process that has a server and then does what is said; its temporary files lie here."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", USE + then]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_process_leaves_nothing_behind_that_ends_by_itself(temporary):
    done = use(temporary)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(temporary))
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_is_removed(temporary):
    use(temporary, "; import os, signal, sys; sys.stdout.flush(); os.kill(os.getpid(), 9)")
    (left,) = temporary.iterdir()
    assert list(left.iterdir())  # the folder of the server's socket
    remove_abandoned()
    assert not left.exists()


def test_what_belongs_to_a_living_process_stays_and_so_does_what_only_looks_alike(temporary):
    names = [f"sleepbench-{os.getpid()}-x", "sleepbench-99999999x-y", "other-99999999-z"]
    for name in names:
        (temporary / name).mkdir()
    gone = temporary / "sleepbench-99999999-x"
    gone.symlink_to(temporary / names[2])
    names.append(f"sleepbench-{10**30}-x")
    (temporary / names[-1]).mkdir()
    remove_abandoned()
    assert sorted(path.name for path in temporary.iterdir()) == sorted([*names, gone.name])


def test_a_folder_whose_name_is_too_long_for_a_socket_will_do(temporary):
    deep = temporary / ("x" * 45)
    deep.mkdir()
    done = use(deep)
    assert done.returncode == 0, done.stderr


def test_temporary_files_may_lie_in_a_folder_whose_path_no_socket_can_have(tmp_path):
    long = tmp_path.joinpath(*["a_folder_with_a_long_name"] * 4)
    long.mkdir(parents=True)
    out = tmp_path / "runs"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "run", "--strategy", "naive", "--budget", "5steps",
         "--out", str(out)],
        env={**os.environ, "TMPDIR": str(long)}, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(long.iterdir()) == []


def test_a_command_with_nothing_to_run_removes_it_too(temporary, tmp_path):
    left = temporary / "sleepbench-4194305-abc"  # no process has such a number
    left.mkdir()
    Executor(Store(tmp_path))
    assert not left.exists()

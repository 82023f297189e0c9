"""Disks without room: on file systems of a few blocks or files, in a name space of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records.store import Store

MOUNTED = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && "$@"'
RUN = (sys.executable, "-m", "bench", "run", "--strategy", "naive,replay", "--scenario", "class",
       "--budget", "20steps", "--jobs", "1")  # fmt: skip


def on_a_disk(size: str, folder: Path, command: list[str], temporary: Path, out: Path):
    """Run a command while a file system of this size lies at `folder`; what is on it is gone."""
    script = f"{MOUNTED}; code=$?; cp -r {folder}/. {out}; exit $code"
    return subprocess.run(
        ["unshare", "-Urm", "bash", "-c", script, "bash", size, str(folder), *command],
        env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    for one in (folder, tmp_path / "tmp", tmp_path / "copy"):
        one.mkdir()
    try:
        tried = on_a_disk("size=64k", folder, ["true"], tmp_path / "tmp", tmp_path / "copy")
    except FileNotFoundError:
        pytest.skip("needs unshare, which mounts a small file system without rights")
    if tried.returncode:
        pytest.skip(f"needs a name space in which to mount: {tried.stderr.strip()}")
    return folder


@pytest.mark.parametrize("size", ["nr_inodes=6", "nr_inodes=100,size=12k"])
def test_a_record_without_room_is_kept_elsewhere(disk, tmp_path, size):
    temporary, copy = tmp_path / "tmp", tmp_path / "copy"
    ended = on_a_disk(size, disk, [*RUN, "--out", str(disk / "runs")], temporary, copy)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    said = re.search(
        r"error: (\S+)\.json could not be written: No space left on device\. "
        r"The record is kept in (\S+): copy it into (\S+)", ended.stderr.replace("\n", " "),
    )  # fmt: skip
    assert said, ended.stderr
    [kept], damaged = Store(Path(said[2])).read()
    assert kept.record.status == "ok"
    assert not damaged
    there, damaged = Store(copy / "runs").read()
    assert not damaged
    assert kept.record.digest not in {one.record.digest for one in there}
    assert list((copy / "runs").rglob(".*.json.*")) == []
    assert list(temporary.iterdir()) == [Path(said[2])]


def test_where_no_temporary_file_can_be_made_no_run_is_called_a_failure(disk, tmp_path):
    out = tmp_path / "runs"
    for inodes in (3, 5, 7):
        ended = on_a_disk(
            f"nr_inodes={inodes}", disk, [*RUN, "--out", str(out)], disk, tmp_path / "copy"
        )
        assert "Traceback" not in ended.stderr + ended.stdout
        records, damaged = Store(out).read()
        assert not damaged
        assert {one.record.status for one in records} <= {"ok", "infra_error"}, inodes
        if ended.returncode:
            assert "No space left on device" in ended.stderr

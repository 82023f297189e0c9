"""What others could leave for a process is out of its sight."""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import tempfile
from pathlib import Path

import pytest

from bench.runner.seclusion import nothing_shared, seclude
from forked import can_be_secluded, holds_in_a_fork

secluded_only = pytest.mark.skipif(not can_be_secluded(), reason="no namespaces are allowed here")


def fails(action) -> bool:
    try:
        action()
    except OSError:
        return True
    return False


def test_files_that_are_opened_inside_are_closed_again(tmp_path):
    def claim() -> bool:
        with (tmp_path / "before").open("w") as before:
            with nothing_shared():
                number = os.open(tmp_path / "inside", os.O_CREAT)
            return fails(lambda: os.fstat(number)) and not fails(lambda: os.fstat(before.fileno()))

    assert holds_in_a_fork(claim)


def test_memory_that_is_shared_by_a_file_is_refused_and_that_of_nobody_else_is_not(tmp_path):
    file = tmp_path / "shared"
    file.write_bytes(bytes(4096))
    with nothing_shared():
        nameless = mmap.mmap(-1, 4096)
    nameless.close()

    def claim() -> bool:
        try:
            with nothing_shared(), file.open("r+b") as opened:
                kept = mmap.mmap(opened.fileno(), 4096)
        except ValueError as error:
            return str(file) in str(error) and len(kept) > 0
        return False

    assert holds_in_a_fork(claim)


@secluded_only
def test_no_file_has_a_name_any_more_and_none_can_be_made():
    def claim() -> bool:
        seclude()
        tries = (
            lambda: Path("/etc/passwd").read_text(),
            lambda: Path("/proc/self/exe").readlink(),
            lambda: Path("/x").mkdir(),
            lambda: Path("..").joinpath("..", "etc").stat(),
        )
        return all(map(fails, tries)) and not list(Path("/").iterdir())

    assert holds_in_a_fork(claim)


@secluded_only
def test_sockets_and_memory_of_system_v_are_out_of_sight():
    name = f"\0{Path(tempfile.mkdtemp()).name}"
    libc = ctypes.CDLL(None)
    segment = libc.shmget(key := os.getpid(), 4096, 0o1600)

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(name)

    def claim() -> bool:
        there = not fails(connect) and libc.shmget(key, 0, 0) == segment
        seclude()
        return there and fails(connect) and libc.shmget(key, 0, 0) == -1

    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            assert holds_in_a_fork(claim)
    finally:
        libc.shmctl(segment, 0, None)


def test_where_nothing_is_allowed_nothing_happens(monkeypatch):
    monkeypatch.setattr("bench.runner.seclusion.sys.platform", "darwin")
    seclude()
    assert Path("/").exists()

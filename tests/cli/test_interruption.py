"""A command that is asked to end, by whatever signal, once or twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from bench.cli.interruption import stopped_alike
from bench.records.store import Store
from command_line import alive, bench, family

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def at_work(folder: Path):
    """A run without end that has begun: the server of the command has forked it."""
    process = bench("run", "--strategy", "naive", "--budget", "1000000steps", "--out", str(folder))
    assert any("0 done, 1 to go" in line for line in process.stdout)
    command = psutil.Process(process.pid)
    while not any(each.children() for each in command.children()):
        assert process.poll() is None
        time.sleep(0.05)
    return process


def nothing_is_left(tree: list[int], folder: Path) -> bool:
    deadline = time.monotonic() + 20
    while any(map(alive, tree)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, tree)) and Store(folder).read() == ([], [])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_and_a_closed_terminal_are_answered_as_ctrl_c_is(stop, tmp_path):
    process = at_work(tmp_path)
    tree = family(process.pid)
    os.killpg(process.pid, stop) if stop == signal.SIGHUP else os.kill(process.pid, stop)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "the same command goes on" in output
    assert "Traceback" not in output, output
    assert nothing_is_left(tree, tmp_path)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
def test_the_second_ctrl_c_ends_a_command_at_once(tmp_path):
    process = at_work(tmp_path)
    tree = family(process.pid)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "Traceback" not in output, output
    assert nothing_is_left(tree, tmp_path)


@pytest.fixture
def usual():
    """What answers each signal; as before when the test is over."""
    before = {one: signal.getsignal(one) for one in STOPS}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in the background
    yield {one: signal.getsignal(one) for one in STOPS}
    for one, answer in before.items():
        signal.signal(one, answer)


@pytest.mark.parametrize("stop", STOPS)
def test_the_first_signal_interrupts_and_the_next_ends_the_process(stop, usual, monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(KeyboardInterrupt), stopped_alike():
        signal.raise_signal(stop)
    for again in STOPS:
        signal.raise_signal(again)
    assert ended == [130] * 3


def test_when_the_command_has_ended_all_is_as_before(usual):
    with stopped_alike():
        assert signal.getsignal(signal.SIGTERM) != usual[signal.SIGTERM]
    assert {one: signal.getsignal(one) for one in STOPS} == usual


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_alike():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

"""Asking forks of this process as it was."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import psutil
import pytest

from bench.runner.fresh_process import FreshProcess, SameProcess

LEFT: list[object] = []


def answer(request):
    """How often a request was left here, or what is asked for."""
    if request == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if request == "exit":
        os._exit(0)
    if request == "raise":
        raise ValueError("what it was")
    if request == "unsendable":
        return lambda: None
    LEFT.append(request)
    return len(LEFT), os.getpid()


def test_every_request_sees_what_there_was_at_the_start():
    with closing(FreshProcess(answer)) as process:
        LEFT.append("afterwards")
        first, second = process.ask("one"), process.ask("two")
        LEFT.clear()
    assert first[0] == second[0] == 1
    assert len({first[1], second[1], os.getpid(), process.pid}) == 4


def test_the_same_process_answers_where_a_fork_cannot():
    with closing(SameProcess(answer)) as process:
        assert process.ask("one") == (1, os.getpid())
        assert process.pid is None
    LEFT.clear()


def test_what_is_raised_is_raised_here_and_the_next_request_is_answered():
    with closing(FreshProcess(answer)) as process:
        with pytest.raises(ValueError, match="what it was"):
            process.ask("raise")
        with pytest.raises(RuntimeError, match="the strategy died of signal 9 while it answered"):
            process.ask("die")
        with pytest.raises(RuntimeError, match="ended itself with code 0"):
            process.ask("exit")
        with pytest.raises(RuntimeError):
            process.ask("unsendable")
        assert process.ask("one")[0] == 1


def test_nothing_is_left_when_it_is_closed():
    process = FreshProcess(answer)
    pid = process.pid
    process.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(OSError, match="closed"):
        process.ask("one")

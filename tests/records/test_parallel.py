"""Work on many records, shared among cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import pytest

from bench.records import parallel
from bench.records.parallel import RECORDS_EACH, parallel_map

MANY = 10 * RECORDS_EACH


@pytest.fixture(autouse=True)
def only_this_thread(monkeypatch):
    """Those of whoever runs the tests hold no lock that a fork here could wait for."""
    others = threading.active_count() - 1
    count = threading.active_count
    monkeypatch.setattr(parallel.threading, "active_count", lambda: count() - others)


@pytest.fixture(params=[1, 2, 3])
def cores(request, monkeypatch) -> int:
    """How many cores this process may use."""
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda process: set(range(request.param)))
    return request.param


def doubled_here(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


@pytest.mark.parametrize("items", [0, 1, 2, 7])
def test_results_stand_in_the_order_of_the_items(items, cores):
    found = parallel_map(doubled_here, range(items), records=MANY)
    assert [double for double, _ in found] == [2 * number for number in range(items)]
    assert len({process for _, process in found}) == min(items, cores)


def test_few_records_stay_in_one_process(cores):
    found = parallel_map(doubled_here, range(7), records=2 * RECORDS_EACH - 1)
    assert {process for _, process in found} == {os.getpid()}


def test_a_process_with_threads_has_no_fork(cores):
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    found = parallel_map(doubled_here, range(7), records=MANY)
    end.set()
    thread.join()
    assert {process for _, process in found} == {os.getpid()}


def test_the_first_item_that_fails_is_told_and_no_fork_is_left(cores):
    def odd(number: int) -> int:
        if number in (4, 5, 6):
            raise ValueError(f"number must be no {number}")
        return number

    with pytest.raises(ValueError, match="number must be no 4"):
        parallel_map(odd, range(9), records=MANY)
    assert multiprocessing.active_children() == []


def test_what_is_known_comes_back_as_itself(cores):
    known = [object(), object(), object()]
    found = parallel_map(lambda i: {"one": known[i]}, range(3), records=MANY, known=known)
    assert [one["one"] is known[i] for i, one in enumerate(found)] == [True, True, True]


def test_a_fork_that_is_killed_is_told(monkeypatch):
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda process: {0, 1})
    own = os.getpid()

    def dies_elsewhere(number: int) -> int:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    with pytest.raises(ChildProcessError, match="must return it, got exit code -9"):
        parallel_map(dies_elsewhere, range(4), records=MANY)
    assert multiprocessing.active_children() == []

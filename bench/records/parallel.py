"""Work on many records, shared among the cores of this process."""

from __future__ import annotations

import gc
import io
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

RECORDS_EACH = 250
"""Fewest records that are worth a process of their own."""


def parallel_map(
    function: Callable[[T], R], items: Sequence[T], *, records: int, known: Sequence[object] = ()
) -> list[R]:
    """`[function(item) for item in items]`, on as many cores as the work is worth.

    This process does a share itself. Forks of it, which know what it knows, do the others.

    Args:
        function: has no effect but what it returns or raises.
        items: what it is called with.
        records: how many records the items are about, all together.
        known: objects that results may hold; their place is sent back in their stead.

    Raises:
        ChildProcessError: if a fork was ended from outside.
    """
    count = _processes(len(items), records)
    forks = [_Fork(function, items[first::count], known) for first in range(1, count)]
    try:
        shares = [_share(function, items[::count]), *(fork.share() for fork in forks)]
    finally:
        for fork in forks:
            fork.end()
    results = []
    for place in range(len(items)):
        values, error = shares[place % count]
        if error is not None and place // count == len(values):
            raise error
        results.append(values[place // count])
    return results


def _processes(items: int, records: int) -> int:
    """How many share the work: this one alone where a fork could wait for a lock of a thread."""
    if threading.active_count() > 1 or multiprocessing.current_process().daemon:
        return 1
    return max(1, min(len(os.sched_getaffinity(0)), items, records // RECORDS_EACH))


def _share(function: Callable[[T], R], items: Sequence[T]) -> tuple[list[R], Exception | None]:
    """The results up to the first item for which the function raises, and what it raises."""
    values: list[R] = []
    try:
        for item in items:
            values.append(function(item))
    except Exception as error:  # raised again where the results are put together
        return values, error
    return values, None


class _Fork:
    """A fork of this process at work on a share."""

    def __init__(
        self, function: Callable[[T], Any], items: Sequence[T], known: Sequence[object]
    ) -> None:
        context = multiprocessing.get_context("fork")
        self._known = known
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=self._answer, args=(function, items, sender), daemon=True
        )
        self._process.start()
        sender.close()  # the end of the fork is to be the end of the pipe

    def _answer(self, function: Callable[[T], Any], items: Sequence[T], sender: Connection) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted ends its forks
        self._receiver.close()  # so that no fork waits for a reader that is dead
        gc.disable()  # it would search what was forked, and copy it
        sender.send_bytes(_pickled(_share(function, items), self._known))

    def share(self) -> Any:
        """What `_share` returned in the fork.

        Raises:
            ChildProcessError: if it was ended from outside.
        """
        try:
            answer = self._receiver.recv_bytes()
        except EOFError:
            self._process.join()
            raise ChildProcessError(
                "a process that does a share of the work must return it, "
                f"got exit code {self._process.exitcode}"
            ) from None
        return _Unpickler(answer, self._known).load()

    def end(self) -> None:
        """End the fork, if it has not ended."""
        self._process.kill()
        self._process.join()
        self._receiver.close()


def _pickled(answer: object, known: Sequence[object]) -> bytes:
    if not known:  # asking of every object whether it is known takes longer than writing it
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    file = io.BytesIO()
    _Pickler(file, known).dump(answer)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    """Writes the place of what is known."""

    def __init__(self, file: io.BytesIO, known: Sequence[object]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._places = {id(one): place for place, one in enumerate(known)}

    def persistent_id(self, obj: Any) -> int | None:
        return self._places.get(id(obj))


class _Unpickler(pickle.Unpickler):
    """Reads what `_pickled` wrote where the same is known."""

    def __init__(self, answer: bytes, known: Sequence[object]) -> None:
        super().__init__(io.BytesIO(answer))
        self._known = known

    def persistent_load(self, pid: int) -> object:
        return self._known[pid]

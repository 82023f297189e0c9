"""Asking a process that has seen nothing of a strategy but the state that it is given."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, Protocol, TypeVar

import torch

Request = TypeVar("Request")
Answer = TypeVar("Answer")
RequestIn = TypeVar("RequestIn", contravariant=True)
AnswerOut = TypeVar("AnswerOut", covariant=True)


REPLIED = 73
"""Exit code of a process that has answered."""

CLOSE_SECONDS = 0.5
"""Longest time that such a process may take to end."""


class Asked(Protocol[RequestIn, AnswerOut]):
    """Something that answers requests."""

    @property
    def pid(self) -> int | None:
        """Id of the process that answers; None for this one."""

    def ask(self, request: RequestIn) -> AnswerOut:
        """The answer to `request`."""

    def close(self) -> None:
        """No request follows."""


class SameProcess(Generic[Request, Answer]):
    """Answers requests in this process, where a device cannot be shared with a fork of it."""

    pid = None

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        """answer: called with every request."""
        self._answer = answer

    def ask(self, request: Request) -> Answer:
        """What `answer` returns for `request`, or raises."""
        return self._answer(request)

    def close(self) -> None:
        """Nothing is open."""


class FreshProcess(Generic[Request, Answer]):
    """Answers each request in a fork of this process as it was at construction.

    A keeper is forked once; it forks again for every request, so that no request sees what an
    earlier one left behind.
    """

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        *,
        begin: Callable[[], None] = lambda: None,
        unseen: Sequence[Connection] = (),
    ) -> None:
        """Fork the keeper, before anything is done that requests must not see.

        Args:
            answer: called with every request, in a process of its own.
            begin: called once in the keeper, which is waited for.
            unseen: what is closed there.

        Raises:
            Exception: whatever `begin` raises.
        """
        context = get_context("fork")
        self._channel, theirs = context.Pipe()
        # it ends with this process: its end of the pipe closes then
        self._keeper = context.Process(
            target=_keep, args=(answer, begin, theirs, [self._channel, *unseen]), daemon=True
        )
        self._keeper.start()
        theirs.close()
        try:
            self._said()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Process id of the keeper."""
        return self._keeper.pid

    def ask(self, request: Request) -> Answer:
        """What `answer` returns for `request`.

        Raises:
            RuntimeError: for a process that ended without an answer.
            Exception: whatever `answer` raises.
        """
        with suppress(BrokenPipeError):  # as its answer will tell
            self._channel.send(request)
        answer: Answer = self._said()
        return answer

    def _said(self) -> Any:
        """What the keeper, or a fork of it, says; raises what it raised."""
        try:
            fine, said = self._channel.recv()
        except (EOFError, OSError):
            raise RuntimeError("the process of the examination is gone") from None
        if not fine:
            raise said
        return said

    def close(self) -> None:
        """End the keeper."""
        self._channel.close()
        end_process(self._keeper)


def end_process(process: Any) -> None:
    """End a process that waits for a request that nobody waits for any more."""
    process.join(CLOSE_SECONDS)
    process.kill()
    process.join()


def _keep(
    answer: Callable[[Any], Any],
    begin: Callable[[], None],
    channel: Connection,
    others: Sequence[Connection],
) -> None:
    for other in others:
        other.close()
    end_with_parent()
    _reply(lambda _: begin(), None, channel)
    while True:
        try:
            request = channel.recv()
        except EOFError:
            os._exit(0)  # nothing that was inherited is this process's to end
        child = os.fork()
        if child == 0:
            end_with_parent()
            gc.disable()  # it would copy the memory that is shared with the keeper
            _reply(answer, request, channel)
            os._exit(REPLIED)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != REPLIED:
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            how = "died of signal" if os.WIFSIGNALED(status) else "ended itself with code"
            channel.send((False, RuntimeError(f"the strategy {how} {number} while it answered")))


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch works on one thread: others that began here would be missing in a fork."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def end_with_parent() -> None:
    """Let the kernel end this process when its parent ends, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _reply(answer: Callable[[Any], Any], request: Any, channel: Connection) -> None:
    try:
        reply = (True, answer(request))
    except BaseException as error:
        with suppress(Exception):
            traceback.print_exc()
        reply = (False, error)
    try:
        channel.send(reply)
    except Exception:  # what cannot be sent is told by its name
        channel.send((False, RuntimeError(f"{type(reply[1]).__name__}: {reply[1]}")))
    sys.stdout.flush()
    sys.stderr.flush()

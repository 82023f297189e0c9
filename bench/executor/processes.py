"""The processes of runs: forked from a server that has everything imported, pinned, killable."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeVar

from bench.config.run_config import RunConfig
from bench.executor.confinement import confine
from bench.executor.messages import Job, States, tell, wait_for_reader
from bench.executor.scratch import scratch
from bench.executor.stack_dump import answer_into
from bench.records.schema import RunRecord

T = TypeVar("T")

SHORT = ("/tmp", "/var/tmp", "/dev/shm")
"""Where that socket lies if the temporary files of the user lie in a folder that is longer."""

LONGEST_FOLDER = 70
"""Characters of a folder that can hold the server's socket, whose path may have 107."""


VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Tells CUDA which GPUs a process may see."""


def run_child(
    job: Job,
    channel: Connection,
    aside: Callable[[Job], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Run a job in this process, tell its report, and wait to be ended.

    Args:
        job: what to run; this process gets a session, a folder and cores of its own.
        channel: where the progress and the report are told.
        aside: what goes on beside the run.
    """
    confine()
    os.sched_setaffinity(0, job.cores)
    if job.gpu is not None:  # nothing has asked CUDA for its devices yet
        os.environ[VISIBLE] = visible_gpu(job.gpu)
    tempfile.tempdir = os.environ["TMPDIR"] = str(job.folder)
    with _begun(job.log) as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    answer_into(sys.stderr)
    from bench.executor.child import run_job

    gc.freeze()  # what was imported is no garbage, and looking for some would cost the run
    with aside(job):
        report = run_job(job, partial(tell, channel))
    sys.stdout.flush()
    with suppress(OSError):  # the process that commands is gone
        tell(channel, report)
        wait_for_reader(channel)
    os._exit(0)


def visible_gpu(number: int) -> str:
    """What CUDA calls a GPU: the user may have hidden some, and numbers the others."""
    shown = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    return shown[number] if number < len(shown) else str(number)


def check(
    configs: Sequence[RunConfig],
    done: Sequence[RunRecord],
    data_root: Path | None,
    download: bool,
    states: States,
    gpus: Sequence[int],
    log: Path,
    channel: Connection,
) -> None:
    """Tell which configurations cannot be built; `log` is for what they print."""
    with _begun(log) as opened:
        os.dup2(opened.fileno(), sys.stderr.fileno())
    answer_into(sys.stderr)
    from bench.executor.refusals import refusals

    channel.send(refusals(configs, done, data_root, download, states, gpus))


def _begun(log: Path) -> TextIO:
    """The log, empty; without its folder the command was interrupted, and nobody waits for this."""
    try:
        return log.open("w")
    except FileNotFoundError:
        os._exit(1)


def _may_write(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def answer(function: Callable[..., T], arguments: Sequence[Any], *, threads: int = 1) -> T:
    """What `function` returns in a fork of the server, which has imported what this one has not.

    ValueError as the function raises it; any other end of the fork is a RuntimeError.
    """
    context = fork_server(threads)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(function, arguments, sender))
    start(process)
    sender.close()
    try:
        ok, said = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} ended its process without an answer") from None
    finally:
        process.join()
    if not ok:
        raise ValueError(said)
    return said


def _answer(function: Callable[..., Any], arguments: Sequence[Any], channel: Connection) -> None:
    try:
        channel.send((True, function(*arguments)))
    except ValueError as error:
        channel.send((False, str(error)))


def start(process: Any) -> None:
    """Start a process of the fork server that never runs the caller's script.

    The server would import `__main__` again in every child, to find functions there. Runs need
    none of it, and a script without `if __name__ == "__main__"` would start its runs once more.
    """
    caller = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = caller


def slots(jobs: int, threads: int) -> list[frozenset[int]]:
    """Disjoint sets of `threads` cores, one per job.

    Raises:
        ValueError: when there are not enough.
    """
    cores = sorted(os.sched_getaffinity(0))
    if jobs * threads > len(cores):
        raise ValueError(
            f"jobs x threads must be at most the {len(cores)} cores of this machine, "
            f"got {jobs} x {threads}"
        )
    return [frozenset(cores[i * threads : (i + 1) * threads]) for i in range(jobs)]


def server_id() -> int | None:
    """Process id of the server that runs are forked from; None if there is none."""
    found: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return found


def fork_server(threads: int) -> Any:
    """A context whose processes fork from one server that has everything imported.

    A server that has died is replaced.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.executor.preload"])
    numbers = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    folder = str(scratch())
    ours = {**dict.fromkeys(numbers, str(threads)), "PYTHONHASHSEED": "0", "TMPDIR": folder}
    before, usual = dict(os.environ), tempfile.tempdir
    # these reach the whole terminal; the command answers them, and the server ends with it
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    os.environ.update(ours)
    short = [place for place in (folder, *SHORT) if len(place) <= LONGEST_FOLDER]
    tempfile.tempdir = next(filter(_may_write, short), usual)  # for the server's socket
    try:
        forkserver.ensure_running()
    finally:  # this process, a notebook's say, keeps its own
        tempfile.tempdir = usual
        for name in ours.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: before[name] for name in ours.keys() & before.keys()})
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context

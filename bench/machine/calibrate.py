"""Calibration: what this machine reaches on a fixed training, and how well that can be measured.

Short blocks of the same work are called A and B in alternation (ABBA): what differs between them
is the machine's own noise. With several jobs the reference runs alone and beside busy neighbours
in turn, as the runs of a suite do. The result is shown and kept in records; it ranks nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from bench.executor.processes import fork_server, slots, start
from bench.records import environment
from bench.records.schema import Calibration
from bench.records.store import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.machine.reference_training import Rates

ROUNDS = 4
ROUND_SECONDS = 1.5
RESAMPLES = 2000


def calibrate(
    *,
    threads: int = 1,
    device: str = "cpu",
    jobs: int = 1,
    report: Callable[[int, int], None] = lambda done, rounds: None,
) -> Calibration:
    """Measure this machine and keep the result where its runs will find it.

    Args:
        threads: of one job.
        jobs: how many run at once in every other round.
        report: told how many of how many rounds are done.

    Raises:
        ValueError: for more cores than there are, for a device that is not there, and when the
            result cannot be written.
    """
    cores = slots(jobs, threads)
    with ExitStack() as stack:
        context = fork_server(threads)
        workers = [stack.enter_context(_worker(context, c, threads, device)) for c in cores]
        accelerator, *_ = [_answer(worker) for worker in workers]
        alone, beside = _measure(workers, report)
    result = summary(alone, beside, jobs=jobs, measured=datetime.now(UTC))
    file = environment.calibration_file(environment.machine(accelerator), threads, device)
    try:
        write_atomically(file, result.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise ValueError(f"the calibration cannot be kept in {file}: {error}") from error
    return result


def summary(alone: Rates, beside: Rates, *, jobs: int, measured: datetime) -> Calibration:
    """The calibration that these rates give.

    Args:
        alone: steps per second of pairs (A, B) without busy neighbours; at least two pairs.
        beside: the same with busy neighbours; none if `jobs` is 1.
        jobs: how many ran at once beside each other.
        measured: when.
    """
    ratio, low, high = _median_interval([a / b for a, b in alone])
    speed = _median_rate(alone)
    return Calibration(
        steps_per_second=speed,
        ratio=ratio,
        noise=max(high - ratio, ratio - low),
        jobs=jobs,
        beside=_median_rate(beside) / speed if beside else None,
        measured=measured,
    )


def sentences(found: Calibration) -> list[str]:
    """The calibration in words, for a terminal."""
    verdict = "can be told apart: the machine is disturbed" if found.told_apart else "look equal"
    lines = [
        f"{found.steps_per_second:.1f} steps/s of the reference",
        f"A over B {found.ratio:.4f}, noise {found.noise:.2%}: two series of equal work {verdict}",
    ]
    if found.beside is not None:
        lines.append(f"with {found.jobs} jobs at once each runs at {found.beside:.1%} of that")
    return lines


def _measure(workers: Sequence[Connection], report: Callable[[int, int], None]) -> list[Rates]:
    """The first worker's rates alone and beside the others, in turn so that drift hits both."""
    alone: Rates = []
    beside: Rates = []
    settings = [(workers[:1], alone), (workers, beside)][: len(workers)]  # alone is all of one
    rounds = [setting for _ in range(ROUNDS) for setting in settings]
    for done, (active, rates) in enumerate(rounds):
        report(done, len(rounds))
        for worker in active:
            worker.send(ROUND_SECONDS)
        own, *_ = [_answer(worker) for worker in active]
        rates += own
    report(len(rounds), len(rounds))
    return [alone, beside]


@contextmanager
def _worker(context: Any, cores: frozenset[int], threads: int, device: str) -> Iterator[Connection]:
    """The near end of a process that serves the reference; killed on the way out."""
    near, far = context.Pipe()
    process = context.Process(target=_serve, args=(cores, threads, device, far), daemon=True)
    start(process)
    far.close()
    try:
        yield near
    finally:
        process.kill()
        process.join()


def _serve(cores: frozenset[int], threads: int, device: str, channel: Connection) -> None:
    from bench.machine.reference_training import serve

    serve(cores, threads, device, channel)


def _answer(worker: Connection) -> Any:
    try:
        answer = worker.recv()
    except EOFError:
        raise ValueError("the reference ended before it was measured; try `bench doctor`") from None
    if isinstance(answer, ValueError):
        raise answer
    return answer


def _median_rate(rates: Rates) -> float:
    return statistics.median(rate for pair in rates for rate in pair)


def _median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and the ends of its 95 % percentile bootstrap interval, seeded."""
    import numpy as np

    data = np.asarray(values)
    chosen = np.random.default_rng(0).integers(0, len(data), (RESAMPLES, len(data)))
    low, high = np.quantile(np.median(data[chosen], axis=1), [0.025, 0.975])
    return float(np.median(data)), float(low), float(high)

"""One run: a strategy trains on a stream under a budget, and what happened is written down.

The page everyone must read. The clock runs in one place only, around `strategy.train`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.config.run_config import RunConfig
from bench.runner.checkpoints import Checkpointing, Checkpoints
from bench.runner.desk import Desk
from bench.runner.divergence import diverging
from bench.runner.examiner import Examiner, Findings
from bench.runner.nights import Nights
from bench.runner.progress import Checkpoint, Progress
from bench.runner.ready import Ready, build
from bench.runner.seeding import seed_everything
from bench.runner.speedups import precision
from strategies import building


def run(
    config: RunConfig,
    findings: Findings,
    *,
    data_root: Path | None = None,
    report: Callable[[Progress | Checkpoint], None] = lambda told: None,
    begin: Path | None = None,
    state: Path | None = None,
    checkpointing: Checkpointing | None = None,
) -> None:
    """Run `config` and fill `findings`, which are right up to the moment of an error.

    Args:
        config: what to run.
        findings: filled while the run goes on.
        data_root: where the data sets lie.
        report: told how far the run is, a few times a second, and of every checkpoint.
        begin: a saved state to go on from.
        state: where the state at the end is saved; None where it is not.
        checkpointing: how it is saved between experiences; None where it is not.

    Raises:
        ValueError: for what cannot be built.
        Diverged: when weights or outputs are not finite.
        UnchargedWork: when the strategy worked while the clock stood still.
        Exception: whatever else the strategy raises.
    """
    ready = build(config, data_root, report, begin=begin, examined=True)
    benchmark, meter, strategy = ready.benchmark, ready.meter, ready.strategy
    room = ready.room
    assert room is not None, "it was asked for"
    entry = building.find(config.strategy)
    findings.resolved = building.resolve(config.strategy, entry, config.hyperparameters)
    findings.benchmark_version, findings.data_hash = benchmark.version, benchmark.data_hash
    with closing(room), precision(config.speedups, config.device):
        examiner = Examiner(
            config, benchmark, meter, ready.account, findings, room=room, strategy=strategy
        )
        seed_everything(config.seed("data"))
        try:
            saved = Checkpoints(ready, examiner, checkpointing, report)
            ready = saved.begin()
            _learn(ready, examiner, saved, at_once=not entry.ranked)
        finally:
            examiner.keep_cost()
        if state is not None:
            findings.unsaved = _kept(ready, state)


def _learn(ready: Ready, examiner: Examiner, saved: Checkpoints, *, at_once: bool) -> None:
    """Train on the stream and have the strategy examined.

    Args:
        saved: between experiences.
        at_once: an upper bound trains on the whole stream as if it were one experience.
    """
    benchmark, meter, strategy = ready.benchmark, ready.meter, ready.strategy
    desk = None if ready.room is None else ready.room.desk
    if desk is not None:
        _by_day_and_night(ready, desk, examiner, hindsight=at_once)
    elif at_once:
        with meter.experience(None), diverging(strategy):
            strategy.train(list(benchmark.train_stream))
        examiner.examine(len(benchmark.train_stream) - 1, strategy)
    else:
        for i in range(saved.experiences, len(benchmark.train_stream)):
            with meter.experience(i), diverging(strategy):
                strategy.train(benchmark.train_stream[i])
            examiner.examine(i, strategy)
            saved.keep(i + 1)


def _kept(ready: Ready, state: Path) -> str | None:
    """Save the state; why that was not possible, as what the run has reached is not lost by it."""
    try:
        ready.keep_state(state)
    except (ValueError, OSError) as error:
        return str(error)
    return None


def _by_day_and_night(ready: Ready, desk: Desk, examiner: Examiner, *, hindsight: bool) -> None:
    """Let all days and nights pass, and examine what came out."""
    benchmark, strategy = ready.benchmark, ready.strategy
    look = examiner.look_around
    nights = Nights(benchmark, desk, ready.meter, ready.account, strategy, look)
    if hindsight:
        nights.pass_in_hindsight()
    else:
        nights.pass_by()
    examiner.examine(len(benchmark.test_samples) - 1, strategy)

"""Building all that a run needs: streams, meter, room of the examinations, strategy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from bench.config.budget import shares
from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark, make_benchmark
from bench.records.collection import without_collection
from bench.runner import states
from bench.runner.budget_plugin import UNTIL_STOPPED, BudgetPlugin, CudaQueue, MeterClock
from bench.runner.elsewhere import lend
from bench.runner.evaluation import NoMetrics, refuse_own_evaluator
from bench.runner.examination import bare_model, check_counts
from bench.runner.fresh_process import one_thread
from bench.runner.left_out import import_used
from bench.runner.meter import Meter, process_cpu_seconds
from bench.runner.minibatches import check_norms, check_tasks
from bench.runner.progress import Account, Progress
from bench.runner.room import Room, make_room, set_questions
from bench.runner.speedups import precision, warm_up
from bench.runner.uncharged_work import check_excused
from strategies import building
from strategies.saved_state import save

T = TypeVar("T")
Plugins = tuple[BudgetPlugin, MeterClock, NoMetrics]

EVAL_BATCH = 128
"""Images of a test minibatch: the activations of four times as many leave the caches."""


@dataclass(frozen=True)
class Ready:
    """Everything that a run needs, built and not yet started.

    Attributes:
        plugins: what stops the strategy, its clock, and what measures nothing.
        room: where the strategy is examined, to be closed; None where it is not.
    """

    config: RunConfig
    benchmark: Benchmark
    meter: Meter
    strategy: Any
    account: Account
    plugins: Plugins
    room: Room | None

    def keep_state(self, path: Path) -> None:
        """Save the state of the strategy.

        Raises:
            ValueError: for something that cannot be saved, which it names.
        """
        states.keep_state(self.strategy, path, self.config, self.benchmark, self.plugins)


def build(
    config: RunConfig,
    data_root: Path | None,
    report: Callable[[Progress], None] = lambda progress: None,
    *,
    begin: Path | None = None,
    examined: bool = False,
) -> Ready:
    """Streams, meter and strategy of `config`.

    Args:
        config: what to run.
        data_root: where the data sets lie.
        report: told how far the run is.
        begin: a saved state to go on from.
        examined: whether a process is made in which the strategy will be examined.

    Raises:
        ValueError: for what cannot be built.
    """
    began = time.perf_counter()
    benchmark = _benchmark(config, data_root)
    meter = _meter(config, benchmark)
    meter.uncharged["data"] = time.perf_counter() - began
    account = Account(meter, len(benchmark.test_samples), report)
    plugins = (BudgetPlugin(meter, account.tell), MeterClock(meter), NoMetrics())
    room = None
    if examined:
        with meter.off_the_clock("evaluation"):
            asked, marker = set_questions(config, benchmark)
            # from here on no label of the test is in this process, nor in those it forks
            benchmark = benchmark.for_training()
            hindsight = not building.find(config.strategy).ranked
            lent = lend(benchmark, meter, *plugins)
            room = make_room(config, benchmark, lent, asked, marker, hindsight=hindsight)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed("init"))
            strategy = _strategy(config, benchmark, meter, plugins=plugins, warm=examined)
            if begin is not None:
                strategy = states.begin_from(begin, strategy, config, benchmark, plugins)
    except BaseException:
        if room is not None:
            room.close()
        raise
    return Ready(config, benchmark, meter, strategy, account, plugins, room)


def _meter(config: RunConfig, benchmark: Benchmark) -> Meter:
    """What charges a run."""
    return Meter(
        config.budget,
        shares(benchmark.train_samples, config.allocation),
        queue=CudaQueue() if config.device == "cuda" else None,
        by_night=benchmark.days is not None,
    )


def _benchmark(config: RunConfig, data_root: Path | None) -> Benchmark:
    """The streams of a run."""
    with one_thread():
        return make_benchmark(
            config.benchmark,
            config.scenario,
            data_root=data_root,
            class_seed=config.seed("classes"),
            validation=config.validation,
            part=slice(config.first_day, config.experiences),
            augment=config.augment,
            device=config.device,
        )


def _strategy(
    config: RunConfig,
    benchmark: Benchmark,
    meter: Meter,
    *,
    plugins: Plugins,
    warm: bool,
) -> Any:
    """The strategy around its model, with the plugin that stops it.

    Args:
        plugins: what stops it, its clock, and what measures nothing.
        warm: whether the model is warmed up before the strategy gets it.

    Raises:
        UnchargedWork: if its constructor takes much longer than that of the model.
        ValueError: for what cannot be built.
    """
    budget, clock, evaluator = plugins
    entry = building.find(config.strategy)
    chosen = building.resolve(config.strategy, entry, config.hyperparameters)
    with meter.off_the_clock("model"):
        model, bare = _timed(lambda: bare_model(config, benchmark))
        check_tasks(config, entry, benchmark, chosen["batch_size"])
        check_norms(config, model, benchmark, chosen["batch_size"])
    if warm:
        with meter.off_the_clock("warm_up"), precision(config.speedups, config.device):
            tasks, batch_size = config.scenario == "task", chosen["batch_size"]
            warm_up(model, benchmark.input_shape, batch_size=batch_size, tasks=tasks)
    with meter.off_the_clock("model"):
        strategy, worked = _timed(
            lambda: building.build(
                config.strategy, entry, model=model, scenario=config.scenario,
                chosen=config.hyperparameters, budget_clock=clock, device=config.device,
                train_epochs=UNTIL_STOPPED, eval_mb_size=EVAL_BATCH, evaluator=evaluator,
                plugins=[budget],
            )
        )  # fmt: skip
        check_excused("its constructor", worked, bare)
        if budget not in strategy.plugins:
            raise ValueError(f"{config.strategy} must hand `plugins` on to Avalanche's template")
        refuse_own_evaluator(config.strategy, strategy)
        import_used(strategy, *strategy.plugins)
        strategy.plugins.remove(strategy.evaluator)  # nothing to measure, asked at every hook
        check_counts(strategy)
        save(strategy)  # what could not be examined is refused before it is trained
    return strategy


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the CPU seconds that it took."""
    with without_collection():
        began = process_cpu_seconds()
        return work(), process_cpu_seconds() - began

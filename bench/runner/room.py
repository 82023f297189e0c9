"""Where a strategy is examined: what answers for it, and what marks the answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from avalanche.benchmarks import DatasetExperience

from bench.config.catalogue import find_benchmark
from bench.config.run_config import RunConfig
from bench.data.label_rules import floors_of_next, labels_of
from bench.data.streams import Benchmark
from bench.data.unlabelled import questions
from bench.runner.desk import Desk
from bench.runner.examination import Answered, Examinations, Holdings, Request
from bench.runner.fresh_process import Asked, FreshProcess, SameProcess
from bench.runner.marker import Marker
from strategies.lent import Lent


@dataclass(frozen=True)
class Room:
    """Where a run is examined.

    Attributes:
        lent: what the strategy is lent.
        process: answers every request for an examination.
        marker: says how much of the answers is right.
        modules: names of the modules that were imported before the strategy was.
        desk: brings the days of a stream by day and night; None for others.
    """

    lent: Lent
    process: Asked[Request, Answered | Holdings]
    marker: Marker
    modules: frozenset[str]
    desk: Desk | None = None

    @property
    def pids(self) -> tuple[int | None, ...]:
        """Of its processes."""
        desk = None if self.desk is None else self.desk.pid
        return self.process.pid, self.marker.pid, desk

    def close(self) -> None:
        """End its processes."""
        self.process.close()
        self.marker.close()
        if self.desk is not None:
            self.desk.close()


def set_questions(
    config: RunConfig, benchmark: Benchmark
) -> tuple[dict[str, list[DatasetExperience]], Marker]:
    """What is asked, by stream and without labels, and what marks the answers."""
    classes, told = benchmark.classes_by_experience, config.scenario == "task"
    streams = {"valid": benchmark.valid_stream}
    if not config.validation_only:
        streams["test"] = benchmark.test_stream
    every = {
        name: questions(stream, classes, told=told)
        for name, stream in streams.items()
        if stream is not None
    }
    solutions = {name: [one.solution for one in asked] for name, asked in every.items()}
    shown = {name: [one.experience for one in asked] for name, asked in every.items()}
    floors = None
    if find_benchmark(config.benchmark).options.fades:
        floors = floors_of_next(labels_of(benchmark.train_stream), labels_of(benchmark.test_stream))
    return shown, Marker(solutions, classes, len(classes), floors)


def make_room(
    config: RunConfig,
    benchmark: Benchmark,
    lent: Lent,
    asked: Mapping[str, Sequence[DatasetExperience]],
    marker: Marker,
    *,
    hindsight: bool = False,
) -> Room:
    """The room of a run, to be made before anything of its strategy is imported.

    Args:
        config: of the run.
        benchmark: without what is asked; who calls this holds no labels of the test any more.
        lent: what the strategy will be lent.
        asked: by stream.
        marker: of the answers.
        hindsight: whether the strategy trains on all days at once.
    """
    desk = None
    if benchmark.days is not None:
        desk = Desk(benchmark.days, classes=benchmark.n_classes, hindsight=hindsight)
        benchmark.days.forget_labels()
    examinations = Examinations(config, benchmark, lent, asked)
    modules = frozenset(sys.modules)
    if config.device == "cuda":  # a fork cannot use a device that this process has begun to use
        process: Asked[Request, Answered | Holdings] = SameProcess(examinations)
    else:
        unseen = [marker.channel, *([] if desk is None else [desk.channel])]
        process = FreshProcess(examinations, begin=examinations.settle, unseen=unseen)
    if benchmark.days is not None:  # from here on this process knows of no day that has not come
        benchmark.days.forget_days(examined_elsewhere=config.device != "cuda")
    return Room(lent, process, marker, modules, desk)

"""Examining a saved strategy: what it answers, what it holds, and what of it the answers need.

Runs in a process that was forked before the strategy was built. So the answers come from the saved
state alone, and what is counted is that state.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks import DatasetExperience
from torch import nn

from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark
from bench.runner.divergence import diverging
from bench.runner.evaluation import answers, plain
from bench.runner.fresh_process import one_thread
from bench.runner.marker import Logits
from bench.runner.meter import process_cpu_seconds
from bench.runner.models import make_model
from bench.runner.seclusion import nothing_shared, seclude
from bench.runner.seeding import seed_everything
from bench.runner.speedups import precision, prepare
from bench.runner.uncharged_work import check_excused
from strategies import building
from strategies.import_path import imported
from strategies.lent import DATASETS, Lent, tree
from strategies.pruning.held import (
    Held,
    counted_apart,
    counted_as,
    held_parts,
    is_believed,
    loose_bytes,
    size_of,
)
from strategies.pruning.weight_count import WeightsInUse, network_in_use, with_held
from strategies.saved_state import contents, import_reader, load

PROBE = 128
"""Images of an experience after which it shows whether the answers need something."""

LOAD_SECONDS = 0.002
"""CPU seconds that loading a strategy takes where nothing disturbs it."""

MOST_GROUPS = 32
"""Groups of parts at most, each of which is needed or not."""


@dataclass(frozen=True)
class Request:
    """A strategy to be examined.

    Attributes:
        state: of the strategy, from `strategies.saved_state.save`.
        asked: whether it is to answer, or what it holds is to be looked at.
    """

    state: bytes
    asked: bool


@dataclass(frozen=True)
class Answered:
    """What a strategy answered.

    Attributes:
        logits: by stream, of every experience that was asked.
    """

    logits: Mapping[str, Logits]


@dataclass(frozen=True)
class Holdings:
    """What a strategy holds.

    Attributes:
        weights: in use; what is held besides the network is among its buffers.
        needed: of what is held besides the network, what the answers need.
        needed_bytes: of the same as it is, though it may look like images.
        loose_bytes: of the state, of what is neither tensors nor data: numbers, text and code.
        answered: what it answers; None where it was asked for what it needs, so that it must
            be asked again, in a process that knows nothing of that.
    """

    weights: WeightsInUse
    needed: Held
    needed_bytes: int
    loose_bytes: int
    answered: Answered | None


class Examinations:
    """Examines the strategy of one run, each time in a process of its own.

    Args:
        config: of the run.
        benchmark: of the run, without what is asked.
        lent: what the strategy was lent.
        asked: by stream, experiences of images without labels; `test` or `valid` or both.
    """

    def __init__(
        self,
        config: RunConfig,
        benchmark: Benchmark,
        lent: Lent,
        asked: Mapping[str, Sequence[DatasetExperience]],
    ) -> None:
        self._config, self._benchmark, self._lent = config, benchmark, lent
        self._questions = asked
        self._entry = building.find(config.strategy)
        self._times_asked = 0
        self._sample = tuple(benchmark.train_stream[0].dataset[0][0].shape)
        with one_thread(), torch.random.fork_rng(devices=[]):
            self._bare_seconds = self._seconds_of(bare_model(config, benchmark))

    def settle(self) -> None:
        """Import the strategy, and lose sight of all that others could leave here from then on.

        In the process that is forked for every request. Not where torch compiles to files.

        Raises:
            ValueError: for modules that share memory with other processes.
        """
        with nothing_shared():
            imported("strategy", self._entry.factory)
            import_reader()
        if "compile" not in self._config.speedups:
            seclude()
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))

    def __call__(self, request: Request) -> Answered | Holdings:
        """Load the strategy and examine it.

        Raises:
            UnchargedWork: if it takes much longer to answer than the bare network does.
        """
        self._times_asked = 0
        torch.set_num_threads(self._config.threads)
        seed_everything(self._config.seed("data"))
        began = process_cpu_seconds()
        strategy = load(request.state, self._lent)
        with precision(self._config.speedups, self._config.device), diverging(strategy):
            if request.asked:
                return self._answered(strategy, began)
            held = held_parts(strategy)
            parts = self._needed(request, held)
            needed = size_of(parts, self._sample, self._lent)
            needed_bytes = size_of(parts, lent=self._lent).bytes
            worked = process_cpu_seconds() - began
            bare = (1 + self._times_asked) * self._bare_seconds + self._times_asked * LOAD_SECONDS
            check_excused("answering", worked, bare)
            loose = loose_bytes(contents(strategy, lent=self._lent))
            network = network_in_use.dispatch(counted_as(strategy))(strategy)
            weights = with_held(network, size_of(held, self._sample, self._lent))
            answered = None if self._times_asked else self._answered(strategy, began)
        return Holdings(weights, needed, needed_bytes, loose, answered)

    def _answered(self, strategy: Any, began: float) -> Answered:
        """What it answers; `began` is when it was loaded."""
        logits = {
            stream: [plain(answers(strategy, experience)) for experience in experiences]
            for stream, experiences in self._questions.items()
        }
        check_excused("answering", process_cpu_seconds() - began, self._bare_seconds)
        return Answered(logits)

    @torch.no_grad()
    def _seconds_of(self, model: nn.Module) -> float:
        """CPU seconds that a new network, `model`, takes to answer all that is asked.

        Measured on one minibatch, and taken as much again for each of as many images.
        """
        model.eval()
        asked = [one for experiences in self._questions.values() for one in experiences]
        images = torch.zeros(PROBE, *self._sample, device=self._config.device)
        told = self._config.scenario == "task"
        tasks = (torch.zeros(PROBE, dtype=torch.long, device=images.device),) if told else ()
        model(images, *tasks)
        began = process_cpu_seconds()
        model(images, *tasks)
        each = (process_cpu_seconds() - began) / PROBE
        return each * sum(len(one.dataset) for one in asked)

    def _needed(self, request: Request, parts: Sequence[Any]) -> Sequence[Any]:
        """What of the `parts` that a strategy holds besides its network changes its answers.

        Parts are spoilt and the strategy is asked again: all of them first, before it has answered
        anything that it could keep.
        """
        if not parts:
            return ()
        without_all = self._answers_without(request, range(len(parts)))
        whole = self._answers(load(request.state, self._lent))
        if _alike(without_all, whole):
            return ()
        smallest = -(-len(parts) // MOST_GROUPS)

        def search(chosen: Sequence[int]) -> list[int]:
            """Those of `chosen`, without which answers differ; all, where only together they do."""
            if len(chosen) <= smallest:
                return list(chosen)
            half = len(chosen) // 2
            found = [
                number
                for part in (chosen[:half], chosen[half:])
                if not _alike(self._answers_without(request, part), whole)
                for number in search(part)
            ]
            return found or list(chosen)

        return [parts[number] for number in search(range(len(parts)))]

    def _answers(self, strategy: Any) -> Logits:
        """The first answers to every experience, asked as all are."""
        self._times_asked += 1
        seed_everything(self._config.seed("data"))
        asked = self._questions.get("test") or self._questions["valid"]
        return [plain(answers(strategy, experience, PROBE)) for experience in asked]

    def _answers_without(self, request: Request, spoilt: Sequence[int]) -> Logits | None:
        """What it answers with these parts spoilt; None if it cannot."""
        # nothing that was lent may be spoilt: others read it, too
        strategy = load(request.state, self._lent.unreadable())
        parts = held_parts(strategy)
        try:
            for number in spoilt:
                _spoil(parts[number])
            return self._answers(strategy)
        except Exception:  # whatever it could not do without them
            return None


def bare_model(config: RunConfig, benchmark: Benchmark) -> nn.Module:
    """The network of a run as the benchmark builds it, from torch's generator."""
    model = make_model(
        config.model,
        benchmark.input_shape,
        classes=benchmark.n_classes,
        tasks=benchmark.classes_by_experience if config.scenario == "task" else None,
    ).to(config.device)
    prepare(model, config.speedups)
    return model


def check_counts(strategy: Any) -> None:
    """Refuse a strategy that brings a count of its own weights.

    Raises:
        ValueError: names the module of the count.
    """
    kind = type(strategy)
    for count in (network_in_use.dispatch(kind), counted_apart.dispatch(kind)):
        known = vars(sys.modules.get(count.__module__, sys))
        if not is_believed(count.__module__) or count.__globals__ is not known:
            raise ValueError(
                f"weights of {kind.__name__} must be counted by the referee, got a count of its "
                f"own in {count.__module__}"
            )


def _alike(one: Logits | None, other: Logits) -> bool:
    """Whether answers are the same, bit for bit: the same arithmetic on the same numbers."""
    return one is not None and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True)
    )


def _spoil(part: Any) -> None:
    """Make every number of a tensor, an array or a data set another one, in place."""
    if isinstance(part, DATASETS):
        for leaf in tree(part):
            for value in vars(leaf).values():
                for own in value if isinstance(value, (list, tuple)) else [value]:
                    if isinstance(own, (torch.Tensor, np.ndarray)):
                        _spoil(own)
        return
    tensor = part.detach() if isinstance(part, torch.Tensor) else torch.from_numpy(part)
    if tensor.is_floating_point() or tensor.is_complex():
        tensor.fill_(float("nan"))
    else:
        tensor.bitwise_not_()

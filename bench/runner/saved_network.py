"""The network of a run that saved its state, as a module that answers as it did in the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from avalanche.benchmarks import DatasetExperience
from torch import Tensor, nn

from bench.config.budget import Budget
from bench.config.catalogue import find_benchmark
from bench.config.run_config import RunConfig
from bench.data.experiences import make_scenario
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images
from bench.runner import states
from bench.runner.budget_plugin import BudgetPlugin, MeterClock
from bench.runner.evaluation import NoMetrics, answers
from bench.runner.meter import Meter
from bench.runner.plain_network import PROBES, alike, plain_network
from bench.runner.seeding import generators, seed_everything, set_generators
from strategies import kept_state
from strategies.networks.smaller import smaller


class SavedNetwork(nn.Module):
    """Answers as the strategy of a run did at its end: with its masks, its means, its network.

    Attributes:
        model: the network itself; without the strategy around it it may answer otherwise.
        input_shape: (C, H, W) of a sample.
        labels: for each experience the data set's labels, from 0. In `class` column k of what is
            answered stands for label k; else for the k-th label of the experience.
    """

    def __init__(self, config: RunConfig, state: Path) -> None:
        """Read a saved state.

        Args:
            config: of the run.
            state: the file.

        Raises:
            ValueError: for a file that is no state of such a run.
        """
        super().__init__()
        told = kept_state.about(state)
        facts = ("inputs", "classes_by_experience", "labels_by_experience")
        if missing := [name for name in facts if name not in told]:
            raise ValueError(f"{state} must tell {missing[0]}: save the run again")
        meter = Meter(Budget.parse("1s"), [1.0])  # it is never run
        lent = (BudgetPlugin(meter, lambda: None), MeterClock(meter), NoMetrics())
        self._strategy = kept_state.read(state, **states.how_for_another(config, lent))
        self._config = config
        self.model: nn.Module = self._strategy.model
        self.input_shape = tuple(map(int, told["inputs"].split(" x ")))
        spec = find_benchmark(config.benchmark)  # features and rows of a table have any value
        self._of_pixels = not spec.by_night and not (spec.data or "features").endswith("features")
        self.labels: list[list[int]] = json.loads(told["labels_by_experience"])
        self._classes: list[list[int]] = json.loads(told["classes_by_experience"])

    def forward(self, images: Tensor, task: int | None = None) -> Tensor:
        """Answers, (N, K), in evaluation mode and without a gradient.

        Args:
            images: (N, C, H, W) float32, as the benchmark gives them: pixels in [0, 1].
            task: number of the experience that they are from, in scenario `task` alone.

        Raises:
            ValueError: for images of another shape or type, and for a task that is not there.
        """
        self._check(images, task)
        before = generators()
        seed_everything(self._config.seed("data"))  # as when it was examined
        try:
            return answers(self._strategy, self._experience(images, task or 0)).detach()
        finally:
            set_generators(before)

    def plain(self, task: int | None = None) -> nn.Module:
        """A torch module with the same answers, without the strategy.

        Masks are in its weights, and of several heads it has that of the task: column k of its
        answers stands for the k-th label of `labels[task]`.

        Args:
            task: number of the experience, in scenario `task` alone.

        Raises:
            ValueError: for a strategy that answers by more than one pass through its network.
        """
        return plain_network(self.model, lambda images: self(images, task), self._probes(), task)

    def smaller(self, task: int | None = None) -> nn.Sequential:
        """`plain`, without the units that say the same to every input.

        Args:
            task: as for `plain`.

        Raises:
            ValueError: as `plain`.
        """
        plain, probes = self.plain(task), self._probes()
        small = smaller(plain, self.input_shape)
        with torch.no_grad():
            if not alike(small(probes), plain(probes)):
                raise ValueError("the network must answer each input by itself to be made smaller")
        return small

    def _probes(self) -> Tensor:
        own = torch.Generator().manual_seed(0)
        return torch.rand((PROBES, *self.input_shape), generator=own)

    def _check(self, images: Tensor, task: int | None) -> None:
        if not isinstance(images, Tensor):
            raise ValueError(f"images must be a tensor of torch, got a {type(images).__name__}")
        shape = tuple(images.shape)
        if images.dtype != torch.float32 or shape[1:] != self.input_shape or not len(images):
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"images must be float32 (N, {wanted}), got {images.dtype} {shape}")
        low, high = images.min().item(), images.max().item()
        if self._of_pixels and not 0 <= low <= high <= 1:
            raise ValueError(f"pixels must be in [0, 1], got {low:g} to {high:g}")
        tasks, told = len(self._classes), self._config.scenario == "task"
        if told and (not isinstance(task, int) or not 0 <= task < tasks):
            raise ValueError(f"task must be a number from 0 to {tasks - 1}, got {task!r}")
        if not told and task is not None:
            raise ValueError(
                f"task must be left out in scenario {self._config.scenario}, got {task!r}"
            )

    def _experience(self, images: Tensor, task: int) -> DatasetExperience:
        """An experience of these images, whose targets are all 0."""
        blank = ImageDataset.of(Images(images, torch.zeros(len(images), dtype=torch.int64)))
        told = self._config.scenario == "task"
        every = sorted({target for own in self._classes for target in own})
        classes = self._classes[: task + 1] if told else [every]
        parts: list[Any] = [blank] * len(classes)
        streams = make_scenario({"test": parts}, classes, task_labels=told).streams
        found: DatasetExperience = streams["test"][task]
        return found

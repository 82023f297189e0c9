"""Bare PyTorch loops, and the same work in the suite: samples per CPU second of one thread.

CPU seconds, because a benchmark shares its machine; ratios within one run, because machines differ.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.data.presence import data_root
from bench.runner.avalanche_patches import apply_patches
from bench.runner.models import make_model
from bench.runner.ready import Ready, build
from bench.runner.seeding import seed_everything

BATCH = 128
Rate = Callable[[], float]


def ratio(ours: Rate, peer: Rate, rounds: int = 7) -> float:
    """Median over `rounds` of ours / peer, taken in turn."""
    ours(), peer()
    return statistics.median(ours() / peer() for _ in range(rounds))


def ready(
    strategy: str,
    scenario: str = "class",
    steps: int = 300,
    speedups: tuple[str, ...] = (),
    examined: bool = False,
    **options: object,
) -> Ready:
    """A built run on the steps clock in which every experience may spend `steps`.

    This process is patched from then on as that of every run is.
    """
    apply_patches()
    benchmark = str(options.pop("benchmark", "split-mnist"))
    experiences = int(str(options.pop("experiences", 5)))
    config = RunConfig(
        benchmark=benchmark,
        scenario=scenario,
        model=str(options.pop("model", "mlp")),
        strategy=strategy,
        budget=Budget(amount=steps * experiences, clock="steps"),
        allocation="equal",
        speedups=speedups,
        hyperparameters=dict(options),
    )
    built = build(config, data_root(), examined=examined)
    seed_everything(0)
    return built


def report(benchmark, what: str, value: float, reach: str) -> None:
    """Keep one number for the table; what pytest-benchmark times itself is not used."""
    benchmark.extra_info.update(what=what, value=round(value, 3), reach=reach)
    benchmark.pedantic(lambda: None, rounds=1)


def train(built: Ready, index: int) -> float:
    """Samples per CPU second while the strategy trains on experience `index`."""
    experience = built.benchmark.train_stream[index]
    samples, start = built.meter.samples, time.process_time()
    with built.meter.experience(index):
        built.strategy.train(experience)
    return (built.meter.samples - samples) / (time.process_time() - start)


def tensors(built: Ready, index: int) -> tuple[Tensor, Tensor]:
    """All of one training experience: float images (N, C, H, W) and labels (N,)."""
    dataset = built.benchmark.train_stream[index].dataset
    images, labels, _ = dataset.source().read()
    return images, labels


@dataclass
class Bare:
    """A bare loop over tensors, tuned: one gather per minibatch.

    The subclasses add the arithmetic of one method.
    """

    images: Tensor
    labels: Tensor
    model: nn.Module
    steps: int = 300

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(self.model(x), y)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        return self.images.index_select(0, index), self.labels.index_select(0, index)

    def __call__(self) -> float:
        """Samples of the current experience per CPU second."""
        self.model.train()
        samples, step, start = 0, 0, time.process_time()
        while step < self.steps:
            for index in torch.randperm(len(self.images)).split(BATCH):
                self.optimizer.zero_grad()
                self.loss(*self.batch(index)).backward()
                self.optimizer.step()
                samples += len(self.batch_of(index))
                step += 1
                if step == self.steps:
                    break
        self.finish()
        return samples / (time.process_time() - start)

    def batch_of(self, index: Tensor) -> Tensor:
        return index

    def finish(self) -> None:
        """What the method does when the experience ends."""


class Textbook(Bare):
    """The loop as tutorials write it, with indexed tensors."""

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]


class BareMultiHead(Bare):
    """One head per task, all samples of the first."""

    def __post_init__(self) -> None:
        self.model = make_model("mlp", (1, 28, 28), classes=10, tasks=[[0, 1]] * 5)
        super().__post_init__()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(self.model(x, torch.zeros_like(y)), y)


class BareReplay(Bare):
    """As many stored examples as new ones in every minibatch."""

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        index = torch.cat([index, torch.randint(500, (BATCH,))])
        return self.images.index_select(0, index), self.labels.index_select(0, index)

    def batch_of(self, index: Tensor) -> Tensor:
        return torch.cat([index, index.new_zeros(BATCH)])


class BareEWC(Bare):
    """A quadratic penalty towards one stored experience, and the pass that weighs the next."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stored = [p.detach().clone() for p in self.model.parameters()]
        self.importances = [torch.rand_like(p) for p in self.stored]

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        terms = zip(self.model.parameters(), self.stored, self.importances, strict=True)
        return super().loss(x, y) + 1e-4 * sum((i * (p - s).pow(2)).sum() for p, s, i in terms)

    def finish(self) -> None:
        for start in range(0, len(self.images), BATCH):
            x, y = self.images[start : start + BATCH], self.labels[start : start + BATCH]
            self.optimizer.zero_grad()
            functional.cross_entropy(self.model(x), y).backward()
            for importance, parameter in zip(
                self.importances, self.model.parameters(), strict=True
            ):
                assert parameter.grad is not None
                importance += parameter.grad.pow(2)


class BareLwF(Bare):
    """Distillation from a copy."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.teacher = make_model("mlp", (1, 28, 28), classes=10, tasks=None)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = torch.softmax(self.teacher(x)[:, :2] / 2, dim=1)
        out = self.model(x)
        found = torch.log_softmax(out[:, :2] / 2, dim=1)
        return functional.cross_entropy(out, y) + functional.kl_div(
            found, wanted, reduction="batchmean"
        )


def paper_network(images: Tensor, labels: Tensor) -> list[Tensor]:
    """Weights (out, in) after a day of Tadros et al. 2022 on MNIST: 784-1200-1200-10, no biases.

    Two epochs of 5,000 images (N, 784), minibatches of 100; squared error of ReLU outputs whose
    derivative counts as 1.
    """
    widths = [784, 1200, 1200, 10]
    weights = [torch.empty(b, a).uniform_(-0.01, 0.01) for a, b in pairwise(widths)]
    optimizer = torch.optim.SGD([w.requires_grad_() for w in weights], lr=0.1, momentum=0.5)
    for index in torch.cat([torch.randperm(5000), torch.randperm(5000)]).split(100):
        x = images[index]
        for w in weights[:-1]:
            x = functional.dropout(torch.relu(x @ w.T), 0.25)
        out = x @ weights[-1].T
        out = out + (torch.relu(out) - out).detach()
        optimizer.zero_grad()
        wrong = out - functional.one_hot(labels[index], 10)
        (wrong.pow(2).sum() / 2 / len(index)).backward()
        optimizer.step()
    return [w.detach() for w in weights]


def bare(kind: type[Bare], built: Ready, index: int, steps: int = 300, model: str = "mlp") -> Bare:
    """A bare loop on the data of one experience."""
    images, labels = tensors(built, index)
    shape = built.benchmark.input_shape
    return kind(images, labels, make_model(model, shape, classes=10, tasks=None), steps)


def has(name: str) -> bool:
    """Whether the data set's files or its cache are there."""
    from bench.data.presence import DataError, check_data

    try:
        check_data(name, data_root())
    except DataError:
        return False
    return True

"""Benchmarks and models by id, as data: listing them costs no import of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from bench.config.run_config import Scenario, suggest


@dataclass(frozen=True)
class BenchmarkSpec:
    """What a benchmark id stands for.

    Attributes:
        data: the data set's name in `bench.data.cache`.
        kind: split deals the classes out to the experiences; permuted and rotated show all classes
            in every experience, with the pixels shuffled or the images turned.
        experiences: length of the stream; None for as many experiences of 2 classes as there are.
        scenarios: the scenarios it can be run in.
        model: the default model of `bench.runner.models`.
        paper: where the benchmark comes from; None for own data.
        samples: of the training samples of each experience only so many are used, the first in the
            data set's order; None for all.
    """

    data: str
    kind: Literal["split", "permuted", "rotated"]
    experiences: int | None
    scenarios: tuple[Scenario, ...]
    model: str
    summary: str
    paper: str | None
    version: str = "1.0"
    samples: int | None = None

    def check_scenario(self, name: str, scenario: str) -> None:
        """ValueError when the benchmark has not the scenario, with those it has."""
        if scenario not in self.scenarios:
            offered = " or ".join(self.scenarios)
            raise ValueError(f"{name} must be run in scenario {offered}, got {scenario!r}")


_SPLIT: tuple[Scenario, ...] = ("task", "class", "domain")
_SAME_CLASSES: tuple[Scenario, ...] = ("task", "domain")

BENCHMARKS: dict[str, BenchmarkSpec] = {
    "split-digits": BenchmarkSpec(
        data="digits",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="mlp",
        summary="scikit-learn's 8x8 digits in 5 experiences of 2 classes; needs no download",
        paper="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits",
    ),
    "split-mnist": BenchmarkSpec(
        data="mnist",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="mlp",
        summary="MNIST in 5 experiences of 2 digits",
        paper="Zenke et al. 2017, Continual Learning Through Synaptic Intelligence",
    ),
    "split-mnist-5000": BenchmarkSpec(
        data="mnist",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="mlp",
        summary="split-mnist with the first 5,000 training images of each experience",
        paper="Tadros et al. 2022, Sleep-like unsupervised replay",
        samples=5000,
    ),
    "mnist": BenchmarkSpec(
        data="mnist",
        kind="split",
        experiences=1,
        scenarios=("class",),
        model="mlp",
        summary="all of MNIST in one experience: pruning without a stream",
        paper="LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition",
    ),
    "permuted-mnist": BenchmarkSpec(
        data="mnist",
        kind="permuted",
        experiences=10,
        scenarios=_SAME_CLASSES,
        model="mlp",
        summary="MNIST 10 times, each with its own order of pixels, the first in the usual order",
        paper="Goodfellow et al. 2013, An Empirical Investigation of Catastrophic Forgetting",
    ),
    "rotated-mnist": BenchmarkSpec(
        data="mnist",
        kind="rotated",
        experiences=10,
        scenarios=_SAME_CLASSES,
        model="mlp",
        summary="MNIST 10 times, turned by 0, 10, ..., 90 degrees, the first upright",
        paper="Lopez-Paz and Ranzato 2017, Gradient Episodic Memory",
    ),
    "split-fmnist": BenchmarkSpec(
        data="fmnist",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="mlp",
        summary="Fashion-MNIST in 5 experiences of 2 classes",
        paper="Xiao et al. 2017, Fashion-MNIST",
    ),
    "split-cifar10": BenchmarkSpec(
        data="cifar10",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="vgg-small",
        summary="CIFAR-10 in 5 experiences of 2 classes",
        paper="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    ),
    "split-cifar10-features": BenchmarkSpec(
        data="cifar10-features",
        kind="split",
        experiences=5,
        scenarios=_SPLIT,
        model="mlp-1028-256-dropout",
        summary="split-cifar10 as 2,048 features of a convolution that learned without labels from "
        "a tenth of the training images, which the stream has not",
        paper="Tadros et al. 2022, Sleep-like unsupervised replay; features by Coates et al. 2011",
    ),
    "cifar10": BenchmarkSpec(
        data="cifar10",
        kind="split",
        experiences=1,
        scenarios=("class",),
        model="vgg-small",
        summary="all of CIFAR-10 in one experience: pruning without a stream",
        paper="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    ),
    "split-cifar100": BenchmarkSpec(
        data="cifar100",
        kind="split",
        experiences=20,
        scenarios=_SPLIT,
        model="vgg-small",
        summary="CIFAR-100 in 20 experiences of 5 classes",
        paper="Krizhevsky 2009; in 20 tasks by Lopez-Paz and Ranzato 2017",
    ),
    "split-tinyimagenet": BenchmarkSpec(
        data="tinyimagenet",
        kind="split",
        experiences=10,
        scenarios=_SPLIT,
        model="vgg-small",
        summary="Tiny ImageNet in 10 experiences of 20 classes",
        paper="Le and Yang 2015, Tiny ImageNet; in 10 tasks by De Lange et al. 2021",
    ),
}
"""Every benchmark by its id; `folder:PATH` and `npz:PATH` are read by `find_benchmark`."""


@dataclass(frozen=True)
class ModelSpec:
    """A named model of `bench.runner.models`.

    Attributes:
        smallest: height and width of its inputs at least.
    """

    summary: str
    paper: str
    smallest: int = 1


MODELS: dict[str, ModelSpec] = {
    "mlp": ModelSpec("two layers of 300 and 100 units", "LeCun et al. 1998"),
    "mlp-1200": ModelSpec("two layers of 1200 units", "Tadros et al. 2022"),
    "mlp-1200-dropout": ModelSpec(
        "two layers of 1200 units, a quarter dropped out, weights from within 0.01 of 0",
        "Tadros et al. 2022",
    ),
    "mlp-1028-256-dropout": ModelSpec(
        "layers of 1028 and 256 units, a fifth dropped out, weights from within 0.05 of 0",
        "Tadros et al. 2022",
    ),
    "lenet5": ModelSpec("two convolutions, two dense layers", "LeCun et al. 1998", 12),
    "vgg-small": ModelSpec(
        "six convolutions, one dense layer, no normalisation", "Simonyan & Zisserman 2015", 8
    ),
    "resnet18-slim": ModelSpec("ResNet-18 with 20 channels", "Lopez-Paz & Ranzato 2017", 8),
}


def find_benchmark(name: str) -> BenchmarkSpec:
    """The specification of a benchmark id, `folder:PATH` or `npz:PATH`.

    Own data is split in experiences of 2 classes, as many as there are; with an odd number the last
    has 3. `folder:PATH?experiences=5` sets another number.

    Raises:
        ValueError: names the nearest id.
    """
    kind, colon, _ = name.partition(":")
    if not colon or kind not in ("folder", "npz"):
        if name not in BENCHMARKS:
            raise ValueError(suggest("benchmark", name, [*BENCHMARKS, "folder:PATH", "npz:PATH"]))
        return BENCHMARKS[name]
    data, _, query = name.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option != "experiences":
            raise ValueError(suggest("option of a benchmark", option, ["experiences"]))
    experiences = options.get("experiences")
    if experiences is not None and not (experiences.isdecimal() and int(experiences)):
        raise ValueError(f"experiences must be a whole number above 0, got {experiences!r}")
    return BenchmarkSpec(
        data=data,
        kind="split",
        experiences=None if experiences is None else int(experiences),
        scenarios=_SPLIT,
        model="mlp",
        summary="own images, their classes split over the experiences",
        paper=None,
    )


def check_experiences(experiences: int, of: int, name: str) -> None:
    """ValueError unless benchmark `name`, which has `of` experiences, has so many."""
    if not 1 <= experiences <= of:
        raise ValueError(f"experiences of {name} must be in [1, {of}], got {experiences}")


def find_model(name: str) -> ModelSpec:
    """The specification of a model id.

    Raises:
        ValueError: names the nearest.
    """
    if name not in MODELS:
        raise ValueError(suggest("model", name, MODELS))
    return MODELS[name]

"""Benchmarks and models by id, as data: listing them costs no import of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from bench.config.datasets import DATASETS
from bench.config.run_config import Scenario, suggest
from strategies.import_path import is_import_path, unknown_name


@dataclass(frozen=True)
class BenchmarkSpec:
    """What a benchmark id stands for.

    Attributes:
        data: the data set's name, `folder:PATH` or `npz:PATH`; None for a benchmark of the user's
            own, which brings its data.
        kind: split deals the classes out to the experiences; permuted and rotated show all classes
            in every experience, with the pixels shuffled or the images turned; own is a user's.
        experiences: length of the stream; None where the data tell: of own images as many
            experiences of 2 classes as there are.
        scenarios: the scenarios it can be run in.
        model: the default model of `bench.runner.models`.
        paper: where the benchmark comes from; None for a user's own.
        samples: of the training samples of each experience only so many are used, the first in the
            data set's order; None for all.
    """

    data: str | None
    kind: Literal["split", "permuted", "rotated", "own"]
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
    **{
        f"split-{name}": BenchmarkSpec(
            data=name,
            kind="split",
            experiences=known.experiences,
            scenarios=_SPLIT,
            model=known.model,
            summary=known.summary,
            paper=known.paper,
        )
        for name, known in DATASETS.items()
    },
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
    "cifar10": BenchmarkSpec(
        data="cifar10",
        kind="split",
        experiences=1,
        scenarios=("class",),
        model="vgg-small",
        summary="all of CIFAR-10 in one experience: pruning without a stream",
        paper="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    ),
}
"""Every benchmark by its id: `split-NAME` of every data set, and those made in another way."""


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
    "mlp-100": ModelSpec(
        "two layers of 100 units without biases, digits standardized", "Kang et al. 2022"
    ),
    "mlp-400": ModelSpec("two layers of 400 units", "van de Ven et al. 2022"),
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


_OTHER_BENCHMARKS = ("folder:PATH", "npz:PATH", "module:name")


def find_benchmark(name: str) -> BenchmarkSpec:
    """The specification of a benchmark id, `folder:PATH`, `npz:PATH` or `module:make_benchmark`.

    Whether the data or the module are there is not looked up. Own images are split in experiences
    of 2 classes, as many as there are; with an odd number the last has 3.
    `folder:PATH?experiences=5` sets another number.

    Raises:
        ValueError: names the nearest id.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    kind, colon, _ = name.partition(":")
    if not colon or kind not in ("folder", "npz"):
        if not is_import_path(name):
            raise unknown_name("benchmark", name, BENCHMARKS, _OTHER_BENCHMARKS)
        return BenchmarkSpec(
            data=None,
            kind="own",
            experiences=None,
            scenarios=("task", "class", "domain"),
            model="mlp",
            summary="a benchmark of the user's own",
            paper=None,
        )
    data, _, query = name.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option != "experiences":
            raise ValueError(suggest("option of a benchmark", option, ["experiences"]))
    experiences = options.get("experiences")
    if experiences is not None and not re.fullmatch("0*[1-9][0-9]{0,8}", experiences):
        raise ValueError(
            f"experiences must be a whole number above 0, of nine digits at most, "
            f"got {experiences!r}"
        )
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
    """The specification of a model id or of `module:make_model`, which is not imported.

    Raises:
        ValueError: names the nearest.
    """
    if name in MODELS:
        return MODELS[name]
    if not is_import_path(name):
        raise unknown_name("model", name, MODELS, ["module:name"])
    return ModelSpec("a model of the user's own", "-")

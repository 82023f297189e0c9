"""Benchmarks and models by id, as data: listing them costs no import of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bench.config.datasets import DATASETS, TABLES
from bench.config.own_tables import FORMS, OwnTable, count_days, is_own_table, own_table
from bench.config.run_config import Scenario
from bench.config.stream_options import StreamOptions, split_id
from strategies.import_path import is_import_path, unknown_name


@dataclass(frozen=True)
class BenchmarkSpec:
    """What a benchmark id stands for.

    Attributes:
        data: the data set's name, `folder:PATH` or `npz:PATH`; None for a benchmark of the user's
            own, which brings its data, and for a table of its own.
        kind: split deals the classes out to the experiences; permuted and rotated show all classes
            in every experience, with the pixels shuffled or the images turned; nights has rows in
            the order of time, trained on by night; own is a user's.
        experiences: that classes are dealt to, or times that all are shown; None where the data
            tell: of own images as many experiences of 2 classes as there are.
        scenarios: the scenarios it can be run in.
        model: the default model of `bench.runner.models`.
        paper: where the benchmark comes from; None for a user's own.
        samples: of the training samples of each experience only so many are used, the first in the
            data set's order; None for all.
        options: how its experiences are cut and pass into each other.
        by_name: whether the classes of an experience are those whose names begin alike, as those of
            one alphabet; else they are drawn.
        nights: in which a strategy may train, each with a share of the budget of its own; 0: all
            data of an experience are there at once, and what it leaves is the next one's; of a
            table of the user's own the data tell.
        table: of the user's own, with what its id says.
    """

    data: str | None
    kind: Literal["split", "permuted", "rotated", "nights", "own"]
    experiences: int | None
    scenarios: tuple[Scenario, ...]
    model: str
    summary: str
    paper: str | None
    version: str = "1.0"
    samples: int | None = None
    options: StreamOptions = field(default_factory=StreamOptions)
    by_name: bool = False
    nights: int = 0
    table: OwnTable | None = None

    @property
    def by_night(self) -> bool:
        """Whether a night follows each of its days."""
        return self.kind == "nights"

    def count_nights(self) -> int:
        """Nights of the stream; a table of the user's own is read for it.

        Raises:
            ValueError: for a table that cannot be.
        """
        return self.nights if self.table is None else count_days(self.table)

    @property
    def length(self) -> int | None:
        """Experiences of the stream; None where the data tell."""
        if self.experiences is None:
            return None
        return self.experiences * self.options.repeat * self.options.parts

    def coming_again(self, name: str) -> str | None:
        """`name`, its id, if classes come in several experiences."""
        return name if self.options.fades else None

    def check_searched(self, name: str) -> None:
        """ValueError where no hyper-parameter can be searched."""
        if self.by_night:
            raise ValueError(
                f"{name} has nothing that a search may look at: every day but the first is ranked"
            )

    def check_conditions(self, name: str, chosen: Mapping[str, Any]) -> None:
        """ValueError for fields of a run's configuration that its benchmark cannot have."""
        if not self.by_night:
            return
        if chosen.get("validation"):
            raise ValueError(
                f"validation must be 0 on {name}, which holds out a share of its own, got "
                f"{chosen['validation']}"
            )
        if chosen.get("augment"):
            raise ValueError(f"augment must be empty on {name}, whose rows are no images")

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
    "omniglot-alphabets": BenchmarkSpec(
        data="omniglot",
        kind="split",
        experiences=8,
        scenarios=_SPLIT,
        model="mlp",
        summary="Omniglot, an alphabet of 17 to 47 characters at a time",
        paper="Lake et al. 2015, Human-level concept learning",
        by_name=True,
    ),
    **{
        f"{name}-nights": BenchmarkSpec(
            data=name,
            kind="nights",
            experiences=known.months,
            scenarios=("domain",),
            model="mlp",
            summary=known.summary,
            paper=known.paper,
            nights=known.days,
        )
        for name, known in TABLES.items()
    },
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
"""Every benchmark by its id: `split-NAME` of every data set of images, `NAME-nights` of every
table, and those made in another way."""


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


_OTHER_BENCHMARKS = ("folder:PATH", "npz:PATH", *FORMS, "module:name")


def find_benchmark(name: str) -> BenchmarkSpec:
    """The specification of a benchmark id, `folder:PATH`, `npz:PATH` or `module:make_benchmark`.

    Of a table of a user's own, `csv:PATH?time=COLUMN&label=COLUMN`, see `bench.config.own_tables`.

    Whether the data or the module are there is not looked up. Own images are split in experiences
    of 2 classes, as many as there are; with an odd number the last has 3. Options follow a question
    mark, see `bench.config.stream_options`: `folder:PATH?experiences=5`.

    Raises:
        ValueError: names the nearest id or option, or says what the benchmark has no option for.
    """
    if is_own_table(name):
        return replace(_OWN_TABLE, table=own_table(name))
    base, options = split_id(name)
    if base in BENCHMARKS:
        return _with_options(base, BENCHMARKS[base], options)
    kind, colon, _ = base.partition(":")
    if colon and kind in ("folder", "npz"):
        return _with_options(base, replace(_OWN_IMAGES, data=base), options)
    if "?" in name or not is_import_path(name):
        raise unknown_name("benchmark", name, BENCHMARKS, _OTHER_BENCHMARKS)
    return _OWN


_OWN_IMAGES = BenchmarkSpec(
    data=None,
    kind="split",
    experiences=None,
    scenarios=_SPLIT,
    model="mlp",
    summary="own images, their classes split over the experiences",
    paper=None,
)

_OWN_TABLE = BenchmarkSpec(
    data=None,
    kind="nights",
    experiences=None,
    scenarios=("domain",),
    model="mlp",
    summary="rows of the user's own in the order of time, trained on by night",
    paper=None,
)

_OWN = BenchmarkSpec(
    data=None,
    kind="own",
    experiences=None,
    scenarios=("task", "class", "domain"),
    model="mlp",
    summary="a benchmark of the user's own",
    paper=None,
)


def _with_options(name: str, spec: BenchmarkSpec, options: StreamOptions) -> BenchmarkSpec:
    """The benchmark with other experiences.

    Raises:
        ValueError: for what it has no option for.
    """
    if options != StreamOptions() and spec.by_night:
        raise ValueError(f"{name} has no options, its order is that of time, got {options.text()}")
    if options.fades and spec.kind != "split":
        given = options.text().split("&")[-1]
        raise ValueError(f"{name} shows all classes at all times, got {given}")
    if options.fades and (options.experiences or spec.experiences) == 1:
        raise ValueError(f"{name} has one experience, which passes into no other")
    if spec.by_name and options.experiences:
        raise ValueError(
            f"experiences of {name} must be {spec.experiences}, as its classes are grouped, got "
            f"{options.experiences}"
        )
    if spec.kind != "split" and options.experiences == 1:
        raise ValueError(f"experiences of {name} must be at least 2, got 1")
    # a return of a task's classes would be another task, and a sample between two is of none
    scenarios = tuple(s for s in spec.scenarios if not options.fades or s != "task")
    experiences = options.experiences or spec.experiences
    return replace(spec, experiences=experiences, scenarios=scenarios, options=options)


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

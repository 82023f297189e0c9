"""Benchmarks: an id gives streams of experiences in a scenario, versioned and seeded.

Class order, pixel permutations, order of angles and validation split are drawn from `class_seed`
by generators of their own; the global generators are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from avalanche.benchmarks import CLScenario, EagerCLStream
from numpy.typing import NDArray
from torch import Tensor

from bench.config.catalogue import BenchmarkSpec, check_experiences, find_benchmark
from bench.config.conditions import Augmentation
from bench.config.run_config import Scenario
from bench.data import own_benchmark
from bench.data.cache import ImageData, load
from bench.data.estimates import AT_RULE
from bench.data.experiences import Data, Experiences, make_scenario
from bench.data.held_out import with_validation
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images, rotated
from bench.data.nights import Days, nights_of
from bench.data.tables import load_table
from bench.data.transitions import deal


@dataclass(frozen=True)
class Benchmark:
    """Streams of experiences and what one must know to rank on them.

    Attributes:
        scenario: in `class` the targets are the labels of the data set and every answer is one of
            all classes. In `task` and in `domain` of a split benchmark the targets are the position
            of the class within its experience, from 0; `task` alone tells which experience it is.
        avalanche: has train_stream and test_stream, and valid_stream if something is held out.
        n_classes: how many answers there are for one sample: the size of the head, of each head in
            `task`.
        input_shape: (C, H, W).
        classes_by_experience: for each experience its targets, sorted.
        labels_by_experience: for each experience the data set's labels; target k stands for the
            k-th of them in `task` and `domain`, unless experiences pass into each other.
        train_samples: per experience, or per night, after holding out.
        test_samples: per experience, after holding out.
        chance: accuracy of guessing, the mean over experiences of 1 / number of possible answers.
        days: how the rows of a stream by day and night come; its training experiences are those of
            the nights, and all that is told of each experience is of a month. None for others.
    """

    id: str
    version: str
    scenario: Scenario
    avalanche: CLScenario
    n_classes: int
    input_shape: tuple[int, int, int]
    classes_by_experience: list[list[int]]
    labels_by_experience: list[list[int]]
    data_hash: str
    train_samples: list[int]
    test_samples: list[int]
    chance: float
    days: Days | None = None

    def for_training(self) -> Benchmark:
        """The same without the streams that a strategy is asked about, and their labels."""
        return replace(self, avalanche=CLScenario([self.train_stream]))

    @property
    def train_stream(self) -> EagerCLStream:
        """Training experiences in order."""
        return self.avalanche.streams["train"]

    @property
    def test_stream(self) -> EagerCLStream:
        """Test experiences in the same order; for the record only."""
        return self.avalanche.streams["test"]

    @property
    def valid_stream(self) -> EagerCLStream | None:
        """What was held out of each training experience; None if nothing was."""
        return self.avalanche.streams.get("valid")


def make_benchmark(
    name: str,
    scenario: Scenario,
    *,
    data_root: Path | None = None,
    class_seed: int,
    validation: float = 0.0,
    part: slice = slice(None),
    augment: Sequence[Augmentation] = (),
    device: str = "cpu",
) -> Benchmark:
    """The streams of benchmark `name` in `scenario`.

    Args:
        name: a benchmark id, `folder:PATH`, `npz:PATH` or `module:make_benchmark`.
        scenario: task, class or domain.
        data_root: where the data sets lie; None for $SLEEPBENCH_DATA or `data`.
        class_seed: 0 or more; draws class order, permutations, order of angles, validation split.
        validation: fraction of each class of each training experience held out, in [0, 0.5].
        part: only its first experiences, or of a stream by day and night only its last days.
        augment: how minibatches of the training stream are augmented, not what is held out.
        device: where the images lie, if they take at most half of its free memory.

    Raises:
        ValueError: for an unknown id, a scenario it has not, or a user's own that cannot be run.
        DataError: for missing data.
    """
    spec = find_benchmark(name)
    spec.check_scenario(name, scenario)
    if not 0 <= validation <= 0.5:
        raise ValueError(f"validation must be in [0, 0.5], got {validation}")
    if spec.by_night:
        return _by_day_and_night(name, spec, data_root, class_seed, part.start or 0)
    if spec.data is None:
        if augment:
            raise ValueError(f"augment must be empty for {name}, which has transforms of its own")
        made = own_benchmark.read(name, scenario)
    else:
        made = _made(spec, load(spec.data, data_root), scenario, class_seed, augment, device)
    if part.stop is not None:
        check_experiences(part.stop, len(made.classes), name)
        made = made.first(part.stop)
    if validation:
        made = with_validation(made, validation, np.random.default_rng([class_seed, 2]))
    return _benchmark(name, scenario, made)


def _benchmark(name: str, scenario: Scenario, made: Experiences) -> Benchmark:
    """The benchmark of these experiences, with Avalanche's streams."""
    return Benchmark(
        id=name,
        version=made.version,
        scenario=scenario,
        avalanche=make_scenario(made.streams, made.classes, scenario == "task"),
        n_classes=max(made.answers),
        input_shape=made.input_shape,
        classes_by_experience=made.classes,
        labels_by_experience=made.labels,
        data_hash=made.data_hash,
        train_samples=[len(part) for part in made.streams["train"]],
        test_samples=[len(part) for part in made.streams["test"]],
        chance=fmean(1 / number for number in made.answers),
    )


def _by_day_and_night(
    name: str, spec: BenchmarkSpec, data_root: Path | None, class_seed: int, first: int
) -> Benchmark:
    """The benchmark of a table, from its day `first` on."""
    table = load_table(spec.data or name, data_root, first=first)
    made = nights_of(table, [class_seed, 4])
    every_month = [list(range(table.classes))] * len(made.test)
    return Benchmark(
        id=name,
        version=spec.version,
        scenario="domain",
        avalanche=CLScenario([made.train, made.test]),
        n_classes=table.classes,
        input_shape=(1, 1, table.features.shape[1]),
        classes_by_experience=every_month,
        labels_by_experience=every_month,
        data_hash=table.content_hash,
        train_samples=[len(night.dataset) for night in made.train],
        test_samples=[len(month.dataset) for month in made.test],
        chance=1 / table.classes if table.estimates is None else AT_RULE,
        days=made.days,
    )


def _made(
    spec: BenchmarkSpec,
    data: ImageData,
    scenario: Scenario,
    class_seed: int,
    augment: Sequence[Augmentation],
    device: str,
) -> Experiences:
    """The experiences that a benchmark makes of a data set."""
    parts = _parts(data, augment, device)
    if spec.kind == "split":
        labels, streams = _split(data, parts, spec, scenario, class_seed)
    else:
        assert spec.experiences is not None, "own data is split"
        labels, streams = _same_classes(data, parts, spec.kind, spec.experiences, class_seed)
    if spec.samples is not None:
        streams["train"] = [
            part.subset(range(min(spec.samples, len(part)))) for part in streams["train"]
        ]
    whole = scenario == "class"
    answers = [len(data.classes) if whole else len(own) for own in labels]
    classes = [sorted(own) if whole else list(range(len(own))) for own in labels]
    if spec.options.fades:
        classes = [sorted(set(part.labels().tolist())) for part in streams["train"]]
        answers = [len(data.classes) if whole else 1 + max(map(max, classes))] * len(classes)
    return Experiences(
        streams=streams,
        classes=classes,
        labels=labels,
        answers=answers,
        input_shape=data.input_shape,
        version=spec.version,
        data_hash=data.content_hash,
    )


Parts = list[tuple[str, Tensor, Tensor, Sequence[Augmentation]]]
"""Of training and test: stream, images, the data set's labels, augmentation."""


def _split(
    data: ImageData, parts: Parts, spec: BenchmarkSpec, scenario: Scenario, class_seed: int
) -> tuple[list[list[int]], dict[str, list[Data]]]:
    """Classes dealt out in random order; sizes differ by at most one, the larger ones last.

    Those with one name before the number stay together where the benchmark says so.
    """
    generator = np.random.default_rng([class_seed, 0])
    if spec.by_name:
        kinds = [name.rpartition(" ")[0] for name in data.classes]
        first = generator.permutation(sorted(set(kinds)))
        labels = [[k for k, kind in enumerate(kinds) if kind == each] for each in first]
    else:
        order = generator.permutation(len(data.classes))
        labels = [part.tolist() for part in np.split(order, _ends(data, spec.experiences))]
    target = torch.arange(len(data.classes))
    if scenario != "class":
        for own in labels:
            target[own] = torch.arange(len(own))
    present: list[list[int]] = []
    streams: dict[str, list[Data]] = {}
    for stream, images, of, augment in parts:
        whole = ImageDataset.of(Images(images, target[of], augment=augment))
        classes = [[torch.where(of == label)[0].numpy() for label in own] for own in labels]
        rows = [np.sort(np.concatenate(own)) for own in classes]
        if spec.options.fades:  # the same draws for both streams
            rows = deal(rows, classes, spec.options, [class_seed, 3])
        if stream == "train":
            present = [of[part].unique().tolist() for part in rows]
        streams[stream] = [whole.subset(part.tolist()) for part in rows]
    return present if spec.options.fades else labels, streams


def _ends(data: ImageData, experiences: int | None) -> NDArray[np.int64]:
    """Where the classes of each experience end, but of the last.

    Raises:
        ValueError: for more experiences than pairs of classes.
    """
    number = len(data.classes)
    experiences = experiences or number // 2
    if not 1 <= experiences <= number // 2:
        raise ValueError(
            f"experiences of {data.name} must be in [1, {number // 2}], so that each of its "
            f"{number} classes has another beside it; got {experiences}"
        )
    small = number // experiences
    first_large = experiences - number % experiences
    return np.cumsum([small + (i >= first_large) for i in range(experiences)])[:-1]


def _same_classes(
    data: ImageData, parts: Parts, kind: str, experiences: int, class_seed: int
) -> tuple[list[list[int]], dict[str, list[Data]]]:
    """All images in every experience, permuted or rotated; the first as they are."""
    generator = np.random.default_rng([class_seed, 1])
    later = range(1, experiences)
    streams: dict[str, list[Data]] = {}
    if kind == "permuted":
        pixels = data.input_shape[1] * data.input_shape[2]
        drawn = [torch.from_numpy(generator.permutation(pixels)) for _ in later]
        permutations: list[Tensor | None] = [None, *drawn]
        for stream, images, of, augment in parts:
            leaves = [Images(images, of, permutation, augment) for permutation in permutations]
            streams[stream] = [ImageDataset.of(leaf) for leaf in leaves]
    else:
        angles = 90 / (experiences - 1) * generator.permutation(later)
        for stream, images, of, augment in parts:
            turned = [images, *(rotated(images, float(angle)) for angle in angles)]
            leaves = [Images(each, of, augment=augment) for each in turned]
            streams[stream] = [ImageDataset.of(leaf) for leaf in leaves]
    return [list(range(len(data.classes)))] * experiences, streams


def _parts(data: ImageData, augment: Sequence[Augmentation], device: str) -> Parts:
    images = [data.train_images, data.test_images]
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        if 2 * sum(tensor.nbytes for tensor in images) <= free:
            images = [tensor.to(device) for tensor in images]
    train, test = images
    return [("train", train, data.train_labels, augment), ("test", test, data.test_labels, ())]

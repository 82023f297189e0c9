"""Benchmarks: an id gives streams of experiences in a scenario, versioned and seeded.

Class order, pixel permutations, order of angles and validation split are drawn from `class_seed`
by generators of their own; the global generators are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from avalanche.benchmarks import CLScenario, DatasetExperience, EagerCLStream
from avalanche.benchmarks.utils import ConstantSequence
from avalanche.benchmarks.utils.data_attribute import TaskLabels
from torch import Tensor

from bench.config.catalogue import check_experiences, find_benchmark
from bench.config.conditions import Augmentation
from bench.config.run_config import Scenario
from bench.data.cache import ImageData, load
from bench.data.image_dataset import ImageDataset, Images, rotated


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
            k-th of them in `task` and `domain`.
        train_samples: per experience, after holding out.
        test_samples: per experience, after holding out.
        chance: accuracy of guessing, the mean over experiences of 1 / number of possible answers.
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


@dataclass(frozen=True)
class ClassOrder:
    """What iCaRL asks an experience's benchmark for; it holds no data."""

    n_classes_per_exp: list[int]
    classes_order: list[int]


def make_benchmark(
    name: str,
    scenario: Scenario,
    *,
    data_root: Path | None = None,
    class_seed: int,
    validation: float = 0.0,
    experiences: int | None = None,
    augment: Sequence[Augmentation] = (),
    device: str = "cpu",
    download: bool = False,
) -> Benchmark:
    """The streams of benchmark `name` in `scenario`.

    Args:
        class_seed: 0 or more; draws class order, permutations, order of angles, validation split.
        validation: fraction of each class of each training experience held out, in [0, 0.5].
        experiences: only the first so many of the stream; None: all of them.
        augment: of minibatches of the training stream, not of what is held out.
        device: where the images lie, if they take at most half of its free memory.

    Raises:
        ValueError: for an unknown id or a scenario it has not.
        DataError: for missing data.
    """
    spec = find_benchmark(name)
    spec.check_scenario(name, scenario)
    if not 0 <= validation <= 0.5:
        raise ValueError(f"validation must be in [0, 0.5], got {validation}")
    data = load(spec.data, data_root, download=download)
    parts = _parts(data, augment, device)
    if spec.kind == "split":
        labels, streams = _split(data, parts, spec.experiences, scenario, class_seed)
    else:
        assert spec.experiences is not None, "own data is split"
        labels, streams = _same_classes(data, parts, spec.kind, spec.experiences, class_seed)
    if spec.samples is not None:
        streams["train"] = [
            part.subset(range(min(spec.samples, len(part)))) for part in streams["train"]
        ]
    if experiences is not None:
        check_experiences(experiences, len(labels), name)
        labels = labels[:experiences]
        streams = {stream: part[:experiences] for stream, part in streams.items()}
    if scenario == "class":
        classes = [sorted(own) for own in labels]
    else:
        classes = [list(range(len(own))) for own in labels]
    if validation:
        generator = np.random.default_rng([class_seed, 2])
        held = [_hold_out(part, validation, generator) for part in streams["train"]]
        streams["train"] = [kept for kept, _ in held]
        streams["valid"] = [out for _, out in held]
    answers = [len(data.classes) if scenario == "class" else len(own) for own in labels]
    return Benchmark(
        id=name,
        version=spec.version,
        scenario=scenario,
        avalanche=make_scenario(streams, classes, scenario == "task"),
        n_classes=max(answers),
        input_shape=data.input_shape,
        classes_by_experience=classes,
        labels_by_experience=labels,
        data_hash=data.content_hash,
        train_samples=[len(part) for part in streams["train"]],
        test_samples=[len(part) for part in streams["test"]],
        chance=fmean(1 / number for number in answers),
    )


Streams = dict[str, list[ImageDataset]]
Parts = list[tuple[str, Tensor, Tensor, Sequence[Augmentation]]]
"""Of training and test: stream, images, the data set's labels, augmentation."""


def _split(
    data: ImageData, parts: Parts, experiences: int | None, scenario: Scenario, class_seed: int
) -> tuple[list[list[int]], Streams]:
    """Classes dealt out in random order; sizes differ by at most one, the larger ones last."""
    number = len(data.classes)
    experiences = experiences or number // 2
    if not 1 <= experiences <= number // 2:
        raise ValueError(
            f"experiences of {data.name} must be in [1, {number // 2}], so that each of its "
            f"{number} classes has another beside it; got {experiences}"
        )
    order = np.random.default_rng([class_seed, 0]).permutation(number)
    small = number // experiences
    first_large = experiences - number % experiences
    ends = np.cumsum([small + (i >= first_large) for i in range(experiences)])
    labels = [part.tolist() for part in np.split(order, ends[:-1])]
    target = torch.arange(number)
    if scenario != "class":
        for own in labels:
            target[own] = torch.arange(len(own))
    streams: Streams = {}
    for stream, images, of, augment in parts:
        whole = ImageDataset.of(Images(images, target[of], augment=augment))
        streams[stream] = [
            whole.subset(torch.isin(of, torch.tensor(own)).nonzero().flatten().tolist())
            for own in labels
        ]
    return labels, streams


def _same_classes(
    data: ImageData, parts: Parts, kind: str, experiences: int, class_seed: int
) -> tuple[list[list[int]], Streams]:
    """All images in every experience, permuted or rotated; the first as they are."""
    generator = np.random.default_rng([class_seed, 1])
    later = range(1, experiences)
    streams: Streams = {}
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


def _hold_out(
    data: ImageDataset, fraction: float, generator: np.random.Generator
) -> tuple[ImageDataset, ImageDataset]:
    """(kept, held out): of every class the rounded `fraction`, at least one of two or more."""
    targets = data.labels().numpy()
    held = np.zeros(len(targets), dtype=bool)
    for own in np.unique(targets):
        rows = generator.permutation(np.flatnonzero(targets == own))
        number = max(round(fraction * len(rows)), int(len(rows) > 1))
        held[rows[:number]] = True
    return (
        data.subset(np.flatnonzero(~held).tolist()),
        data.subset(np.flatnonzero(held).tolist()),
    )


def make_scenario(streams: Streams, classes: Sequence[list[int]], task_labels: bool) -> CLScenario:
    """Avalanche's scenario, with the attributes that its strategies ask an experience for."""
    order = ClassOrder([len(own) for own in classes], [c for own in classes for c in own])
    everything = {c for own in classes for c in own}
    made = []
    for name, parts in streams.items():
        experiences = []
        seen: set[int] = set()
        for index, (part, own) in enumerate(zip(parts, classes, strict=True)):
            if task_labels:
                label = TaskLabels(ConstantSequence(index, len(part)))
                part = part.update_data_attribute("targets_task_labels", label)
            experience = DatasetExperience(dataset=part, current_experience=index)
            # lists: MultiHeadClassifier indexes a tensor with them
            experience.classes_in_this_experience = list(own)
            experience.previous_classes = sorted(seen)
            seen |= set(own)
            experience.classes_seen_so_far = sorted(seen)
            experience.future_classes = sorted(everything - seen)
            experience.benchmark = order
            if task_labels:  # its mere presence makes Avalanche task-aware
                experience.task_labels = [index]
                experience.task_label = index
            experiences.append(experience)
        made.append(EagerCLStream(name, experiences))
    return CLScenario(made)

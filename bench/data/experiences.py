"""The data of each experience, and Avalanche's streams of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from avalanche.benchmarks import CLScenario, DatasetExperience, EagerCLStream
from avalanche.benchmarks.utils import ConstantSequence
from avalanche.benchmarks.utils.data_attribute import TaskLabels

Data = Any
"""One of Avalanche's data sets with `targets`; of our own benchmarks an `ImageDataset`."""
Streams = Mapping[str, Sequence[Data]]
"""The data of each experience in order, by stream: train, test, valid."""


@dataclass(frozen=True)
class Experiences:
    """What a stream is made of, before a part is held out and Avalanche gets it.

    Attributes:
        streams: `train` and `test`.
        classes: for each experience its targets, sorted.
        labels: for each experience the data set's labels; see `Benchmark`.
        answers: for each experience how many answers there are for one sample.
        input_shape: (C, H, W).
        version: of the benchmark.
        data_hash: SHA-256 of the data.
    """

    streams: Streams
    classes: list[list[int]]
    labels: list[list[int]]
    answers: list[int]
    input_shape: tuple[int, int, int]
    version: str
    data_hash: str

    def first(self, number: int) -> Experiences:
        """Only the first `number` of them."""
        return replace(
            self,
            streams={stream: parts[:number] for stream, parts in self.streams.items()},
            classes=self.classes[:number],
            labels=self.labels[:number],
            answers=self.answers[:number],
        )


@dataclass(frozen=True)
class ClassOrder:
    """What iCaRL asks an experience's benchmark for; it holds no data."""

    n_classes_per_exp: list[int]
    classes_order: list[int]


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
            # a stream of its own: an experience is no way to those before and after it
            experience.origin_stream = EagerCLStream(name, [experience], set_stream_info=False)
            experiences.append(experience)
        made.append(EagerCLStream(name, experiences, set_stream_info=False))
    return CLScenario(made)

"""A benchmark of the user's own, by import path: any of Avalanche's with two streams of images."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from avalanche.benchmarks.utils import AvalancheDataset, ConstantSequence
from avalanche.benchmarks.utils.data_attribute import TaskLabels
from torch import Tensor

from bench.config.run_config import Scenario
from bench.data.experiences import Data, Experiences
from strategies.import_path import called, source_hash


def read(path: str, scenario: Scenario) -> Experiences:
    """What the callable at `path` makes, called once in a process and without arguments.

    Args:
        path: `module:make_benchmark`.
        scenario: what the run asks for, which must be what the benchmark is.

    Raises:
        ValueError: for a benchmark that cannot be run, with the rule that it breaks.
    """
    found, experiences = _read(path)
    if found != scenario:
        raise ValueError(f"scenario of {path} must be {found}, {_WHY[found]}; got {scenario}")
    return experiences


_WHY: dict[Scenario, str] = {
    "task": "for each experience has a task label of its own",
    "domain": "for all experiences have one task label and the same classes",
    "class": "for all experiences have one task label and later ones bring new classes",
}


@cache
def _read(path: str) -> tuple[Scenario, Experiences]:
    benchmark = called("benchmark", path, "must be made without arguments")
    streams = {name: _datasets(benchmark, name, path) for name in ("train", "test")}
    lengths = [len(parts) for parts in streams.values()]
    if lengths[0] != lengths[1] or not lengths[0]:
        raise ValueError(
            f"train_stream and test_stream of {path} must have the same number of experiences, "
            f"at least 1; got {lengths[0]} and {lengths[1]}"
        )
    classes = [_labels(part, path) for part in streams["train"]]
    _check_classes(path, classes, streams["test"])
    scenario = _scenario(path, streams, classes)
    if scenario == "task":
        answers = [len(own) for own in classes]
    else:
        everything = sorted({label for own in classes for label in own})
        if everything != list(range(len(everything))):
            raise ValueError(f"targets of {path} must be all of 0 to K-1, got {everything[:20]}")
        answers = [len(everything)] * len(classes)
    if min(answers) < 2:
        raise ValueError(f"{path} must have at least 2 answers for every sample, got 1")
    shape, digest = _digest(path, streams)
    return scenario, Experiences(
        streams={name: [_labelled(part) for part in parts] for name, parts in streams.items()},
        classes=classes,
        labels=classes,
        answers=answers,
        input_shape=shape,
        version=f"sha256:{source_hash('benchmark', path)}",
        data_hash=digest,
    )


def _datasets(benchmark: Any, name: str, path: str) -> list[Data]:
    """The data of every experience of a stream."""
    stream = getattr(benchmark, f"{name}_stream", None)
    if not isinstance(stream, Iterable):
        raise ValueError(
            f"{path} must give a benchmark of Avalanche with train_stream and test_stream; "
            f"its {type(benchmark).__name__} has no {name}_stream"
        )
    parts = [getattr(experience, "dataset", None) for experience in stream]
    for index, part in enumerate(parts):
        where = f"experience {index} of {name}_stream of {path}"
        if not isinstance(part, AvalancheDataset):
            raise ValueError(f"{where} must hold an AvalancheDataset, got {type(part).__name__}")
        if not hasattr(part, "targets"):
            raise ValueError(f"{where} must have labels: its data set has no `targets`")
        if not len(part):
            raise ValueError(f"{where} must have samples, got none")
    return parts


def _labels(part: Data, path: str) -> list[int]:
    """The different labels of a data set, sorted."""
    found = set()
    for y in part.targets:
        try:
            found.add(operator.index(y))
        except TypeError:  # 0.5 would be read as 0, and training fails on what is no whole number
            raise ValueError(f"targets of {path} must be whole numbers from 0, got {y!r}") from None
    return sorted(found)


def _check_classes(path: str, classes: list[list[int]], tested: list[Data]) -> None:
    for index, (own, part) in enumerate(zip(classes, tested, strict=True)):
        if own[0] < 0:
            raise ValueError(f"targets of {path} must be whole numbers from 0, got {own[0]}")
        if extra := sorted(set(_labels(part, path)) - set(own)):
            raise ValueError(
                f"test experience {index} of {path} must have classes of its training experience, "
                f"{own[:20]}; got {extra[0]}"
            )


def _scenario(path: str, streams: dict[str, list[Data]], classes: list[list[int]]) -> Scenario:
    """The scenario that task labels and classes make it."""
    found = {
        name: [
            sorted({int(t) for t in getattr(part, "targets_task_labels", [0])}) for part in parts
        ]
        for name, parts in streams.items()
    }
    number = len(classes)
    if found["train"] == found["test"] == [[index] for index in range(number)] and number > 1:
        return "task"
    every = {tuple(labels) for parts in found.values() for labels in parts}
    if len(every) > 1 or len(next(iter(every))) > 1:
        raise ValueError(
            f"task labels of {path} must be 0, 1, 2, ... by experience, the same in both streams, "
            f"or one for all; got {found['train'][:10]} in train and {found['test'][:10]} in test"
        )
    same = number > 1 and all(one == other for one, other in pairwise(classes))
    return "domain" if same else "class"


def _digest(path: str, streams: dict[str, list[Data]]) -> tuple[tuple[int, int, int], str]:
    """Shape of the images and SHA-256 of all samples, as they are served for evaluation."""
    digest = hashlib.sha256()
    shape: tuple[int, int, int] | None = None
    for name, parts in streams.items():
        for part in parts:
            digest.update(f"{name} {len(part)}\n".encode())
            for number, (x, y, *_) in enumerate(part.eval()):
                if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim != 3:
                    raise ValueError(
                        f"images of {path} must be float tensors (C, H, W), got {_kind(x)}"
                    )
                channels, height, width = x.shape
                shape = shape or (channels, height, width)
                if x.shape != shape:
                    raise ValueError(
                        f"images of {path} must have one shape, {shape} like the first; "
                        f"got {tuple(x.shape)}"
                    )
                if not x.isfinite().all():
                    raise ValueError(
                        f"images of {path} must be finite, got {x[~x.isfinite()][0].item()} in "
                        f"sample {number} of an experience of {name}_stream"
                    )
                digest.update(np.ascontiguousarray(x.numpy()).data)
                digest.update(f" {int(y)}\n".encode())
    assert shape is not None, "every experience has samples"
    return shape, digest.hexdigest()


def _kind(x: object) -> str:
    return f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__


def _labelled(part: Data) -> Data:
    """With the task label 0 where it has none, as Avalanche's strategies expect."""
    if hasattr(part, "targets_task_labels"):
        return part
    label = TaskLabels(ConstantSequence(0, len(part)))
    return part.update_data_attribute("targets_task_labels", label)

"""Streams that a stranger brings, and a network small enough to try all of them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from avalanche.training.supervised import JointTraining
from torch import nn

from bench.data.experiences import make_scenario
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images
from strategies.networks.heads import MultiHeadModel, TaskHead
from strategies.registry import STRATEGIES
from toy import SHAPE, toy_strategy

SHORT = {"sleep_steps": 50}
"""Nights of few steps: what is asked is whether they end well, not what they bring."""


def stream(
    scenario: str,
    labels: Sequence[Sequence[int]],
    *,
    classes: Sequence[Sequence[int]] | None = None,
    pixel: int | None = None,
) -> SimpleNamespace:
    """Experiences of these examples, each class a fixed random image plus noise.

    Args:
        labels: of the examples of each experience, in training and in test.
        classes: of each experience; those that have examples if not given.
        pixel: of every image, at every place.
    """
    classes = classes or [sorted(set(own)) for own in labels]
    generator = torch.Generator().manual_seed(0)
    means = torch.rand(1 + max(map(max, classes)), *SHAPE, generator=generator) * 200
    parts: dict[str, list[ImageDataset]] = {"train": [], "test": []}
    for own in labels:
        y = torch.tensor(own)
        for part in parts.values():
            noise = torch.rand(len(y), *SHAPE, generator=generator) * 55
            x = means[y] + noise if pixel is None else torch.full_like(noise, pixel)
            part.append(ImageDataset.of(Images(x.to(torch.uint8), y)))
    streams = make_scenario(parts, [list(own) for own in classes], scenario == "task").streams
    return SimpleNamespace(
        scenario=scenario,
        classes=[list(own) for own in classes],
        train=list(streams["train"]),
        test=list(streams["test"]),
    )


def small(benchmark: SimpleNamespace, *, normalised: bool = False) -> nn.Module:
    """One hidden layer of 12 units, with a head for each task where tasks are told."""
    torch.manual_seed(0)
    norm = [nn.BatchNorm1d(12)] if normalised else []
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(36, 12), *norm, nn.ReLU())
    if benchmark.scenario == "task":
        return MultiHeadModel(trunk, TaskHead(12, benchmark.classes))
    return nn.Sequential(*trunk, nn.Linear(12, 1 + max(map(max, benchmark.classes))))


def scenario_of(name: str) -> str:
    """The class-incremental one, which asks most of a strategy, where it can do it."""
    can = STRATEGIES[name].scenarios
    return "class" if "class" in can else can[0]


def made(name: str, benchmark: SimpleNamespace, **options: Any) -> Any:
    """A strategy with brief nights around a small network."""
    nights = SHORT if "sleep-replay" in name or name == "icarl-sleep" else {}
    options["chosen"] = {**nights, **options.get("chosen", {})}
    options.setdefault("model", small(benchmark))
    return toy_strategy(name, benchmark, **{"epochs": 2, **options})


def trained(strategy: Any, benchmark: SimpleNamespace, **options: Any) -> Any:
    """The strategy after the stream, each experience by itself but for one that takes all."""
    if isinstance(strategy, JointTraining):
        strategy.train(list(benchmark.train), **options)
        return strategy
    for experience in benchmark.train:
        strategy.train(experience, **options)
    return strategy

"""Which experience each sample comes in: how the experiences of a stream pass into each other.

One rule makes most streams (Gaussian schedules; Seo et al. 2025, "Budgeted Online Continual
Learning"): a sample of experience g, whose middle is at time m, comes at a time drawn from a normal
distribution around m, in lengths of the stream. All samples are put in the order of their times,
and the stream is cut into experiences as large as they were. Without spread this is the disjoint
stream, with endless spread every experience is a random sample of all classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from avalanche.benchmarks import DatasetExperience
from avalanche.benchmarks.scenarios.online import split_continuous_linear_decay_stream
from avalanche.benchmarks.utils import AvalancheDataset
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import TensorDataset

from bench.config.stream_options import Shares, StreamOptions

Rows = NDArray[np.int64]
"""Numbers of samples in their data set."""
Groups = Sequence[Rows]
"""Of each experience."""


def deal(
    groups: Groups, classes: Sequence[Groups], how: StreamOptions, seed: Sequence[int]
) -> list[Rows]:
    """The samples of each experience when the experiences pass into each other.

    Args:
        groups: the samples of each experience of the disjoint stream.
        classes: the same of each of its classes, one after the other.
        how: they pass into each other.
        seed: of what is drawn.

    Returns:
        Of each experience its samples in ascending order: `repeat * parts` for each that there was.

    Raises:
        ValueError: for more experiences than samples.
    """
    generator = np.random.default_rng(seed)
    if how.blurry:
        dealt = _blurred(_evenly(classes, how.blurry), how.blurry, generator)
    elif how.si_blurry:
        dealt = _blurred(_by_chance(classes, how.si_blurry, generator), how.si_blurry, generator)
    elif how.decay:
        return _decaying(groups, how.decay, how.parts, generator)
    else:
        dealt = _spread(groups, how.sigma, how.repeat, generator)
    smallest = min(map(len, dealt))
    if smallest < how.parts:
        raise ValueError(
            f"parts must be at most the samples of an experience, {smallest}, got {how.parts}"
        )
    return [np.sort(part) for rows in dealt for part in np.array_split(rows, how.parts)]


def _spread(groups: Groups, sigma: float, repeat: int, generator: Generator) -> list[Rows]:
    """In the order of their times, which are drawn; see above."""
    rounds = [np.array_split(generator.permutation(rows), repeat) for rows in groups]
    cells = [rows[number] for number in range(repeat) for rows in rounds]
    sizes = [len(cell) for cell in cells]
    drawn = generator.standard_normal(sum(sizes))
    if sigma == np.inf:
        times = drawn
    else:
        middle = (np.arange(len(cells)) + 0.5) / len(cells)
        times = np.repeat(middle, sizes) + sigma * drawn
    order = np.concatenate(cells)[np.lexsort((drawn, times))]
    return np.split(order, np.cumsum(sizes)[:-1])


Dealt = Sequence[tuple[Groups, Groups]]
"""Of each experience its classes: those that stay, and those that are blurred."""


def _evenly(classes: Sequence[Groups], shares: Shares) -> Dealt:
    """As many of all classes stay in every stretch of the stream (Koh et al. 2022)."""
    dealt, number = [], 0
    for own in classes:
        stays: list[Rows] = []
        blurred: list[Rows] = []
        for rows in own:
            stay = (number + 1) * shares.disjoint // 100 > number * shares.disjoint // 100
            (stays if stay else blurred).append(rows)
            number += 1
        dealt.append((stays, blurred))
    return dealt


def _by_chance(classes: Sequence[Groups], shares: Shares, generator: Generator) -> Dealt:
    """As many stay, and an experience has one class or more (Moon et al. 2023)."""
    every = [rows for own in classes for rows in own]
    stay = generator.permutation(len(every)) < round(len(every) * shares.disjoint / 100)
    home = np.concatenate([
        np.arange(len(classes)),
        generator.integers(len(classes), size=len(every) - len(classes)),
    ])  # fmt: skip
    dealt: list[tuple[list[Rows], list[Rows]]] = [([], []) for _ in classes]
    for rows, index, stays in zip(every, generator.permutation(home), stay, strict=True):
        dealt[index][0 if stays else 1].append(rows)
    return dealt


def _blurred(dealt: Dealt, shares: Shares, generator: Generator) -> list[Rows]:
    """A share of the samples of the blurred classes goes to the other experiences alike."""
    parts: list[list[Rows]] = [[*stays] for stays, _ in dealt]
    for index, (_, blurred) in enumerate(dealt):
        others = [i for i in range(len(dealt)) if i != index]
        for rows in blurred:
            mixed = generator.permutation(rows)
            away = round(len(rows) * shares.spread / 100)
            parts[index].append(mixed[away:])
            for i, part in zip(others, np.array_split(mixed[:away], len(others)), strict=True):
                parts[i].append(part)
    return [generator.permutation(np.concatenate(own)) for own in parts]


def _decaying(groups: Groups, beta: float, parts: int, generator: Generator) -> list[Rows]:
    """What Avalanche's generator draws, with repetitions, from experiences that overlap."""
    size = sum(map(len, groups)) // (len(groups) * parts)
    if size < 1:
        raise ValueError(f"parts must leave a sample for each experience, got {parts}")
    stream = [
        DatasetExperience(dataset=AvalancheDataset([TensorDataset(torch.from_numpy(rows))]))
        for rows in groups
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**63)))
        made = split_continuous_linear_decay_stream(
            stream, experience_size=size, iters_per_virtual_epoch=parts, beta=beta, shuffle=True
        )
        return [np.sort([int(sample[0]) for sample in part.dataset]) for part in made]

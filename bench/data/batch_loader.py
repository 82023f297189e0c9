"""Whole minibatches for a loader over image data sets, Avalanche's or torch's own.

Same samples in the same order as the plain path, from the same seed: the random draws are torch's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import data_loader
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
)
from torch.utils.data.dataloader import default_collate

from bench.data.image_dataset import ImageDataset, Source


def whole_batches(loader: DataLoader[Any]) -> Iterator[list[Tensor]] | None:
    """An epoch of `loader`, each minibatch read at once: [x, y, task labels].

    None where something is in the way: a transform, a foreign data set, a collate function or
    worker processes.
    """
    source = _source(loader.dataset)
    ours = loader.num_workers == 0 and loader.collate_fn is default_collate
    if source is None or not ours or loader.batch_sampler is None:
        return None
    # the seed that torch draws here for its workers, so that every later draw is the same
    torch.empty((), dtype=torch.int64).random_(generator=loader.generator)
    return _batches(source, loader.batch_sampler)


def _source(dataset: object) -> Source | None:
    if isinstance(dataset, ImageDataset):
        return dataset.source()
    if not isinstance(dataset, ConcatDataset):
        return None
    sources = [_source(part) for part in dataset.datasets]
    known = [source for source in sources if source is not None]
    return Source.joined(known) if len(known) == len(sources) else None


def _batches(source: Source, sampler: Any) -> Iterator[list[Tensor]]:
    if isinstance(sampler, data_loader.MultiDatasetSampler) and not sampler.never_ending:
        if len(sampler.samplers) > 1:
            yield from (source.take(rows).read() for rows in _mixed(sampler))
            return
        sampler = sampler.samplers[0]  # it gives the same batches, shifted by nothing
    order = _order(sampler)
    if order is None:
        yield from (source.take(rows).read() for rows in _rows(sampler))
    else:
        yield from (part.read() for part in source.take(order).split(sampler.batch_size))


def _mixed(sampler: Any) -> Iterator[Tensor]:
    """Rows of a minibatch of every data set, as Avalanche's `MultiDatasetSampler` draws them.

    The main one ends the epoch; of the others a short one starts again or is left out.
    """
    parts, main = sampler.samplers, sampler.termination_dataset_idx
    starts = [0, *sampler.cumulative_sizes[:-1]]
    drawn = {k: _rows(part) for k, part in enumerate(parts) if len(part) > 0}
    turns = [main, *(k for k in drawn if k != main)]
    while main in drawn:
        minibatch: dict[int, Tensor] = {}
        for k in [k for k in turns if k in drawn]:
            rows = next(drawn[k], None)
            if rows is None and k != main and sampler.oversample_small_datasets:
                drawn[k] = _rows(parts[k])
                rows = next(drawn[k])
            if rows is None:
                del drawn[k]
                if k == main:
                    return
            else:
                minibatch[k] = rows + starts[k]
        yield torch.cat([minibatch[k] for k in sorted(minibatch)])


def _rows(sampler: Any) -> Iterator[Tensor]:
    """The minibatches of rows that `sampler` draws, each (B,) int64."""
    order = _order(sampler)
    if order is None:
        yield from (torch.from_numpy(np.array(rows)) for rows in sampler)
    else:
        yield from order.split(sampler.batch_size)


def _order(sampler: Any) -> Tensor | None:
    """All rows of an epoch in the order of `sampler`'s draw; None if that is not known."""
    if type(sampler) is not BatchSampler:
        return None
    single: Any = sampler.sampler
    used = len(sampler) * sampler.batch_size if sampler.drop_last else len(single)
    if type(single) is SequentialSampler:
        return torch.arange(used)
    if type(single) is not RandomSampler or single.replacement:
        return None
    count = len(single.data_source)
    if single.num_samples != count:
        return None
    generator = single.generator
    if generator is None:
        seed = int(torch.empty((), dtype=torch.int64).random_().item())
        generator = torch.Generator().manual_seed(seed)
    return torch.randperm(count, generator=generator)[:used]

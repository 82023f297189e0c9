"""What is held out of each training experience, for validation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.data.experiences import Data, Experiences
from bench.data.image_dataset import ImageDataset


def with_validation(
    made: Experiences, fraction: float, generator: np.random.Generator
) -> Experiences:
    """The experiences with a third stream, `valid`, which is held out of the training one."""
    held = [_hold_out(part, fraction, generator) for part in made.streams["train"]]
    kept, out = ([pair[i] for pair in held] for i in (0, 1))
    return replace(made, streams={**made.streams, "train": kept, "valid": out})


def _hold_out(data: Data, fraction: float, generator: np.random.Generator) -> tuple[Data, Data]:
    """(kept, held out): of every class the rounded `fraction`, at least one of two or more."""
    whole = isinstance(data, ImageDataset)
    targets = data.labels().numpy() if whole else np.array([int(y) for y in data.targets])
    held = np.zeros(len(targets), dtype=bool)
    for own in np.unique(targets):
        rows = generator.permutation(np.flatnonzero(targets == own))
        number = max(round(fraction * len(rows)), int(len(rows) > 1))
        held[rows[:number]] = True
    return (
        data.subset(np.flatnonzero(~held).tolist()),
        data.subset(np.flatnonzero(held).tolist()),
    )

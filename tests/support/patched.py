"""The patches of Avalanche and torch, under which the referee runs, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from avalanche.benchmarks.utils import data_loader
from avalanche.training import storage_policy
from avalanche.training.supervised import JointTraining
from avalanche.training.templates import base, base_sgd
from torch.utils.data import DataLoader

from bench.runner.avalanche_patches import apply_patches


@contextmanager
def patched() -> Iterator[None]:
    """Every patch; the process is as it was before when this ends."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (base, base_sgd):
            patch.setattr(module, "trigger_plugins", module.trigger_plugins)
        patch.setattr(data_loader, "has_ffcv_support", data_loader.has_ffcv_support)
        patch.setattr(DataLoader, "__iter__", DataLoader.__iter__)
        patch.setattr(storage_policy, "concat_datasets", storage_policy.concat_datasets)
        adaptation = JointTraining.train_dataset_adaptation
        patch.setattr(JointTraining, "train_dataset_adaptation", adaptation)
        apply_patches()
        yield

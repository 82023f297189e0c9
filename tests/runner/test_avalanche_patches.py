"""What is patched, where, for which Avalanche; and that hooks reach whoever answers them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from avalanche.benchmarks.utils import concat_datasets, data_loader
from avalanche.core import SupervisedPlugin
from avalanche.training import storage_policy
from avalanche.training.supervised import JointTraining
from avalanche.training.templates import base, base_sgd
from avalanche.training.utils import trigger_plugins
from torch.utils.data import DataLoader

from bench.data.image_dataset import ImageDataset
from bench.data.images import Images
from bench.runner import avalanche_patches
from bench.runner.avalanche_patches import PATCHES, apply_patches, check_version

PLAIN_ADAPTATION = JointTraining.train_dataset_adaptation
EVENTS = ("before_training_exp", "before_forward", "after_update", "unheard_of")


class Loud(SupervisedPlugin):
    def __init__(self, calls, name):
        super().__init__()
        self.calls, self.name = calls, name

    def before_forward(self, strategy, **kwargs):
        self.calls.append((self.name, "before_forward", kwargs))


class Inherits(Loud):
    def after_update(self, strategy, **kwargs):
        self.calls.append((self.name, "after_update", kwargs))


class NotAPlugin:
    def __init__(self, calls):
        self.calls = calls

    def unheard_of(self, strategy):
        self.calls.append("unheard_of")


def test_data_joined_at_once_are_those_joined_pair_by_pair():
    images = torch.arange(60, dtype=torch.uint8).view(15, 1, 2, 2)
    whole = ImageDataset.of(Images(images, torch.arange(15)))
    parts = [whole.subset([k, 14 - k]) for k in range(5)]
    once, pairwise = avalanche_patches.joined(parts), concat_datasets(parts)
    assert type(once) is type(pairwise) is ImageDataset
    assert list(once.targets) == list(pairwise.targets) == [0, 14, 1, 13, 2, 12, 3, 11, 4, 10]
    for one, other in zip(once, pairwise, strict=True):
        assert torch.equal(one[0], other[0])
        assert one[1:] == other[1:]
    assert len(avalanche_patches.joined([])) == 0


def test_joint_training_has_the_same_data_with_and_without():
    images = torch.arange(60, dtype=torch.uint8).view(15, 1, 2, 2)
    whole = ImageDataset.of(Images(images, torch.arange(15)))
    experiences = [SimpleNamespace(dataset=whole.subset([k, 14 - k])) for k in range(5)]
    plain, patched = (SimpleNamespace(_experiences=experiences) for _ in range(2))
    PLAIN_ADAPTATION(plain)
    avalanche_patches.train_on_all(patched)
    one, other = plain.adapted_dataset, patched.adapted_dataset
    assert type(one) is type(other)
    assert list(one.targets) == list(other.targets)
    assert one._flat_data._transform_groups.current_group == "train"
    assert other._flat_data._transform_groups.current_group == "train"


@pytest.mark.parametrize("patched", [False, True])
def test_the_same_calls_with_and_without(monkeypatch, patched):
    for module in (base, base_sgd):
        monkeypatch.setattr(module, "trigger_plugins", trigger_plugins)
    if patched:
        PATCHES[0].apply()
    calls: list = []
    own = Loud(calls, "own")
    own.after_update = lambda strategy: calls.append("an attribute of the plugin itself")
    plugins = [Loud(calls, "a"), SupervisedPlugin(), Inherits(calls, "b"), own, NotAPlugin(calls)]
    strategy = SimpleNamespace(plugins=plugins)
    for event in EVENTS:
        base_sgd.trigger_plugins(strategy, event)
    base.trigger_plugins(strategy, "before_forward", more=1)
    assert calls == [
        ("a", "before_forward", {}),
        ("b", "before_forward", {}),
        ("own", "before_forward", {}),
        ("b", "after_update", {}),
        "an attribute of the plugin itself",
        "unheard_of",
        *[(name, "before_forward", {"more": 1}) for name in ("a", "b", "own")],
    ]


FOREIGN = (
    (base, "trigger_plugins"),
    (base_sgd, "trigger_plugins"),
    (DataLoader, "__iter__"),
    (data_loader, "has_ffcv_support"),
    (storage_policy, "concat_datasets"),
    (JointTraining, "train_dataset_adaptation"),
)


@pytest.fixture
def unpatched(monkeypatch):
    """Puts everything that is patched back when the test is over."""
    for owner, name in FOREIGN:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    return monkeypatch


def test_each_patch_changes_what_it_names_and_a_second_call_nothing(unpatched):
    plain = [getattr(owner, name) for owner, name in FOREIGN]
    apply_patches()
    once = [getattr(owner, name) for owner, name in FOREIGN]
    assert [new.__module__ for new in once] == ["bench.runner.avalanche_patches"] * 6
    assert all(new is not old for new, old in zip(once, plain, strict=True))
    apply_patches()
    assert [getattr(owner, name) for owner, name in FOREIGN] == once
    assert data_loader.has_ffcv_support(["anything"]) is False


def test_every_patch_has_its_reason_and_the_version_it_is_for():
    assert len(PATCHES) == 4
    for patch in PATCHES:
        assert patch.upstream.split()[0] in ("avalanche-lib", "torch")
        assert patch.reason.endswith(".")


def test_another_avalanche_is_refused_before_anything_is_changed(unpatched):
    plain = [getattr(owner, name) for owner, name in FOREIGN]
    unpatched.setattr(avalanche_patches, "version", lambda package: "0.7.0")
    with pytest.raises(ValueError, match=r"sleepbench patches avalanche-lib 0.6.x, got 0.7.0: pip"):
        apply_patches()
    assert [getattr(owner, name) for owner, name in FOREIGN] == plain


def test_the_version_that_is_patched_is_the_one_that_is_pinned():
    check_version()
    pinned = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'"avalanche-lib>={avalanche_patches.AVALANCHE.rstrip(".")},<0.7"' in pinned


def test_importing_it_imports_neither_torch_nor_avalanche():
    code = (
        "import sys, bench.runner.avalanche_patches as p; p.check_version();"
        "sys.exit(bool({'torch', 'avalanche'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

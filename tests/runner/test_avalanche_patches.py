"""Hooks reach whoever answers them, in Avalanche's order, and nobody else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from avalanche.core import SupervisedPlugin
from avalanche.training.templates import base, base_sgd
from avalanche.training.utils import trigger_plugins

from bench.runner.avalanche_patches import skip_idle_hooks

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


@pytest.mark.parametrize("patched", [False, True])
def test_the_same_calls_with_and_without(monkeypatch, patched):
    for module in (base, base_sgd):
        monkeypatch.setattr(module, "trigger_plugins", trigger_plugins)
    if patched:
        skip_idle_hooks()
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

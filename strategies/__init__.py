"""The contestants: Avalanche strategies for any script; the benchmark finds them in `registry`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.methods.adaptive_pruning import AdaptivePrune
    from strategies.methods.compacting_picking import CompactingPicking
    from strategies.methods.iterative_pruning import IterativePrune
    from strategies.methods.knowledge_seeding import KnowledgeSeeding
    from strategies.methods.packnet import PackNet
    from strategies.methods.sleep_replay import SleepReplay
    from strategies.methods.staged_sleep import StagedSleep
    from strategies.methods.weight_averaging import WeightAveraging
    from strategies.methods.winning_subnetworks import WinningSubnetworks

__all__ = [
    "AdaptivePrune",
    "CompactingPicking",
    "IterativePrune",
    "KnowledgeSeeding",
    "PackNet",
    "SleepReplay",
    "StagedSleep",
    "WeightAveraging",
    "WinningSubnetworks",
]

_HOME = {
    "AdaptivePrune": "strategies.methods.adaptive_pruning",
    "CompactingPicking": "strategies.methods.compacting_picking",
    "IterativePrune": "strategies.methods.iterative_pruning",
    "KnowledgeSeeding": "strategies.methods.knowledge_seeding",
    "PackNet": "strategies.methods.packnet",
    "SleepReplay": "strategies.methods.sleep_replay",
    "StagedSleep": "strategies.methods.staged_sleep",
    "WeightAveraging": "strategies.methods.weight_averaging",
    "WinningSubnetworks": "strategies.methods.winning_subnetworks",
}


def __getattr__(name: str) -> Any:
    # listing the strategies must not cost the ten seconds that Avalanche takes to import
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'strategies' has no attribute {name!r}")

"""The contestants: Avalanche strategies for any script; the benchmark finds them in `registry`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.adaptive_prune import AdaptivePrune
    from strategies.compacting_picking import CompactingPicking
    from strategies.iterative_prune import IterativePrune
    from strategies.knowledge_seeding import KnowledgeSeeding
    from strategies.packnet import PackNet
    from strategies.sleep_replay import SleepReplay
    from strategies.staged_sleep import StagedSleep
    from strategies.weight_averaging import WeightAveraging
    from strategies.winning_subnetworks import WinningSubnetworks

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
    "AdaptivePrune": "strategies.adaptive_prune",
    "CompactingPicking": "strategies.compacting_picking",
    "IterativePrune": "strategies.iterative_prune",
    "KnowledgeSeeding": "strategies.knowledge_seeding",
    "PackNet": "strategies.packnet",
    "SleepReplay": "strategies.sleep_replay",
    "StagedSleep": "strategies.staged_sleep",
    "WeightAveraging": "strategies.weight_averaging",
    "WinningSubnetworks": "strategies.winning_subnetworks",
}


def __getattr__(name: str) -> Any:
    # listing the strategies must not cost the ten seconds that Avalanche takes to import
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'strategies' has no attribute {name!r}")

"""The contestants: Avalanche strategies for any script, and what a new one is written with.

Everything here is imported when it is first asked for, since Avalanche takes ten seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.clock import Clock as Clock
    from strategies.clock import EpochClock as EpochClock
    from strategies.entry import Baseline as Baseline
    from strategies.entry import Entry as Entry
    from strategies.entry import Explanation as Explanation
    from strategies.methods.adaptive_pruning import AdaptivePrune as AdaptivePrune
    from strategies.methods.compacting_picking import CompactingPicking as CompactingPicking
    from strategies.methods.iterative_pruning import IterativePrune as IterativePrune
    from strategies.methods.knowledge_seeding import KnowledgeSeeding as KnowledgeSeeding
    from strategies.methods.packnet import PackNet as PackNet
    from strategies.methods.sleep_replay import SleepReplay as SleepReplay
    from strategies.methods.staged_sleep import StagedSleep as StagedSleep
    from strategies.methods.weight_averaging import WeightAveraging as WeightAveraging
    from strategies.methods.winning_subnetworks import WinningSubnetworks as WinningSubnetworks
    from strategies.pruning.weight_count import WeightsInUse as WeightsInUse
    from strategies.pruning.weight_count import weights_in_use as weights_in_use
    from strategies.search_space import Range as Range
    from strategies.sleep_cycle import Night as Night
    from strategies.sleep_cycle import SleepingStrategy as SleepingStrategy
    from strategies.sleep_cycle import Stage as Stage

_HOMES = {
    "clock": ("Clock", "EpochClock"),
    "entry": ("Baseline", "Entry", "Explanation"),
    "methods.adaptive_pruning": ("AdaptivePrune",),
    "methods.compacting_picking": ("CompactingPicking",),
    "methods.iterative_pruning": ("IterativePrune",),
    "methods.knowledge_seeding": ("KnowledgeSeeding",),
    "methods.packnet": ("PackNet",),
    "methods.sleep_replay": ("SleepReplay",),
    "methods.staged_sleep": ("StagedSleep",),
    "methods.weight_averaging": ("WeightAveraging",),
    "methods.winning_subnetworks": ("WinningSubnetworks",),
    "pruning.weight_count": ("WeightsInUse", "weights_in_use"),
    "search_space": ("Range",),
    "sleep_cycle": ("Night", "SleepingStrategy", "Stage"),
}
_HOME = {name: f"strategies.{module}" for module, names in _HOMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'strategies' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOME]

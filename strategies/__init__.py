"""The contestants: Avalanche strategies for any script, and what a new one is written with.

Everything here is imported when it is first asked for, since Avalanche takes ten seconds. The class
of every strategy in the registry is here. Those named below have their types, too.
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
    "pruning.weight_count": ("WeightsInUse", "weights_in_use"),
    "search_space": ("Range",),
    "sleep_cycle": ("Night", "SleepingStrategy", "Stage"),
}
_HOME = {name: f"strategies.{module}" for module, names in _HOMES.items() for name in names}


def _strategy_classes() -> dict[str, str]:
    """The modules of the classes that entries name as their factory, by the name of the class."""
    from strategies.registry import STRATEGIES

    factories = [entry.factory.partition(":") for entry in STRATEGIES.values()]
    return {
        name: module
        for module, _, name in factories
        if module.startswith("strategies.") and name[0].isupper()
    }


def _public() -> list[str]:
    """Every name that can be imported from here."""
    return sorted({*_HOME, *_strategy_classes()})


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public()
    home = _HOME.get(name)
    if home is None and name[0].isupper():  # modules, which the registry itself imports, are not
        home = _strategy_classes().get(name)
    if home is None:
        raise AttributeError(f"module 'strategies' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_public()})

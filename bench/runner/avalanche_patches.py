"""Everything that is patched in Avalanche and torch, in the process of a run and nowhere else.

Without the patches every strategy gives the same numbers, slower. Importing this module changes
nothing; `apply_patches` does, and is called where a run begins.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

AVALANCHE = "0.6."
"""Versions of avalanche-lib whose loops and hooks the patches were written for; as pinned."""


@dataclass(frozen=True)
class Patch:
    """One change of a foreign module or class.

    Attributes:
        upstream: the version that it was written for.
        reason: what is wrong or slow there.
        apply: makes the change; a second call changes nothing.
    """

    upstream: str
    reason: str
    apply: Callable[[], None]


def check_version() -> None:
    """Refuse an Avalanche that the patches were not written for; imports neither it nor torch.

    Raises:
        ValueError: names the version that is wanted and the one that is installed.
    """
    found = version("avalanche-lib")
    if not found.startswith(AVALANCHE):
        raise ValueError(
            f"sleepbench patches avalanche-lib {AVALANCHE}x, got {found}: "
            f"pip install 'avalanche-lib=={AVALANCHE}*'"
        )


def apply_patches() -> None:
    """Apply every patch to this process.

    Raises:
        ValueError: for an Avalanche that they were not written for.
    """
    check_version()
    for patch in PATCHES:
        patch.apply()


def _call_answering_plugins() -> None:
    from avalanche.training.templates import base, base_sgd

    base.trigger_plugins = trigger_plugins
    base_sgd.trigger_plugins = trigger_plugins


def trigger_plugins(strategy: Any, event: str, **kwargs: Any) -> None:
    """Call every plugin of `strategy` that answers `event`, in their order."""
    for plugin in strategy.plugins:
        kind: Any = type(plugin)
        if _answers(kind, event) or event in plugin.__dict__:
            getattr(plugin, event)(strategy, **kwargs)


@cache
def _answers(kind: Hashable, event: str) -> bool:
    """Whether `kind` has more for `event` than the empty method that it inherits."""
    from avalanche.core import BaseSGDPlugin

    method = getattr(kind, event, None)
    return method is not None and method is not getattr(BaseSGDPlugin, event, None)


def _serve_whole_batches() -> None:
    from torch.utils.data import DataLoader

    from bench.data.batch_loader import whole_batches

    plain = DataLoader.__iter__
    if plain.__module__ == __name__:
        return

    def batches(loader: DataLoader[Any]) -> Any:
        served = whole_batches(loader)
        return plain(loader) if served is None else served

    DataLoader.__iter__ = batches  # type: ignore[method-assign]


def _skip_search_for_ffcv() -> None:
    from avalanche.benchmarks.utils import data_loader

    data_loader.has_ffcv_support = _no_ffcv


def _no_ffcv(datasets: object) -> bool:
    return False


def _join_at_once() -> None:
    from avalanche.training import storage_policy
    from avalanche.training.supervised import JointTraining

    storage_policy.concat_datasets = joined
    JointTraining.train_dataset_adaptation = train_on_all


def train_on_all(strategy: Any, **kwargs: Any) -> None:
    """Let joint training have the data of all of its experiences."""
    strategy.adapted_dataset = joined([one.dataset for one in strategy._experiences]).train()


def joined(datasets: Sequence[Any]) -> Any:
    """One data set of several, one after the other."""
    from avalanche.benchmarks.utils import AvalancheDataset

    whole = [
        one if isinstance(one, AvalancheDataset) else AvalancheDataset([one]) for one in datasets
    ]
    return AvalancheDataset([]) if not whole else type(whole[0])(whole)


PATCHES = (
    Patch(
        upstream="avalanche-lib 0.6",
        reason="A plugin has 26 hooks and answers two or three. At ten hooks a step calling all of "
        "them costs more than the referee's own meter. Order, arguments and effects of "
        "`trigger_plugins` stay.",
        apply=_call_answering_plugins,
    ),
    Patch(
        upstream="torch 2.4 to 2.15",
        reason="A loader fetches and collates sample by sample, which costs more than the training "
        "step of a small network. Loaders over image data sets read a minibatch at once, with the "
        "same random draws.",
        apply=_serve_whole_batches,
    ),
    Patch(
        upstream="avalanche-lib 0.6",
        reason="`has_ffcv_support` visits every sample at the start of every epoch. For all data "
        "sets here the answer is no.",
        apply=_skip_search_for_ffcv,
    ),
    Patch(
        upstream="avalanche-lib 0.6",
        reason="Buffers and joint training join the data of experiences pair by pair, copying all "
        "of it every time: for hundreds of nights minutes. Joined at once they are the same.",
        apply=_join_at_once,
    ),
)
"""Every patch, in the order in which they are applied."""

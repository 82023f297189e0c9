"""Avalanche's hooks without the calls that nobody answers."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any

from avalanche.benchmarks.utils import data_loader
from avalanche.core import BaseSGDPlugin
from avalanche.training.templates import base, base_sgd
from torch.utils.data import (
    DataLoader,
)

from bench.data.batch_loader import _iterate


def skip_idle_hooks() -> None:
    """Make Avalanche's templates call only the plugins that do something, in this process.

    A plugin has 26 hooks and answers two or three; at ten hooks a step the rest costs more than the
    referee's own meter. Order, arguments and effects are those of Avalanche's `trigger_plugins`.
    """
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
    method = getattr(kind, event, None)
    return method is not None and method is not getattr(BaseSGDPlugin, event, None)


def serve_whole_batches() -> None:
    """Make every `DataLoader` over image data sets read whole minibatches, in this process.

    Two globals change. `DataLoader.__iter__` reads a minibatch at once where nothing is in the way:
    a transform, a foreign data set, a collate function or worker processes. Avalanche's
    `has_ffcv_support`, which visits every sample at the start of every epoch, answers no, as it
    would for every data set of ours. Without this call everything gives the same numbers, slower;
    calling it again changes nothing.
    """
    DataLoader.__iter__ = _iterate  # type: ignore[method-assign]
    data_loader.has_ffcv_support = _no_ffcv


def _no_ffcv(datasets: object) -> bool:
    return False

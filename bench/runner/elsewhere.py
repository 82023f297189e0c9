"""What a strategy keeps where its state does not reach: on what it was lent, in its modules."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from bench.data.streams import Benchmark
from strategies.pruning.held import Held, Shape, held_under
from strategies.saved_state import Contents, Lent, contents, parts, tree

INSTALLED = {Path(path).resolve() for path in sysconfig.get_paths().values()}
"""Where installed modules lie."""

OURS = ("bench", "strategies")
"""Packages whose globals are the referee's."""


def lend(benchmark: Benchmark, *others: Any) -> Lent:
    """What every strategy is lent: the experiences with their data, and `others`."""
    things: list[Any] = []
    for stream in benchmark.avalanche.streams.values():
        for experience in stream:
            things += [experience, experience.origin_stream, *tree(experience.dataset)]
    order = benchmark.train_stream[0].benchmark
    distinct = {id(thing): thing for thing in [*things, order, *others]}
    return Lent(distinct.values())


class Elsewhere:
    """What was added to lent objects, to the optimizer and to a strategy's own modules.

    Examples and weights there cannot be answered from, as an examination does not see them, but
    they can be trained with, so they are memory.
    """

    def __init__(self, strategy: Any, lent: Lent, known_modules: frozenset[str]) -> None:
        """Remember what is there now.

        Args:
            strategy: not yet trained.
            lent: what it was lent.
            known_modules: names of the modules that were imported before the strategy was.
        """
        self._lent, self._known_modules = lent, known_modules
        self._on_lent = [
            (thing, dict(vars(thing))) for thing in lent.things if hasattr(thing, "__dict__")
        ]
        self._on_optimizer = frozenset(vars(strategy.optimizer))
        self._before = self._contents(strategy)

    def held(self, strategy: Any, sample: Shape) -> Held:
        """Bytes and examples of what was added; `sample` is the shape of an image."""
        now = self._contents(strategy)
        before = {id(part) for part in parts(self._before)}
        before |= {id(part) for part in strategy.model.parameters()}
        added = [p for p in parts(now) if id(p) not in before and self._lent.place(p) is None]
        found = held_under(*added, sample=sample)
        grown = max(0, now.other_bytes - self._before.other_bytes)
        return Held(found.bytes + grown, found.examples)

    def _contents(self, strategy: Any) -> Contents:
        left = [
            value
            for thing, before in self._on_lent
            for name, value in vars(thing).items()
            if before.get(name, self) is not value and not hasattr(type(thing), name)
        ]
        optimizer = vars(strategy.optimizer)
        left += [value for name, value in optimizer.items() if name not in self._on_optimizer]
        left += _no_moments(optimizer.get("state", {}))
        return contents(left, *map(_globals, self._own_modules()), lent=self._lent)

    def _own_modules(self) -> Iterator[ModuleType]:
        """Modules that came with the strategy: neither installed nor the referee's."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            ours = name.partition(".")[0] in OURS or name in self._known_modules
            if not ours and file and not INSTALLED & set(Path(file).resolve().parents):
                yield module


def _no_moments(state: Mapping[Any, Any]) -> list[Any]:
    """What an optimizer keeps that is neither a number nor of the shape of its parameter."""
    return [
        value
        for parameter, values in state.items()
        for value in (values.values() if isinstance(values, Mapping) else [values])
        if not isinstance(value, Tensor) or value.shape not in (parameter.shape, ())
        if not isinstance(value, (int, float, type(None)))
    ]


def _globals(module: ModuleType) -> list[Any]:
    """Values of a module's globals and of its classes' attributes."""
    found = []
    for name, value in vars(module).items():
        if not name.startswith("__"):
            found.append(value)
        if isinstance(value, type) and value.__module__ == module.__name__:
            found += [part for key, part in vars(value).items() if not key.startswith("__")]
    return found

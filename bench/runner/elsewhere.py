"""What a strategy keeps where its state does not reach: on what it was lent, in its modules."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data.image_dataset import MEMORY, ImageDataset
from bench.data.streams import Benchmark
from bench.runner.budget_plugin import BudgetPlugin, MeterClock
from bench.runner.evaluation import NoMetrics
from bench.runner.meter import Meter
from strategies.import_path import is_own_module
from strategies.lent import DATASETS, Lent, tree
from strategies.pruning.held import Held, Shape, content_of, held_under
from strategies.saved_state import Contents, parts

MOMENTS = (
    "momentum_buffer", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "step", "sum",
    "square_avg", "grad_avg", "acc_delta", "prev", "step_size", "mu", "ax", "eta", "mu_product",
)  # fmt: skip
"""What torch's optimizers keep for a parameter."""

CHANGING = (Meter, BudgetPlugin, MeterClock, NoMetrics)
"""The referee's own objects, whose attributes take other values as a run goes on."""

FREE_BYTES = 1_000
"""Numbers and text that may be added before they count: what an optimizer or a module notes."""

NUMBERS = (int, float, complex, str, bytes)


def lend(benchmark: Benchmark, *others: Any) -> Lent:
    """What every strategy is lent: the experiences with their data, and `others`."""
    things: list[Any] = []
    streams = list(benchmark.avalanche.streams.values())
    if benchmark.days is not None:
        streams.append(benchmark.days.questions)
    for stream in streams:
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
        self._forget()
        self._on_lent = [
            (thing, {name: _frozen(value) for name, value in vars(thing).items()})
            for thing in lent.things
            if hasattr(thing, "__dict__")
        ]
        self._said = self._says()
        before = self._contents(strategy)
        self._known, self._other_bytes = set(map(content_of, parts(before))), before.other_bytes

    def held(self, strategy: Any, sample: Shape) -> Held:
        """Bytes and examples of what was added; `sample` is the shape of an image."""
        now = self._contents(strategy)
        network = {id(parameter) for parameter in strategy.model.parameters()}
        new = [p for p in parts(now) if id(p) not in network and content_of(p) not in self._known]
        found = held_under(new, sample=sample)
        grown = max(0, now.other_bytes - self._other_bytes - FREE_BYTES)
        return Held(found.bytes + grown, found.examples)

    @property
    def changed(self) -> bool:
        """Whether anything there is another now: a number, a text, a tensor, what hangs on it."""
        return self._says() != self._said

    def _says(self) -> Counter[object]:
        """What hangs on lent objects and lies in a strategy's own modules, whatever the order."""
        every: list[Any] = []
        found = _reached([*self._left(), *self._of_modules()], self._lent, every)
        said: Counter[object] = Counter((type(one).__name__, repr(one)) for one in every)
        said.update(map(content_of, parts(found)))
        return said

    def _contents(self, strategy: Any) -> Contents:
        roots = [*self._left(), *_besides_moments(strategy.optimizer), *self._of_modules()]
        return _reached(roots, self._lent)

    def _left(self) -> list[Any]:
        """What was hung on lent objects."""
        self._forget()
        return [
            value
            for thing, before in self._on_lent
            for name, value in vars(thing).items()
            if before.get(name, self) != _frozen(value)
            if name not in before or not isinstance(thing, CHANGING)
        ]

    def _forget(self) -> None:
        """Take from data sets what they remember of themselves, and what was put there beside it.

        They find it again when they are asked.
        """
        for thing in self._lent.things:
            if isinstance(thing, ImageDataset):
                known = thing.__dict__.pop(MEMORY, None)
                if type(known) is tuple and type(known[-1]) is dict:
                    known[-1].clear()  # copies of the data set share it

    def _of_modules(self) -> list[Any]:
        """What lies in a strategy's own modules."""
        return [value for module in self._own_modules() for value in _globals(module)]

    def _own_modules(self) -> Iterator[ModuleType]:
        for name, module in list(sys.modules.items()):
            if name not in self._known_modules and is_own_module(name):
                yield module


def _frozen(value: Any) -> Any:
    """What tells a value from another one, or from itself when something was added to it."""
    return tuple(map(id, value)) if isinstance(value, list) else id(value)


def _besides_moments(optimizer: Any) -> list[Any]:
    """What an optimizer has that torch's have not; nothing for a strategy that has none."""
    if optimizer is None:
        return []
    kept = vars(optimizer)
    found = [value for name, value in kept.items() if name not in ("state", "param_groups")]
    for group in kept.get("param_groups", ()):
        found += [value for name, value in group.items() if name != "params"]
    for values in kept.get("state", {}).values():
        if isinstance(values, Mapping):
            found += [value for name, value in values.items() if name not in MOMENTS]
        else:
            found.append(values)
    return found


def _globals(module: ModuleType) -> list[Any]:
    return [value for name, value in vars(module).items() if not name.startswith("__builtins")]


def _reached(roots: list[Any], lent: Lent, said: list[Any] | None = None) -> Contents:
    """What hangs on `roots`, by whatever way: closures, defaults, caches and queues among them.

    Args:
        roots: where to begin.
        lent: what a strategy was lent.
        said: gets every number and text.
    """
    found, seen, queue = Contents(), set[int](), list(roots)
    while queue:
        item = queue.pop()
        if id(item) in seen or _foreign(item):
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            found.tensors.append(item)
        elif isinstance(item, np.ndarray) and item.dtype != object:
            found.arrays.append(item)
        elif isinstance(item, NUMBERS):
            found.other_bytes += sys.getsizeof(item)
            if said is not None:
                said.append(item)
        elif (memory := _memory_of(item)) is not None:
            found.arrays.append(memory)
        elif isinstance(item, DATASETS):
            found.datasets.append(item)
        elif lent.place(item) is not None:
            queue.append(getattr(item, "dataset", None))
        else:
            queue += gc.get_referents(item)
    return found


def _memory_of(item: Any) -> NDArray[np.uint8] | None:
    """What lies in a map of memory, in an array of Python's or in anything else that is open."""
    try:
        return np.frombuffer(memoryview(item).tobytes(), np.uint8)
    except TypeError:
        return None


def _foreign(item: Any) -> bool:
    """Whether an object is code of somebody else, behind which lies the whole of Python."""
    if isinstance(item, (ModuleType, BuiltinFunctionType)):
        return True
    if isinstance(item, (type, FunctionType)):
        return not is_own_module(item.__module__ or "")
    return isinstance(item, nn.Module)

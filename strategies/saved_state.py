"""The state of a strategy between experiences: what it answers from, and what is counted.

`save` and `load` carry it to another process. `contents` tells what is in it. Both walk it by
pickle: what hangs on a closure is found, and what lies in a module's globals does not come along.
"""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import GeneratorType, SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import torch
from avalanche.benchmarks import CLStream, DatasetExperience
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.benchmarks.utils.data_attribute import DataAttribute
from avalanche.benchmarks.utils.flat_data import FlatData
from avalanche.training.templates.base import BaseTemplate
from avalanche.training.templates.base_sgd import BaseSGDTemplate
from torch import Tensor
from torch.utils.data import Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from strategies.import_path import is_own_module

UNDER_WAY: dict[str, Any] = {
    "optimizer": None, "experience": None, "adapted_dataset": None, "dataloader": None,
    "mbatch": None, "mb_output": None, "loss": None, "_eval_streams": None,
    "current_eval_stream": [],
}  # fmt: skip
"""Attributes of Avalanche's template that belong to the experience under way, and what they are
between two. The optimizer is among them: no strategy answers from its moments."""

DATASETS = (AvalancheDataset, Dataset)

OF_DATASET = frozenset(vars(AvalancheDataset([]))) | {"_known", "_length"}
"""Attributes of every data set of Avalanche's, and what ours remember."""

NAMED_BYTES = 100
"""Pickled bytes that a tensor may take besides its numbers, if it has as many of those."""

OWN_WAYS = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__",
    "__getnewargs_ex__", "__getattribute__",
)  # fmt: skip
"""How a class can tell pickle another story than what it holds."""


class Unreadable(Dataset[Any]):
    """Stands where lent data were: as long as they, and nothing of them can be read."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        raise LookupError("training data cannot be read while answering")


class Lent:
    """Objects that a strategy was lent: named in its state, and not saved with it.

    Args:
        things: the same, in the same order, where the state is saved and where it is loaded.
    """

    def __init__(self, things: Iterable[Any] = ()) -> None:
        self.things = list(things)
        self._places = {id(thing): place for place, thing in enumerate(self.things)}

    def place(self, thing: object) -> int | None:
        """Where `thing` stands among them; None if it was not lent."""
        return self._places.get(id(thing))

    def at(self, place: int) -> Any:
        """What stands at `place`.

        Raises:
            LookupError: if nothing was lent there.
        """
        if place >= len(self.things):
            raise LookupError(f"the state names something lent, number {place}: load it with that")
        return self.things[place]

    def unreadable(self) -> Lent:
        """The same places, with data sets that cannot be read, and experiences of such."""
        return Lent(map(_unreadable, self.things))


def _unreadable(thing: Any) -> Any:
    if isinstance(thing, CLStream):
        return Unreadable(0)  # its experiences are as they were
    if isinstance(thing, DatasetExperience):
        blind = copy.copy(thing)
        blind._dataset = Unreadable(len(thing.dataset))
        blind._origin_stream = None
        return blind
    if isinstance(thing, (*DATASETS, FlatData)):
        length: int = len(thing)  # type: ignore[arg-type]
        return Unreadable(length)
    return thing


NOTHING_LENT = Lent()


def end_experience(strategy: BaseTemplate) -> None:
    """Drop what belongs to the experience under way, but for the optimizer."""
    for name, between in UNDER_WAY.items():
        if name != "optimizer" and name in vars(strategy):
            setattr(strategy, name, copy.copy(between))


def save(strategy: BaseTemplate, lent: Lent = NOTHING_LENT) -> bytes:
    """The state of `strategy` between experiences.

    Raises:
        ValueError: for a state that pickle cannot save.
    """
    passes = _passing(strategy)

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if (place := lent.place(obj)) is not None:
                return _lent, (place,)
            if passes(obj):
                return type(None), ()
            _check_plain(type(obj))  # type: ignore[arg-type]
            return _reduced(obj) or super().reducer_override(obj)

    file = io.BytesIO()
    module = SimpleNamespace(Pickler=Pickler, __name__=__name__)
    try:
        torch.save(strategy, file, pickle_module=module)
    except (TypeError, AttributeError, RuntimeError, pickle.PicklingError) as error:
        raise ValueError(
            f"what {type(strategy).__name__} keeps between experiences must be something that "
            f"pickle can save, got: {error}"
        ) from error
    return file.getvalue()


@cache
def _check_plain(kind: Any) -> None:
    """TypeError for a user's class that is pickled, or measured, in a way of its own."""
    for one in kind.__mro__:
        if not is_own_module(one.__module__):
            continue
        if ways := [way for way in OWN_WAYS if way in vars(one)]:
            raise TypeError(f"{one.__name__} with {ways[0]} of its own")
        if one in copyreg.dispatch_table:
            raise TypeError(f"{one.__name__} with a way of its own in copyreg")
        if issubclass(one, np.ndarray):
            raise TypeError(f"{one.__name__}, an array of its own kind")


def load(state: bytes, lent: Lent = NOTHING_LENT) -> Any:
    """A strategy that answers as the saved one did, with an optimizer that never trained.

    Args:
        state: from `save`, of a process that is trusted as this one is: pickle runs code.
        lent: what stands in place of what was lent.
    """

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == (__name__, _lent.__name__):
                return lent.at
            return super().find_class(module, name)

    module = SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__=__name__)
    strategy = torch.load(io.BytesIO(state), pickle_module=module, weights_only=False)
    with torch.no_grad():
        for parameter in strategy.model.parameters():
            parameter += 0.0  # a zero has no sign, in which a bit could hide
    strategy.loss = torch.zeros((), device=strategy.device)
    weights = list(strategy.model.parameters())
    strategy.optimizer = torch.optim.SGD(weights, lr=0.0) if weights else None
    return strategy


@dataclass
class Contents:
    """What a state holds, each object once.

    Attributes:
        tensors: parameters of the network among them.
        arrays: of NumPy.
        datasets: whole ones; their samples are not among the tensors.
        other_bytes: pickled size of all else: numbers, text, code and how it hangs together.
    """

    tensors: list[Tensor] = field(default_factory=list)
    arrays: list[np.ndarray[Any, Any]] = field(default_factory=list)
    datasets: list[Any] = field(default_factory=list)
    other_bytes: int = 0

    @property
    def loose_bytes(self) -> int:
        """Of `other_bytes`, what does not come with a tensor or an array."""
        sizes = [part.nbytes for part in self.tensors] + [part.nbytes for part in self.arrays]
        return max(0, self.other_bytes - sum(min(NAMED_BYTES, size) for size in sizes))


def contents(*roots: Any, lent: Lent = NOTHING_LENT) -> Contents:
    """What is reached from `roots`; of a strategy, its state between experiences.

    What pickle cannot save is passed over, with all that hangs on it alone.
    """
    found = Contents()
    passes = _passing(*roots)

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if passes(obj):
                return int, ()
            if isinstance(obj, Tensor):
                found.tensors.append(obj)
                return int, (vars(obj),)  # pickle saves what was hung on it, too
            if isinstance(obj, np.ndarray) and obj.dtype != object:
                found.arrays.append(obj)
                return int, ()
            if isinstance(obj, (AvalancheDataset, Unreadable)):
                found.datasets.append(obj)
                return int, (_hung_on(obj),)
            if lent.place(obj) is not None:
                return int, (getattr(obj, "dataset", None),)
            if isinstance(obj, torch.Generator):
                return int, (obj.get_state().numpy().tobytes(),)
            return _reduced(obj) or _default(obj, self, super().reducer_override(obj))

    sink = io.BytesIO()
    Pickler(sink).dump(roots)
    found.other_bytes = sink.tell()
    return found


def _passing(*roots: Any) -> Callable[[Any], bool]:
    """Whether an object ends with its experience: an iterator, or the optimizer of a root."""
    optimizers = {id(root.optimizer) for root in roots if isinstance(root, BaseSGDTemplate)}
    iterators = (GeneratorType, _BaseDataLoaderIter)
    return lambda obj: isinstance(obj, iterators) or id(obj) in optimizers


def _hung_on(dataset: AvalancheDataset | Unreadable) -> list[Any]:
    """What a data set has besides its samples and their attributes."""
    return [
        value
        for name, value in vars(dataset).items()
        if name not in OF_DATASET and not isinstance(value, DataAttribute)
    ]


def _default(obj: Any, pickler: Any, found: Any) -> Any:
    """How an object is pickled, or nothing at all of one that cannot be."""
    known = isinstance(obj, type) or type(obj) in pickler.dispatch_table
    if found is NotImplemented and not known:
        try:
            obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        except (TypeError, AttributeError, pickle.PicklingError):
            return int, ()
    return found


def _reduced(obj: Any) -> Any:
    """How a strategy, or a generator of random numbers, is saved; None for anything else."""
    if isinstance(obj, BaseTemplate):
        kept = {name: value for name, value in vars(obj).items() if name not in UNDER_WAY}
        return copyreg.__newobj__, (type(obj),), {**kept, **UNDER_WAY}  # type: ignore[attr-defined]
    if isinstance(obj, torch.Generator):
        return _generator, (str(obj.device), obj.get_state())
    return None


def _generator(device: str, state: Tensor) -> torch.Generator:
    generator = torch.Generator(device)
    generator.set_state(state.cpu())
    return generator


def _lent(place: int) -> Any:
    """Stands in a state for something lent; `load` has its own instead."""
    return NOTHING_LENT.at(place)


def tree(data: Any) -> Iterator[Any]:
    """A data set of Avalanche's and all that it is made of."""
    yield data
    for child in [*vars(data).get("_datasets", ()), *filter(None, [vars(data).get("_flat_data")])]:
        yield from tree(child)


def parts(found: Contents) -> Sequence[Any]:
    """Tensors, arrays and data sets of `found`, in the order in which they were reached."""
    return [*found.tensors, *found.arrays, *found.datasets]

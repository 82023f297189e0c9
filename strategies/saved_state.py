"""The state of a strategy between experiences: what it answers from, and what is counted.

`save` and `load` carry it to another process. `contents` tells what is in it. Both walk it by
pickle: what hangs on a closure is found, and what lies in a module's globals does not come along.
"""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import GeneratorType, SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.benchmarks.utils.data_attribute import DataAttribute
from avalanche.benchmarks.utils.flat_data import FlatData
from avalanche.training.templates.base import BaseTemplate
from avalanche.training.templates.base_sgd import BaseSGDTemplate
from torch import Tensor
from torch.utils.data import TensorDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from strategies.import_path import is_own_module, is_there
from strategies.lent import NOTHING_LENT, Lent, Unreadable, tree

UNDER_WAY: dict[str, Any] = {
    "optimizer": None, "experience": None, "adapted_dataset": None, "dataloader": None,
    "mbatch": None, "mb_output": None, "loss": None, "_eval_streams": None,
    "current_eval_stream": [],
}  # fmt: skip
"""Attributes of Avalanche's template that belong to the experience under way, and what they are
between two. The optimizer is among them: no strategy answers from its moments."""

WHOLE = (int, np.integer)
MOST_LABEL = 2**63 - 1

OF_DATASET = frozenset(vars(AvalancheDataset([]))) | {"_known", "_length"}
"""Attributes of every data set of Avalanche's, and what ours remember."""

OWN_WAYS = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__",
    "__getnewargs_ex__", "__getattribute__",
)  # fmt: skip
"""How a class can tell pickle another story than what it holds."""


def end_experience(strategy: BaseTemplate) -> None:
    """Drop what belongs to the experience under way, gradients too, but for the optimizer."""
    for tensor in contents(strategy).tensors:
        if tensor.is_leaf:
            tensor.grad = None
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
            if isinstance(obj, AvalancheDataset):
                _check_leaves(obj, lent)
            if isinstance(obj, Tensor) and obj.layout is not torch.strided:
                raise TypeError("a sparse tensor: keep its indices and its values")
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
    if issubclass(kind, np.ndarray) and kind is not np.ndarray:
        raise TypeError(f"{kind.__name__}, an array of its own kind: keep plain arrays")
    for one in kind.__mro__:
        if is_there(one) and not is_own_module(one.__module__):
            continue
        if ways := [way for way in OWN_WAYS if way in vars(one)]:
            raise TypeError(f"{one.__name__} with {ways[0]} of its own")
        if one in copyreg.dispatch_table:
            raise TypeError(f"{one.__name__} with a way of its own in copyreg")


def _check_leaves(dataset: AvalancheDataset, lent: Lent) -> None:
    """TypeError for a data set that only its own class could measure."""
    for leaf in tree(dataset):
        if isinstance(leaf, (AvalancheDataset, FlatData)) or lent.place(leaf) is not None:
            continue
        plain = type(leaf) is TensorDataset and vars(leaf).keys() == {"tensors"}
        if not plain and is_own_module(type(leaf).__module__):
            raise TypeError(f"a {type(leaf).__name__}, a data set of its own kind: keep tensors")
    for value in vars(dataset).values():
        told = value.data if isinstance(value, DataAttribute) else ()
        if isinstance(told, (list, tuple)) and not all(_is_label(one) for one in told):
            raise TypeError(f"{value.name} of a data set that are no whole numbers of 64 bits")


def import_reader() -> None:
    """Import what `load` needs, for a process that soon has no files to import it from."""
    file = io.BytesIO()
    torch.save(b"\xff", file)  # bytes are written as text, which has a module to read it
    _read(file.getvalue(), pickle)


def _is_label(value: Any) -> bool:
    return isinstance(value, WHOLE) and abs(int(value)) <= MOST_LABEL


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
    strategy = _read(state, module)
    with torch.no_grad():
        for parameter in strategy.model.parameters():
            parameter += 0.0  # a zero has no sign, in which a bit could hide
    strategy.loss = torch.zeros((), device=strategy.device)
    weights = list(strategy.model.parameters())
    strategy.optimizer = torch.optim.SGD(weights, lr=0.0) if weights else None
    return strategy


def _read(state: bytes, module: Any) -> Any:
    return torch.load(io.BytesIO(state), pickle_module=module, weights_only=False)


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
                return int, (vars(obj), *_form(obj))  # pickle saves what was hung on it, too
            if isinstance(obj, np.ndarray) and not obj.dtype.hasobject:
                found.arrays.append(obj)
                return int, (obj.shape, obj.strides, obj.dtype)
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


def _form(tensor: Tensor) -> tuple[Any, ...]:
    """What a tensor tells besides its numbers; of its strides only those that are its own."""
    dense, step = [], 1
    for size in reversed(tensor.shape):
        dense.append(step)
        step *= max(1, size)
    stride = tensor.stride() if tensor.layout is torch.strided else ()
    place = (stride, tensor.storage_offset()) if stride != tuple(reversed(dense)) else ()
    return tuple(tensor.shape), tensor.dtype, place


def is_passing(obj: object) -> bool:
    """Whether an object ends with its experience, as an iterator does."""
    return isinstance(obj, (GeneratorType, _BaseDataLoaderIter))


def _passing(*roots: Any) -> Callable[[Any], bool]:
    """Whether an object ends with its experience; the optimizer of a root does, too."""
    optimizers = {id(root.optimizer) for root in roots if isinstance(root, BaseSGDTemplate)}
    return lambda obj: is_passing(obj) or id(obj) in optimizers


def _hung_on(dataset: AvalancheDataset | Unreadable) -> list[Any]:
    """What a data set has besides its samples and their attributes."""
    hung = [
        value
        for name, value in vars(dataset).items()
        if name not in OF_DATASET and not isinstance(value, DataAttribute)
    ]
    for node in tree(dataset):  # code, on which anything can hang
        for name in ("collate_fn", "_transform_groups", "_frozen_transform_groups"):
            hung.append(vars(node).get(name))
    return hung


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


def parts(found: Contents) -> Sequence[Any]:
    """Tensors, arrays and data sets of `found`, in the order in which they were reached."""
    return [*found.tensors, *found.arrays, *found.datasets]

"""A strategy as JSON and tensors; `strategies.kept_state` writes them to a file."""

from __future__ import annotations

import functools
import math
import random
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Protocol

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.training.templates.base import BaseTemplate
from numpy.typing import NDArray
from torch import Tensor, nn

from strategies.saved_state import UNDER_WAY, is_passing
from strategies.state_names import KNOWN, MAPPINGS, ORDERED, hides_method, is_plain, named


class Samples(Protocol):
    """How stored examples are written and made again."""

    def told(self, dataset: AvalancheDataset) -> Mapping[str, Tensor]:
        """Tensors of the examples; ValueError for examples that no tensor holds."""

    def made(self, tensors: Mapping[str, Tensor]) -> AvalancheDataset:
        """The same examples as a data set."""


class Unkept(ValueError):
    """What a strategy keeps cannot be written to a file."""


class Writer:
    """Walks a strategy; each object is a node, written once."""

    def __init__(
        self, lent: Mapping[str, Any], samples: Samples | None, modules: Iterable[str]
    ) -> None:
        self.nodes: list[Any] = []
        self._lent = {id(thing): name for name, thing in lent.items()}
        self._samples, self._modules = samples, tuple(modules)
        self._exact = samples is None
        self._arrays: list[NDArray[Any]] = []
        self._places: dict[int, int] = {}
        self._alive: list[Any] = []  # no id is given twice
        self._tensors: list[tuple[str, Tensor]] = []

    def value(self, obj: Any, path: tuple[str, ...]) -> Any:
        """As JSON; `path` is how one gets there, for names and messages."""
        if obj is None or type(obj) in (bool, int) or (type(obj) is str and _is_interned(obj)):
            return obj
        if type(obj) is float:
            return obj if math.isfinite(obj) else {"float": repr(obj)}
        if isinstance(obj, (torch.dtype, torch.device)):
            return {type(obj).__name__: str(obj).removeprefix("torch.")}
        if isinstance(obj, torch.Size):
            return {"Size": list(obj)}
        if isinstance(obj, np.generic) and type(number := obj.item()) in (bool, int, float):
            return {"number": self.value(number, path), "dtype": obj.dtype.str}
        if isinstance(obj, (type, FunctionType, BuiltinFunctionType)):
            return {"name": self._name(obj, path)}
        if id(obj) not in self._places:
            place = self._places[id(obj)] = len(self.nodes)
            self._alive.append(obj)
            self.nodes.append(None)
            self.nodes[place] = self._node(obj, path)
        return {"at": self._places[id(obj)]}

    def placed(self) -> tuple[dict[str, Tensor], list[Any]]:
        """What is written of the tensors, by key, and how each of them lies in that.

        A tensor that shares its memory with no other is written by itself; of others the memory.
        Where data sets are written as they are, so is memory that no tensor shows: it counts.
        """
        sharing: dict[int, list[int]] = defaultdict(list)
        for number, (_, tensor) in enumerate(self._tensors):
            if tensor.numel():  # what is empty shares nothing
                sharing[tensor.untyped_storage().data_ptr()].append(number)
        written: dict[str, Tensor] = {}
        places: list[Any] = [None] * len(self._tensors)
        for number, (key, tensor) in enumerate(self._tensors):
            own = sharing[tensor.untyped_storage().data_ptr()] if tensor.numel() else [number]
            first = self._tensors[own[0]][0]
            if len(own) == 1 and (not self._exact or _fills_memory(tensor)):
                written[key] = tensor.detach().cpu().contiguous()
                places[number] = {"key": key, "stride": list(tensor.stride())}
                continue
            if number == own[0]:
                flat = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
                written[first] = flat.set_(tensor.untyped_storage()).cpu()
            if tensor.dtype != written[first].dtype:
                raise Unkept(f"{key} must have memory of its own, got that of {first}")
            places[number] = {
                "key": first, "size": list(tensor.shape), "stride": list(tensor.stride()),
                "offset": tensor.storage_offset(),
            }  # fmt: skip
        return written, places

    def _node(self, obj: Any, path: tuple[str, ...]) -> Any:
        kind = type(obj)
        if (name := self._lent.get(id(obj))) is not None:
            return {"lent": name}
        if is_passing(obj):
            if self._exact:
                raise Unkept(f"{_at(path)} must have ended with its experience: it is under way")
            return {"nothing": True}
        if kind is str:
            return {"str": obj}
        if isinstance(obj, Tensor):
            return self._tensor(obj, path)
        if self._samples is not None and isinstance(obj, AvalancheDataset):
            return self._examples(self._samples, obj, path)
        if kind in (set, frozenset):
            self._check_order(obj, path)
        if kind in ORDERED.values():
            return {kind.__name__: self._each(obj, path)}
        if kind in MAPPINGS.values():
            return self._dict(obj, path)
        if kind is deque:
            return {"deque": self._each(obj, path), "maxlen": obj.maxlen}
        if kind is np.ndarray:
            return {"array": self._array(obj, path)}
        if kind is torch.Generator:
            state = self._tensor(obj.get_state(), path)
            return {"generator": state, "device": str(obj.device)}
        if kind is random.Random:
            return {"random": self.value(obj.getstate(), path)}
        if kind is functools.partial:
            parts = (obj.func, obj.args, obj.keywords)
            return {"partial": [self.value(part, path) for part in parts]}
        if kind is MethodType:
            return {"method": obj.__name__, "of": self.value(obj.__self__, path)}
        return self._object(obj, path)

    def _tensor(self, tensor: Tensor, path: tuple[str, ...]) -> Any:
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout is not torch.strided:
            raise Unkept(f"{_at(path)} must be a plain tensor, got a {type(tensor).__name__}")
        if not tensor.is_leaf:
            raise Unkept(f"{_at(path)} must be a tensor by itself, got one of a graph: detach it")
        if tensor._backward_hooks:
            raise Unkept(f"{_at(path)} must have no hooks, which are code")
        key = _key(path, {key for key, _ in self._tensors})
        self._tensors.append((key, tensor))
        return {
            "tensor": len(self._tensors) - 1, "parameter": isinstance(tensor, nn.Parameter),
            "requires_grad": tensor.requires_grad, "device": str(tensor.device),
            "vars": self._attributes(vars(tensor), path),
        }  # fmt: skip

    def _array(self, array: NDArray[Any], path: tuple[str, ...]) -> Any:
        try:
            tensor = torch.from_numpy(array)
        except (TypeError, ValueError) as error:
            raise Unkept(f"{_at(path)} must be an array as torch has them: {error}") from error
        if any(np.may_share_memory(array, other) for other in self._arrays):
            raise Unkept(f"{_at(path)} must have memory of its own, got that of another array")
        self._arrays.append(array)
        return self._tensor(tensor, path)

    def _check_order(self, values: set[Any] | frozenset[Any], path: tuple[str, ...]) -> None:
        """Refuse a set that would have another order when it is made again."""
        every = list(values)
        told_by_place = [one for one in every if type(one).__hash__ is object.__hash__]
        if list(type(values)(every)) != every or (self._exact and told_by_place):
            raise Unkept(f"{_at(path)} must be a set whose order can be made again: keep a list")

    def _examples(self, samples: Samples, dataset: AvalancheDataset, path: tuple[str, ...]) -> Any:
        if not len(dataset):
            return {"samples": {}}
        told = samples.told(dataset)
        return {
            "samples": {name: self._tensor(own, (*path, name)) for name, own in told.items()}
        }  # fmt: skip

    def _dict(self, obj: Mapping[Any, Any], path: tuple[str, ...]) -> Any:
        pairs = [
            [self.value(key, path), self.value(value, (*path, str(key)))]
            for key, value in obj.items()
        ]
        found: dict[str, Any] = {type(obj).__name__: pairs}
        if isinstance(obj, defaultdict):
            found["factory"] = self.value(obj.default_factory, path)
        return found

    def _each(self, values: Iterable[Any], path: tuple[str, ...]) -> list[Any]:
        every = list(values)
        if all(type(value) is int for value in every):  # labels and places: as JSON has them
            return every
        return [self.value(value, (*path, str(n))) for n, value in enumerate(every)]

    def _object(self, obj: Any, path: tuple[str, ...]) -> Any:
        kind = type(obj)
        if not is_plain(kind):
            raise Unkept(f"{_at(path)} must be made of its attributes, got a {kind.__name__}")
        kept = dict(_slots(obj)) | vars(obj) if hasattr(obj, "__dict__") else dict(_slots(obj))
        if hidden := [name for name in kept if hides_method(kind, name)]:
            raise Unkept(f"{_at(path)} must have its own {hidden[0]}, got another in its place")
        if isinstance(obj, BaseTemplate):
            kept |= {name: v for name, v in UNDER_WAY.items() if name != "optimizer"}
        return {"object": self._name(kind, path), "vars": self._attributes(kept, path)}

    def _attributes(self, kept: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.value(value, (*path, name)) for name, value in kept.items()}

    def _name(self, thing: Any, path: tuple[str, ...]) -> str:
        for name, known in KNOWN.items():
            if thing is known:
                return name
        name = f"{thing.__module__}:{thing.__qualname__}"
        try:
            if named(name, self._modules) is thing:
                return name
        except ValueError as error:
            raise Unkept(f"{_at(path)} cannot be saved: {error}") from error
        raise Unkept(f"{_at(path)} must have a name in its module, got {thing.__qualname__}")


def _fills_memory(tensor: Tensor) -> bool:
    return not tensor.numel() or tensor.untyped_storage().nbytes() == tensor.nbytes


def _is_interned(text: str) -> bool:
    """Whether Python has one object for this text, as for names: what is counted depends on it."""
    return sys.intern(f"{text[:1]}{text[1:]}") is text


def _slots(obj: Any) -> Iterable[tuple[str, Any]]:
    for kind in type(obj).__mro__:
        for name in vars(kind).get("__slots__", ()):
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                yield name, getattr(obj, name)


def _at(path: Sequence[str]) -> str:
    return f"what lies at {'.'.join(path)!r}" if path else "the strategy"


_HIDDEN = ("_modules", "_parameters", "_buffers")
"""What a module keeps its parts in, which is not in their names."""


def _key(path: Sequence[str], taken: Iterable[str]) -> str:
    """A name for a tensor: that of a state dict where it has one."""
    key = ".".join(part for part in path if part not in _HIDDEN) or "tensor"
    number, found = 1, key
    while found in taken:
        number += 1
        found = f"{key}#{number}"
    return found

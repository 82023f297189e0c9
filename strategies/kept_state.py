"""The state of a strategy in a file, to go on from in another process: tensors and JSON, no code.

`write` walks the strategy; `read` builds it again. A class is looked up by its name, made without
its constructor, and given its attributes. Nothing else in a file is followed, and nothing called.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Protocol

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.training.templates.base import BaseTemplate
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from strategies.import_path import HEAP_TYPE
from strategies.saved_state import UNDER_WAY, is_passing

FORMAT = 1
"""Version of the file."""

CLASSES = ("strategies", "bench", "avalanche", "torch.nn", "torch.optim")
"""Packages whose classes a file may name."""

FUNCTIONS = ("strategies", "avalanche.training")
"""Packages whose functions a file may name, beside KNOWN."""

KNOWN: dict[str, Any] = {
    "builtins:dict": dict, "builtins:list": list, "builtins:set": set, "builtins:int": int,
    "builtins:float": float, "torch:zeros": torch.zeros, "torch:ones": torch.ones,
    "collections:OrderedDict": OrderedDict,
}  # fmt: skip
"""What else it may name."""

ORDERED: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
"""Collections of values."""

MAPPINGS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict, "defaultdict": defaultdict}
"""Collections of pairs."""

CHANGING_TYPES = (nn.Module, torch.optim.Optimizer)
"""Classes that tell pickle a story of their own, and whose attributes are all there is to them."""


class Samples(Protocol):
    """How stored examples are written and made again."""

    def told(self, dataset: AvalancheDataset) -> Mapping[str, Tensor]:
        """Tensors of the examples; ValueError for examples that no tensor holds."""

    def made(self, tensors: Mapping[str, Tensor]) -> AvalancheDataset:
        """The same examples as a data set."""


class Unkept(ValueError):
    """What a strategy keeps cannot be written to a file."""


def write(
    strategy: BaseTemplate,
    path: Path,
    *,
    lent: Mapping[str, Any],
    samples: Samples,
    modules: Iterable[str] = (),
    about: Mapping[str, str] | None = None,
) -> None:
    """Write the state of `strategy` between experiences, its optimizer's among it.

    Args:
        strategy: that was trained, or not yet.
        path: of the file.
        lent: what belongs to whoever runs the strategy: named in the file, and not in it.
        samples: how its stored examples are written.
        modules: of its own, besides those of this project, of Avalanche and of torch.
        about: told beside it; see `about`.

    Raises:
        ValueError: for something that cannot be written, which it names.
    """
    writer = _Writer(lent, samples, modules)
    root = writer.value(strategy, ())
    tensors, places = writer.placed()
    graph = {"format": FORMAT, "root": root, "nodes": writer.nodes, "places": places}
    told = {**(about or {}), "state": json.dumps(graph, separators=(",", ":"), allow_nan=False)}
    save_file(tensors, path, metadata=told)


def about(path: Path) -> Mapping[str, str]:
    """What was told beside a state.

    Raises:
        ValueError: for a file that is none of `write`.
    """
    with _opened(path) as file:
        return _metadata(file, path)


def read(
    path: Path, *, lent: Mapping[str, Any], samples: Samples, modules: Iterable[str] = ()
) -> Any:
    """The strategy of a file.

    Args:
        path: of a file from `write`.
        lent: what stands in place of what was lent, by the same names.
        samples: as in `write`.
        modules: as in `write`; their code runs when they are imported.

    Raises:
        ValueError: for a file that is none of `write`, or that names what it may not.
    """
    with _opened(path) as file:
        try:
            graph = json.loads(_metadata(file, path)["state"])
            if graph["format"] != FORMAT:
                raise ValueError(f"a state must be of format {FORMAT}, got {graph['format']}")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return _Reader(graph, tensors, lent, samples, modules).value(graph["root"])
        except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            told = f"{type(error).__name__}: {error}"[:120]
            raise ValueError(f"{path} must be a whole state, got {told}") from error


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a saved state, got: {error}") from error


def _metadata(file: Any, path: Path) -> Mapping[str, str]:
    found: Mapping[str, str] = file.metadata() or {}
    if "state" not in found:
        raise ValueError(f"{path} must be a saved state, got tensors alone")
    return found


class _Writer:
    """Walks a strategy; each object is a node, written once."""

    def __init__(self, lent: Mapping[str, Any], samples: Samples, modules: Iterable[str]) -> None:
        self.nodes: list[Any] = []
        self._lent = {id(thing): name for name, thing in lent.items()}
        self._samples, self._modules = samples, tuple(modules)
        self._places: dict[int, int] = {}
        self._alive: list[Any] = []  # no id is given twice
        self._tensors: list[tuple[str, Tensor]] = []

    def value(self, obj: Any, path: tuple[str, ...]) -> Any:
        """As JSON; `path` is how one gets there, for names and messages."""
        if obj is None or type(obj) in (bool, int, str):
            return obj
        if type(obj) is float:
            return obj if math.isfinite(obj) else {"float": repr(obj)}
        if isinstance(obj, (torch.dtype, torch.device)):
            return {type(obj).__name__: str(obj).removeprefix("torch.")}
        if isinstance(obj, torch.Size):
            return {"Size": list(obj)}
        if isinstance(obj, np.generic):
            return {"number": obj.item(), "dtype": obj.dtype.str}
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
        """
        sharing: dict[int, list[int]] = defaultdict(list)
        for number, (_, tensor) in enumerate(self._tensors):
            sharing[tensor.untyped_storage().data_ptr()].append(number)
        written: dict[str, Tensor] = {}
        places: list[Any] = [None] * len(self._tensors)
        for number, (key, tensor) in enumerate(self._tensors):
            own = sharing[tensor.untyped_storage().data_ptr()]
            first = self._tensors[own[0]][0]
            if len(own) == 1 or not tensor.numel():
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
            return {"nothing": True}
        if isinstance(obj, Tensor):
            return self._tensor(obj, path)
        if isinstance(obj, AvalancheDataset):
            return self._examples(obj, path)
        if kind in ORDERED.values():
            return {kind.__name__: self._each(obj, path)}
        if kind in MAPPINGS.values():
            return self._dict(obj, path)
        if kind is deque:
            return {"deque": self._each(obj, path), "maxlen": obj.maxlen}
        if kind is np.ndarray:
            return {"array": self._tensor(torch.from_numpy(np.ascontiguousarray(obj)), path)}
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

    def _examples(self, dataset: AvalancheDataset, path: tuple[str, ...]) -> Any:
        if not len(dataset):
            return {"samples": {}}
        told = self._samples.told(dataset)
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
        return [self.value(value, (*path, str(n))) for n, value in enumerate(values)]

    def _object(self, obj: Any, path: tuple[str, ...]) -> Any:
        kind = type(obj)
        if not _is_plain(kind):
            raise Unkept(f"{_at(path)} must be made of its attributes, got a {kind.__name__}")
        kept = dict(_slots(obj)) | vars(obj) if hasattr(obj, "__dict__") else dict(_slots(obj))
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
            if _named(name, self._modules) is thing:
                return name
        except ValueError as error:
            raise Unkept(f"{_at(path)} cannot be saved: {error}") from error
        raise Unkept(f"{_at(path)} must have a name in its module, got {thing.__qualname__}")


class _Reader:
    """Builds what was written, each node once."""

    def __init__(
        self,
        graph: Any,
        tensors: Mapping[str, Tensor],
        lent: Mapping[str, Any],
        samples: Samples,
        modules: Iterable[str],
    ) -> None:
        self._nodes, self._places = graph["nodes"], graph["places"]
        self._tensors, self._lent, self._samples = tensors, lent, samples
        self._modules = tuple(modules)
        self._made: dict[int, Any] = {}

    def value(self, told: Any) -> Any:
        """What was written as `told`."""
        if not isinstance(told, dict):
            return told
        if "at" in told:
            place = told["at"]
            if place not in self._made:
                self._build(place, self._nodes[place])
            return self._made[place]
        if "float" in told:
            return float(told["float"])
        if "dtype" in told and "number" in told:
            return np.dtype(told["dtype"]).type(told["number"])
        if "dtype" in told:
            found = getattr(torch, told["dtype"])
            if not isinstance(found, torch.dtype):
                raise ValueError(f"a dtype must be named, got {told['dtype']!r}")
            return found
        if "device" in told:
            return torch.device(told["device"])
        if "Size" in told:
            return torch.Size(told["Size"])
        return _named(told["name"], self._modules)

    def _build(self, place: int, node: Any) -> None:
        """Make a node; what can hang on itself is there before it is filled."""
        kind = next(iter(node))
        made: Any
        if kind in ("list", "set"):
            made = self._made[place] = ORDERED[kind]()
            add = made.append if kind == "list" else made.add
            for told in node[kind]:
                add(self.value(told))
        elif kind in MAPPINGS:
            made = self._made[place] = MAPPINGS[kind]()
            if kind == "defaultdict":
                made.default_factory = self.value(node["factory"])
            for key, told in node[kind]:
                made[self.value(key)] = self.value(told)
        elif kind == "object":
            made = self._made[place] = self._empty(node["object"])
            for name, told in node["vars"].items():
                _give(made, name, self.value(told))
        else:
            self._made[place] = self._leaf(kind, node)

    def _leaf(self, kind: str, node: Any) -> Any:
        """What cannot hang on itself."""
        if kind in ("tuple", "frozenset"):
            return ORDERED[kind](self.value(told) for told in node[kind])
        if kind == "deque":
            return deque((self.value(told) for told in node[kind]), node["maxlen"])
        if kind == "tensor":
            return self._tensor(node)
        if kind == "array":
            return self._tensor(node[kind]).numpy()
        if kind == "samples":
            told = {name: self._tensor(own) for name, own in node[kind].items()}
            return self._samples.made(told) if told else AvalancheDataset([])
        if kind == "lent":
            return self._lent[node[kind]]
        if kind == "nothing":
            return None
        if kind == "generator":
            generator = torch.Generator(node["device"])
            return generator.set_state(self._tensor(node[kind]))
        if kind == "random":
            drawn = random.Random()
            drawn.setstate(self.value(node[kind]))
            return drawn
        if kind == "method":
            return _bound(self.value(node["of"]), node["method"])
        if kind == "partial":
            function, arguments, named = map(self.value, node[kind])
            return functools.partial(function, *arguments, **named)
        raise ValueError(f"a state must hold what is known, got {kind!r}")

    def _tensor(self, node: Any) -> Tensor:
        place = self._places[node["tensor"]]
        held = self._tensors[place["key"]]
        if "size" in place:
            tensor = held.as_strided(place["size"], place["stride"], place["offset"])
        else:
            tensor = torch.empty_strided(held.shape, place["stride"], dtype=held.dtype)
            tensor.copy_(held)
        tensor = tensor.to(node["device"])
        if node["parameter"]:
            tensor = nn.Parameter(tensor, requires_grad=node["requires_grad"])
        else:
            tensor.requires_grad_(node["requires_grad"])
        for name, told in node["vars"].items():
            _give(tensor, name, self.value(told))
        return tensor

    def _empty(self, name: str) -> Any:
        kind = _named(name, self._modules)
        if not isinstance(kind, type) or not _is_plain(kind):
            raise ValueError(f"an object must be of a plain class, got {name}")
        return object.__new__(kind)


def _named(name: str, modules: Sequence[str]) -> Any:
    """The class or function of a name that a file may have.

    Raises:
        ValueError: for any other.
    """
    if name in KNOWN:
        return KNOWN[name]
    module, _, qualname = name.partition(":")
    of_classes, of_functions = (
        _is_in(module, packages) or module in modules for packages in (CLASSES, FUNCTIONS)
    )
    if not of_classes:
        raise ValueError(f"it names {name}, which is of another module than a state may name")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = vars(found).get(part)
    if isinstance(found, type) or (of_functions and isinstance(found, FunctionType)):
        return found
    raise ValueError(f"it names {name}, which must be a class or a function in that module")


def _is_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _is_plain(kind: type) -> bool:
    """Whether objects of a class are what their attributes are."""
    if any(not one.__flags__ & HEAP_TYPE for one in kind.__mro__[:-1]):
        return False  # it holds something that Python does not see
    if issubclass(kind, CHANGING_TYPES):
        return True
    ways = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__new__")
    return all(getattr(kind, way, None) is getattr(object, way, None) for way in ways)


def _slots(obj: Any) -> Iterable[tuple[str, Any]]:
    for kind in type(obj).__mro__:
        for name in vars(kind).get("__slots__", ()):
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                yield name, getattr(obj, name)


def _give(thing: Any, name: str, value: Any) -> None:
    """Set an attribute, of a frozen class too."""
    if hasattr(thing, "__dict__"):
        vars(thing)[name] = value
    else:
        object.__setattr__(thing, name, value)


def _bound(owner: Any, name: str) -> Callable[..., Any]:
    """A method of an object, by its name in the class."""
    for kind in type(owner).__mro__:
        if isinstance(found := vars(kind).get(name), FunctionType):
            return MethodType(found, owner)
    raise ValueError(f"{type(owner).__name__} must have a method {name!r}")


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

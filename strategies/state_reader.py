"""A strategy from JSON and tensors, as `strategies.state_writer` made them of one."""

from __future__ import annotations

import functools
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from torch import Tensor, nn

from strategies.state_names import MAPPINGS, ORDERED, hides_method, is_plain, named
from strategies.state_writer import Samples


class Reader:
    """Builds what was written, each node once."""

    def __init__(
        self,
        graph: Any,
        tensors: Mapping[str, Tensor],
        lent: Mapping[str, Any],
        samples: Samples | None,
        modules: Iterable[str],
    ) -> None:
        self._nodes, self._places = graph["nodes"], graph["places"]
        self._tensors, self._lent, self._samples = tensors, lent, samples
        self._modules = tuple(modules)
        self._made: dict[int, Any] = {}

    def value(self, told: Any) -> Any:
        """What was written as `told`."""
        if not isinstance(told, dict):
            return sys.intern(told) if isinstance(told, str) else told
        if "at" in told:
            place = told["at"]
            if place not in self._made:
                self._build(place, self._nodes[place])
            return self._made[place]
        if "float" in told:
            return float(told["float"])
        if "dtype" in told and "number" in told:
            return np.dtype(told["dtype"]).type(self.value(told["number"]))
        if "dtype" in told:
            found = getattr(torch, told["dtype"])
            if not isinstance(found, torch.dtype):
                raise ValueError(f"a dtype must be named, got {told['dtype']!r}")
            return found
        if "device" in told:
            return torch.device(told["device"])
        if "Size" in told:
            return torch.Size(told["Size"])
        return named(told["name"], self._modules)

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
                if hides_method(type(made), name):
                    raise ValueError(f"{name} of {node['object']} must be its method, got another")
                _give(made, name, self.value(told))
        else:
            self._made[place] = self._leaf(kind, node)

    def _leaf(self, kind: str, node: Any) -> Any:
        """What cannot hang on itself."""
        if kind in ("tuple", "frozenset"):
            return ORDERED[kind](self.value(told) for told in node[kind])
        if kind == "deque":
            return deque((self.value(told) for told in node[kind]), node["maxlen"])
        if kind == "str":
            return node[kind]
        if kind == "tensor":
            return self._tensor(node)
        if kind == "array":
            return self._tensor(node[kind]).numpy()
        if kind == "samples" and self._samples is not None:
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
        kind = named(name, self._modules)
        if not isinstance(kind, type) or not is_plain(kind):
            raise ValueError(f"an object must be of a plain class, got {name}")
        return object.__new__(kind)


def _give(thing: Any, name: str, value: Any) -> None:
    """Set an attribute, of a frozen class too."""
    name = sys.intern(name)
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

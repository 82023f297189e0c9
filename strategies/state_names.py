"""What a saved state may name, and of which classes its objects may be."""

from __future__ import annotations

import importlib
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import nn

from strategies.import_path import HEAP_TYPE

CLASSES = ("strategies", "avalanche", "torch.nn", "torch.optim", "bench.data.experiences")
"""Packages whose classes a file may name."""

FUNCTIONS = (
    "strategies.methods", "strategies.stages", "strategies.networks", "avalanche.training",
)  # fmt: skip
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


def named(name: str, modules: Sequence[str]) -> Any:
    """The class or function of a name that a file may have.

    It must be defined in the module that it names: what that module has imported is not its own.

    Raises:
        ValueError: for any other.
    """
    if name in KNOWN:
        return KNOWN[name]
    module, _, qualname = name.partition(":")
    of_classes, of_functions = (
        _is_in(module, packages) or module in modules for packages in (CLASSES, FUNCTIONS)
    )
    found: Any = importlib.import_module(module) if of_classes or of_functions else None
    for part in qualname.split("."):
        inside = isinstance(found, ModuleType if part == qualname.partition(".")[0] else type)
        found = vars(found).get(part) if inside else None
    may = (isinstance(found, type) and of_classes) or (
        isinstance(found, FunctionType) and of_functions
    )
    if may and (found.__module__, found.__qualname__) == (module, qualname):
        return found
    raise ValueError(f"it names {name}, which is nothing of this project's that a state may name")


def _is_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def is_plain(kind: type) -> bool:
    """Whether objects of a class are what their attributes are, and end without a word."""
    if any(not one.__flags__ & HEAP_TYPE for one in kind.__mro__[:-1]):
        return False  # it holds something that Python does not see
    if hasattr(kind, "__del__"):
        return False  # it would run for an object that was only made
    if issubclass(kind, CHANGING_TYPES):
        return True
    ways = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__new__")
    return all(getattr(kind, way, None) is getattr(object, way, None) for way in ways)


def hides_method(kind: type, name: str) -> bool:
    """Whether an attribute of this name would stand in the place of a method."""
    return any(isinstance(vars(one).get(name), FunctionType) for one in kind.__mro__)

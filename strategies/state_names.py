"""What a saved state may name, and of which classes its objects may be."""

from __future__ import annotations

import importlib
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import torch
from torch import nn

from strategies.import_path import HEAP_TYPE

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


def named(name: str, modules: Sequence[str]) -> Any:
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


def is_plain(kind: type) -> bool:
    """Whether objects of a class are what their attributes are."""
    if any(not one.__flags__ & HEAP_TYPE for one in kind.__mro__[:-1]):
        return False  # it holds something that Python does not see
    if issubclass(kind, CHANGING_TYPES):
        return True
    ways = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__new__")
    return all(getattr(kind, way, None) is getattr(object, way, None) for way in ways)

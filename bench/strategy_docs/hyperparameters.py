"""A strategy's hyper-parameters with their defaults, and what its docstring says of each."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import docstring_parser
from docstring_parser import DocstringStyle

from strategies import building, registry
from strategies.entry import Baseline, Entry
from strategies.registry import TRAINING


@dataclass(frozen=True)
class Hyperparameter:
    """One hyper-parameter.

    Attributes:
        meaning: what it does and may be, "" where no docstring says so.
    """

    name: str
    default: Any
    meaning: str


def value_text(value: Any) -> str:
    """A value as `--set` takes it; `none` cannot be set."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


TRAINING_MEANINGS = {
    "optimizer": "of the network's parameters",
    "learning_rate": "of the optimizer",
    "momentum": "of `sgd` alone",
    "weight_decay": "of the optimizer",
    "batch_size": "examples in a training minibatch",
}


def training_hyperparameters() -> list[Hyperparameter]:
    """Those that every strategy has, with the defaults that all share."""
    return [
        Hyperparameter(name, default, f"{TRAINING_MEANINGS[name]}; {registry.TRAINING_RULES[name]}")
        for name, default in TRAINING.items()
    ]


def hyperparameters(entry: Entry) -> list[Hyperparameter]:
    """A strategy's own, and those that all have where its default is another."""
    defaults = building.hyperparameters(entry)
    own = [key for key in defaults if key not in TRAINING]
    found = {key: f"{TRAINING_MEANINGS[key]}, as for all but for its default" for key in TRAINING}
    found |= meanings(entry.factory, own)
    if isinstance(entry.explanation, Baseline):
        found |= entry.explanation.meanings
    return [
        Hyperparameter(key, default, found.get(key, ""))
        for key, default in defaults.items()
        if key not in TRAINING or default != TRAINING[key]
    ]


def docstring(factory: str) -> str:
    """What the code says of a factory, `module:name`."""
    return inspect.getdoc(_found(factory)) or ""


def meanings(factory: str, names: Collection[str]) -> dict[str, str]:
    """What the docstring of `module:name` says of each of `names`, if it does.

    Read are the sections `Args:` and `Attributes:` of Google's style. An item that says "see
    `Other`" is looked up there, which may point on: a parent, anything of that name in the same
    module, or what a dotted path names.
    """
    return _meanings(_found(factory), names)


def _meanings(found: Any, names: Collection[str]) -> dict[str, str]:
    texts = items(inspect.getdoc(found) or "", names)
    for name, text in texts.items():
        elsewhere = re.match(r"see `([\w.]+)`", text)
        if elsewhere and (there := _pointed_to(found, elsewhere[1])) is not None:
            texts[name] = _meanings(there, names).get(name, text)
    return texts


def items(text: str, names: Collection[str]) -> dict[str, str]:
    """What the sections of a docstring say of `names`, each on one line."""
    parsed = docstring_parser.parse(text, style=DocstringStyle.GOOGLE)
    return {
        item.arg_name: " ".join((item.description or "").split())
        for item in parsed.params
        if item.arg_name in names
    }


def _pointed_to(factory: Any, name: str) -> Any:
    """What the docstring of a class or function points to by `name`; None where that is unknown."""
    module, _, own = name.rpartition(".")
    if module:
        return _found(f"{module}:{own}")
    parents = inspect.getmro(factory) if inspect.isclass(factory) else ()
    known = vars(importlib.import_module(factory.__module__))
    return {**{parent.__name__: parent for parent in parents}, **known}.get(name)


def _found(factory: str) -> Any:
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)

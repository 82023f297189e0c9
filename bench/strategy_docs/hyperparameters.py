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

from bench.strategy_docs.explanations import BASELINES
from strategies import building, registry
from strategies.registry import TRAINING, Entry


@dataclass(frozen=True)
class Hyperparameter:
    """One hyper-parameter.

    Attributes:
        meaning: what it does and may be, "" where nobody says so.
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


def hyperparameters(name: str, entry: Entry) -> list[Hyperparameter]:
    """Its own, and those that all have where its default is another."""
    defaults = building.hyperparameters(entry)
    own = [key for key in defaults if key not in TRAINING]
    found = {key: f"{TRAINING_MEANINGS[key]}, as for all but for its default" for key in TRAINING}
    found |= meanings(entry.factory, own)
    if name in BASELINES:
        found |= BASELINES[name].meanings
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

    Read is the section `Args:` of Google's style. An item that says "see `Other`" is looked up
    there: a parent, or anything of that name in the same module, which may point on.
    """
    return _meanings(_found(factory), names)


def _meanings(found: Any, names: Collection[str]) -> dict[str, str]:
    texts = items(inspect.getdoc(found) or "", names)
    for name, text in texts.items():
        elsewhere = re.match(r"see `(\w+)`", text)
        if elsewhere:
            known = _known_to(found)
            if elsewhere[1] in known:
                texts[name] = _meanings(known[elsewhere[1]], names).get(name, text)
    return texts


def items(text: str, names: Collection[str]) -> dict[str, str]:
    """What the section `Args:` of a docstring says of `names`, each on one line."""
    parsed = docstring_parser.parse(text, style=DocstringStyle.GOOGLE)
    return {
        item.arg_name: " ".join((item.description or "").split())
        for item in parsed.params
        if item.arg_name in names
    }


def _known_to(factory: Any) -> dict[str, Any]:
    """What the docstring of a class or function may point to, by name."""
    parents = inspect.getmro(factory) if inspect.isclass(factory) else ()
    module = importlib.import_module(factory.__module__)
    return {**{parent.__name__: parent for parent in parents}, **vars(module)}


def _found(factory: str) -> Any:
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)

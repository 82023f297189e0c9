"""Packages that Avalanche imports for what hardly any run does: imported when that is done.

A solver for GEM brings jax with it, a confusion matrix brings wandb. They are a fifth of the
start-up of a server, and of the memory that each of its forks copies.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

LEFT_OUT = ("qpsolvers", "wandb", "torchmetrics", "torchmetrics.functional")


class LeftOut(ModuleType):
    """Stands for a package in the modules that import it; its functions import it when called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # of a package, in which others can be looked for

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            return _function(self.__name__, name)
        if sys.modules.get(self.__name__) is self:  # whoever looks through all modules asks
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


def _function(package: str, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(package), name)(*args, **kwargs)

    return call


@contextmanager
def leaving_out() -> Iterator[None]:
    """What is imported inside gets stand-ins for packages that are not there yet.

    Whoever imports one of them later gets the package.
    """
    standins = {name: LeftOut(name) for name in LEFT_OUT if name not in sys.modules}
    sys.modules.update(standins)
    try:
        yield
    finally:
        for name in standins:
            del sys.modules[name]


def import_used(*things: Any) -> None:
    """Import what was left out of the modules in which the classes of `things` are written."""
    homes = {kind.__module__ for thing in things for kind in type(thing).__mro__}
    for home in homes:
        for value in list(vars(sys.modules[home]).values()):
            if isinstance(value, LeftOut):
                import_module(value.__name__)

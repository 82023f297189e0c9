"""Constructors that can be called by position, as Avalanche's own strategies can."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

from avalanche.training.templates import SupervisedTemplate

Constructor = TypeVar("Constructor", bound=Callable[..., None])


def template_first(constructor: Constructor) -> Constructor:
    """The same constructor, which takes `**base_kwargs`, with the template's parameters in front.

    Avalanche gives what is passed by position to keyword-only parameters in the order of the
    signature, with a warning: model, optimizer and criterion come first in all of its strategies.
    """
    signature = inspect.signature(constructor)
    this, *own = signature.parameters.values()
    template = inspect.signature(SupervisedTemplate.__init__).parameters.values()
    first = [p for p in template if p.kind is inspect.Parameter.KEYWORD_ONLY]
    constructor.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[this, *first, *own]
    )
    return constructor

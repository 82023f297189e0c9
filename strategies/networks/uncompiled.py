"""A compiled network as it is written, for those that look inside while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def uncompiled(model: nn.Module) -> Iterator[None]:
    """Inside, no part of `model` runs compiled.

    Hooks that a layer has got since its network was compiled are not called otherwise.
    """
    # torch names no other way back: compiling anew with the hooks would take seconds
    compiled = {part: part._compiled_call_impl for part in model.modules()}
    for part in compiled:
        part._compiled_call_impl = None
    try:
        yield
    finally:
        for part, call in compiled.items():
            part._compiled_call_impl = call

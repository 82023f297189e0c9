"""A network that is not finite any more, and the errors that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from strategies.networks.layers import finite


class Diverged(RuntimeError):
    """The network's weights or outputs are no longer finite."""


@contextmanager
def diverging(strategy: Any) -> Iterator[None]:
    """Inside, an error of a strategy that is not finite any more is a `Diverged`."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        lost = _not_finite(strategy)
        if isinstance(error, Diverged) or lost is None:
            raise
        raise Diverged(
            f"{lost} are not finite, on which {type(error).__name__}: {error}"
        ) from error


def _not_finite(strategy: Any) -> str | None:
    """What of a strategy is no number any more; None if all is."""
    if not finite(strategy.model):
        return "weights"
    output = getattr(strategy, "mb_output", None)
    if isinstance(output, torch.Tensor) and not output.isfinite().all():
        return "outputs"  # finite weights can be large enough for that
    return None

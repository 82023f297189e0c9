"""What a strategy answers on an experience, by its own `eval`."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from avalanche.core import SupervisedPlugin
from avalanche.logging import BaseLogger
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.plugins.evaluation import default_evaluator
from numpy.typing import NDArray
from torch import Tensor


class NoMetrics(EvaluationPlugin):
    """Avalanche's evaluator with nothing to measure: the referee counts for itself.

    The original copies the experience at every hook, a cost that every step would be charged.
    """

    def __init__(self) -> None:
        super().__init__(loggers=[BaseLogger()])

    def _update_metrics_and_loggers(self, strategy: Any, callback: str) -> None:
        pass


def refuse_own_evaluator(name: str, strategy: Any) -> None:
    """ValueError for an evaluator of a strategy's own that is more than Avalanche's default.

    The default only prints, where nobody reads, and is left out.
    """
    nothing: tuple[list[type], list[type]] = ([], [])
    known = (nothing, _content(NoMetrics()), _content(default_evaluator()))
    if _content(strategy.evaluator) not in known:
        raise ValueError(
            f"{name} must take `evaluator` as an argument and hand it on to Avalanche's template, "
            "got one of its own: the referee measures, and `--log` tells loggers"
        )


def _content(evaluator: Any) -> tuple[list[type], list[type]]:
    """The kinds of the loggers and metrics that an evaluator has."""
    return [type(one) for one in evaluator.loggers], [type(one) for one in evaluator.metrics]


class _Enough(Exception):
    """As many images are answered as were asked for."""


class _Collector(SupervisedPlugin):
    """Keeps the answers of an evaluation, and ends it after `most` images."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.logits: list[Tensor] = []
        self._most, self._answered = most, 0

    def after_eval_iteration(self, strategy: Any, **kwargs: Any) -> None:
        """Keep the answers of one minibatch."""
        self.logits.append(strategy.mb_output.detach())
        self._answered += len(strategy.mb_output)
        if self._answered >= self._most:
            raise _Enough


def plain(logits: Tensor) -> NDArray[np.float64]:
    """(N, C) logits as an array on the CPU: 64 bits hold any type, and no code of a strategy's."""
    return np.array(logits.double().cpu().numpy(), dtype=np.float64)


def answers(strategy: Any, experience: Any, most: float = math.inf) -> Tensor:
    """(N, C) logits of the images of `experience`; the strategy's own plugins take part.

    Args:
        strategy: to be asked.
        experience: with the images.
        most: images after which the minibatch under way is the last.

    Raises:
        ValueError: for another number of answers than of images.
    """
    collector = _Collector(most)
    strategy.plugins.append(collector)  # last, as CoPE's plugin turns features to answers here
    with suppress(_Enough):
        strategy.eval(experience)
    strategy.plugins.remove(collector)
    logits = torch.cat(collector.logits)
    asked = len(experience.dataset)
    if logits.ndim != 2 or (len(logits) != asked and most == math.inf):
        raise ValueError(
            f"answers must be {asked} rows of logits, one for each image, got {tuple(logits.shape)}"
        )
    return logits

"""Accuracy of a strategy on every experience of a stream, by the strategy's own `eval`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from avalanche.logging import BaseLogger
from avalanche.training.plugins import EvaluationPlugin
from torch import Tensor

from bench.data.unlabelled import Questions


@dataclass(frozen=True)
class Scores:
    """Fractions of right answers by experience.

    Attributes:
        accuracy: argmax over all classes.
        task_aware: argmax over the classes of the experience.
    """

    accuracy: tuple[float, ...]
    task_aware: tuple[float, ...]


class NoMetrics(EvaluationPlugin):
    """Avalanche's evaluator with nothing to measure: the referee counts for itself.

    The original copies the experience at every hook, a cost that every step would be charged.
    """

    def __init__(self) -> None:
        super().__init__(loggers=[BaseLogger()])

    def _update_metrics_and_loggers(self, strategy: Any, callback: str) -> None:
        pass


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


def evaluate(strategy: Any, asked: Sequence[Questions], classes: Sequence[list[int]]) -> Scores:
    """Accuracy on each experience of a stream.

    Args:
        strategy: to be evaluated.
        asked: all images of the stream.
        classes: for each experience its targets.
    """
    samples = torch.zeros(len(classes), dtype=torch.long)
    right, right_aware = samples.clone(), samples.clone()
    for one in asked:
        logits = answers(strategy, one.experience)
        given, aware = logits.argmax(1).cpu(), torch.empty(len(logits), dtype=torch.long)
        for number in one.origins.unique().tolist():
            rows, own = one.origins == number, torch.tensor(classes[number])
            mine = logits[rows.to(logits.device)][:, own.to(logits.device)]
            aware[rows] = own[mine.argmax(1).cpu()]
        samples += one.origins.bincount(minlength=len(classes))
        right += one.origins[given == one.labels].bincount(minlength=len(classes))
        right_aware += one.origins[aware == one.labels].bincount(minlength=len(classes))
    shares = (right.double() / samples, right_aware.double() / samples)
    return Scores(*(tuple(share.tolist()) for share in shares))

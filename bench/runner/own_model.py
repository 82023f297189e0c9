"""A model of the user's own, by import path: a function that makes a `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from strategies.import_path import called
from strategies.networks.heads import MultiHeadModel, TaskHead

Shape = tuple[int, int, int]
"""Channels, height, width of one input."""


def own_model(
    path: str, shape: Shape, *, classes: int, tasks: Sequence[Sequence[int]] | None
) -> nn.Module:
    """What the function at `path` makes, called with `input_shape` and `classes`.

    Args:
        path: `module:make_model`.
        shape: channels, height, width of one input.
        classes: width of the answer.
        tasks: the class labels of each task: the last layer, which must be a `torch.nn.Linear`,
            is then replaced by a head per task; None for the model as it is made.

    Raises:
        ValueError: for a model that cannot be run, with the rule that it breaks.
    """
    rule = f"must be made with input_shape={shape} and classes={classes}"
    model = called("model", path, rule, input_shape=shape, classes=classes)
    if not isinstance(model, nn.Module):
        raise ValueError(f"model {path} must be a torch.nn.Module, got {type(model).__name__}")
    x = torch.rand(2, *shape)
    answer = _answer(model, x, path)
    if _shape(answer) != (2, classes):
        raise ValueError(
            f"model {path} must give logits of shape (batch, {classes}), (2, {classes}) for two "
            f"images; got {_shape(answer)}"
        )
    return model if tasks is None else _with_heads(model, tasks, x, answer, path)


def _with_heads(
    model: nn.Module, tasks: Sequence[Sequence[int]], x: torch.Tensor, answer: Any, path: str
) -> MultiHeadModel:
    """The model with a head per task in the place of its last layer."""
    name, last = [item for item in model.named_modules() if not list(item[1].children())][-1]
    rule = (
        f"model {path} must end in a torch.nn.Linear, in whose place each task gets a head of its "
        "own"
    )
    if not isinstance(last, nn.Linear) or last is model:
        raise ValueError(f"{rule}; its last layer is {type(last).__name__}")
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, nn.Identity())
    features = _answer(model, x, path)
    if _shape(features) != (2, last.in_features) or not torch.allclose(
        _answer(last, features, path), answer, atol=1e-5
    ):
        raise ValueError(f"{rule}; something follows {name!r}")
    return MultiHeadModel(model, TaskHead(last.in_features, tasks))


def _answer(model: nn.Module, x: torch.Tensor, path: str) -> Any:
    """What the model says in evaluation; its mode stays what it was."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            return model(x)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise ValueError(
            f"model {path} must take images {tuple(x.shape)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        for module, mode in training.items():
            module.training = mode


def _shape(answer: object) -> object:
    return tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__

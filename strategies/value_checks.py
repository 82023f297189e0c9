"""What a hyper-parameter may be: of the kind of its default or of its annotation."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from typing import Any

from strategies.registry import MOST_IN_BATCH, TRAINING_RULES

KINDS: Mapping[str, tuple[str, Any]] = {
    "int": ("a whole number", 0),
    "float": ("a number", 0.0),
    "str": ("text", ""),
    "bool": ("true or false", False),
}
"""How a sentence calls what is annotated so, and a value of that kind."""


def kind_of(annotation: str) -> tuple[str, Any]:
    """That of `KINDS` for `float`, `Optional[float]` and `Union[float, Sequence[float]]` alike."""
    words = (word for word in re.findall(r"\w+", annotation) if word in KINDS)
    return KINDS.get(next(words, ""), ("a value", None))


def annotation_of(parameter: inspect.Parameter) -> str:
    """The annotation of a parameter as its source may have it; "" without one."""
    found = parameter.annotation
    if found is parameter.empty:
        return ""
    return found.__name__ if isinstance(found, type) else str(found)


def check_kind(key: str, default: Any, value: Any) -> None:
    """ValueError unless `value` is of the kind of its default; a default of None takes any."""
    got = f"got {value!r}"
    if isinstance(value, (list, tuple)):
        return  # one value for each layer: the strategy knows what may be
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{key} must be true or false, {got}")
    elif isinstance(default, (int, float)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{key} must be a number, {got}")
        if not math.isfinite(value):
            raise ValueError(f"{key} must be finite, {got}")
        if isinstance(default, int) and not isinstance(value, int):
            raise ValueError(f"{key} must be a whole number, {got}")
    elif isinstance(default, str) and not isinstance(value, str):
        example = f" such as {default!r}" if default else ""
        raise ValueError(f"{key} must be text{example}, {got}")


def check_training(values: Mapping[str, Any]) -> None:
    """ValueError for a value that one of `TRAINING` cannot have; `values` has them all."""
    kept = {
        "learning_rate": values["learning_rate"] > 0,
        "momentum": 0 <= values["momentum"] < 1,
        "weight_decay": values["weight_decay"] >= 0,
        "batch_size": 1 <= values["batch_size"] <= MOST_IN_BATCH,
        "optimizer": values["optimizer"] in ("sgd", "adam", "adamw"),
    }
    for key, ok in kept.items():
        if not ok:
            raise ValueError(f"{key} must be {TRAINING_RULES[key]}, got {values[key]!r}")

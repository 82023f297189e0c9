"""The constants of a sleep, and the published ones by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SleepParameters:
    """How a stack of layers sleeps; the names and the defaults are the paper's.

    Attributes:
        rate: an input of mean x spikes with probability 2 dt rate x in a step, at most 1; at least
            0.
        inc: how much a weight at 0 gains when both its ends fire; at least 0.
        dec: how much it loses when only its target fires; at least 0.
        beta: potential at which a neuron fires, for each layer, first layer first, or one for all;
            above 0.
        alpha_scale: gain of every layer after normalisation; only `beta / alpha_scale` matters;
            above 0.
        steps: length of the sleep, at least 1.
        decay: fraction of a membrane's potential that is left one step later, in [0, 1].
        dt: seconds per step.
        patch: side of the square that is shown at each step, as a fraction of the image's side, in
            (0, 1]; 1 shows all of it, and an input that is no image is always shown in full.
    """

    rate: float
    inc: float
    dec: float
    beta: tuple[float, ...]
    alpha_scale: float
    steps: int = 15_000
    decay: float = 0.999
    dt: float = 0.001
    patch: float = 11 / 28

    def __post_init__(self) -> None:
        for name in ("alpha_scale", "dt"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        for name in ("rate", "inc", "dec"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not self.beta or not all(beta > 0 for beta in self.beta):
            raise ValueError(f"beta must be above 0 for each layer, got {self.beta}")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay must be in [0, 1], got {self.decay}")
        if not 0 < self.patch <= 1:
            raise ValueError(f"patch must be in (0, 1], got {self.patch}")

    def thresholds(self, layers: int) -> list[float]:
        """Potential at which a neuron of each layer fires.

        Raises:
            ValueError: if `beta` does not fit.
        """
        if len(self.beta) not in (1, layers):
            rule = f"one value or one for each of {layers} layers"
            raise ValueError(f"beta must be {rule}, got {self.beta}")
        return list(self.beta) * (layers // len(self.beta))


SUITE = "suite"
"""The preset of the defaults: for a network of any depth, after a day of some hundred minibatches;
chosen here, on split MNIST."""

_WHOLE = {"patch": 1.0, "sleep_steps": 5_000, "more_steps": 0, "observed": 0, "scale_input": False}
_IMAGE = {"patch": 11 / 28, "sleep_steps": 15_000, "more_steps": 5_000}

PRESETS: dict[str, dict[str, Any]] = {
    SUITE: {
        "rate": 240.0, "inc": 0.003, "dec": 0.001, "beta": 0.7, "alpha_scale": 1.0, "patch": 0.4,
        "sleep_steps": 20_000, "more_steps": 0, "observed": 20, "scale_input": True,
    },
    "mnist": {
        **_WHOLE, **_IMAGE, "rate": 239.515, "inc": 0.032064, "dec": 0.003344,
        "beta": [14.548, 44.56, 38.046], "alpha_scale": 55.882,
    },
    "fashion-mnist": {
        **_WHOLE, **_IMAGE, "rate": 181.047, "inc": 0.041001, "dec": 0.003344,
        "beta": [40.447, 27.597, 33.109], "alpha_scale": 31.593,
    },
    "cifar10": {
        **_WHOLE, "sleep_steps": 15_000, "rate": 453.021, "inc": 0.078129, "dec": 0.003005,
        "beta": [8.07, 0.908, 1.729], "alpha_scale": 4.131,
    },
    "cifar10-features": {
        **_WHOLE, "rate": 276.0, "inc": 0.0026, "dec": 0.0012,
        "beta": [0.324, 0.167, 0.098], "alpha_scale": 1.0, "sleep_steps": 6_000, "observed": 20,
    },
    "cub200": {
        **_WHOLE, "rate": 32.0, "inc": 0.01, "dec": 0.001,
        "beta": [1.0, 1.0, 1.0], "alpha_scale": 1.0,
    },
}  # fmt: skip
"""Hyper-parameters of `SleepReplay` by name: the defaults, those searched here on features of
CIFAR-10 that a convolution learned without labels, and the authors' constants per data set.

All but the defaults are for networks of three layers: over images for (Fashion-)MNIST, otherwise
over features. The authors' see all the data of an experience.
"""


def constants(preset: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The hyper-parameters of `preset`, those of `chosen` that are not None over them."""
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    return PRESETS[preset] | {name: v for name, v in chosen.items() if v is not None}

"""A saved state that is whole and answers otherwise."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file


def negate_weights(state: Path) -> None:
    """Turn the sign of every weight of the network in a saved state."""
    with safe_open(state, framework="pt") as file:
        told = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, tensor in tensors.items():
        if name.startswith("model") and tensor.is_floating_point():
            tensor.neg_()
    save_file(tensors, state, metadata=told)

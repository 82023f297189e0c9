"""A saved network as ONNX, and what its size and its sparseness are worth on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from bench.runner.fresh_process import one_thread
from bench.runner.saved_network import SavedNetwork
from strategies.networks.smaller import sparse

BATCHES = (1, 256)
"""Inputs at once for which latency is measured."""

ROUNDS = 15
"""How often each form is timed; all take turns."""

BLOCK_SECONDS = 0.02
"""How long one timing lasts, about."""


@dataclass(frozen=True)
class Form:
    """One way to keep the network.

    Attributes:
        name: of the form.
        weights: numbers that it stores; of linear layers in the sparse form those that are not 0.
        bytes: of its file.
        latency: for each of `BATCHES` the time of one pass in one thread over that of the dense
            form.
        differs: by how much its answers differ from those of the dense form at most.
    """

    name: str
    weights: int
    bytes: int
    latency: tuple[float, ...]
    differs: float


def export_network(network: SavedNetwork, task: int | None, folder: Path) -> list[Form]:
    """Write `dense.onnx` and `smaller.onnx`; returns what each form takes, the dense one first.

    Args:
        network: from `bench.load_network`.
        task: number of the experience, in scenario `task` alone.
        folder: of the files.

    Raises:
        ValueError: if ONNX is not installed, or the network is no plain one or cannot be written.
    """
    _check_installed()
    modules: dict[str, nn.Module] = {"dense": network.plain(task), "smaller": network.smaller(task)}
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for name, module in modules.items():
        file = folder / f"{name}.onnx"
        write_onnx(module, network.input_shape, file)
        sizes[name] = file.stat().st_size
    modules["sparse"] = sparse(network.smaller(task))
    tensors = {name: tensor.contiguous() for name, tensor in modules["sparse"].state_dict().items()}
    sizes["sparse"] = len(save(tensors))
    own = torch.Generator().manual_seed(0)
    inputs = torch.rand((max(BATCHES), *network.input_shape), generator=own)
    with torch.no_grad(), one_thread():
        answers = {name: module(inputs) for name, module in modules.items()}
        ratios = [latencies(modules, inputs[:batch]) for batch in BATCHES]
    return [
        Form(
            name, _weights(module), sizes[name], tuple(each[name] for each in ratios),
            (answers[name] - answers["dense"]).abs().max().item(),
        )
        for name, module in modules.items()
    ]  # fmt: skip


def _check_installed() -> None:
    """ValueError for a package that is not there, or a torch that is too old."""
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise ValueError(f"export needs {package}: pip install 'sleepbench[onnx]'")
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        raise ValueError(f"export needs torch 2.6 or later, got {torch.__version__}")


def _weights(module: nn.Module) -> int:
    return sum(
        tensor.numel() for tensor in module.state_dict().values() if tensor.is_floating_point()
    )


def write_onnx(module: nn.Module, input_shape: tuple[int, ...], file: Path) -> None:
    """Write a module as one ONNX file that takes any number of inputs.

    Raises:
        ValueError: if torch cannot write it.
    """
    images = torch.zeros((2, *input_shape))
    batch = torch.export.Dim("batch", min=1)
    try:
        torch.onnx.export(
            module, (images,), file, input_names=["images"], output_names=["answers"],
            dynamic_shapes=({0: batch},), dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
    except Exception as error:  # of which torch and ONNX have many kinds
        first = str(error).strip().partition("\n")[0]
        raise ValueError(f"the network cannot be written as ONNX: {first}") from error


def latencies(modules: Mapping[str, nn.Module], inputs: Tensor) -> dict[str, float]:
    """Seconds of a pass of each module over those of the first: medians of paired timings."""
    first = next(iter(modules.values()))
    passes = max(1, round(BLOCK_SECONDS / _seconds(lambda: first(inputs), 3)))
    ratios: dict[str, list[float]] = {name: [] for name in modules}
    for _ in range(ROUNDS):
        seconds = {
            name: _seconds(lambda module=module: module(inputs), passes)  # type: ignore[misc]
            for name, module in modules.items()
        }
        base = next(iter(seconds.values()))
        for name, spent in seconds.items():
            ratios[name].append(spent / base)
    return {name: statistics.median(found) for name, found in ratios.items()}


def _seconds(work: Callable[[], Tensor], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times

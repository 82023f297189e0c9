"""What a network is made of: what can be pruned, what each task keeps, what cannot be handled."""

from __future__ import annotations

from avalanche.models import IncrementalClassifier, MultiHeadClassifier
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

from strategies.networks.heads import TaskHead, head_tensors

MATRICES = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)
"""Batch and instance normalisation, layer and group normalisation."""

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Buffers of batch and instance normalisation."""


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weight matrices and kernels of `model` by name, per-task and growing heads excluded."""
    heads = head_tensors(model)
    names = {
        _join(prefix, "weight")
        for prefix, module in model.named_modules()
        if isinstance(module, MATRICES)
    }
    return {n: p for n, p in model.named_parameters() if n in names and n not in heads}


def finite(model: nn.Module) -> bool:
    """Whether every parameter is."""
    return all(bool(weight.isfinite().all()) for weight in nn.Module.parameters(model))


def norms(model: nn.Module) -> dict[str, nn.Module]:
    """The normalisation layers of `model` by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, NORMS)}


def buffers_of_layers(model: nn.Module) -> dict[str, Tensor]:
    """Buffers of normalisation layers and of heads by name: what every network of its kind has."""
    heads = (TaskHead, MultiHeadClassifier, IncrementalClassifier)
    return {
        _join(prefix, name): buffer
        for prefix, module in model.named_modules()
        for name, buffer in module.named_buffers(recurse=False)
        if (isinstance(module, _NormBase) and name in STATISTICS)
        or (isinstance(module, heads) and not buffer.is_floating_point())
    }


def tensors_of(name: str, module: nn.Module) -> set[str]:
    """Names, from the root, of the parameters and buffers of the module that is called `name`."""
    return {_join(name, own) for own, _ in (*module.named_parameters(), *module.named_buffers())}


def shared_head(model: nn.Module) -> str | None:
    """Name of the output layer that all tasks share; None where each task has a head of its own.

    A growing `IncrementalClassifier`, otherwise the linear layer that was registered last.

    Raises:
        ValueError: if there is none.
    """
    modules = dict(model.named_modules())
    if any(isinstance(m, (TaskHead, MultiHeadClassifier)) for m in modules.values()):
        return None
    for kind in (IncrementalClassifier, nn.Linear):
        found = [name for name, module in modules.items() if isinstance(module, kind)]
        if found:
            return found[-1]
    raise ValueError("model must have a head or a linear output layer, got none")


def output_layer(model: nn.Module) -> nn.Module:
    """What makes answers of features: the heads of all tasks, or the layer that tasks share.

    Raises:
        ValueError: if there is none.
    """
    heads = [m for m in model.modules() if isinstance(m, (TaskHead, MultiHeadClassifier))]
    name = None if heads else shared_head(model)
    return heads[-1] if name is None else model.get_submodule(name)


def check_ownable(model: nn.Module) -> None:
    """ValueError, with the module's name, for what cannot be owned weight by weight.

    Linear and convolutional layers, normalisation and heads can; recurrent layers, attention,
    embeddings, parametrizations, weights shared between modules and any other module that holds
    parameters cannot, nor can weights that are not real floating-point numbers of 16 to 64 bits.
    """
    owner: dict[int, str] = {}
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if is_parametrized(module) or not _plain(module, set(own)):
            raise ValueError(
                "model must be made of linear and convolutional layers, normalisation and heads, "
                f"got {type(module).__name__} {name!r}"
            )
        for key, parameter in own.items():
            full = _join(name, key)
            first = owner.setdefault(id(parameter), full)
            if first != full:
                raise ValueError(f"weights must not be shared, got {full!r} that is {first!r}")
            if not parameter.is_floating_point() or parameter.element_size() < 2:
                kind = parameter.dtype
                raise ValueError(f"weights must be floats of 16 to 64 bits, got {kind} {full!r}")


def _plain(module: nn.Module, own: set[str]) -> bool:
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        return False
    return not own or (isinstance(module, (*MATRICES, *NORMS)) and own <= {"weight", "bias"})


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name

"""The state of a strategy in a file, to go on from in another process: tensors and JSON, no code.

`write` walks the strategy; `read` builds it again. A class is looked up by its name, made without
its constructor, and given its attributes. Nothing else in a file is followed, and nothing called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from avalanche.training.templates.base import BaseTemplate
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from strategies.state_reader import Reader
from strategies.state_writer import Samples, Unkept, Writer

__all__ = ["Samples", "Unkept", "about", "beside", "read", "write"]

FORMAT = 1
"""Version of the file."""

BESIDE = "beside/"
"""What the names of tensors begin with that are no part of a state."""


def write(
    strategy: BaseTemplate,
    path: Path,
    *,
    lent: Mapping[str, Any],
    samples: Samples | None,
    modules: Iterable[str] = (),
    about: Mapping[str, str] | None = None,
    beside: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the state of `strategy` between experiences, its optimizer's among it.

    Args:
        strategy: that was trained, or not yet.
        path: of the file.
        lent: what belongs to whoever runs the strategy: named in the file, and not in it.
        samples: how its stored examples are written; None for data sets as they are, whose
            samples are lent.
        modules: of its own, besides those of this project, of Avalanche and of torch.
        about: told beside it; see `about`.
        beside: tensors of whoever runs the strategy; see `beside`.

    Raises:
        ValueError: for something that cannot be written, which it names.
    """
    writer = Writer(lent, samples, modules)
    try:
        root = writer.value(strategy, ())
        tensors, places = writer.placed()
        graph = {"format": FORMAT, "root": root, "nodes": writer.nodes, "places": places}
        state = json.dumps(graph, separators=(",", ":"), allow_nan=False)
    except Unkept:
        raise
    except Exception as error:  # whatever a strategy of anybody's holds
        raise Unkept(f"what it holds cannot be written: {type(error).__name__}: {error}") from error
    told = {**(about or {}), "state": state}
    own = {f"{BESIDE}{name}": tensor for name, tensor in (beside or {}).items()}
    if taken := own.keys() & tensors.keys():
        raise Unkept(f"a tensor of a strategy must have another name than {min(taken)}")
    save_file({**tensors, **own}, path, metadata=told)


def beside(path: Path, name: str) -> Tensor:
    """A tensor that was written beside a state.

    Raises:
        ValueError: for a file that has none of this name.
    """
    with _opened(path) as file:
        try:
            found: Tensor = file.get_tensor(f"{BESIDE}{name}")
        except SafetensorError as error:
            raise ValueError(f"{path} must have {name} beside its state, got {error}") from error
        return found


def about(path: Path) -> Mapping[str, str]:
    """What was told beside a state.

    Raises:
        ValueError: for a file that is none of `write`.
    """
    with _opened(path) as file:
        return _metadata(file, path)


def read(
    path: Path, *, lent: Mapping[str, Any], samples: Samples | None, modules: Iterable[str] = ()
) -> Any:
    """The strategy of a file.

    Args:
        path: of a file from `write`.
        lent: what stands in place of what was lent, by the same names.
        samples: as in `write`.
        modules: as in `write`; their code runs when they are imported.

    Raises:
        ValueError: for a file that is none of `write`, or that names what it may not.
    """
    with _opened(path) as file:
        try:
            graph = json.loads(_metadata(file, path)["state"])
            if graph["format"] != FORMAT:
                raise ValueError(f"a state must be of format {FORMAT}, got {graph['format']}")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return Reader(graph, tensors, lent, samples, modules).value(graph["root"])
        except ValueError as error:
            raise ValueError(
                f"{path} must be a saved state, got one that cannot be: {error}"
            ) from error
        except Exception as error:  # whatever a damaged file makes of a reader
            told = f"{type(error).__name__}: {error}"[:120]
            raise ValueError(f"{path} must be a whole state, got {told}") from error


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a saved state, got: {error}") from error


def _metadata(file: Any, path: Path) -> Mapping[str, str]:
    found: Mapping[str, str] = file.metadata() or {}
    if "state" not in found:
        raise ValueError(f"{path} must be a saved state, got tensors alone")
    return found

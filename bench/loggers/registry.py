"""The loggers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.config.run_config import suggest
from bench.loggers.logger import Logger


@dataclass(frozen=True)
class LoggerEntry:
    """Where a logger lies, and what it needs.

    Attributes:
        factory: module and class.
        package: that must be installed; "" for none.
    """

    factory: str
    package: str = ""


LOGGERS = {
    "csv": LoggerEntry("bench.loggers.csv_logger:CsvLogger"),
    "tensorboard": LoggerEntry("bench.loggers.tensorboard_logger:TensorboardLogger", "tensorboard"),
    "wandb": LoggerEntry("bench.loggers.wandb_logger:WandbLogger", "wandb"),
    "mlflow": LoggerEntry("bench.loggers.mlflow_logger:MlflowLogger", "mlflow"),
}
"""None is imported before it is opened."""


def check_loggers(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once.

    Raises:
        ValueError: for one that is none, or whose package is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise ValueError(suggest("logger", name, LOGGERS))
        package = LOGGERS[name].package
        if package and find_spec(package) is None:
            raise ValueError(f"--log {name} needs a package: pip install {package}")
    return tuple(dict.fromkeys(names))


def open_loggers(names: Sequence[str], folder: Path) -> dict[str, Logger]:
    """The loggers of these names, by name.

    Args:
        folder: of their files; each has a folder of its own in it.

    Raises:
        ValueError: for one that cannot be used.
    """
    opened = {}
    for name in check_loggers(names):
        module, _, kind = LOGGERS[name].factory.partition(":")
        opened[name] = getattr(import_module(module), kind)(folder / name)
    return opened

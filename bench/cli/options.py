"""What the commands share: the terminal, and options that several of them have."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path | None,
    typer.Option(help="Folder of the data sets.", envvar="SLEEPBENCH_DATA", show_default="data"),
]
Model = Annotated[str | None, typer.Option(help="Model id.", show_default="the benchmark's")]
Jobs = Annotated[int, typer.Option(min=1, help="Runs at once, each on its own cores.")]
Download = Annotated[bool, typer.Option(help="Fetch missing data sets first.")]
Out = Annotated[Path, typer.Option(help="Folder of the records.")]
BudgetText = Annotated[str, typer.Option(help="Per run: 600s, 10m, 1h or 2000steps.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="name=value or strategy.name=value; a comma makes a grid."),
]


def terminal() -> Any:
    """The terminal, or 120 columns where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=120)


def names_in(text: str) -> tuple[str, ...]:
    """The parts of `a,b,c`."""
    return tuple(part.strip() for part in text.split(","))


def require_folder(folder: Path) -> None:
    """ValueError unless the folder is there."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, got none there")

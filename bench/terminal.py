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


def terminal() -> Any:
    """The terminal, or 120 columns where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=120)

"""The command that writes the network of a run for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import make_console, path_argument, path_option

app = typer.Typer()


@app.command()
def export(
    record: Annotated[Path, path_argument(help="Record of a run that was made with --save.")],
    task: Annotated[
        int | None, typer.Option(help="Number of the experience, from 0, in scenario task alone.")
    ] = None,
    out: Annotated[Path, path_option(help="Folder of the files.")] = Path("network"),
) -> None:
    """Write the network of a run as ONNX, whole and without idle units, and say what each takes."""
    from rich.table import Table

    from bench.api import load_network
    from bench.machine.export import BATCHES, export_network

    network = load_network(record)
    forms = export_network(network, task, out)
    found = Table(box=None)
    found.add_column("form")
    batches = [f"time of a pass, batch {batch}" for batch in BATCHES]
    for name in ("weights", "bytes", *batches, "answers differ by"):
        found.add_column(name, justify="right")
    for form in forms:
        times = [f"{ratio:.2f}" for ratio in form.latency]
        found.add_row(form.name, str(form.weights), str(form.bytes), *times, f"{form.differs:.1g}")
    console = make_console()
    console.print(found)
    console.print("times are over those of the dense form, in one thread of this machine")
    console.print(f"files: {out}/dense.onnx, {out}/smaller.onnx", soft_wrap=True, markup=False)

"""Commands about this machine and the data on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Data, Out, make_console, path_argument

app = typer.Typer()
data_app = typer.Typer(help="Fetch and import data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command()
def doctor(out: Out = Path("runs")) -> None:
    """Say what would spoil a timed run on this machine."""
    from bench.machine.doctor import examine

    console, worst = make_console(), 0
    marks = {"ok": ("green", 0), "warning": ("yellow", 0), "failure": ("red", 1)}
    for finding in examine(out):
        colour, failed = marks[finding.level]
        worst = max(worst, failed)
        advice = f" - {finding.advice}" if finding.advice else ""
        console.print(f"[{colour}]{finding.level:8}[/] {finding.what}{advice}", soft_wrap=True)
    raise typer.Exit(worst)


@app.command()
def calibrate(
    threads: Annotated[int, typer.Option(min=1, help="Threads of one job.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Jobs at once.", show_default="2 if there are cores")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Measure this machine's reference speed and noise, for its records; ranks nothing."""
    from bench.machine import calibrate as calibration

    if device not in ("cpu", "cuda"):
        raise ValueError(f"--device must be cpu or cuda, got {device!r}")
    jobs = jobs or min(2, max(1, len(os.sched_getaffinity(0)) // threads))
    console = make_console()
    console.print(f"calibrating with {jobs} at once, threads {threads}, device {device}")
    with console.status("importing") as shown:
        found = calibration.calibrate(
            threads=threads,
            device=device,
            jobs=jobs,
            report=lambda done, rounds: shown.update(f"{done} of {rounds} rounds"),
        )
    for line in calibration.sentences(found):
        console.print(line, soft_wrap=True, highlight=False)


@data_app.command("fetch")
def fetch(name: str, data: Data = None) -> None:
    """Download a data set, check it and fill the cache."""
    from bench.data.cache import load

    loaded = load(name, data, download=True)
    typer.echo(f"{loaded.name}: {len(loaded.train_labels)} training images, {loaded.content_hash}")


@data_app.command("import")
def import_(
    name: str,
    source: Annotated[Path, path_argument(help="With train/ and test/.")],
    data: Data = None,
) -> None:
    """Fill the cache from an image folder or archive with train/ and test/."""
    from bench.data.cache import import_images

    imported = import_images(name, source, data)
    typer.echo(
        f"{imported.name}: {len(imported.train_labels)} training images, {imported.content_hash}"
    )

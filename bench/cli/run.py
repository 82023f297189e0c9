"""Commands that run strategies and say what was run."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import (
    BudgetText,
    Data,
    Download,
    Jobs,
    Model,
    Out,
    Settings,
    names_in,
    require_folder,
    terminal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bench.records.schema import RunRecord
    from bench.records.store import Store

app = typer.Typer()

Benchmarks = Annotated[str, typer.Option("--benchmark", help="Ids, separated by commas.")]
Scenarios = Annotated[str, typer.Option("--scenario", help="task, class, domain.")]
Strategies = Annotated[str, typer.Option("--strategy", help="Ids, `module:Class`, or `all`.")]
ClockText = Annotated[str | None, typer.Option(help="wall, cpu or steps.", show_default="wall")]
Seeds = Annotated[int, typer.Option(min=1, help="Repetitions of every cell.")]
SuiteFile = Annotated[
    Path | None, typer.Option("--suite", help="TOML file with the grid, instead of the options.")
]


@app.command()
def run(
    context: typer.Context,
    budget: BudgetText = "10s",
    benchmark: Benchmarks = "split-digits",
    scenario: Scenarios = "task",
    strategy: Strategies = "all",
    seeds: Seeds = 1,
    jobs: Jobs = 1,
    data: Data = None,
    out: Out = Path("runs"),
    suite: SuiteFile = None,
    model: Model = None,
    settings: Settings = None,
    clock: ClockText = None,
    allocation: Annotated[str, typer.Option(help="samples, equal, or shares: 3,1,1.")] = "samples",
    validation: Annotated[float, typer.Option(help="Fraction held out of training.")] = 0.0,
    base_seed: Annotated[int, typer.Option(min=0)] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of one run.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    augment: Annotated[str, typer.Option(help="crop,flip: of training minibatches.")] = "",
    speedups: Annotated[
        str, typer.Option(help="channels-last,bf16,compile,cuda-graphs: for every strategy alike.")
    ] = "",
    download: Download = False,
    retry: Annotated[str, typer.Option(help="Statuses to run again: error,timeout,…")] = "",
    profile: Annotated[
        bool, typer.Option("--profile", help="Report where the time goes instead of records.")
    ] = False,
) -> None:
    """Run every cell of a grid that has no record yet, and show the leaderboard."""
    from pydantic import ValidationError

    from bench.config.suite import Suite, parse_settings
    from bench.executor.run_suite import run_suite
    from bench.records.store import Store, alone_in

    if profile and retry:
        raise ValueError("--retry is about records: it cannot be given with --profile")
    names = names_in(strategy)
    if suite is not None:
        _refuse_beside_suite(context)
        declared = Suite.read(suite)
    else:
        options = {
            "benchmarks": names_in(benchmark),
            "scenarios": names_in(scenario),
            "strategies": names,
            "budget": budget,
            "clock": clock,
            "seeds": seeds,
            "base_seed": base_seed,
            "model": model,
            "hyperparameters": parse_settings(settings or [], names),
            "allocation": allocation,
            "validation": validation,
            "threads": threads,
            "device": device,
            "augment": names_in(augment) if augment else (),
            "speedups": names_in(speedups) if speedups else (),
        }
        try:
            declared = Suite.model_validate(options)
        except ValidationError as error:
            raise ValueError(_explain(error)) from error
    console = terminal()
    try:
        with alone_in(out):
            common: dict[str, Any] = {
                "console": console,
                "jobs": jobs,
                "data_root": (data or Path("data")).resolve(),
                "download": download,
                "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
            }
            if profile:
                from bench.machine.profile_suite import profile_suite

                records = profile_suite(declared, out, **common)
            else:
                store = Store(out)
                records = run_suite(declared, store, retry=_statuses(retry), **common)
                show_leaderboards(console, records, store)
                show_failures(console, records, store)
    except KeyboardInterrupt:
        goes_on = "" if profile else "; the same command goes on where this one stopped"
        console.print(f"interrupted{goes_on}")
        raise typer.Exit(130) from None
    what = "profile" if profile else "records"
    console.print(f"{what}: {out}/", soft_wrap=True, markup=False)
    raise typer.Exit(0 if all(record.status == "ok" for record in records) else 1)


def _refuse_beside_suite(context: typer.Context) -> None:
    """A suite file declares the whole grid: an option that would be ignored is refused."""
    beside = {"suite", "jobs", "data", "out", "download", "retry", "profile"}
    for name in context.params.keys() - beside:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "set" if name == "settings" else name.replace("_", "-")
            raise ValueError(f"--suite declares the grid: --{option} cannot be given beside it")


@app.command()
def status(out: Out = Path("runs")) -> None:
    """Show what is done, failed and missing in a folder of records."""
    from rich.markup import escape
    from rich.table import Table

    from bench.records.store import Store

    require_folder(out)
    stored, damaged = Store(out).read()
    console = terminal()
    table = Table("benchmark", "scenario", "budget", "strategy", "records", box=None)
    cells: dict[tuple[str, ...], Counter[str]] = {}
    for item in stored:
        config = item.record.config
        cell = (config.benchmark, config.scenario, str(config.budget), config.strategy)
        cells.setdefault(cell, Counter())[item.record.status] += 1
    for names, counts in sorted(cells.items()):
        shown = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
        table.add_row(*names, shown)
    console.print(table)
    for line in _missing(stored):
        console.print(escape(line), soft_wrap=True)
    for line in damaged:
        console.print(f"[red]left out[/] {escape(line)}", soft_wrap=True)
    raise typer.Exit(1 if damaged else 0)


def _missing(stored: Any) -> list[str]:
    from bench.ranking import configurations, pools

    lines = []
    ranked = [item for item in stored if not item.record.config.blind]
    for members in pools.pools(ranked).values():
        lines += [
            f"missing: {m}"
            for m in configurations.missing(configurations.by_configuration(members))
        ]
    return lines


def _statuses(text: str) -> frozenset[str]:
    from bench.config.run_config import suggest
    from bench.records.schema import FINISHED

    names = frozenset(filter(None, names_in(text)))
    for name in names - FINISHED:
        raise ValueError(suggest("status in --retry", name, FINISHED))
    return names


def _explain(error: Any) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}, got {detail.get('input')!r}"


def show_leaderboards(console: Console, records: Sequence[RunRecord], store: Store) -> None:
    """Print the leaderboard of each pool that these records belong to."""
    from bench.leaderboards import build

    digests = {record.digest for record in records}
    stored = [item for item in store.read()[0] if item.record.digest in digests]
    for table in build.tables(stored):
        console.print(table)


def show_failures(console: Console, records: Sequence[RunRecord], store: Store) -> None:
    """Print a line for each run that is not ok: why, and where its record lies."""
    from rich.markup import escape

    for record in records:
        if record.status != "ok":
            what = f"{record.config.strategy} seed {record.config.repetition}: {record.reason}"
            where = store.path(record.config, record.attempt)
            console.print(f"[red]{record.status}[/] {escape(f'{what} ({where})')}", soft_wrap=True)

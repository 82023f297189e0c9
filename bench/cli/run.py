"""Commands that run strategies and say what was run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.interruption import INTERRUPTED
from bench.cli.options import (
    AnyJobs,
    Data,
    Download,
    Log,
    Out,
    make_console,
    options_of,
    path_option,
    refuse_beside,
    require_folder,
    typed,
)  # fmt: skip
from bench.config.conditions import option_names
from bench.config.declaration import names_in, read_fields
from bench.config.executors import Place
from bench.config.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from bench.executor.run_suite import RunOptions
    from bench.ranking.missing_runs import Board
    from bench.records.schema import RunRecord
    from bench.records.store import Store

app = typer.Typer()

Save = Annotated[
    bool, typer.Option("--save", help="Save each run's state at its end, to continue from.")
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        help="Seconds of training, as 10m, between the checkpoints that a killed run goes on from.",
        show_default="none",
    ),
]
SuiteFile = Annotated[
    Path | None, path_option("--suite", help="TOML file with the grid, instead of its options.")
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Report where the time goes instead of records.")
]


@app.command()
@options_of(Suite, "given")
@options_of(Place, "where")
def run(
    given: dict[str, Any],
    where: dict[str, Any],
    jobs: AnyJobs = None,
    data: Data = None,
    out: Out = Path("runs"),
    suite: SuiteFile = None,
    download: Download = False,
    retry: Annotated[str, typer.Option(help="Statuses to run again: error,timeout,…")] = "",
    save: Save = False,
    checkpoint: Checkpoint = None,
    log: Log = "",
    profile: Profile = False,
) -> None:
    """Run every cell of a grid that has no record yet, and show the leaderboard."""
    if profile and (retry or save or checkpoint or log):
        raise ValueError(
            "--retry, --save, --checkpoint and --log are about records: give none with --profile"
        )
    chosen, again, every = _suite(suite, given), _statuses(retry), _seconds(checkpoint)
    place = read_fields(Place, where)
    chosen.configs()  # refuses what cannot be before anything slow is imported
    from bench.executor.run_suite import RunOptions
    from bench.records.store import alone_in

    console = make_console()
    try:
        with alone_in(out):
            how = RunOptions(
                jobs=jobs, data_root=(data or Path("data")).resolve(), download=download,
                retry=again, command=typed(), save=save, checkpoint=every, place=place,
                log=names_in(log),
            )  # fmt: skip
            if profile:
                from bench.machine.profile_suite import profile_suite

                records = profile_suite(chosen, out, how, console=console)
            else:
                records = _run(console, chosen, out, how)
    except KeyboardInterrupt:
        goes_on = "" if profile else "; the same command goes on where this one stopped"
        console.print(f"interrupted{goes_on}")
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"{'profile' if profile else 'records'}: {out}/", soft_wrap=True, markup=False)
    raise typer.Exit(0 if all(record.status == "ok" for record in records) else 1)


def _run(console: Console, suite: Suite, out: Path, how: RunOptions) -> list[RunRecord]:
    """Run what is missing, and show the leaderboard and what failed."""
    from bench.executor.progress_bars import Display
    from bench.executor.run_suite import run_suite
    from bench.records.store import Store

    store = Store(out)
    with Display(console) as display:
        records = run_suite(suite, store, how, listener=display)
    show_records(console, records, store, saved=how.save)
    return records


def _suite(file: Path | None, given: dict[str, Any]) -> Suite:
    """The suite of a file, which takes no options beside it, or of the options."""
    if file is None:
        return Suite.of(given, called=option_names(Suite))
    refuse_beside("suite", given, Suite)
    return Suite.read(file)


def _seconds(text: str | None) -> float | None:
    """The time between two checkpoints; None for none."""
    if text is None:
        return None
    from bench.config.budget import Budget

    wrong = ValueError(f"checkpoint must be a time of training such as 10m, got {text!r}")
    try:
        time = Budget.parse(text)
    except ValueError:
        raise wrong from None
    if time.clock == "steps":
        raise wrong
    return time.amount


@app.command()
def status(
    out: Out = Path("runs"),
    seeds: Annotated[int, typer.Option(min=1, help="How many every row should have.")] = 10,
) -> None:
    """Show what is done, failed and missing on each board, and the command that fills it."""
    from rich.markup import escape

    from bench.executor.cut import count_cuts
    from bench.formatting.numbers import counted, shortened
    from bench.ranking.missing_runs import boards
    from bench.records.store import Store

    require_folder(out)
    stored, damaged = Store(out).read()
    console, cut = make_console(), count_cuts(out)
    if cut:
        console.print(f"{counted(cut, 'run')} with a checkpoint: the command that began it goes on")
    if not stored and not damaged:
        if cut:
            return
        raise ValueError(f"there must be records in {out}, found none")
    found = boards(stored, seeds=seeds)
    console.print(_boards_table(found, seeds))
    for board in found:
        for command in board.commands:
            console.print(escape(f"{command} --out {out}"), soft_wrap=True)
    if damaged:
        console.print(f"[red]left out[/] {escape(shortened(damaged))}", soft_wrap=True)
    raise typer.Exit(1 if damaged else 0)


def _boards_table(found: Sequence[Board], seeds: int) -> Table:
    """One line for each board."""
    from rich.markup import escape
    from rich.table import Table

    from bench.formatting.numbers import range_text
    from bench.ranking.pools import budget_text

    table = Table(
        "benchmark", "scenario", "budget", "rows", "seeds", "records",
        f"runs to {seeds} seeds", "hours", box=None,
    )  # fmt: skip
    for board in found:
        key = board.key
        statuses = ", ".join(f"{n} {status}" for status, n in sorted(board.statuses.items()))
        cells = [
            key.benchmark, key.scenario, budget_text(key), str(board.rows),
            range_text(board.seeds), statuses, str(board.missing), f"{board.hours:.1f}",
        ]  # fmt: skip
        table.add_row(*map(escape, cells))
    return table


def _statuses(text: str) -> frozenset[str]:
    from bench.config.run_config import suggest
    from bench.records.schema import FINISHED

    names = frozenset(filter(None, names_in(text)))
    for name in names - FINISHED:
        raise ValueError(suggest("status in --retry", name, FINISHED))
    return names


def show_leaderboards(console: Console, records: Sequence[RunRecord], store: Store) -> None:
    """Print the leaderboard of each pool that these records belong to."""
    from bench.leaderboards import build

    digests = {record.digest for record in records}
    stored = [item for item in store.read()[0] if item.record.digest in digests]
    for table in build.tables(stored):
        console.print(table)


def show_records(
    console: Console, records: Sequence[RunRecord], store: Store, *, saved: bool
) -> None:
    """Print leaderboards, what failed, and, where states were to be saved, what was not."""
    show_leaderboards(console, records, store)
    show_failures(console, records, store)
    if saved:
        show_unsaved(console, records, store)


def show_failures(console: Console, records: Sequence[RunRecord], store: Store) -> None:
    """Print a line for each run that is not ok: why, and where its record lies."""
    from rich.markup import escape

    for record in records:
        if record.status != "ok":
            what = f"{record.config.strategy} seed {record.config.repetition}: {record.reason}"
            where = store.path_of(record)
            console.print(f"[red]{record.status}[/] {escape(f'{what} ({where})')}", soft_wrap=True)


def show_unsaved(console: Console, records: Sequence[RunRecord], store: Store) -> None:
    """Print a line for each run that is ok and whose state could not be saved."""
    from rich.markup import escape

    for record in records:
        if record.status == "ok" and record.saved is None:
            name = f"{record.config.strategy} seed {record.config.repetition}"
            log = store.path_of(record).with_suffix(".log")
            console.print(escape(f"{name}: no state was saved, {log} says why"), soft_wrap=True)

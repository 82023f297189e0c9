"""Commands that make pages of records, compare them and check them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.interruption import INTERRUPTED
from bench.cli.options import (
    AnyJobs,
    Data,
    Download,
    Jobs,
    Log,
    Out,
    make_console,
    options_of,
    path_option,
    require_folder,
    typed,
)  # fmt: skip
from bench.config.executors import Place

app = typer.Typer()

Pages = Annotated[Path, path_option(help="Folder of the pages; `verify` reads records/ in it.")]


@app.command()
def leaderboard(
    out: Out = Path("runs"),
    pages: Annotated[
        Path | None,
        path_option(help="Folder of the pages.", show_default="beside records/, else in --out"),
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="Only this benchmark.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    budget: Annotated[str | None, typer.Option(help="Only this budget.")] = None,
    figures: Annotated[bool, typer.Option("--figures", help="Draw them too: SVG, PNG.")] = False,
) -> None:
    """Write the Markdown, CSV and LaTeX pages of the records in a folder."""
    from bench.leaderboards import build

    require_folder(out)
    beside = out.parent if out.name == "records" else out / "leaderboards"
    written = build.build(
        out, pages or beside, benchmark=benchmark, scenario=scenario, budget=budget,
        figures=figures, tell=_to_stderr,
    )  # fmt: skip
    for path in written:
        typer.echo(path)


@app.command()
@options_of(Place, "given")
def reproduce(
    given: dict[str, Any],
    paper: Annotated[str, typer.Argument(help="A folder of bench/papers: ball2020, say.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes: short budgets, few seeds and points.")
    ] = False,
    jobs: AnyJobs = None,
    data: Data = None,
    out: Annotated[
        Path | None, path_option(help="Folder of the page.", show_default="leaderboards/PAPER")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Experiments, separated by commas.")] = None,
    download: Download = False,
    page_only: Annotated[
        bool, typer.Option("--page-only", help="Write the page of the records there are.")
    ] = False,
    log: Log = "",
) -> None:
    """Run what is missing of a paper's experiments; write published and measured side by side."""
    from bench.config.declaration import names_in, read_fields
    from bench.executor.run_suite import RunOptions
    from bench.papers import reproduce as reproduction
    from bench.papers.declaration import find_paper
    from bench.papers.page import default_folder
    from bench.records.store import alone_in

    if page_only and log:
        raise ValueError("--log is about runs: give none with --page-only")
    place = read_fields(Place, given)
    chosen = find_paper(paper).chosen(names_in(only) if only else ())
    where = reproduction.PaperFolder(paper, quick, out or default_folder(paper, quick))
    console = make_console()
    ok = True
    try:
        with alone_in(where.records):
            if not page_only:
                options = RunOptions(
                    jobs=jobs, data_root=(data or Path("data")).resolve(), download=download,
                    command=typed(), place=place, log=names_in(log),
                )  # fmt: skip
                ok = reproduction.run_missing(where, chosen, console=console, options=options)
            page = reproduction.write(where)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one stopped")
        raise typer.Exit(INTERRUPTED) from None
    reproduction.show(where, console)
    console.print(f"page: {page}", soft_wrap=True, markup=False)
    raise typer.Exit(0 if ok else 1)


@app.command()
def report(
    out: Out = Path("runs"),
    html: Annotated[Path, path_option(help="The page to write.")] = Path("report.html"),
    benchmark: Annotated[str | None, typer.Option(help="Only this benchmark.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    budget: Annotated[str | None, typer.Option(help="Only this budget.")] = None,
) -> None:
    """Write one HTML page of a folder of records: its boards, and every record's details."""
    from bench.formatting.numbers import shortened
    from bench.leaderboards.html_report import report_html
    from bench.ranking import admission
    from bench.records.store import write_atomically

    require_folder(out)
    if html.is_dir():
        raise ValueError(f"--html must be the path of a file, got the folder {html}")
    evidence = admission.read(out)
    if evidence.damaged:
        _to_stderr(f"left out {shortened(evidence.damaged.values())}")
    chosen = admission.select(
        evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget
    )
    if not chosen:
        raise ValueError(f"there must be records in {out}, found none")
    shown = admission.Evidence(tuple(chosen), evidence.damaged)
    write_atomically(html, report_html(shown, records_root=out))
    typer.echo(html)


def _to_stderr(line: str) -> None:
    typer.echo(line, err=True)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A strategy, a row's label, or a folder.")],
    second: Annotated[str, typer.Argument(help="The other; a folder if the first is one.")],
    out: Out = Path("runs"),
    benchmark: Annotated[str | None, typer.Option(help="Only this benchmark.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    budget: Annotated[str | None, typer.Option(help="Only this budget.")] = None,
) -> None:
    """Compare two strategies in one folder of records, or the same rows in two, paired by seed."""
    from bench.config.paths import both_folders
    from bench.formatting.numbers import shortened
    from bench.ranking import admission
    from bench.ranking import paired_comparison as comparison

    console = make_console()

    def chosen(folder: Path) -> list[Any]:
        """Its records that pass the filters; the files that are left out are told."""
        require_folder(folder)
        evidence = admission.read(folder)
        if evidence.damaged:
            left_out = shortened(evidence.damaged.values())
            console.print(f"left out {left_out}", soft_wrap=True, markup=False)
        return admission.select(
            evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget
        )

    if both_folders(first, second):
        found = comparison.compare_folders(chosen(Path(first)), chosen(Path(second)))
    else:
        found = comparison.compare_strategies(chosen(out), first, second)
    for one in found:
        console.print(comparison.table(one))
        console.print(one.sentence(), soft_wrap=True, markup=False, highlight=False)
        console.print()


@app.command()
def verify(
    pages: Pages = Path("leaderboards"),
    rerun: Annotated[
        str | None, typer.Option(help="Run this row again on the steps clock.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help="Of the row.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Of the row.")] = None,
    budget: Annotated[str | None, typer.Option(help="Of the row.")] = None,
    jobs: Jobs = 1,
    data: Data = None,
) -> None:
    """Check that every page agrees with the records beside it, or that a row can be repeated."""
    if rerun is not None:
        raise typer.Exit(_rerun(rerun, pages, (benchmark, scenario, budget), jobs, data))
    if (benchmark, scenario, budget) != (None, None, None):
        raise ValueError("--benchmark, --scenario and --budget choose the row of --rerun: give it")
    from bench.leaderboards import build, review_notes
    from bench.papers import reproduce as reproduction
    from bench.study import across_tasks, folder

    require_folder(pages)
    differences = [
        *build.verify(pages), *reproduction.verify(pages),
        *folder.verify(pages / "studies"), *across_tasks.verify(pages / "studies"),
    ]  # fmt: skip
    for difference in differences:
        typer.echo(difference)
    for note in review_notes.notes(pages):
        typer.echo(f"note: {note}")
    if not differences:
        typer.echo(f"{pages}: every page agrees with its records")
    raise typer.Exit(1 if differences else 0)


def _rerun(
    name: str,
    pages: Path,
    where: tuple[str | None, str | None, str | None],
    jobs: int,
    data: Path | None,
) -> int:
    """The exit code of running a row again: 1 if it gives other matrices."""
    from bench.leaderboards import rerun as rerunning
    from bench.ranking import admission

    require_folder(pages)
    benchmark, scenario, budget = where
    stored = admission.read(pages / "records").stored
    chosen = admission.select(stored, benchmark=benchmark, scenario=scenario, budget=budget)
    found = rerunning.rerun(
        rerunning.choose(chosen, name),
        jobs=jobs,
        data_root=(data or Path("data")).resolve(),
        command=typed(),
    )
    for one in found:
        typer.echo(one.sentence())
    return 0 if all(one.ok for one in found) else 1

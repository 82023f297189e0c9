"""The command line: thin, every heavy import inside its command.

Exit codes: 0 all is well, 1 some rows failed or pages disagree, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.study.cli import app as study_app
from bench.terminal import Data, Download, Jobs, Model, terminal

app = typer.Typer(
    name="bench",
    help="Fair comparison in continual learning: equal budgets, weights used against accuracy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Fetch and import data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")

Out = Annotated[Path, typer.Option(help="Folder of the records.")]
Pages = Annotated[Path, typer.Option(help="Folder of the pages; `verify` reads records/ in it.")]
Benchmarks = Annotated[str, typer.Option("--benchmark", help="Ids, separated by commas.")]
Scenarios = Annotated[str, typer.Option("--scenario", help="task, class, domain.")]
Strategies = Annotated[str, typer.Option("--strategy", help="Ids, `module:Class`, or `all`.")]
BudgetText = Annotated[str, typer.Option(help="Per run: 600s, 10m, 1h or 2000steps.")]
ClockText = Annotated[str | None, typer.Option(help="wall, cpu or steps.", show_default="wall")]
Seeds = Annotated[int, typer.Option(min=1, help="Repetitions of every cell.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="name=value or strategy.name=value; a comma makes a grid."),
]
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

    from bench.campaign import alone_in, run_suite
    from bench.records import Store
    from bench.suites import Suite, parse_settings

    if profile and retry:
        raise ValueError("--retry is about records: it cannot be given with --profile")
    names = _names(strategy)
    if suite is not None:
        _refuse_beside_suite(context)
        declared = Suite.read(suite)
    else:
        options = {
            "benchmarks": _names(benchmark),
            "scenarios": _names(scenario),
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
            "augment": _names(augment) if augment else (),
            "speedups": _names(speedups) if speedups else (),
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
                from bench.profile import profile_suite

                records = profile_suite(declared, out, **common)
            else:
                records = run_suite(declared, Store(out), retry=_statuses(retry), **common)
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


@app.command(name="list")
def list_(
    strategy: Annotated[
        str | None, typer.Argument(help="Show this strategy with its hyper-parameters.")
    ] = None,
) -> None:
    """Show every benchmark, strategy and model with its paper, or one strategy in detail."""
    from rich.table import Table

    from bench.catalogue import BENCHMARKS, MODELS
    from strategies.registry import STRATEGIES

    console = terminal()
    if strategy is not None:
        _show_strategy(strategy, console)
        return
    for title, entries in (
        ("benchmark", {n: (b.summary, b.paper, b.scenarios) for n, b in BENCHMARKS.items()}),
        ("strategy", {n: (s.summary, s.paper, s.scenarios) for n, s in STRATEGIES.items()}),
        ("model", {n: (m.summary, m.paper, ()) for n, m in MODELS.items()}),
    ):
        table = Table(title, "what", "scenarios", "paper", box=None, header_style="bold")
        for name, (summary, paper, scenarios) in entries.items():
            table.add_row(name, summary, ", ".join(scenarios), paper)
        console.print(table)
        console.print()
    console.print("hyper-parameters and defaults of a strategy: python -m bench list NAME")


def _show_strategy(name: str, console: Any) -> None:
    """What the registry and the code say of one strategy."""
    from rich.markup import escape
    from rich.table import Table

    from bench import handbook
    from strategies.registry import find

    entry = find(name)
    console.print(f"[bold]{escape(name)}[/]: {escape(entry.summary)}")
    console.print(escape(f"paper: {entry.paper}; scenarios: {', '.join(entry.scenarios)}"))
    console.print(escape(f"import: {entry.factory}"))
    table = Table("hyper-parameter", "default", "what it does and may be", box=None)
    own = handbook.hyperparameters(name, entry)
    shared = [p for p in handbook.training_hyperparameters() if p.name not in {o.name for o in own}]
    for parameter in (*own, *shared):
        default = handbook.value_text(parameter.default)
        table.add_row(*map(escape, (parameter.name, default, parameter.meaning)))
    console.print(table)
    console.print(f"\n{handbook.docstring(entry.factory)}", markup=False, highlight=False)


@app.command()
def explain(
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("docs"),
) -> None:
    """Write the page that explains every strategy, with its schedule drawn from a short run."""
    from bench import strategy_pages

    for path in strategy_pages.write(out):
        typer.echo(path)


@app.command()
def night(
    strategy: Annotated[str, typer.Argument(help="One that sleeps with replay.")] = "sleep-replay",
    out: Annotated[Path, typer.Option(help="Figure to write: .png and .svg.")] = Path("night.png"),
    experience: Annotated[int, typer.Option(min=1, help="Whose last night, from 1.")] = 2,
    benchmark: Annotated[str, typer.Option(help="Id of a benchmark.")] = "split-digits",
    scenario: Annotated[str, typer.Option(help="task, class or domain.")] = "class",
    budget: BudgetText = "100000steps",
    data: Data = None,
    model: Model = None,
    settings: Settings = None,
) -> None:
    """Draw one night: who spiked when, and the weights before and after it."""
    from bench.figures import save
    from bench.night_figures import night_figure
    from bench.night_traces import trace_night
    from bench.suites import Suite, parse_settings

    suite = Suite.model_validate(
        {
            "benchmarks": [benchmark],
            "scenarios": [scenario],
            "strategies": [strategy],
            "budget": budget,
            "model": model,
            "hyperparameters": parse_settings(settings or [], (strategy,)),
        }
    )
    configs = suite.configs()
    if len(configs) != 1:
        raise ValueError(f"--set must give one value each, got {len(configs)} runs")
    trace = trace_night(configs[0], experience=experience - 1, data_root=data)
    save(night_figure(f"{strategy}, {benchmark}, night of experience {experience}", trace), out)
    typer.echo(f"{out.with_suffix('.png')} {out.with_suffix('.svg')}")


@app.command()
def status(out: Out = Path("runs")) -> None:
    """Show what is done, failed and missing in a folder of records."""
    from rich.markup import escape
    from rich.table import Table

    from bench.records import Store

    _require_folder(out)
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
    from bench import pools

    lines = []
    ranked = [item for item in stored if not item.record.config.blind]
    for members in pools.pools(ranked).values():
        lines += [f"missing: {m}" for m in pools.missing(pools.entrants(members))]
    return lines


@app.command()
def leaderboard(
    out: Out = Path("runs"),
    pages: Pages = Path("leaderboards"),
    benchmark: Annotated[str | None, typer.Option(help="Only this benchmark.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    budget: Annotated[str | None, typer.Option(help="Only this budget.")] = None,
    figures: Annotated[bool, typer.Option("--figures", help="Draw them too: SVG, PNG.")] = False,
) -> None:
    """Write the Markdown, CSV and LaTeX pages of the records in a folder."""
    from bench import leaderboards

    _require_folder(out)
    written = leaderboards.build(
        out, pages, benchmark=benchmark, scenario=scenario, budget=budget, figures=figures
    )
    for path in written:
        typer.echo(path)


@app.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help="ball2020, mallya2018 or tadros2022.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes: short budgets, few seeds and points.")
    ] = False,
    jobs: Jobs = 1,
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the page.", show_default="leaderboards/PAPER")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Experiments, separated by commas.")] = None,
    download: Download = False,
    page_only: Annotated[
        bool, typer.Option("--page-only", help="Write the page of the records there are.")
    ] = False,
) -> None:
    """Run what is missing of a paper's experiments; write published and measured side by side."""
    from bench import papers
    from bench import reproduce as reproduction
    from bench.campaign import alone_in

    chosen = papers.choose(papers.find_paper(paper), _names(only) if only else ())
    place = reproduction.Place(paper, quick, out or papers.default_folder(paper, quick))
    console = terminal()
    well = True
    try:
        with alone_in(place.records):
            if not page_only:
                well = reproduction.run_missing(
                    place,
                    chosen,
                    console=console,
                    jobs=jobs,
                    data_root=(data or Path("data")).resolve(),
                    download=download,
                    command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
                )
            page = reproduction.write(place)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one stopped")
        raise typer.Exit(130) from None
    reproduction.show(place, console)
    console.print(f"page: {page}", soft_wrap=True, markup=False)
    raise typer.Exit(0 if well else 1)


@app.command()
def report(
    out: Out = Path("runs"),
    html: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    benchmark: Annotated[str | None, typer.Option(help="Only this benchmark.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Only this scenario.")] = None,
    budget: Annotated[str | None, typer.Option(help="Only this budget.")] = None,
) -> None:
    """Write one HTML page of a folder of records: tables, figures, every record's details."""
    from bench import leaderboards
    from bench.records import write_atomically
    from bench.report import report_html

    _require_folder(out)
    evidence = leaderboards.read(out)
    chosen = leaderboards.select(
        evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget
    )
    if not chosen:
        raise ValueError(f"there must be records in {out}, found none")
    shown = leaderboards.Evidence(tuple(chosen), evidence.damaged)
    write_atomically(html, report_html(shown, records_root=out))
    typer.echo(html)


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
    from bench import compare as comparison
    from bench import leaderboards

    console = terminal()

    def chosen(folder: Path) -> list[Any]:
        _require_folder(folder)
        evidence = leaderboards.read(folder)
        for path in sorted(evidence.damaged):
            console.print(f"left out {evidence.damaged[path]}", soft_wrap=True, markup=False)
        return leaderboards.select(
            evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget
        )

    if Path(first).is_dir() and Path(second).is_dir():
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
    from bench import leaderboards
    from bench import reproduce as reproduction
    from bench.study import across, folder

    _require_folder(pages)
    differences = [
        *leaderboards.verify(pages), *reproduction.verify(pages),
        *folder.verify(pages / "studies"), *across.verify(pages / "studies"),
    ]  # fmt: skip
    for difference in differences:
        typer.echo(difference)
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
    from bench import leaderboards
    from bench import rerun as again

    _require_folder(pages)
    benchmark, scenario, budget = where
    stored = leaderboards.read(pages / "records").stored
    chosen = leaderboards.select(stored, benchmark=benchmark, scenario=scenario, budget=budget)
    found = again.rerun(
        again.choose(chosen, name),
        jobs=jobs,
        data_root=(data or Path("data")).resolve(),
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
    )
    for one in found:
        typer.echo(one.sentence())
    return 0 if all(one.well for one in found) else 1


@app.command()
def doctor(out: Out = Path("runs")) -> None:
    """Say what would spoil a timed run on this machine."""
    from bench.doctor import examine

    console, worst = terminal(), 0
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
    from bench import calibrate as calibration

    if device not in ("cpu", "cuda"):
        raise ValueError(f"--device must be cpu or cuda, got {device!r}")
    jobs = jobs or min(2, max(1, len(os.sched_getaffinity(0)) // threads))
    console = terminal()
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
    from bench.data import load

    loaded = load(name, data, download=True)
    typer.echo(f"{loaded.name}: {len(loaded.train_labels)} training images, {loaded.content_hash}")


@data_app.command("import")
def import_(name: str, source: Path, data: Data = None) -> None:
    """Fill the cache from an image folder or archive with train/ and test/."""
    from bench.data import import_images

    imported = import_images(name, source, data)
    typer.echo(
        f"{imported.name}: {len(imported.train_labels)} training images, {imported.content_hash}"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _statuses(text: str) -> frozenset[str]:
    from bench.config import suggest
    from bench.records import FINISHED

    names = frozenset(filter(None, _names(text)))
    for name in names - FINISHED:
        raise ValueError(suggest("status in --retry", name, FINISHED))
    return names


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, got none there")


def _explain(error: Any) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}, got {detail.get('input')!r}"


def main() -> None:
    """Entry point: errors in what the user gave end with exit code 2 and one line."""
    try:
        app()
    except ValueError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise SystemExit(2) from None

"""`python -m bench study`: thin, every heavy import inside its command."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.options import Data, Download, Jobs, Model, terminal

app = typer.Typer(help="Search hyper-parameters under equal budgets.", invoke_without_command=True)

Out = Annotated[Path, typer.Option(help="Folder of the study.")]
Storage = Annotated[
    str | None,
    typer.Option(
        help="sqlite:///FILE, postgresql://…, mysql://… or a journal's path.",
        show_default="study.journal in --out",
    ),
]
HERE = (
    "study_file", "benchmarks", "trials", "sampler", "pruner", "storage", "jobs", "data",
    "download", "out",
)  # fmt: skip
"""Options that are no field of a study."""


@app.callback()
def study(
    context: typer.Context,
    strategy: Annotated[str, typer.Option(help="Id or `module:Class`.")] = "",
    benchmark: Annotated[str, typer.Option(help="Id.")] = "split-digits",
    scenario: Annotated[str, typer.Option(help="task, class or domain.")] = "task",
    budget: Annotated[str, typer.Option(help="Of one run: 20s, 10m or 2000steps.")] = "20s",
    clock: Annotated[str, typer.Option(help="wall, cpu or steps.", show_default="wall")] = "",
    within: Annotated[str, typer.Option(help="Most that the search and a final run spend.")] = "",
    objective: Annotated[str, typer.Option(help="accuracy or weights,accuracy.")] = (
        "weights,accuracy"
    ),
    space: Annotated[
        list[str] | None, typer.Option(help="name=low:high, low:high:log or a,b,c: searched.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value: not searched.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of one trial.")] = 1,
    validation: Annotated[float, typer.Option(help="Fraction of training that judges.")] = 0.1,
    experiences: Annotated[
        int | None, typer.Option(min=1, help="Trials see only the first so many.")
    ] = None,
    model: Model = None,
    study_file: Annotated[
        Path | None, typer.Option("--study", help="TOML file, instead of the options above.")
    ] = None,
    benchmarks: Annotated[
        str, typer.Option(help="a,b,c: the same study on each, compared.", show_default="one")
    ] = "",
    trials: Annotated[int, typer.Option(min=1, help="In all, those there are included.")] = 100,
    sampler: Annotated[str, typer.Option(help="tpe, gp, nsgaii, random or grid.")] = "tpe",
    pruner: Annotated[str, typer.Option(help="hyperband, wilcoxon, dominance or none.")] = "none",
    storage: Storage = None,
    jobs: Jobs = 1,
    data: Data = None,
    download: Download = False,
    out: Out = Path("study"),
) -> None:
    """Search a strategy's hyper-parameters; the same command goes on where one stopped."""
    if context.invoked_subcommand is not None:
        return
    from bench.config.suite import parse_value
    from bench.study import across_tasks, run_study
    from bench.study.folder import Folder
    from bench.study.samplers import PRUNERS, SAMPLERS
    from bench.study.space import parse_space
    from bench.study.storage import hidden
    from bench.study.study import Study

    if study_file is not None:
        _refuse_beside_file(context)
        declared = Study.read(study_file)
    elif not strategy:
        declared = Folder(out).study()
    else:
        options = {
            "strategy": strategy,
            "benchmark": benchmark,
            "scenario": scenario,
            "budget": budget,
            "clock": clock or None,
            "within": within or None,
            "objectives": tuple(part.strip() for part in objective.split(",")),
            "space": parse_space(space or []),
            "hyperparameters": dict(_setting(text, parse_value) for text in settings or []),
            "seeds": seeds,
            "validation": validation,
            "experiences": experiences,
            "model": model,
        }
        declared = Study.of(options)
    _one_of("sampler", sampler, SAMPLERS)
    _one_of("pruner", pruner, PRUNERS)
    words = [hidden(word) for word in sys.argv[1:]]
    chosen = run_study.SearchOptions(
        trials=trials,
        sampler=sampler,  # type: ignore[arg-type]
        pruner=pruner,  # type: ignore[arg-type]
        storage=storage,
        jobs=jobs,
        data_root=(data or Path("data")).resolve(),
        download=download,
        command=shlex.join(["python", "-m", "bench", *words]),
    )
    console = terminal()
    studies = {out: declared}
    if benchmarks:
        _refuse_beside_benchmarks(context)
        studies = across_tasks.spread(declared, out, benchmarks)
    folders = [Folder(place) for place in studies]
    try:
        endings = run_study.run_studies(list(studies.values()), folders, chosen, console)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one stopped")
        raise typer.Exit(130) from None
    for folder, ended in zip(folders, endings, strict=True):
        page = run_study.show(folder, console)
        console.print(f"page: {page}", soft_wrap=True, markup=False)
        if ended is not None:
            console.print(f"ended early: {ended.why}", soft_wrap=True, markup=False)
    if benchmarks:
        across_tasks.declare(out, list(studies))
        run_study.show_page(*across_tasks.report(out), console)
    raise typer.Exit(0 if all(ended is None or ended.ok for ended in endings) else 1)


@app.command(name="across")
def across_(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Of two studies or more; those of --out if none.")
    ] = None,
    out: Out = Path("across"),
) -> None:
    """Compare studies of several tasks: does the best number of rounds move with difficulty."""
    from bench.study import across_tasks, run_study

    if folders:
        across_tasks.declare(out, folders)
    run_study.show_page(*across_tasks.report(out), terminal())


@app.command()
def transfer(
    short: Annotated[Path, typer.Argument(help="Study with --experiences.")],
    whole: Annotated[Path, typer.Argument(help="The same study on the whole stream.")],
    runs: Annotated[Path, typer.Option(help="Records of the exported points of both.")] = Path(
        "runs"
    ),
    out: Out = Path("transfer"),
) -> None:
    """Say what a search on the first experiences lost and saved against one on the whole stream."""
    from bench.records.store import Store
    from bench.study import run_study
    from bench.study import transfer as transfers
    from bench.study.folder import Folder

    stored, damaged = Store(runs).read()
    scored = [item.record for item in stored]
    first, second = (transfers.Search.read(Folder(place), scored) for place in (short, whole))
    run_study.show_page(transfers.page_of(first, second, damaged), out, {}, terminal())


@app.command()
def report(out: Out = Path("study")) -> None:
    """Write figures and page of the trials there are."""
    from bench.study import run_study
    from bench.study.folder import Folder

    console = terminal()
    console.print(f"page: {run_study.show(Folder(out), console)}", soft_wrap=True, markup=False)


@app.command()
def rebuild(out: Out = Path("study"), storage: Storage = None) -> None:
    """Make a lost or damaged storage anew from the records."""
    from bench.study import run_study
    from bench.study.folder import Folder

    count = run_study.rebuild(Folder(out), storage)
    typer.echo(f"{count} trials from the records of {out}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Suite to write.")],
    out: Out = Path("study"),
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of every point.")] = 5,
    most: Annotated[int, typer.Option(min=1, help="Points of a front at most.")] = 8,
) -> None:
    """Write the chosen points, and the default beside them, as a suite for `bench run --suite`."""
    from bench.study.export import suite_of, write_suite
    from bench.study.folder import Folder

    folder = Folder(out)
    suite = suite_of(folder.study(), folder.trials()[0], seeds=seeds, most=most)
    write_suite(suite, file)
    typer.echo(f"{file}: {len(suite.configs())} runs")


def _refuse_beside_file(context: typer.Context) -> None:
    """A study file declares the whole study: an option that would be ignored is refused."""
    for name in context.params.keys() - set(HERE):
        if _given(context, name):
            option = "set" if name == "settings" else name
            raise ValueError(f"--study declares the study: --{option} cannot be given beside it")


def _refuse_beside_benchmarks(context: typer.Context) -> None:
    if _given(context, "benchmark"):
        raise ValueError("--benchmarks names all of them: --benchmark cannot be given beside it")
    if _given(context, "storage"):
        raise ValueError("a storage holds one study: --storage cannot be given with --benchmarks")


def _given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _setting(text: str, parse: Any) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ValueError(f"--set must be name=value, got {text!r}")
    return name, parse(value)


def _one_of(option: str, name: str, known: Any) -> None:
    from bench.config.run_config import suggest

    if name not in known:
        raise ValueError(suggest(f"--{option}", name, known))

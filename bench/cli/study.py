"""`python -m bench study`: searches, and what is made of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ConfigDict, Field, field_validator

from bench.cli.interruption import INTERRUPTED
from bench.cli.options import (
    make_console,
    options_of,
    path_argument,
    path_option,
    refuse_beside,
    typed,
)  # fmt: skip
from bench.config.catalogue import find_benchmark
from bench.config.conditions import Option, option_names
from bench.config.declaration import names_in, read_fields
from bench.config.executors import Place
from bench.config.paths import path_of
from bench.formatting.numbers import counted
from bench.study.study import Study
from strategies import building

app = typer.Typer()
study_app = typer.Typer(invoke_without_command=True)
app.add_typer(study_app, name="study")

Out = Annotated[Path, path_option(help="Folder of the study.")]
Storage = Annotated[
    str | None,
    typer.Option(
        help="sqlite:///FILE, postgresql://…, mysql://… or a journal's path.",
        show_default="study.journal in --out",
    ),
]


class SearchFlags(Place):
    """How a study is searched, as options of the command line; another way may go on with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(default=100, ge=1, description="In all, those there are included.")
    sampler: Literal["tpe", "gp", "nsgaii", "random", "grid"] = Field(
        default="tpe", description="Who proposes the next trial."
    )
    pruner: Literal["none", "hyperband", "wilcoxon", "dominance"] = Field(
        default="none", description="Who stops a trial that promises little."
    )
    storage: str | None = Field(
        default=None,
        description="sqlite:///FILE, postgresql://…, mysql://… or a journal's path; "
        "study.journal in --out if not given.",
    )
    jobs: int | None = Field(
        default=None,
        ge=1,
        description="Runs at once, each on its own cores; 1, or all cores of a Ray cluster, "
        "if not given.",
    )
    data: Annotated[Path, Option("data", variable="SLEEPBENCH_DATA")] = Field(
        default=Path("data"), description="Folder of the data sets."
    )
    download: bool = Field(default=False, description="Fetch missing data sets first.")

    log: tuple[str, ...] = Field(
        default=(), description="Loggers told how runs go: csv,tensorboard,wandb,mlflow."
    )

    @field_validator("log", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return names_in(value) if isinstance(value, str) else value

    @field_validator("data", mode="before")
    @classmethod
    def _somewhere(cls, value: Any) -> Path:
        return path_of(value, "--data")


@study_app.callback()
@options_of(Study, "given")
@options_of(SearchFlags, "flags")
def study(
    context: typer.Context,
    given: dict[str, Any],
    flags: dict[str, Any],
    study_file: Annotated[
        Path | None, path_option("--study", help="TOML file, instead of the options above.")
    ] = None,
    benchmarks: Annotated[
        str, typer.Option(help="a,b,c: the same study on each, compared.", show_default="one")
    ] = "",
    out: Out = Path("study"),
) -> None:
    """Search a strategy's hyper-parameters; the same command goes on where one stopped."""
    if context.invoked_subcommand is not None:
        return
    search = read_fields(SearchFlags, flags)
    if benchmarks:
        _refuse_beside_benchmarks(given, search)
    declared = _study(study_file, given, out)
    raise typer.Exit(0 if _search(declared, search, benchmarks, out) else 1)


@study_app.command(name="across")
def across_(
    folders: Annotated[
        list[Path] | None, path_argument(help="Of two studies or more; those of --out if none.")
    ] = None,
    out: Out = Path("across"),
) -> None:
    """Compare studies of several tasks: does the best number of rounds move with difficulty."""
    from bench.study import across_tasks, run_study

    if folders:
        across_tasks.declare(out, folders)
    run_study.show_page(*across_tasks.report(out), make_console())


@study_app.command()
def transfer(
    short: Annotated[Path, path_argument(help="Study with --experiences.")],
    whole: Annotated[Path, path_argument(help="The same study on the whole stream.")],
    runs: Annotated[Path, path_option(help="Records of the exported points of both.")] = Path(
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
    run_study.show_page(transfers.page_of(first, second, damaged), out, {}, make_console())


@study_app.command()
def report(out: Out = Path("study")) -> None:
    """Write figures and page of the trials there are."""
    from bench.study import run_study
    from bench.study.folder import Folder

    console = make_console()
    console.print(f"page: {run_study.show(Folder(out), console)}", soft_wrap=True, markup=False)


@study_app.command()
def rebuild(out: Out = Path("study"), storage: Storage = None) -> None:
    """Make a lost or damaged storage anew from the records."""
    from bench.study import run_study
    from bench.study.folder import Folder

    count = run_study.rebuild(Folder(out), storage)
    typer.echo(f"{counted(count, 'trial')} from the records of {out}")


@study_app.command()
def export(
    file: Annotated[Path, path_argument(help="Suite to write.")],
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
    typer.echo(f"{file}: {counted(len(suite.configs()), 'run')}")


def _study(file: Path | None, given: dict[str, Any], out: Path) -> Study:
    """The study of a file, of the options, or, where none is given, of the folder it goes on in."""
    if file is not None:
        refuse_beside("study", given, Study)
        return Study.read(file)
    if "strategy" in given:
        declared = Study.of(given, called=option_names(Study))
        find_benchmark(declared.benchmark)
        building.find(declared.strategy)
        return declared
    from bench.study.folder import Folder

    return Folder(out).study()


def _search(declared: Study, search: SearchFlags, benchmarks: str, out: Path) -> bool:
    """Search and show the study, or the same on each benchmark; whether all went well."""
    from bench.study import across_tasks, run_study
    from bench.study.folder import Folder
    from bench.study.storage import hidden

    options = run_study.SearchOptions(
        **search.model_dump(exclude={"data", *Place.model_fields}),
        place=Place(**{name: getattr(search, name) for name in Place.model_fields}),
        data_root=search.data.resolve(),
        command=typed([hidden(word) for word in sys.argv[1:]]),
    )
    console = make_console()
    studies = {out: declared}
    if benchmarks:
        studies = across_tasks.spread(declared, out, benchmarks)
    folders = [Folder(place) for place in studies]
    try:
        endings = run_study.run_studies(list(studies.values()), folders, options, console)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one stopped")
        raise typer.Exit(INTERRUPTED) from None
    for folder, ended in zip(folders, endings, strict=True):
        page = run_study.show(folder, console)
        console.print(f"page: {page}", soft_wrap=True, markup=False)
        if ended is not None:
            console.print(f"ended early: {ended.why}", soft_wrap=True, markup=False)
    if benchmarks:
        across_tasks.declare(out, list(studies))
        run_study.show_page(*across_tasks.report(out), console)
    return all(ended is None or ended.ok for ended in endings)


def _refuse_beside_benchmarks(given: dict[str, Any], search: SearchFlags) -> None:
    if "benchmark" in given:
        raise ValueError("--benchmarks names all of them: --benchmark cannot be given beside it")
    if search.storage is not None:
        raise ValueError("a storage holds one study: --storage cannot be given with --benchmarks")

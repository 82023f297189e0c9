"""`python -m bench tune`: the same search for every strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.interruption import INTERRUPTED
from bench.cli.options import (
    AnyJobs,
    Data,
    Download,
    Log,
    make_console,
    options_of,
    path_option,
    typed,
)  # fmt: skip
from bench.config.catalogue import find_benchmark
from bench.config.conditions import option_names
from bench.config.declaration import names_in, read_fields
from bench.config.executors import Place
from bench.study.tuning import Tuning

app = typer.Typer()

SUITES = Path("suites/tuned")


@app.command()
@options_of(Tuning, "given")
@options_of(Place, "where")
def tune(
    given: dict[str, Any],
    where: dict[str, Any],
    trials: Annotated[int, typer.Option(min=2, help="Of every strategy.")] = 16,
    jobs: AnyJobs = None,
    data: Data = None,
    download: Download = False,
    out: Annotated[Path, path_option(help="Folder of the trials, to go on in.")] = Path("tuning"),
    suite: Annotated[
        Path | None,
        path_option(
            help="Suite to write.",
            show_default=f"{SUITES}/BENCHMARK-SCENARIO-BUDGET.toml",
        ),
    ] = None,
    log: Log = "",
) -> None:
    """Give every strategy the same search; the same command goes on where one stopped."""
    tuning = Tuning.of(given, called=option_names(Tuning))
    find_benchmark(tuning.benchmark).check_scenario(tuning.benchmark, tuning.scenario)
    tuning.studies()  # refuses what cannot be before anything slow is imported
    from bench.records.store import slug
    from bench.study import tune as search
    from bench.study.run_study import SearchOptions

    options = SearchOptions(
        trials=trials,
        sampler="tpe",
        pruner="median" if tuning.seeds == 1 else "none",
        jobs=jobs,
        data_root=(data or Path("data")).resolve(),
        download=download,
        command=typed(),
        default_first=True,
        place=read_fields(Place, where),
        log=names_in(log),
    )
    name = f"{slug(tuning.benchmark)}-{tuning.scenario}-{tuning.whole_budget}.toml"
    console = make_console()
    try:
        failed = search.tune(tuning, out, suite or SUITES / name, options, console)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on where this one stopped")
        raise typer.Exit(INTERRUPTED) from None
    for strategy in failed:
        console.print(f"left out: no trial of {strategy} finished", markup=False)
    raise typer.Exit(1 if failed else 0)

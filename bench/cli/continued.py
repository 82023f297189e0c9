"""The command that goes on from the saved state of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.interruption import INTERRUPTED
from bench.cli.options import Data, make_console, path_argument, path_option, typed

if TYPE_CHECKING:
    from bench.config.budget import Budget
    from bench.config.run_config import RunConfig
    from bench.records.schema import RunRecord

app = typer.Typer()


@app.command("continue")
def go_on(
    record: Annotated[Path, path_argument(help="Record of a run that was made with --save.")],
    benchmark: Annotated[str, typer.Option(help="What to learn next, as for run.")],
    budget: Annotated[
        str | None, typer.Option(help="For all of it, as for run.", show_default="as before")
    ] = None,
    data: Data = None,
    out: Annotated[
        Path | None, path_option(help="Folder of the records.", show_default="that of the record")
    ] = None,
) -> None:
    """Go on from the saved state of a run, on further data, and save the state again."""
    from bench.executor.executor import Executor
    from bench.executor.messages import STATE, States
    from bench.executor.plan import plan
    from bench.executor.progress_bars import Display
    from bench.records.store import Store, alone_in, read_record

    before = read_record(record)
    state = record.with_suffix(STATE)
    config = further(before, state, benchmark, budget)
    out = out or record.parents[2]
    data_root = (data or Path("data")).resolve()
    console, store = make_console(), Store(out)
    try:
        with alone_in(out), Display(console) as display:
            todo = plan([config], store)
            check(config, data_root)
            executor = Executor(
                store, data_root=data_root, command=typed(),
                states=States(begin=state.resolve(), keep=True),
            )  # fmt: skip
            display.checking(todo)
            for refusal in executor.refusals(todo):
                raise ValueError(refusal.reason)
            display.planned(todo, 1)
            [made] = [*todo.done, *executor.run(todo.missing, display)]
    except KeyboardInterrupt:
        console.print("interrupted; the same command begins from the saved state again")
        raise typer.Exit(INTERRUPTED) from None
    from bench.cli.run import show_failures, show_unsaved

    show_failures(console, [made], store)
    show_unsaved(console, [made], store)
    console.print(f"record: {store.path_of(made)}", soft_wrap=True, markup=False)
    raise typer.Exit(0 if made.status == "ok" else 1)


def further(before: RunRecord, state: Path, benchmark: str, budget: str | None) -> RunConfig:
    """The run that goes on from a record.

    Args:
        before: of the run whose state it is.
        state: the file.
        benchmark: what is to be learned next.
        budget: for all of it; None for as much as before.

    Raises:
        ValueError: for a run that cannot go on, or not with this benchmark.
    """
    from bench.config.catalogue import find_benchmark
    from bench.config.run_config import RunConfig
    from bench.executor.keeping import check_state

    check_state(before, state)
    if not before.ranked:
        raise ValueError(
            f"strategy must learn one experience after the other to go on, got "
            f"{before.config.strategy}, which has had all data at once"
        )
    spec, scenario = find_benchmark(benchmark), before.config.scenario
    if scenario == "task":
        raise ValueError(
            "scenario must be class or domain to go on, got task: a network has a head for each "
            "of its tasks, and none for another"
        )
    spec.check_scenario(benchmark, scenario)
    seen = days_seen(before)
    if spec.by_night != bool(seen):
        what = "have days and nights" if seen else "have no days and nights"
        raise ValueError(f"benchmark must {what}, as {before.config.benchmark}, got {benchmark}")
    nights = spec.count_nights() - seen if seen else 0
    if seen and nights < 1:
        raise ValueError(
            f"{benchmark} must have a day that the run has not seen, got {spec.count_nights()} "
            f"days, and it has seen {seen}"
        )
    changed = {
        "benchmark": benchmark, "budget": _budget(before, budget, nights),
        "continues": before.saved, "first_day": seen,
    }  # fmt: skip
    return RunConfig.model_validate(before.config.model_dump() | changed)


def _budget(before: RunRecord, given: str | None, nights: int) -> Budget:
    """What is given; else as much as before, of nights as much for each."""
    from bench.config.budget import Budget

    old, seen = before.config.budget, days_seen(before)
    if given is not None:
        return Budget.parse(given, nights=nights)
    if not seen:
        return old
    each = old.amount / (seen - before.config.first_day)
    return old.model_copy(update={"amount": round(each * nights, 9)})


def days_seen(before: RunRecord) -> int:
    """Days that a run had learned from at its end; 0 on a stream without days."""
    days = None if before.outcome is None else before.outcome.days
    if days is None:
        return 0
    first = before.config.first_day
    return first + len(days.accuracy) + (not first)  # the very first is not asked about


def check(config: RunConfig, data_root: Path) -> None:
    """Refuse what cannot be run, as far as that shows without torch.

    Raises:
        ValueError: for data that are not there, or an Avalanche that is not known.
    """
    from bench.data.presence import check_inputs
    from bench.runner.avalanche_patches import check_version

    check_version()
    check_inputs([config.benchmark], [config.model], data_root, download=False)

"""A study's campaign: everything between the command line and the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from bench.config.run_config import RunConfig
from bench.data.presence import check_inputs
from bench.executor.executor import Executor, Listener
from bench.executor.plan import Plan, refuse_other_conditions
from bench.executor.processes import answer, slots
from bench.records.schema import RunRecord
from bench.study import across_tasks, pages
from bench.study.folder import Folder, write_page
from bench.study.pages import Page
from bench.study.points import grid_size
from bench.study.samplers import PRUNERS, SAMPLERS, PerTrial, PrunerName, SamplerName, check_pruner
from bench.study.search import Effort, Ending, Search
from bench.study.space import corners, sentences
from bench.study.storage import fill, make_room, open_index, open_storage, quiet
from bench.study.study import Study, resolve
from bench.study.trials import Trial, accuracy, log_weights, read_trials
from bench.study.workers import Worker

if TYPE_CHECKING:  # slow to import, and only a page needs it
    from matplotlib.figure import Figure

__all__ = ["PRUNERS", "SAMPLERS", "How", "announce", "rebuild", "search", "show"]


@dataclass(frozen=True)
class How:
    """How a study is searched; another way may go on with it.

    Attributes:
        storage: None for the journal in the folder.
        jobs: runs at once.
        command: what the user typed.
    """

    trials: int
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "none"
    storage: str | None = None
    jobs: int = 1
    data_root: Path = Path("data")
    download: bool = False
    command: str = ""


def search(
    studies: Sequence[Study], folders: Sequence[Folder], how: How, console: Console
) -> list[Ending | None]:
    """Search one study after the other until each has enough trials; None, or why it ended before.

    Several are there to be compared.

    Raises:
        ValueError: for what cannot be.
    """
    with quiet():
        ready = [
            prepare(study, folder, how) for study, folder in zip(studies, folders, strict=True)
        ]
        if len(ready) > 1:
            across_tasks.check([each.study for each in ready])
        return [_search(each, how, console) for each in ready]


@dataclass(frozen=True)
class Ready:
    """A study that can be searched.

    Attributes:
        trials: those there are.
    """

    study: Study
    defaults: Mapping[str, object]
    folder: Folder
    trials: list[Trial]
    executor: Executor


def prepare(study: Study, folder: Folder, how: How) -> Ready:
    """ValueError for a study that cannot be searched in this folder in this way."""
    check_pruner(how.pruner, objectives=len(study.objectives), seeds=study.seeds)
    slots(how.jobs, study.threads)
    model = study.model_on(study.benchmark)
    check_inputs([study.benchmark], [model], how.data_root, download=how.download)
    study, defaults = answer(resolve, [study])
    study = folder.same(study)
    trials = read_trials(study, [item.record for item in folder.records.read()[0]])
    refuse_other_conditions(record for trial in trials for record in trial.records)
    executor = Executor(folder.records, jobs=how.jobs, data_root=how.data_root, command=how.command)
    if not trials:
        refuse_corners(study, executor, download=how.download)
    return Ready(study, defaults, folder, trials, executor)


def _search(ready: Ready, how: How, console: Console) -> Ending | None:
    study, folder, trials = ready.study, ready.folder, ready.trials
    announce(study, ready.defaults, how, console)
    storage = open_storage(how.storage or str(folder.journal))
    index = open_index(
        study,
        storage,
        sampler=PerTrial(how.sampler, study.base_seed),
        pruner=PRUNERS[how.pruner](),
    )
    folder.declare(study)
    with Worker(folder.root) as worker:
        with worker.alone():
            if trials and not index.get_trials(deepcopy=False):  # the storage was lost
                fill(index, study, trials)
        found = Search(
            study,
            index,
            effort=Effort(how.trials, grid=how.sampler == "grid", prune=how.pruner != "none"),
            store=folder.records,
            executor=ready.executor,
            worker=worker,
            storage=storage,
            shown=Teller(console),
        )
        found.run()
    return found.ended


def announce(study: Study, defaults: Mapping[str, object], how: How, console: Console) -> None:
    """Print the search space before anything is run."""
    what = f"{study.strategy} on {study.benchmark}, {study.scenario}-incremental"
    if study.experiences:
        what += f", the first {study.experiences} experiences"
    console.print(
        f"{what}: {' and '.join(study.objectives)} under {study.run_budget} a run", markup=False
    )
    for line in sentences(study.searched(), defaults):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    if how.sampler == "grid":
        console.print(f"  a grid of {grid_size(study.searched())} points", markup=False)


def refuse_corners(study: Study, executor: Executor, *, download: bool) -> None:
    """ValueError if the strategy cannot be built where the space ends."""
    configs = [study.configs(point)[0] for point in corners(study.searched())]
    for refusal in executor.refusals(Plan(configs, []), download=download):
        if refusal.for_all:
            raise ValueError(refusal.reason)
        point = ", ".join(f"{n}={v}" for n, v in refusal.config.hyperparameters.items())
        raise ValueError(f"the space holds what cannot be built ({point}): {refusal.reason}")


def show(folder: Folder, console: Console) -> Path:
    """Write the page, print what was found and what it cost; returns the page."""
    study, (trials, damaged) = folder.study(), folder.trials()
    with quiet():
        page = folder.report(trials)
    for line in damaged:
        console.print(f"[red]left out[/] {escape(line)}", soft_wrap=True)
    console.print(pages.on_screen(*pages.found(study, trials)))
    for line in pages.facts(study, trials):
        console.print(line, soft_wrap=True, markup=False)
    return page


def show_page(page: Page, root: Path, figures: Mapping[str, Figure], console: Console) -> None:
    """Write a page with its figures and print what it says."""
    where = write_page(root, page, figures)
    console.print(pages.on_screen(page.header, page.rows))
    for line in page.facts:
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"page: {where}", soft_wrap=True, markup=False)


def rebuild(folder: Folder, storage: str | None) -> int:
    """Make the storage anew from the records; returns how many trials there are."""
    study, (trials, _) = folder.study(), folder.trials()
    where = storage or str(folder.journal)
    with quiet():
        make_room(where)
        fill(open_index(study, open_storage(where)), study, trials)
    return len(trials)


class Teller(Listener):
    """Says in a line what became of each run."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def finished(self, record: RunRecord) -> None:
        """The point, and what it reached or why it failed."""
        if record.status == "ok":
            weights = 10 ** log_weights(record)
            what = f"accuracy {accuracy(record):.1%}, weights {weights:.1%}"
        else:
            what = f"{record.status}: {record.reason}"
        self._console.print(f"{what} ({_point(record.config)})", soft_wrap=True, markup=False)


def _point(config: RunConfig) -> str:
    shown = {
        n: f"{v:.3g}" if isinstance(v, float) else v for n, v in config.hyperparameters.items()
    }
    seed = f", seed {config.repetition}" if config.repetition else ""
    return ", ".join(f"{name}={value}" for name, value in shown.items()) + seed

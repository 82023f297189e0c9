"""Run a study: all that lies between the command line and the search."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from bench.config.executors import HERE, Place
from bench.data.presence import check_inputs
from bench.executor.executor import Executor
from bench.executor.logged import logged
from bench.executor.node import Order
from bench.executor.plan import Plan, refuse_other_conditions
from bench.executor.processes import answer
from bench.executor.site import Site, open_site
from bench.loggers.registry import check_loggers
from bench.study import across_tasks, pages
from bench.study.folder import Folder, write_page
from bench.study.pages import Page
from bench.study.points import grid_size
from bench.study.run_printer import RunPrinter
from bench.study.samplers import PRUNERS, PerTrial, PrunerName, SamplerName, check_pruner
from bench.study.search import Effort, Ending, Search
from bench.study.space import corners, sentences
from bench.study.storage import fill, make_room, open_index, open_storage, quiet
from bench.study.study import Study, resolve
from bench.study.trials import Trial, read_trials
from bench.study.workers import Worker

if TYPE_CHECKING:  # slow to import, and only a page needs it
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SearchOptions:
    """How a study is searched; other options may go on with it.

    Attributes:
        trials: how many there shall be, those there are included.
        storage: None for the journal in the folder.
        jobs: runs at once; None for one, or all cores of a Ray cluster.
        command: what the user typed.
        default_first: whether the first trial is at the strategy's defaults.
        place: where runs are carried out.
        log: names of the loggers that are told how runs go.
    """

    trials: int
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "none"
    storage: str | None = None
    jobs: int | None = None
    data_root: Path = Path("data")
    download: bool = False
    command: str = ""
    default_first: bool = False
    place: Place = HERE
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a logger that is none."""
        check_loggers(self.log)

    @contextmanager
    def site(self, studies: Collection[Study], folder: Path) -> Iterator[Site]:
        """Where the runs of studies are carried out, until the end of the `with`.

        Args:
            folder: of their records.

        Raises:
            ValueError: for too many jobs, or a cluster that is not there.
        """
        order = Order(
            jobs=self.jobs,
            threads=max(study.threads for study in studies),
            data_root=self.data_root,
            command=self.command,
            gpu=any(study.device != "cpu" for study in studies),
        )
        with open_site(self.place, order, folder) as site:
            yield site

    def effort(self, defaults: Mapping[str, object]) -> Effort:
        """How much is searched, and where first.

        Args:
            defaults: of what is searched.
        """
        return Effort(
            self.trials,
            grid=self.sampler == "grid",
            prune=self.pruner != "none",
            first=defaults if self.default_first else None,
        )


def run_studies(
    studies: Sequence[Study], folders: Sequence[Folder], options: SearchOptions, console: Console
) -> list[Ending | None]:
    """Search one study after the other until each has enough trials.

    Several studies are searched to be compared: they must differ in nothing but the task.

    Returns:
        For each study None, or why it ended before.

    Raises:
        ValueError: before any run, if one cannot be searched.
    """
    console.print("checking what is to be searched")
    with quiet(), options.site(studies, folders[0].root) as site:
        ready = [
            prepare(study, folder, options, site)
            for study, folder in zip(studies, folders, strict=True)
        ]
        if len(ready) > 1:
            across_tasks.check([each.study for each in ready])
        return [run_prepared(each, options, console) for each in ready]


@dataclass(frozen=True)
class PreparedStudy:
    """A study that can be searched.

    Attributes:
        study: with every hyper-parameter resolved.
        defaults: of the strategy, for what is not searched.
        trials: those there are.
    """

    study: Study
    defaults: Mapping[str, object]
    folder: Folder
    trials: list[Trial]
    executor: Executor


def prepare(study: Study, folder: Folder, options: SearchOptions, site: Site) -> PreparedStudy:
    """The study as it will be searched in its folder; builds the strategy, trains nothing.

    Args:
        site: where its runs will be carried out.

    Raises:
        ValueError: if it cannot be searched there with these options.
    """
    check_pruner(options.pruner, objectives=len(study.objectives), seeds=study.seeds)
    check_inputs(
        [study.benchmark], [study.model_on(study.benchmark)], options.data_root,
        download=options.download,
    )  # fmt: skip
    study, defaults = answer(resolve, [study])
    study = folder.same(study)
    trials = read_trials(study, [item.record for item in folder.records.read()[0]])
    configs = study.configs(corners(study.searched())[0])
    done = [record for trial in trials for record in trial.records]
    refuse_other_conditions(configs, done, site.machine)
    site.check(configs[:1], download=options.download)
    executor = site.executor(folder.records)
    if not trials:
        refuse_corners(study, executor, download=options.download)
    return PreparedStudy(study, defaults, folder, trials, executor)


def run_prepared(ready: PreparedStudy, options: SearchOptions, console: Console) -> Ending | None:
    """Search until there are enough trials; None, or why it ended before."""
    study, folder, trials = ready.study, ready.folder, ready.trials
    announce(study, ready.defaults, options, console)
    storage = open_storage(options.storage or str(folder.journal))
    index = open_index(
        study,
        storage,
        sampler=PerTrial(options.sampler, study.base_seed),
        pruner=PRUNERS[options.pruner](),
    )
    folder.declare(study)
    told = logged(options.log, folder.root, RunPrinter(console))
    with told as shown, Worker(folder.root) as worker:
        with worker.alone():
            if trials and not index.get_trials(deepcopy=False):  # the storage was lost
                fill(index, study, trials)
        found = Search(
            study,
            index,
            effort=options.effort(ready.defaults),
            store=folder.records,
            executor=ready.executor,
            worker=worker,
            storage=storage,
            shown=shown,
        )
        found.run()
    return found.ended


def announce(
    study: Study, defaults: Mapping[str, object], options: SearchOptions, console: Console
) -> None:
    """Print the search space before anything is run."""
    what = f"{study.strategy} on {study.benchmark}, {study.scenario}-incremental"
    if study.experiences:
        what += f", the first {study.experiences} experiences"
    console.print(
        f"{what}: {' and '.join(study.objectives)} under {study.run_budget} a run", markup=False
    )
    for line in sentences(study.searched(), defaults):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    if options.sampler == "grid":
        console.print(f"  a grid of {grid_size(study.searched())} points", markup=False)


def refuse_corners(study: Study, executor: Executor, *, download: bool) -> None:
    """Build the strategy at the ends of its search space.

    Raises:
        ValueError: if it cannot be built there.
    """
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

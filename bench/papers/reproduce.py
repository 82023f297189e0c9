"""A paper's experiments: the runs that are missing, the page of those there are, and its check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.config.budget import Budget
from bench.config.suite import Suite
from bench.executor.progress_bars import Display
from bench.executor.run_suite import RunOptions, run_suite
from bench.formatting.page_check import difference
from bench.papers.experiments import PAPERS, Experiment
from bench.papers.page import FIGURES, drawn, page_markdown, terminal_table
from bench.papers.results import Result, read_result
from bench.ranking.admission import read
from bench.records.store import Store, write_atomically

SUITES = Path(__file__).parents[2] / "suites"
QUICK_BUDGET, QUICK_SEEDS = "2s", 2
QUICK_STEPS = 10
"""A budget in steps is divided by it."""


@dataclass(frozen=True)
class Place:
    """The page of a paper in its folder, and whether it is that of the quick suites."""

    paper: str
    quick: bool
    folder: Path

    @property
    def records(self) -> Path:
        """The folder of the records behind the page."""
        return self.folder / "records"

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / "README.md"

    def suite(self, experiment: Experiment) -> Suite:
        """The suite of an experiment.

        Raises:
            ValueError: if its file is not there or not right.
        """
        suite = Suite.read(SUITES / self.paper / f"{experiment.name}.toml")
        return quick_suite(suite) if self.quick else suite


def quick_suite(suite: Suite) -> Suite:
    """The same experiment in little: every second point of each grid, few seeds, a short budget."""
    thin = {
        strategy: {n: v[::2] if isinstance(v, list) else v for n, v in chosen.items()}
        for strategy, chosen in suite.hyperparameters.items()
    }
    budget = Budget.parse(suite.budget, suite.clock)
    steps = f"{max(1, int(budget.amount) // QUICK_STEPS)}steps"
    changed = {
        "budget": steps if budget.clock == "steps" else QUICK_BUDGET,
        "seeds": QUICK_SEEDS,
        "hyperparameters": thin,
    }
    return Suite.model_validate(suite.model_dump() | changed)


def run_missing(
    place: Place,
    experiments: Sequence[Experiment],
    *,
    console: Console,
    options: RunOptions,
) -> bool:
    """Run what these experiments miss, the page written anew after each; whether all went well.

    An experiment that cannot be run, for want of its data say, is named and the others go on.
    """
    well = True
    for experiment in experiments:
        console.print(f"{place.paper}, {experiment.name}: {experiment.title}", markup=False)
        try:
            with Display(console, options.jobs) as display:
                suite, store = place.suite(experiment), Store(place.records)
                records = run_suite(suite, store, options, listener=display)
        except ValueError as error:
            console.print(f"not run: {error}", style="red", soft_wrap=True, markup=False)
            well = False
        else:
            well = well and all(record.status == "ok" for record in records)
        write(place)
    return well


def results(place: Place) -> tuple[list[Result], list[str]]:
    """What there is of each experiment of the paper, and a sentence for each damaged file.

    Raises:
        PoolError: names the field in which the records of one experiment differ.
    """
    evidence = read(place.records)
    experiments = PAPERS[place.paper].experiments
    found = [read_result(e, place.suite(e), evidence.stored) for e in experiments]
    return found, [evidence.damaged[path] for path in sorted(evidence.damaged)]


def write(place: Place) -> Path:
    """Write the page and the figures of the records in the place's folder; returns the page."""
    from bench.formatting import plotting  # seaborn, which no check of a page needs
    from bench.papers import figures

    found, damaged = results(place)
    write_atomically(place.page, _text(place, found, damaged))
    for kind, (name, _) in FIGURES.items():
        if shown := drawn(found, kind):
            plotting.save(figures.DRAWN[kind](shown), place.folder / name)
    return place.page


def show(place: Place, console: Console) -> None:
    """Print published and measured side by side."""
    console.print(terminal_table(place.paper, results(place)[0]))


def verify(leaderboards_root: Path) -> list[str]:
    """How the pages of papers differ from what their records give, and what is no record.

    Empty if all is well.
    Figures are drawn from the same records; only whether they are there is checked.
    """
    differences = []
    for paper in PAPERS:
        place = Place(paper, False, leaderboards_root / paper)
        if not place.folder.is_dir():
            continue
        found, damaged = results(place)
        differences += [f"{paper}/records/{sentence}" for sentence in damaged]
        page = place.page.relative_to(leaderboards_root)
        differences += difference(leaderboards_root, page, _text(place, found, damaged))
        differences += [
            f"{paper}/{name}{suffix}: the page shows this figure, but it is missing"
            for kind, (name, _) in FIGURES.items()
            for suffix in (".png", ".svg")
            if drawn(found, kind) and not (place.folder / f"{name}{suffix}").is_file()
        ]
    return differences


def _text(place: Place, found: Sequence[Result], damaged: Sequence[str]) -> str:
    return page_markdown(place.paper, found, quick=place.quick, page=place.page, damaged=damaged)

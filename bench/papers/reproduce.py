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
from bench.papers.declaration import Results, find_paper, paper_names, suites_of
from bench.papers.page import drawn, page_markdown, terminal_table
from bench.papers.results import Experiment, read_result
from bench.ranking.admission import read
from bench.records.store import Store, write_atomically

QUICK_BUDGET, QUICK_SEEDS = "2s", 2
QUICK_STEPS = 10
"""A budget in steps is divided by it."""

LEAST_STEPS = 20
"""Steps below which no budget is shortened: every experience needs one."""


@dataclass(frozen=True)
class PaperFolder:
    """Where the page of a paper and its records lie.

    Attributes:
        paper: its name.
        quick: whether the runs are those of the quick suites.
        folder: holds the page, its figures and `records/`.
    """

    paper: str
    quick: bool
    folder: Path

    @property
    def records(self) -> Path:
        """The folder of the records."""
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
        file = suites_of(self.paper) / f"{experiment.name}.toml"
        suite = Suite.read(file)
        for field in ("benchmarks", "scenarios"):
            if len(given := getattr(suite, field)) != 1:
                raise ValueError(
                    f"{file}: a suite of a paper must have one of {field}, got {', '.join(given)}; "
                    "write an experiment for each"
                )
        return quick_suite(suite) if self.quick else suite


def quick_suite(suite: Suite) -> Suite:
    """The same experiment in little: every second point of each grid, few seeds, a short budget."""
    thin = {
        strategy: {n: v[::2] if isinstance(v, list) else v for n, v in chosen.items()}
        for strategy, chosen in suite.hyperparameters.items()
    }
    budget = Budget.parse(suite.budget, suite.clock)
    amount = int(budget.amount)
    steps = f"{min(amount, max(LEAST_STEPS, amount // QUICK_STEPS))}steps"
    changed = {
        "budget": steps if budget.clock == "steps" else QUICK_BUDGET,
        "seeds": QUICK_SEEDS,
        "hyperparameters": thin,
    }
    return Suite.model_validate(suite.model_dump() | changed)


def run_missing(
    where: PaperFolder,
    experiments: Sequence[Experiment],
    *,
    console: Console,
    options: RunOptions,
) -> bool:
    """Run what these experiments miss and write the page anew after each; True if every run is ok.

    An experiment that cannot be run, for want of its data say, is named and the others go on.

    Raises:
        ValueError: for a suite of the paper that is not right, before any run.
    """
    suites = {e.name: where.suite(e) for e in find_paper(where.paper).experiments}
    ok = True
    for experiment in experiments:
        console.print(f"{where.paper}, {experiment.name}: {experiment.title}", markup=False)
        try:
            with Display(console) as display:
                suite, store = suites[experiment.name], Store(where.records)
                records = run_suite(suite, store, options, listener=display)
        except ValueError as error:
            console.print(f"not run: {error}", style="red", soft_wrap=True, markup=False)
            ok = False
        else:
            ok = ok and all(record.status == "ok" for record in records)
        write(where)
    return ok


def read_results(where: PaperFolder) -> tuple[Results, list[str]]:
    """What there is of each experiment, in their order, and a sentence for each damaged file.

    Raises:
        PoolError: names the field in which the records of one experiment differ.
    """
    evidence = read(where.records)
    found = {
        experiment.name: read_result(experiment, where.suite(experiment), evidence.stored)
        for experiment in find_paper(where.paper).experiments
    }
    return found, [evidence.damaged[path] for path in sorted(evidence.damaged)]


def write(where: PaperFolder) -> Path:
    """Write the page of the records and its figures; returns the page."""
    from bench.formatting import plotting  # seaborn, which no check of a page needs

    found, damaged = read_results(where)
    write_atomically(where.page, _text(where, found, damaged))
    for analysis in find_paper(where.paper).analyses:
        if shown := drawn(analysis, found):
            plotting.save(analysis.figure.draw(shown), where.folder / analysis.figure.name)
    return where.page


def show(where: PaperFolder, console: Console) -> None:
    """Print published and measured side by side."""
    console.print(terminal_table(where.paper, read_results(where)[0], quick=where.quick))


def verify(leaderboards_root: Path) -> list[str]:
    """How the pages of papers differ from what their records give, and what is no record.

    Empty if all agree. Of figures, which are drawn from the same records, it is only checked that
    they are there.
    """
    differences = []
    for paper in paper_names():
        where = PaperFolder(paper, False, leaderboards_root / paper)
        if not where.folder.is_dir():
            continue
        found, damaged = read_results(where)
        differences += [f"{paper}/records/{sentence}" for sentence in damaged]
        page = where.page.relative_to(leaderboards_root)
        differences += difference(leaderboards_root, page, _text(where, found, damaged))
        differences += [
            f"{paper}/{name}: the page shows this figure, but it is missing"
            for analysis in find_paper(paper).analyses
            for name in (f"{analysis.figure.name}.png", f"{analysis.figure.name}.svg")
            if drawn(analysis, found) and not (where.folder / name).is_file()
        ]
    return differences


def _text(where: PaperFolder, found: Results, damaged: Sequence[str]) -> str:
    return page_markdown(where.paper, found, quick=where.quick, page=where.page, damaged=damaged)

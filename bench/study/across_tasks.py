"""The same search on several tasks: does the best number of rounds move with their difficulty."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tomli_w

from bench.config.declaration import read_toml
from bench.formatting.numbers import percent
from bench.records.store import slug, unwritable, write_atomically
from bench.study import best_setting
from bench.study.folder import Folder, verify_page
from bench.study.pages import Page
from bench.study.results import done
from bench.study.study import Study, changed
from bench.study.trials import Trial
from strategies.search_space import Range

if TYPE_CHECKING:  # slow to import, and only a page needs it
    from matplotlib.figure import Figure

ROUNDS = "rounds"
"""What may move."""

DECLARED = "across.toml"
"""File of a comparison's folder that names the folders of its studies, relative to it."""

HEADER = [
    "task", "trials", "error of the best trial, %", "best number of rounds", "95 % interval",
    "worst number, ranks behind, %",
]  # fmt: skip

ACROSS = (
    "The curves that the best number of rounds is read from: rank of the error among the trials of "
    "a study, 0 the best, the other hyper-parameters averaged over the space; and that number with "
    "95 % intervals against the error of the best trial"
)

LIMITS = [
    "Difficulty is the error on held-out data of a study's best trial. It only gives the order of "
    "the tasks.",
    "The best number of rounds is the lowest point of a quadratic response surface of the ranks of "
    "the errors, the other hyper-parameters averaged over the space; a best number at an end of "
    "the range may lie beyond it. The interval is a bootstrap over trials.",
    "p is for the movement found if the number of rounds acted alike in every task, by permuting "
    "what one common curve leaves unexplained among the trials of each task.",
    "A small p says that the best number differs between these tasks in the order of their "
    "difficulty. It cannot say that difficulty is the reason: the tasks differ in more than that, "
    "and few of them have any order by chance.",
    "A large p does not say that the best number is the same: the interval says how far it may "
    "move. Trials are chosen by a search that follows what it has found, one seed each as a rule, "
    "so intervals and p are approximate.",
]
"""What the test can and cannot tell, in words."""


@dataclass(frozen=True)
class Task:
    """One of the studies that are compared; only what is done of its trials counts."""

    study: Study
    trials: list[Trial]

    @property
    def name(self) -> str:
        """Benchmark and scenario."""
        return f"{self.study.benchmark}, {self.study.scenario}"

    @property
    def difficulty(self) -> float:
        """Error on held-out data of the best trial."""
        return 1 - max((trial.accuracy for trial in self.trials), default=math.nan)

    @property
    def missing(self) -> int:
        """How many finished trials more a response surface takes."""
        return max(0, best_setting.least(self.study.searched(), ROUNDS) - len(self.trials))

    @property
    def response(self) -> best_setting.Response:
        """The surface that the best number is read from."""
        return best_setting.Response(self.study.searched(), self.trials, ROUNDS)


def spread(study: Study, root: Path, benchmarks: str) -> dict[Path, Study]:
    """The same study on each of `a,b,c`, by its folder in `root`.

    Raises:
        ValueError: for fewer than two.
    """
    names = list(dict.fromkeys(name.strip() for name in benchmarks.split(",")))
    if len(names) < 2:
        raise ValueError(f"--benchmarks must be two or more, as a,b,c, got {benchmarks!r}")
    return {root / slug(name): study.model_copy(update={"benchmark": name}) for name in names}


def declare(root: Path, folders: Sequence[Path]) -> None:
    """Write down which studies the folder `root` compares.

    Raises:
        ValueError: if they cannot be.
    """
    check([Folder(folder).study() for folder in folders])
    inside = [Path(os.path.relpath(folder, root)).as_posix() for folder in folders]
    try:
        write_atomically(root / DECLARED, tomli_w.dumps({"studies": inside}))
    except OSError as error:
        raise unwritable(root, error) from error


def check(studies: Sequence[Study]) -> None:
    """Accept studies that search the same number of rounds of one strategy.

    Raises:
        ValueError: for others.
    """
    if len(studies) < 2:
        raise ValueError(f"studies to compare must be two or more, got {len(studies)}")
    strategies = sorted({study.strategy for study in studies})
    if len(strategies) > 1:
        raise ValueError(
            f"studies to compare must be of one strategy, got {' and '.join(strategies)}"
        )
    ranges = [study.searched().get(ROUNDS) for study in studies]
    if not isinstance(ranges[0], Range) or any(tried != ranges[0] for tried in ranges):
        raise ValueError(
            f"studies to compare must search {ROUNDS} over one range, got "
            f"{' and '.join(map(str, ranges))}"
        )


def read(root: Path) -> list[Task]:
    """The tasks that a folder compares, the easiest first.

    Raises:
        ValueError: if there is no comparison.
    """
    declared = root / DECLARED
    if not declared.is_file():
        raise ValueError(
            f"{root} must hold a comparison, got no {DECLARED} there; name its studies"
        )
    try:
        inside = read_toml(declared, "comparison")["studies"]
    except KeyError as error:
        raise ValueError(f"{declared} must name its studies, got {error}") from error
    folders = [Folder(root / folder) for folder in inside]
    studies = [folder.study() for folder in folders]
    check(studies)
    tasks = [
        Task(study, done(folder.trials()[0]))
        for study, folder in zip(studies, folders, strict=True)
    ]
    return sorted(tasks, key=lambda task: task.difficulty)


def page_of(tasks: Sequence[Task]) -> Page:
    """The page of these tasks, the easiest first; without a test while trials are too few."""
    title = f"Best number of rounds of {tasks[0].study.strategy} across tasks"
    few = [
        f"Not compared: {task.missing} finished trials are missing on {task.name}."
        for task in tasks
        if task.missing
    ]
    if few:
        rows = [[*_known(task), "-", "-", "-"] for task in tasks]
        return Page(title, [*few, *_apart_in(tasks)], HEADER, rows)
    surfaces = [task.response for task in tasks]
    moved = best_setting.movement(surfaces, np.random.default_rng(0))
    rows = []
    for task, surface in zip(tasks, surfaces, strict=True):
        best = best_setting.best(surface, np.random.default_rng(0))
        worst = percent(float(np.ptp(surface.marginal())), 1)
        interval = f"{best.low:.0f} to {best.high:.0f}"
        rows.append([*_known(task), f"{best.at:.0f}", interval, worst])
    return Page(
        title,
        [sentence(moved), *_apart_in(tasks)],
        HEADER,
        rows,
        figures={"across": ACROSS},
        lists={"What the test can and cannot tell": LIMITS},
    )


def _known(task: Task) -> list[str]:
    return [task.name, str(len(task.trials)), percent(task.difficulty, 2)]


def sentence(moved: best_setting.Movement) -> str:
    """What was found, and how sure it is."""
    much = f"{moved.doublings:+.2f} doublings [{moved.low:+.2f}, {moved.high:+.2f}]"
    verdict = (
        "more rounds the harder the task"
        if moved.doublings > 0
        else "fewer rounds the harder it is"
    )
    says = f"It moves: {verdict}." if moved.p < 0.05 else "Whether it moves is not settled."
    return (
        f"From one task to the next harder one the best number of rounds moves by {much}, "
        f"p = {moved.p:.2g}. {says}"
    )


def report(root: Path) -> tuple[Page, Path, dict[str, Figure]]:
    """The page of a comparison, its folder and its figure."""
    from bench.study.figures import draw_across

    tasks = read(root)
    page = page_of(tasks)
    shown = [(task.name, task.difficulty, task.response) for task in tasks if page.figures]
    return page, root, {"across": draw_across(shown)} if shown else {}


def verify(root: Path) -> list[str]:
    """How the comparisons under `root` differ from what the records of their studies give."""
    return [
        line
        for declared in sorted(root.rglob(DECLARED))
        for line in verify_page(declared.parent, page_of(read(declared.parent)), under=root)
    ]


def _apart_in(tasks: Sequence[Task]) -> list[str]:
    """A sentence about what else than the benchmark differs, if anything does."""
    first = tasks[0].study
    names = {name for task in tasks for name in changed(first, task.study)}
    others = sorted(names - {"benchmark"})
    return [f"The studies differ in {', '.join(others)} as well."] if others else []

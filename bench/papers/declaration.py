"""What a paper declares: its experiments, the analyses that answer its claims, what differs here.

A paper is a folder beside this file: `paper.py` holds its `PAPER`, `suites/` one suite for each
experiment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bench.papers.results import Experiment, Result
from bench.papers.verdict import Verdict
from strategies.suggestions import suggest

if TYPE_CHECKING:  # slow to import, and no check of a page needs it
    from matplotlib.figure import Figure

FOLDERS = Path(__file__).parent
"""Where the folders of the papers lie."""

Results = Mapping[str, Result]
"""Results by the name of their experiment."""


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the page.

    Attributes:
        name: of its files, without suffix.
        caption: in words.
        draw: makes it of the experiments that have records; imports what draws when it is called.
    """

    name: str
    caption: str
    draw: Callable[[Sequence[Result]], Figure]


@dataclass(frozen=True)
class Analysis:
    """A question put to several experiments at once.

    Attributes:
        experiments: in the order of the page.
        verdicts: the rows of the table of claims.
        details: lines of a section of its own below that table; empty for none.
    """

    experiments: tuple[Experiment, ...]
    verdicts: Callable[[Results], list[Verdict]]
    figure: PaperFigure
    details: Callable[[Results], list[str]] = lambda results: []


@dataclass(frozen=True)
class Paper:
    """A paper by its analyses.

    Attributes:
        differs: what differs in all of its experiments.
        method: how to read the tests and intervals of its verdicts.
    """

    title: str
    reference: str
    differs: str
    method: str
    analyses: tuple[Analysis, ...]

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Those of all analyses, in the order of the page."""
        return tuple(e for analysis in self.analyses for e in analysis.experiments)

    def chosen(self, names: Sequence[str]) -> tuple[Experiment, ...]:
        """The experiments of these names, all for none.

        Raises:
            ValueError: for an unknown name; tells the nearest.
        """
        known = {experiment.name: experiment for experiment in self.experiments}
        for name in names:
            if name not in known:
                raise ValueError(suggest("experiment in --only", name, known))
        return tuple(known[name] for name in names) or self.experiments


def paper_names() -> list[str]:
    """The papers that have a folder, in alphabetical order."""
    return sorted(declaration.parent.name for declaration in FOLDERS.glob("*/paper.py"))


def summaries() -> dict[str, str]:
    """The sentence of each paper's `__init__.py` by the name of its folder; runs none of them.

    Raises:
        ValueError: for a paper without one.
    """
    found = {}
    for name in paper_names():
        file = FOLDERS / name / "__init__.py"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        said = ast.get_docstring(ast.parse(text)) or ""
        if not said:
            raise ValueError(f"{file} must say in one sentence what the paper claims, got nothing")
        found[name] = said.partition("\n")[0]
    return found


def find_paper(name: str) -> Paper:
    """The paper of a folder's name.

    Raises:
        ValueError: for an unknown name; tells the nearest.
    """
    known = paper_names()
    if name not in known:
        raise ValueError(suggest("paper", name, known))
    return import_module(f"{__package__}.{name}.paper").PAPER


def suites_of(name: str) -> Path:
    """The folder of a paper's suites."""
    return FOLDERS / name / "suites"

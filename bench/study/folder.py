"""A study's folder: what it is, its records, its storage and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.store import Store, unwritable, write_atomically
from bench.study.study import Study, differences
from bench.study.trials import Trial, read_trials

if TYPE_CHECKING:  # slow to import, and only a page needs them
    from matplotlib.figure import Figure

    from bench.study.pages import Page

README, INDEX = "README.md", "index.html"
"""The page for a repository and the one for a browser."""


@dataclass(frozen=True)
class Folder:
    """Where a study lies."""

    root: Path

    @property
    def study_file(self) -> Path:
        """What the study is."""
        return self.root / "study.toml"

    @property
    def records(self) -> Store:
        """The records of all runs."""
        return Store(self.root / "records")

    @property
    def journal(self) -> Path:
        """The storage, where no other is named."""
        return self.root / "study.journal"

    def study(self) -> Study:
        """The study that was begun here.

        Raises:
            ValueError: if there is none.
        """
        if not self.study_file.is_file():
            raise ValueError(f"{self.root} must hold a study, got no {self.study_file.name} there")
        return Study.read(self.study_file)

    def same(self, study: Study) -> Study:
        """The study as it was begun here, or as it is given if none was.

        Raises:
            ValueError: if another study was begun here; tells what differs.
        """
        if self.study_file.is_file():
            then = self.study()
            if different := differences(then, study):
                told = "; ".join(different)
                raise ValueError(f"{self.root} holds another study: {told}; choose another --out")
            return then
        return study

    def declare(self, study: Study) -> None:
        """Write down what is searched here."""
        try:
            study.write(self.study_file)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def trials(self) -> tuple[list[Trial], list[str]]:
        """The trials that left records, and a sentence for each damaged file."""
        stored, damaged = self.records.read()
        return read_trials(self.study(), [item.record for item in stored]), damaged

    def report(self, trials: list[Trial]) -> Path:
        """Write figures and page; returns the page."""
        from bench.study import pages
        from bench.study.figures import draw
        from bench.study.importances import importances

        study = self.study()
        figures = draw(study, trials, importances(study, trials))
        return write_page(self.root, pages.page_of(study, trials), figures)


def write_page(root: Path, page: Page, figures: Mapping[str, Figure]) -> Path:
    """Write both forms of a page and the figures that it shows; returns the one for a browser."""
    from bench.formatting.plotting import save

    for name, figure in figures.items():
        save(figure, root / name)
    for name, text in texts(page).items():
        write_atomically(root / name, text)
    return root / INDEX


def verify(root: Path) -> list[str]:
    """How the pages of the studies under `root` differ from their records, and what is no record.

    Empty if all agree.
    """
    from bench.study import pages

    found = []
    for study_file in sorted(root.rglob("study.toml")):
        folder = Folder(study_file.parent)
        trials, damaged = folder.trials()
        found += damaged
        found += verify_page(folder.root, pages.page_of(folder.study(), trials), under=root)
    return found


def verify_page(root: Path, page: Page, *, under: Path) -> list[str]:
    """How a page in `root` differs from what it should be, files named as seen from `under`.

    Figures are drawn from the same records; only whether they are there is checked.
    """
    from bench.formatting.page_check import difference

    found = []
    for name, text in texts(page).items():
        found += difference(under, (root / name).relative_to(under), text)
    return found + [
        f"{root.name}/{name}{suffix}: the page shows this figure, but it is missing"
        for name in page.figures
        for suffix in (".png", ".svg")
        if not (root / f"{name}{suffix}").is_file()
    ]


def texts(page: Page) -> dict[str, str]:
    """Both forms of a page by file name."""
    from bench.study import pages

    return {README: pages.markdown(page), INDEX: pages.html(page)}

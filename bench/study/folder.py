"""A study's folder: what it is, its records, its storage and its page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.records import Store, write_atomically
from bench.study.declared import Study, differences
from bench.study.trials import Trial, read_trials

README = "README.md"
"""The page for a repository, beside the one for a browser."""


@dataclass(frozen=True)
class Folder:
    """Where a study lies."""

    root: Path

    @property
    def declared(self) -> Path:
        """The study file."""
        return self.root / "study.toml"

    @property
    def records(self) -> Store:
        """The records of all runs."""
        return Store(self.root / "records")

    @property
    def journal(self) -> Path:
        """The storage, where no other is named."""
        return self.root / "study.journal"

    @property
    def page(self) -> Path:
        """The page for a browser."""
        return self.root / "index.html"

    def study(self) -> Study:
        """The study that was begun here; ValueError if there is none."""
        if not self.declared.is_file():
            raise ValueError(f"{self.root} must hold a study, got no {self.declared.name} there")
        return Study.read(self.declared)

    def same(self, study: Study) -> Study:
        """The resolved study, or as it was begun here; ValueError with what differs if another."""
        if self.declared.is_file():
            then = self.study()
            if different := differences(then, study):
                told = "; ".join(different)
                raise ValueError(f"{self.root} holds another study: {told}; choose another --out")
            return then
        return study

    def declare(self, study: Study) -> None:
        """Write down what is searched here."""
        try:
            study.write(self.declared)
        except OSError as error:
            raise ValueError(f"--out must be a folder one can write to: {error}") from error

    def trials(self) -> tuple[list[Trial], list[str]]:
        """The trials that left records, and a sentence for each damaged file."""
        stored, damaged = self.records.read()
        return read_trials(self.study(), [item.record for item in stored]), damaged

    def report(self, trials: list[Trial]) -> Path:
        """Write figures and page; returns the page."""
        from bench.figures import save
        from bench.study import pages
        from bench.study.figures import draw
        from bench.study.importances import importances

        study = self.study()
        for name, figure in draw(study, trials, importances(study, trials)).items():
            save(figure, self.root / name)
        page = pages.page_of(study, trials)
        write_atomically(self.root / README, pages.markdown(page))
        write_atomically(self.page, pages.html(page))
        return self.page


def verify(root: Path) -> list[str]:
    """How the pages of the studies in `root` differ from what their records give.

    Figures are drawn from the same records; only whether they are there is checked.
    """
    from bench.leaderboards import difference
    from bench.study import pages

    found = []
    for declared in sorted(root.glob("*/study.toml")):
        folder = Folder(declared.parent)
        page = pages.page_of(folder.study(), folder.trials()[0])
        texts = {README: pages.markdown(page), folder.page.name: pages.html(page)}
        for name, text in texts.items():
            path = folder.root / name
            written = path.read_text(encoding="utf-8") if path.is_file() else ""
            found += difference(path.relative_to(root).as_posix(), written, text)
        found += [
            f"{folder.root.name}/{name}{suffix}: the page shows this figure, but it is missing"
            for name in page.figures
            for suffix in (".png", ".svg")
            if not (folder.root / f"{name}{suffix}").is_file()
        ]
    return found

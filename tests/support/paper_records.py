"""Records of runs of papers' suites that never happened, and the pages that they give."""

from __future__ import annotations

from pathlib import Path

from bench.config.run_config import RunConfig
from bench.papers import reproduce
from bench.papers.declaration import find_paper
from bench.papers.reproduce import PaperFolder
from bench.records.schema import RunRecord
from bench.records.store import Store
from factories import make_record

ERRORS = {1: 0.054, 2: 0.044, 4: 0.038, 8: 0.033, 16: 0.029, 40: 0.031}
"""By number of rounds."""


def paper_folder(folder: Path, paper: str = "ball2020", *, quick: bool = False) -> PaperFolder:
    return PaperFolder(paper, quick, folder / "leaderboards" / paper)


def configs(where: PaperFolder, name: str) -> list[RunConfig]:
    """Those of an experiment's suite."""
    (experiment,) = find_paper(where.paper).chosen((name,))
    return where.suite(experiment).configs()


SAME = (
    "benchmark", "scenario", "model", "budget", "speedups", "allocation", "search_charged",
    "validation",
)  # fmt: skip


def record(config: RunConfig, *, error: float, weights: int = 500, **fields) -> RunRecord:
    """A run of this configuration; weights of 1000."""
    made = make_record(
        config.strategy, config.repetition, accuracy=1 - error, weights=weights / 1000,
        hyperparameters=config.hyperparameters,
        **{n: getattr(config, n) for n in SAME}, **fields,
    )  # fmt: skip
    assert made.digest == config.digest
    return made


def write_rounds(where: PaperFolder, name: str, errors: dict[int, float], adaptive: float) -> None:
    for config in configs(where, name):
        error = errors.get(config.hyperparameters.get("rounds"), adaptive)
        spread = 1 + config.repetition / 1000
        Store(where.records).write(record(config, error=error * spread))


def row(page: str, start: str) -> list[str]:
    """The cells of the one table row that begins so."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def note(page: str, cells: list[str]) -> str:
    """How the protocol of a row differs: what stands beside its number."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"{cells[4]}. ")]
    return line


def page_text(where: PaperFolder) -> str:
    return reproduce.write(where).read_text()

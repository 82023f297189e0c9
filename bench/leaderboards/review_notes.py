"""What no rule forbids and a reviewer should know of the records under a folder of pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.formatting.markdown import one_line
from bench.ranking.configurations import by_configuration, labels
from bench.ranking.pools import Seed, budget_text, pools, seed_text
from bench.records.schema import Environment
from bench.records.store import Store, Stored

MOST_LISTED = 10
"""Of more the first are named."""


def notes(pages: Path) -> list[str]:
    """A sentence for each thing worth knowing; files are named by their path among the records."""
    found = []
    folders = (path for path in pages.rglob("records") if path.is_dir() and not path.is_symlink())
    for root in sorted(folders):
        read = Store(root).read()[0]
        stored = [Stored(item.path.relative_to(root), item.record) for item in read]
        name = root.relative_to(pages).as_posix()
        told = [
            *_other_files(root),
            *_local_changes(stored),
            *_missing_attempts(stored),
            *_several_configurations(stored),
            *_missing_seeds(stored),
        ]
        found += [one_line(f"{name}: {sentence}") for sentence in told]
    return found


def _other_files(root: Path) -> Iterator[str]:
    """Files that no record's name has, which nothing reads; a folder of runs keeps a lock."""
    names = Store(root).other_files()
    if names:
        count = "1 file is no record" if len(names) == 1 else f"{len(names)} files are no records"
        yield f"{count}, the first {names[0].as_posix()}"


def _local_changes(stored: Sequence[Stored]) -> Iterator[str]:
    """Records that no commit can make again."""
    for what, made in (
        ("local changes to their commit", [s for s in stored if _changed(s.record.environment)]),
        ("an unknown commit", [s for s in stored if s.record.environment.commit is None]),
    ):
        if made:
            count = f"{len(made)} of {len(stored)} records were made with {what}"
            yield f"{count}, the first {made[0].path.as_posix()}"


def _missing_attempts(stored: Sequence[Stored]) -> Iterator[str]:
    """Attempts that later ones show to have been begun; the first that finished counts."""
    found: dict[str, list[Stored]] = {}
    for item in stored:
        found.setdefault(item.record.digest, []).append(item)
    for attempts in found.values():
        numbers = {item.record.attempt for item in attempts}
        if gaps := sorted(set(range(1, max(numbers))) - numbers):
            yield f"{attempts[-1].path.as_posix()} is there without attempt {_listed(gaps)}"


def _several_configurations(stored: Sequence[Stored]) -> Iterator[str]:
    """Runs of one row and seed that differ where no row does; the first that finished counts."""
    ranked = [item for item in stored if item.record.config.rankable]
    for pool in pools(ranked).values():
        for cells in by_configuration(pool).values():
            for attempts in cells.values():
                if len({item.record.digest for item in attempts}) > 1:
                    listed = _listed([item.path.as_posix() for item in attempts])
                    yield f"one row and seed with several configurations: {listed}"


def _missing_seeds(stored: Sequence[Stored]) -> Iterator[str]:
    """Seeds that a row lacks up to the largest of its table; a search may give a trial up."""
    ranked = [item for item in stored if item.record.config.rankable]
    for key, pool in pools(ranked).items():
        grid = by_configuration(pool)
        names = labels(grid)
        seeds = {seed for cells in grid.values() for seed in cells}
        for configuration, cells in grid.items():
            if gaps := [seed_text(seed) for seed in _up_to(seeds) if seed not in cells]:
                where = f"{key.benchmark}, {key.scenario}, {budget_text(key)}"
                yield f"{where}, {names[configuration]}: no record of seed {_listed(gaps)}"


def _up_to(seeds: set[Seed]) -> Iterator[Seed]:
    """Every seed up to the largest repetition of each base seed."""
    for base in sorted({base for base, _ in seeds}):
        for repetition in range(1 + max(r for b, r in seeds if b == base)):
            yield base, repetition


def _changed(environment: Environment) -> bool:
    """Whether a commit is not said to hold all of the code."""
    unsaid = environment.commit is not None and environment.dirty is None
    return bool(environment.dirty) or unsaid


def _listed(parts: Sequence[object]) -> str:
    shown = ", ".join(map(str, parts[:MOST_LISTED]))
    return f"{shown} and {len(parts) - MOST_LISTED} more" if len(parts) > MOST_LISTED else shown

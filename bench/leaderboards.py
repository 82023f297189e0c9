"""From a folder of records to leaderboard pages, and whether the pages agree with the records.

What may be compared is in `bench.pools`, the numbers of one run in `bench.measures`, the order in
`bench.ranking`, and the text in `bench.pages` and `bench.sheets`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from rich.table import Table

from bench import index_page, latex, pages, pools, sheets
from bench.board import Leaderboard
from bench.budgets import Budget
from bench.markdown import link, one_line
from bench.measures import fault
from bench.pages import FIGURES
from bench.papers import PAPERS
from bench.ranking import rank
from bench.store import (
    RecordError,
    Store,
    Stored,
    read_record,
    slug,
    without_collection,
    write_atomically,
)
from bench.text import budget_text

INDEX = Path("INDEX.md")


@dataclass(frozen=True)
class Evidence:
    """The records of a folder, and why other files there are left out, by their path in it."""

    stored: tuple[Stored, ...]
    damaged: dict[Path, str]


@without_collection()
def read(records_root: Path) -> Evidence:
    """Every record that can be ranked; what cannot is named by its path in the folder."""
    stored, damaged = [], {}
    for path in Store(records_root).paths():
        name = path.relative_to(records_root)
        try:
            record = read_record(path)
        except RecordError as error:
            damaged[name] = one_line(f"{name.as_posix()}: {error.reason}")
            continue
        if reason := fault(record):
            damaged[name] = f"{name.as_posix()}: {reason}"
        else:
            stored.append(Stored(path, record))
    for copy, original in _copies(stored, records_root).items():
        name, first = (path.relative_to(records_root) for path in (copy, original))
        damaged[name] = f"{name.as_posix()}: the same attempt at the same run as {first.as_posix()}"
    own = [item for item in stored if item.path.relative_to(records_root) not in damaged]
    return Evidence(tuple(own), damaged)


def _copies(stored: Sequence[Stored], root: Path) -> dict[Path, Path]:
    """Records of one attempt beside the one that counts: it lies where a run would write it."""
    store = Store(root)
    first: dict[tuple[str, int, str | None], Path] = {}
    copies: dict[Path, Path] = {}
    misplaced = [store.path(s.record.config, s.record.attempt) != s.path for s in stored]
    for _, item in sorted(zip(misplaced, stored, strict=True), key=lambda pair: pair[0]):
        record = item.record
        steps = record.config.budget.clock == "steps"  # the same on every machine
        machine = None if steps else record.environment.fingerprint
        attempt = (record.digest, record.attempt, machine)
        if attempt in first:
            copies[item.path] = first[attempt]
        else:
            first[attempt] = item.path
    return copies


def boards(stored: Iterable[Stored]) -> list[Leaderboard]:
    """The leaderboard of each pool of these records."""
    return [rank(pool) for pool in pools.pools(stored).values()]


def tables(stored: Iterable[Stored]) -> list[Table]:
    """The leaderboard of each pool as a table for a terminal; records with a fault are left out."""
    return [sheets.terminal_table(b) for b in boards(s for s in stored if not fault(s.record))]


@without_collection()
def build(
    records_root: Path,
    out: Path,
    *,
    benchmark: str | None = None,
    scenario: str | None = None,
    budget: Budget | str | None = None,
    figures: bool = False,
    tell: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write the pages of the records under `records_root`; returns their paths.

    A filter leaves out pages, and with any filter the index stays as it is. ValueError names the
    filter that left nothing. figures: draw them too; a page shows the figures that lie beside it.
    tell: is given a sentence about each file that is left out.
    """
    evidence = read(records_root)
    for sentence in sorted(evidence.damaged.values()):
        if tell is not None:
            tell(f"left out {sentence}")
    chosen = select(evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget)
    if not chosen:
        raise ValueError(f"there must be records in {records_root}, found none")
    filtered = (benchmark, scenario, budget) != (None, None, None)
    folders = pages.Folders(records_root, out)
    drawn = draw(chosen, out) if figures else []
    texts = render(Evidence(tuple(chosen), evidence.damaged), folders)
    if filtered:
        texts.pop(INDEX)
    for name, text in texts.items():
        write_atomically(out / name, text)
    return [*(out / name for name in texts), *drawn]


def draw(stored: Iterable[Stored], out: Path) -> list[Path]:
    """Draw the figures of each leaderboard beside its page, as SVG and PNG; returns their paths."""
    from bench import board_figures  # seaborn, which no page and no check of one needs

    written = []
    for name, group in _by_page(stored).items():
        for number, board in enumerate(group):
            for figure, drawn in board_figures.figures(board):
                path = out / pages.figure_path(name, figure, number)
                path.parent.mkdir(parents=True, exist_ok=True)
                board_figures.save(drawn, path, drawn_from=pages.stamp(board))
                written += [path.with_name(f"{path.name}{kind}") for kind in (".svg", ".png")]
    return written


def verify(leaderboards_root: Path) -> list[str]:
    """How the pages differ from what the records under `records/` give, and what is no record.

    Empty if all is well.

    The folder of a paper has records and a check of its own, `bench.reproduce.verify`.
    """
    records_root = leaderboards_root / "records"
    evidence = read(records_root)
    texts = render(evidence, pages.Folders(records_root, leaderboards_root))
    found = {
        path.relative_to(leaderboards_root)
        for pattern in ("*/*.md", "*/*.csv", "*/*.tex", str(INDEX))
        for path in leaderboards_root.glob(pattern)
        if path.relative_to(leaderboards_root).parts[0] not in ("records", *PAPERS)
    }
    if not any(leaderboards_root.glob("*/*")):
        return [f"{leaderboards_root} must hold pages or records, found none"]
    if found and not records_root.is_dir():
        return [f"{records_root} must hold the records behind the pages, found no folder there"]
    differences = [f"records/{evidence.damaged[path]}" for path in sorted(evidence.damaged)]
    differences += [
        f"{name.as_posix()}: no record in {records_root} gives this page"
        for name in sorted(found - texts.keys())
    ]
    for name, text in sorted(texts.items()):
        if name.suffix == ".md":
            differences += _figures_apart(leaderboards_root / name, text)
        differences += difference(leaderboards_root, name, text)
    return differences


def _figures_apart(page: Path, text: str) -> list[str]:
    """Figures beside a page that it does not show, or of which it shows a file that is missing."""
    found = []
    for figure in FIGURES:
        every = page.parent.glob(f"{page.stem}-{figure}*.svg")  # a second table's end in -2
        for path in sorted(every):
            name = f"{page.parent.name}/{path.name}"
            if f"({link(Path(path.name))})" not in text:
                found.append(
                    f"{name}: drawn from other records than its page's; draw it again with "
                    "--figures, or delete it"
                )
            elif not path.with_suffix(".png").is_file():
                found.append(f"{name}: the PNG that belongs to it is missing")
    return found


def select(
    stored: Iterable[Stored],
    *,
    benchmark: str | None = None,
    scenario: str | None = None,
    budget: Budget | str | None = None,
) -> list[Stored]:
    """The records that pass every filter; ValueError names the filter that left none.

    budget: in any unit and on any clock: `10m` finds `600s`.
    """
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    left = list(stored)
    left = _filter(left, "benchmark", benchmark, lambda item: item.record.config.benchmark)
    left = _filter(left, "scenario", scenario, lambda item: item.record.config.scenario)
    wanted = None if budget is None else str(budget)
    return _filter(left, "budget", wanted, lambda item: str(item.record.config.budget))


def render(evidence: Evidence, folders: pages.Folders) -> dict[Path, str]:
    """Every page as text by its path in the folder of pages; nothing for no records."""
    by_page = _by_page(evidence.stored)
    texts = {}
    for name, group in by_page.items():
        damaged = _damaged_beside(group, evidence.damaged)
        page = folders.pages / name
        texts[name.with_name(f"{name.name}.md")] = pages.page_markdown(
            group, damaged, page=page, folders=folders
        )
        texts[name.with_name(f"{name.name}.csv")] = sheets.page_csv(group, page=page)
        texts[name.with_name(f"{name.name}.tex")] = latex.page_tex(group)
    if texts or evidence.damaged:
        listed = [(name.with_name(f"{name.name}.md"), group) for name, group in by_page.items()]
        left_out = [evidence.damaged[path] for path in sorted(evidence.damaged)]
        texts[INDEX] = index_page.index_markdown(listed, left_out, folders=folders)
    return texts


def _by_page(stored: Iterable[Stored]) -> dict[Path, list[Leaderboard]]:
    """The leaderboards of each page, in order."""
    by_page: dict[Path, list[Leaderboard]] = {}
    for board in boards(stored):
        by_page.setdefault(_page(board), []).append(board)
    return dict(sorted(by_page.items()))


def _page(board: Leaderboard) -> Path:
    """`<benchmark>/<scenario>-<budget>`, without a suffix."""
    key = board.key
    return Path(slug(key.benchmark)) / f"{key.scenario}-{budget_text(key)}"


def _damaged_beside(group: Sequence[Leaderboard], damaged: dict[Path, str]) -> list[str]:
    """The damaged files in the folders of a page's benchmark and scenario."""
    cells = {item.path.parent.parent.name for board in group for item in board.records}
    return [damaged[path] for path in sorted(damaged) if cells.intersection(path.parent.parts)]


def _filter(
    stored: list[Stored], name: str, wanted: str | None, value: Callable[[Stored], str]
) -> list[Stored]:
    if wanted is None:
        return stored
    left = [item for item in stored if value(item) == wanted]
    if not left:
        known = ", ".join(sorted({value(item) for item in stored})) or "none"
        raise ValueError(f"no records are left by {name} {wanted!r}; there are: {known}")
    return left


def difference(root: Path, name: Path, expected: str) -> list[str]:
    """How a page differs from what its records give: in a line, the first, or as a file.

    name: of the page under `root`, in the sentence as well. No link is followed: a page that is not
    as it should be is quoted.
    """
    path, shown = root / name, name.as_posix()
    if not os.path.lexists(path):
        return [f"{shown}: the records give this page, but it is missing"]
    linked = any((root / parent).is_symlink() for parent in name.parents[:-1])
    if linked or not stat.S_ISREG(path.lstat().st_mode):
        return [f"{shown}: must be a plain file, no link, folder or pipe"]
    written = path.read_bytes().decode("utf-8", errors="replace")
    lines = zip_longest(written.split("\n"), expected.split("\n"))
    for number, (have, want) in enumerate(lines, start=1):
        if have != want:
            said, given = ("nothing" if text is None else repr(text) for text in (have, want))
            return [f"{shown}, line {number}: the page says {said}, the records give {given}"]
    return []

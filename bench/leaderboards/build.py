"""From a folder of records to leaderboard pages, and whether the pages agree with the records.

What may be compared is in `bench.ranking.pools`, the numbers of one run in
`bench.ranking.scores`, the order in `bench.ranking.rank`, and the text in
`bench.leaderboards.page` and `bench.leaderboards.csv_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.table import Table

from bench.config.budget import Budget
from bench.formatting.markdown import link
from bench.formatting.numbers import shortened
from bench.formatting.page_check import difference
from bench.leaderboards import columns_page, csv_table, index, latex_table, page, terminal_table
from bench.leaderboards.fading_table import FIGURE, fading_path, fading_stamp
from bench.leaderboards.page import FIGURES
from bench.ranking.admission import Evidence, read, rejection_reason, select
from bench.ranking.fading import fading
from bench.ranking.leaderboard import Leaderboard
from bench.ranking.pools import budget_text
from bench.ranking.rank import rank_all
from bench.records.collection import without_collection
from bench.records.parallel import parallel_map
from bench.records.store import (
    Stored,
    slug,
    write_atomically,
)

INDEX, COLUMNS = Path("INDEX.md"), Path("COLUMNS.md")
SYNCED_AT_ONCE = 16
"""Pages that are written at a time: a disk that syncs them together takes a third of the time."""


def tables(stored: Iterable[Stored]) -> list[Table]:
    """The leaderboard of each pool as a table for a terminal; rejected records are left out."""
    return [
        terminal_table.terminal_table(b)
        for b in rank_all(s for s in stored if not rejection_reason(s.record))
    ]


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

    A filter leaves out pages, and with any filter the index and the columns stay as they are.

    Args:
        figures: draw them too; a page shows the figures that lie beside it.
        tell: is given a sentence about each file that is left out.

    Raises:
        ValueError: names the filter that left nothing.
    """
    evidence = read(records_root)
    if evidence.damaged and tell is not None:
        tell(f"left out {shortened(evidence.damaged.values())}")
    chosen = select(evidence.stored, benchmark=benchmark, scenario=scenario, budget=budget)
    if not chosen:
        raise ValueError(f"there must be records in {records_root}, found none")
    filtered = (benchmark, scenario, budget) != (None, None, None)
    folders = page.Folders(records_root, out)
    drawn = draw(chosen, out) if figures else []
    texts = render(Evidence(tuple(chosen), evidence.damaged), folders)
    if filtered:
        del texts[INDEX], texts[COLUMNS]
    paths = [out / name for name in texts]
    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        list(pool.map(write_atomically, paths, texts.values()))
    return [*paths, *drawn]


def draw(stored: Iterable[Stored], out: Path) -> list[Path]:
    """Draw the figures of each leaderboard beside its page, as SVG and PNG; returns their paths."""
    from bench.formatting import plotting  # seaborn, which no page and no check of one needs
    from bench.leaderboards import figures
    from bench.leaderboards.fading_figure import fading_figure

    written = []
    by_page = _by_page(stored)
    for one in fading([leaderboard for group in by_page.values() for leaderboard in group]):
        path = out / fading_path(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        plotting.save(fading_figure(one), path, drawn_from=fading_stamp(one))
        written += _both(path)
    for name, group in by_page.items():
        for number, leaderboard in enumerate(group):
            for figure, drawn in figures.figures(leaderboard):
                path = out / page.figure_path(name, figure, number)
                path.parent.mkdir(parents=True, exist_ok=True)
                plotting.save(drawn, path, drawn_from=page.stamp(leaderboard, figure))
                written += _both(path)
    return written


def _both(path: Path) -> list[Path]:
    """The files of a figure."""
    return [path.with_name(f"{path.name}{kind}") for kind in (".svg", ".png")]


def verify(leaderboards_root: Path) -> list[str]:
    """How the pages differ from what the records under `records/` give, and what is no record.

    Empty if they agree.

    A folder that has records of its own has a check of its own: `bench.papers.reproduce.verify`.
    """
    records_root = leaderboards_root / "records"
    evidence = read(records_root)
    texts = render(evidence, page.Folders(records_root, leaderboards_root))
    found = {
        path.relative_to(leaderboards_root)
        for pattern in ("*/*.md", "*/*.csv", "*/*.tex", str(INDEX), str(COLUMNS))
        for path in leaderboards_root.glob(pattern)
        if path.parent != records_root and not (path.parent / "records").is_dir()
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
        if name == INDEX:
            drawn = sorted(leaderboards_root.glob(f"*/*-{FIGURE}.svg"))
            differences += _not_shown(drawn, text, leaderboards_root)
        elif name.suffix == ".md":
            differences += _figures_apart(leaderboards_root / name, text)
        differences += difference(leaderboards_root, name, text)
    return differences


def _figures_apart(page: Path, text: str) -> list[str]:
    """Figures beside a page that it does not show, or of which it shows a file that is missing."""
    # a second table's end in -2
    drawn = [sorted(page.parent.glob(f"{page.stem}-{figure}*.svg")) for figure in FIGURES]
    return _not_shown([path for own in drawn for path in own], text, page.parent)


def _not_shown(drawn: Iterable[Path], text: str, folder: Path) -> list[str]:
    """Figures that a page in `folder` does not show, or of which a file is missing."""
    found = []
    for path in drawn:
        name = f"{path.parent.name}/{path.name}"
        if f"({link(path.relative_to(folder))})" not in text:
            found.append(
                f"{name}: drawn from other records than its page's; draw it again with "
                "--figures, or delete it"
            )
        elif not path.with_suffix(".png").is_file():
            found.append(f"{name}: the PNG that belongs to it is missing")
    return found


def render(evidence: Evidence, folders: page.Folders) -> dict[Path, str]:
    """Every page as text by its path in the folder of pages; nothing for no records."""
    by_page = _by_page(evidence.stored)
    made = parallel_map(
        lambda name: _texts(name, by_page[name], evidence.damaged, folders),
        list(by_page),
        records=len(evidence.stored),
    )
    texts = {name: text for own in made for name, text in own.items()}
    if texts or evidence.damaged:
        listed = [(name.with_name(f"{name.name}.md"), group) for name, group in by_page.items()]
        left_out = [evidence.damaged[path] for path in sorted(evidence.damaged)]
        texts[INDEX] = index.index_markdown(listed, left_out, folders=folders)
        texts[COLUMNS] = columns_page.columns_markdown(folders)
    return texts


def _texts(
    name: Path, group: Sequence[Leaderboard], damaged: dict[Path, str], folders: page.Folders
) -> dict[Path, str]:
    """The files of one page: Markdown, the links to its records, CSV and LaTeX."""
    path, beside = folders.pages / name, _damaged_beside(group, damaged)
    return {
        name.with_name(f"{name.name}.md"): page.page_markdown(
            group, beside, page=path, folders=folders
        ),
        page.records_page(name): page.records_markdown(group, page=path),
        name.with_name(f"{name.name}.csv"): csv_table.page_csv(group, page=path),
        name.with_name(f"{name.name}.tex"): latex_table.page_tex(group),
    }


def _by_page(stored: Iterable[Stored]) -> dict[Path, list[Leaderboard]]:
    """The leaderboards of each page, in order."""
    by_page: dict[Path, list[Leaderboard]] = {}
    for leaderboard in rank_all(stored):
        by_page.setdefault(_page(leaderboard), []).append(leaderboard)
    return dict(sorted(by_page.items()))


def _page(leaderboard: Leaderboard) -> Path:
    """`<benchmark>/<scenario>-<budget>`, without a suffix."""
    key = leaderboard.key
    return Path(slug(key.benchmark)) / f"{key.scenario}-{budget_text(key)}"


def _damaged_beside(group: Sequence[Leaderboard], damaged: dict[Path, str]) -> list[str]:
    """The damaged files in the folders of a page's benchmark and scenario."""
    cells = {item.path.parent.parent.name for leaderboard in group for item in leaderboard.records}
    return [damaged[path] for path in sorted(damaged) if cells.intersection(path.parent.parts)]

"""Leaderboards as Markdown pages. Text in, text out; of files only whether a figure is there."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.conditions import Conditions
from bench.config.reference_values import frozen_weights
from bench.formatting.markdown import (
    escape,
    files_left_out,
    link,
    one_line,
    record_link,
    table,
)
from bench.formatting.numbers import SCENARIO_NAMES, percent, relative
from bench.formatting.templates import template
from bench.leaderboards.column import Table
from bench.leaderboards.columns import columns_of
from bench.leaderboards.markdown_table import gains_table, rows_table
from bench.leaderboards.sentences import leads, reading
from bench.leaderboards.without_inputs import facts_without_inputs
from bench.ranking.leaderboard import Leaderboard
from bench.ranking.pools import PoolKey, Seed, budget_text, differences, differing_fields, seed_text
from bench.ranking.tuning_gain import gains
from bench.records.schema import Calibration
from bench.records.store import Stored

FIGURES = {
    "weights": "Capacity against final average accuracy; the lines are of equal score",
    "time": "Accuracy on the experiences so far over the charged budget",
    "matrix": "Accuracy after each experience on each experience",
    "forgetting": "Forgetting of each experience",
    "seconds": "Where the budget went: charged seconds by kind",
    "claimed": "Matrices and kernels in use after each experience",
    "tuning": "What tuning moved: accuracy at the defaults, and tuned",
}
"""Caption of each figure of a leaderboard, by the name that ends its file's."""
HEADLINE = "weights"
"""The figure that stands above the ranking."""
SECTIONS: dict[Table, str] = {
    "sizes": "Weights, capacity and memory",
    "learning": "Learning and forgetting, in percent",
    "shares": "Accuracy within a share of the weights, in percent",
    "needed": "Weights that an accuracy takes, in percent",
    "cost": "Cost: charged seconds by kind",
    "sources": "Families, and what was compared with a paper",
    "chosen": "What the search chose",
}
"""Title of each table below the ranking."""
OF_FRONTS: tuple[Table, ...] = ("shares", "needed")
"""Tables that show the fronts of strategies with several configurations as well."""
TEMPLATE = Path(__file__).with_name("page.md.jinja")


@dataclass(frozen=True)
class Folders:
    """Where the records lie and where the pages go; pages name the one as seen from the other."""

    records: Path
    pages: Path

    @property
    def out(self) -> str:
        """The records as `--out`, seen from the folder that holds the pages' folder."""
        return shlex.join(["--out", self._seen(self.records)])

    @property
    def command(self) -> str:
        """What makes the pages, to be run in the folder that holds the pages' folder."""
        pages = shlex.join(["--pages", self._seen(self.pages)])
        return f"python -m bench leaderboard {self.out} {pages}"

    def _seen(self, folder: Path) -> str:
        return Path(os.path.relpath(folder, self.pages.absolute().parent)).as_posix()


def page_markdown(
    leaderboards: Sequence[Leaderboard], damaged: Sequence[str], *, page: Path, folders: Folders
) -> str:
    """One page, with a part for each pool.

    Args:
        leaderboards: the pools of one benchmark, scenario and budget.
        damaged: sentences about files left out.
        page: where it will lie, for its links.
        folders: of the records and the pages, for its commands.
    """
    key, keys = leaderboards[0].key, [leaderboard.key for leaderboard in leaderboards]
    names = differing_fields(keys)
    parts = []
    for number, leaderboard in enumerate(leaderboards):
        title = ", ".join(_condition(leaderboard.key, name) for name in names)
        part = _part(leaderboard, len(damaged), page, folders)
        figures = _figures(leaderboard, page, number)
        parts.append(
            {
                **part,
                "title": title,
                "headline": [figure for figure in figures if figure[2] == HEADLINE],
                "figures": [figure for figure in figures if figure[2] != HEADLINE],
            }
        )
    return template(TEMPLATE).render(
        key=key,
        scenario=SCENARIO_NAMES[key.scenario],
        budget=budget_text(key),
        tuning="tuned" if key.tuned else "not tuned",
        command=folders.command,
        differences=differences(keys) if len(keys) > 1 else "",
        parts=parts,
        records=link(Path(records_page(page).name)),
        left_out=files_left_out(damaged),
    )


def _condition(key: PoolKey, name: str) -> str:
    """What tells one table of a page from the others: `model mlp`."""
    if name == "tuned":
        return "tuned by a search" if key.tuned else "not tuned"
    return f"{name} {getattr(key, name)}"


def records_page(page: Path) -> Path:
    """Where the links to the records of a page lie."""
    return page.with_name(f"{page.name}-records.md")


def records_markdown(leaderboards: Sequence[Leaderboard], *, page: Path) -> str:
    """The records behind each row of a page, seed by seed.

    Args:
        leaderboards: the pools of one benchmark, scenario and budget.
        page: where it will lie, for its links.
    """
    key = leaderboards[0].key
    parts = [
        "\n".join(table(["strategy", "records, by seed"], _record_rows(one, page)))
        for one in leaderboards
    ]
    title = f"{key.benchmark}, {SCENARIO_NAMES[key.scenario]}, {budget_text(key)}: records"
    return "\n\n".join([f"# {escape(title)}", *parts]) + "\n"


def _record_rows(leaderboard: Leaderboard, page: Path) -> list[list[str]]:
    return [
        [
            escape(row.name),
            " ".join(
                record_link(seed_text(seed), item.record.status, item.path, page)
                for seed, item in row.runs.items()
            ),
        ]
        for row in leaderboard.every_row
    ]


def _part(
    leaderboard: Leaderboard, damaged: int, page: Path, folders: Folders
) -> dict[str, object]:
    rows = leaderboard.every_row
    tables = [
        (title, rows_table(name, leaderboard, fronts=name in OF_FRONTS))
        for name, title in SECTIONS.items()
        if rows and columns_of(name, rows)
    ]
    if found := gains(leaderboard):
        tables.append(("What tuning moved, in percent", gains_table(found)))
    failures = [i for row in rows for i in row.runs.values() if i.record.status != "ok"]
    return {
        "headline_sentence": leads(leaderboard),
        "conditions": _conditions(leaderboard, damaged),
        "ranking": rows_table("ranking", leaderboard) if rows else "",
        "reading": reading(leaderboard),
        "tables": tables,
        "missing": [
            {"command": one_line(f"{c.command} {folders.out}"), "reasons": one_line(_why(c.seeds))}
            for c in leaderboard.missing
        ],
        "attempts": [
            ("Failed runs, which count as worst", [_attempt(i, page) for i in failures]),
            ("Attempts that do not count", [_attempt(i, page) for i in leaderboard.uncounted]),
        ],
    }


def figure_path(page: Path, figure: str, number: int) -> Path:
    """Where a figure of the `number`th leaderboard of a page lies, without a suffix."""
    return page.with_name(f"{page.name}-{figure}{f'-{number + 1}' if number else ''}")


def stamp(leaderboard: Leaderboard, figure: str = "") -> str:
    """What a figure carries of the records that it was drawn from: a hash of their files.

    That of tuning was drawn from those at the defaults as well.
    """
    compared = leaderboard.defaults if figure == "tuning" else None
    beside = compared.records if compared else ()
    records = (*leaderboard.records, *beside)
    every = sorted(hashlib.sha256(i.path.read_bytes()).hexdigest() for i in records)
    return f"records {hashlib.sha256(' '.join(every).encode()).hexdigest()[:16]}"


def _figures(leaderboard: Leaderboard, page: Path, number: int) -> list[tuple[str, str, str]]:
    """File, caption and name of the figures beside the page that were drawn from its records."""
    paths = {f: page.with_name(f"{figure_path(page, f, number).name}.svg") for f in FIGURES}
    plain = {f: path for f, path in paths.items() if path.is_file() and not path.is_symlink()}
    own = stamp(leaderboard) if plain else ""
    both = stamp(leaderboard, "tuning") if "tuning" in plain else ""
    return [
        (link(Path(path.stem)), _caption(leaderboard, figure), figure)
        for figure, path in plain.items()
        if (both if figure == "tuning" else own)
        in path.read_text(encoding="utf-8", errors="replace")
    ]


def _caption(leaderboard: Leaderboard, figure: str) -> str:
    if figure == HEADLINE and leaderboard.nights:
        return FIGURES[figure].replace("final average accuracy", "accuracy by day")
    return FIGURES[figure]


def _conditions(leaderboard: Leaderboard, damaged: int) -> str:
    every = {**facts(leaderboard), "damaged files left out": str(damaged)}
    return "\n".join(table(["", ""], [[name, escape(value)] for name, value in every.items()]))


def facts(leaderboard: Leaderboard) -> dict[str, str]:
    """What the numbers of a leaderboard hold for, in words by name; not escaped."""
    key, bounds = leaderboard.key, leaderboard.bounds
    environments = [item.record.environment for item in leaderboard.records]
    commits = {f"{e.commit}{' modified' if e.dirty else ''}" for e in environments if e.commit}
    statuses = Counter(item.record.status for item in leaderboard.records)
    failed = sum(row.failed for row in leaderboard.every_row)
    joint = "frozen for this version" if bounds.frozen else "1, as none is frozen for this version"
    found = {
        "benchmark": f"{key.benchmark}, version {key.benchmark_version or 'unknown'}",
        "scenario": SCENARIO_NAMES[key.scenario],
        "model": key.model,
        "budget": f"{key.budget} for the whole stream, clock {key.clock}",
        "allocation": "",  # its line stands before the one of the hyper-parameters
        **({"hyper-parameters of every row": leaderboard.common} if leaderboard.common else {}),
        **_conditions_told(key),
        "machine": "; ".join(sorted({_machine(e.fingerprint, e.machine) for e in environments})),
        "data": key.data_hash or "unknown",
        "ruleset": key.ruleset,
        "code": ", ".join(sorted(commits)) or "unknown",
        "records": f"{len(leaderboard.records)}: "
        + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())),
        "failed runs that count": str(failed),
        "accuracy bounds": f"chance {percent(bounds.chance)} %, joint "
        f"{percent(bounds.joint)} % ({joint})",
    }
    found |= facts_without_inputs(leaderboard)
    weights = frozen_weights(key.benchmark, key.benchmark_version, key.scenario, key.model)
    found["weights of the model"] = (
        f"{weights[0]:,}, of them {weights[1]:,} in matrices and kernels (frozen for this version)"
        if weights
        else "as each run counts them, as none are frozen for this version"
    )
    if speeds := {_speed(e.calibration) for e in environments if e.calibration is not None}:
        found["reference speed, never ranked"] = "; ".join(sorted(speeds))
    return found


def _conditions_told(key: Conditions) -> dict[str, str]:
    """The lines of the conditions, each by its title."""
    told: dict[str, list[str]] = {}
    for name, field in Conditions.model_fields.items():
        value = getattr(key, name)
        if isinstance(value, tuple):
            parts = list(value)
        else:
            parts = [f"{percent(value)} %" if isinstance(value, float) else str(value)]
        if parts and field.title:
            told.setdefault(field.title, []).extend(parts)
    return {title: ", ".join(parts) for title, parts in told.items()}


def _speed(found: Calibration) -> str:
    return f"{found.steps_per_second:.0f} steps/s, noise {percent(found.noise, 2)} %"


def _attempt(item: Stored, page: Path) -> str:
    record = item.record
    seed = seed_text((record.config.base_seed, record.config.repetition))
    what = f"{record.config.strategy}, seed {seed}, attempt {record.attempt}: {record.status}"
    told = [record.reason] if record.reason else []
    if record.status == "overrun" and record.cost is not None:
        told.append(f"{percent(record.cost.charged / record.config.budget.amount)} % of it")
    reason = f" ({escape(', '.join(told))})" if told else ""
    return f"[{escape(what)}]({link(relative(item.path, page))}){reason}"


def _why(seeds: Iterable[tuple[Seed, str]]) -> str:
    return ", ".join(f"seed {seed_text(seed)}: {reason}" for seed, reason in seeds)


def _machine(fingerprint: str, facts: dict[str, str | int | None]) -> str:
    told = ", ".join(
        f"{name} {value}" for name, value in sorted(facts.items()) if value is not None
    )
    return f"{fingerprint} ({told})" if told else fingerprint

"""The page of a study: what was searched, what it cost, what it found. Trials in, text out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment
from rich.markup import escape as rich_escape
from rich.table import Table

from bench.config.catalogue import find_benchmark
from bench.formatting.markdown import escape, table
from bench.formatting.numbers import percent
from bench.study.results import best, drawn
from bench.study.space import sentences
from bench.study.study import Study
from bench.study.trials import Trial

Rows = list[list[str]]

CAPTIONS = {
    "front": "Weights used against accuracy on held-out data: every trial, and the Pareto front",
    "history": "What the search had found after each trial",
    "importances": "How much each hyper-parameter tells about a result, by PED-ANOVA",
    "marginals": "Error on held-out data against each hyper-parameter, the others averaged over "
    "the space by a random forest; the band holds 95 % of its trees, crosses are trials",
    "contour": "Error on held-out data over the two most telling ranges, the others averaged over "
    "the space by a random forest; dots are trials",
}
"""Name and caption of each figure."""


@dataclass(frozen=True)
class Page:
    """What both forms of the page say.

    Attributes:
        figures: caption by name.
        lists: sentences by heading.
    """

    title: str
    facts: list[str]
    header: list[str]
    rows: Rows
    figures: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)


def page_of(study: Study, trials: Sequence[Trial]) -> Page:
    """The page of these trials."""
    reasons = Counter(trial.reason for trial in trials if trial.reason)
    header, rows = found(study, trials)
    return Page(
        title=f"Study of {study.strategy} on {study.benchmark}, {study.scenario}-incremental",
        facts=facts(study, trials),
        header=header,
        rows=rows,
        figures={name: CAPTIONS[name] for name in drawn(study, trials)},
        lists={
            "Searched": sentences(study.searched()),
            "Failed": [f"{count} x {reason}" for reason, count in reasons.most_common()],
        },
    )


def facts(study: Study, trials: Sequence[Trial]) -> list[str]:
    """What was searched, and what that cost."""
    states = Counter(trial.state for trial in trials)
    counts = ", ".join(f"{states[s]} {s}" for s in ("done", "stopped", "failed") if states[s])
    fixed = ", ".join(f"{n}={v}" for n, v in sorted(study.hyperparameters.items()))
    runs = f"{study.seeds} seeds a trial" if study.seeds > 1 else "one seed a trial"
    spent = [
        f"Trials: {len(trials)} ({counts})." if trials else "No trial is done yet.",
        f"The search charged {amount(study, cost(trials))} in all, its stopped and failed trials "
        "included; a trial has "
        f"{study.run_budget}{'' if study.seeds == 1 else ' for each seed'}.",
    ]
    if study.experiences:
        known = find_benchmark(study.benchmark).length
        spent.append(
            f"Trials see the first {study.experiences} of {known} experiences and have as much of "
            f"the {study.budget} of a whole stream, so that each experience has the same share."
        )
    if study.total_budget:
        spent.append(f"Search and one final run had to stay within {study.total_budget}.")
    shown = f" Fixed: {fixed}." if fixed else ""
    return [
        f"Model {study.model}, {runs}, judged on {percent(study.validation, 0)} % of the training "
        f"data, held out; the test stream was never looked at.{shown}",
        *spent,
    ]


def cost(trials: Sequence[Trial]) -> float:
    """Charged by all trials, in the budget's unit."""
    return math.fsum(trial.charged for trial in trials)


def amount(study: Study, charged: float) -> str:
    """`1234 s`, or with hours beside."""
    if study.run_budget.clock == "steps":
        return f"{charged:,.0f} steps"
    hours = f" ({charged / 3600:.1f} h)" if charged >= 3600 else ""
    return f"{charged:,.0f} s{hours}"


def found(study: Study, trials: Sequence[Trial]) -> tuple[list[str], Rows]:
    """The best point or the Pareto front as a table: header and rows."""
    names = list(study.searched())
    header = ["trial", "accuracy on held-out data, %", "weights used, %", *names]
    rows = [
        [
            str(trial.number),
            percent(trial.accuracy, 2),
            percent(trial.weights, 2),
            *(_shown(trial.chosen[name]) for name in names),
        ]
        for trial in best(study, trials)
    ]
    return header, rows


def markdown(page: Page) -> str:
    """The page for a repository."""
    lines = [f"# {escape(page.title)}", "", *(f"- {escape(fact)}" for fact in page.facts)]
    lines += ["", "## Found", "", *table([escape(h) for h in page.header], _escaped(page.rows))]
    for name, caption in page.figures.items():
        lines += [
            "",
            f"![{escape(caption)}]({name}.svg)",
            "",
            f"{escape(caption)} ([PNG]({name}.png))",
        ]
    for heading, said in page.lists.items():
        if said:
            lines += ["", f"## {escape(heading)}", "", *(f"- {escape(line)}" for line in said)]
    return "\n".join(lines) + "\n"


def html(page: Page) -> str:
    """The page for a browser; it shows the figures beside it."""
    return Environment(autoescape=True, trim_blocks=True).from_string(_HTML).render(page=page)


def on_screen(header: Sequence[str], rows: Rows) -> Table:
    """A page's table on a screen."""
    shown = Table(box=None, header_style="bold")
    for name in header:
        shown.add_column(rich_escape(name), overflow="fold")
    for row in rows:
        shown.add_row(*map(rich_escape, row))
    return shown


def _escaped(rows: Rows) -> Rows:
    return [[escape(cell) for cell in row] for row in rows]


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{{ page.title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #ddd }
img { max-width: 100%; height: auto }
figure { margin: 2rem 0 }
figcaption { color: #555 }
</style>
<h1>{{ page.title }}</h1>
<ul>
{% for fact in page.facts %}
<li>{{ fact }}</li>
{% endfor %}
</ul>
<h2>Found</h2>
<table>
<tr>{% for name in page.header %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in page.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% for name, caption in page.figures.items() %}
<figure><img src="{{ name }}.svg" alt="{{ caption }}"><figcaption>{{ caption }} (<a
href="{{ name }}.png">PNG</a>)</figcaption></figure>
{% endfor %}
{% for heading, said in page.lists.items() if said %}
<h2>{{ heading }}</h2>
<ul>
{% for line in said %}
<li>{{ line }}</li>
{% endfor %}
</ul>
{% endfor %}
</html>
"""

"""Every column of a leaderboard, declared once: Markdown, CSV, LaTeX, HTML and the documentation
read this list.

A new column is an entry of COLUMNS, which puts it into the CSV table and the documentation, and
its name in each of TABLES that shall show it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from bench.config.budget import KINDS
from bench.formatting.numbers import percent, settings_text
from bench.leaderboards.column import (
    INTERVAL,
    Column,
    Table,
    first_to_last,
    measured,
    numbers,
    percents,
)
from bench.ranking.leaderboard import LEVELS, SHARES, Measure, Row, levels


def _seeds(row: Row, mark: str = "") -> str:
    """The number of runs, and how many of them failed or collapsed."""
    failed = f", {row.failed} failed" if row.failed else ""
    collapsed = row.collapsed - row.failed
    return f"{len(row.runs)}{mark}{failed}{f', {collapsed} collapsed' if collapsed > 0 else ''}"


def _seeds_in_latex(row: Row) -> str:
    return _seeds(row, "$^*$" if row.provisional else "")


def _front(row: Row) -> str:
    rank = row.non_domination_rank
    return "-" if rank is None else f"{rank}{' (front)' if rank == 1 else ''}"


def _ranks(measure: Measure, name: str, title: str, what: str) -> Column:
    """The rank interval by one of MEASURES."""
    return Column(
        name=name, title=title, value=lambda row: row.ranks.get(measure), form=first_to_last,
        csv=("_first", "_last"), source="Mohamad et al. 2022",
        meaning=f"first and last rank that the row may have by {what}: 1 more than the rows surely "
        "better, and all rows less those surely worse, where the paired t-test separates after "
        "Holm over all pairs; the intervals of all rows hold at once, at 95 %",
    )  # fmt: skip


def _metric(name: str, title: str, meaning: str, source: str, *, optional: bool = False) -> Column:
    """The column of one of `bench.stats.metrics.METRICS`: its mean over runs, in percent."""
    return Column(
        name=name, title=title, meaning=meaning, source=source, unit="%", form=percents(),
        value=lambda row: row.mean.metrics[name], optional=optional,
    )  # fmt: skip


def _accuracy_at(i: int, share: float) -> Column:
    at = percent(share, 0)
    return Column(
        name=f"accuracy_at_{at}_percent", title=f"accuracy at {at} % of the weights", unit="%",
        titles={"shares": f"at {at} %"}, form=percents(), value=lambda row: row.attained[i],
        meaning=f"best accuracy among the runs that use at most {at} % of the weights: a step "
        "function; mean over seeds",
    )  # fmt: skip


def _weights_at(i: int, level: float) -> Column:
    at = percent(level, 0)
    return Column(
        name=f"weights_at_{at}_percent_of_joint", title=f"weights for {at} % of joint", unit="%",
        titles={"needed": lambda table: f"for {percent(levels(table.bounds)[i])} %"},
        form=percents(2), value=lambda row: row.needed[i],
        meaning=f"least share of the weights with which a run reaches {at} % of the way from "
        "chance to joint; a dash unless every seed does",
    )  # fmt: skip


SPENT_ON = {
    "train": "minibatches and optimizer",
    "offline": "pruning, sleep, dreaming, retraining",
    "data": "loading and augmenting",
    "hooks": "what runs around the training of an experience, such as importances",
    "validation": "the strategy's own validation",
}


def _seconds(kind: str) -> Column:
    return Column(
        name=f"seconds_{kind}", title=kind, unit="s", form=numbers(".2f"),
        value=lambda row: row.seconds.get(kind, math.nan),
        meaning=f"mean over runs of the seconds charged for {SPENT_ON.get(kind, kind)}",
    )  # fmt: skip


def _charged_by_search(row: Row) -> float:
    charged = max(item.record.config.search_charged for item in row.runs.values())
    return charged or math.nan


def _chosen(row: Row) -> str | None:
    searched = not math.isnan(_charged_by_search(row))
    return settings_text(json.loads(row.configuration.hyperparameters)) if searched else None


COLUMNS: dict[str, Column] = {column.name: column for column in (
    Column(
        name="strategy", title="strategy", value=lambda row: row.configuration.strategy,
        meaning="its name in the registry or its import path",
    ),
    Column(
        name="hyperparameters", title="hyper-parameters",
        value=lambda row: row.configuration.hyperparameters,
        meaning="those that differ from the defaults, as JSON",
    ),
    Column(
        name="resolved", title="all hyper-parameters",
        value=lambda row: row.configuration.resolved, meaning="all of them, as JSON",
    ),
    Column(
        name="label", title="label", value=lambda row: row.label,
        meaning="the strategy with every hyper-parameter that differs from its defaults",
    ),
    Column(
        name="name", title="strategy", value=lambda row: row.name, csv=(),
        meaning="the strategy with what differs from its defaults and between rows; in a tuned "
        "table the word `tuned` instead, and what tells rows of one strategy apart",
    ),
    Column(
        name="ranked", title="ranked", value=lambda row: row.ranked,
        meaning="False for an upper bound, which sees all data at once",
    ),
    _ranks("score", "rank", "rank", "score"),
    _ranks("accuracy", "rank_by_accuracy", "by accuracy", "accuracy"),
    _ranks("memory_score", "rank_by_memory", "by memory", "memory score"),
    Column(
        name="provisional", title="provisional", value=lambda row: row.provisional,
        meaning="whether there are fewer than ten seeds",
    ),
    Column(
        name="non_domination_rank", title="non-domination rank",
        value=lambda row: row.non_domination_rank, shown={"ranking": _front},
        source="Deb et al. 2002",
        meaning="1: no row has fewer weights and more accuracy (no worse in both, better in one); "
        "2: so once those of rank 1 are taken away; and so on, from the row's means as the page "
        "prints them, so that a fraction of one weight puts no row on the front",
    ),
    Column(
        name="p_on_front", title="P(on front)", form=numbers(".2f"),
        value=lambda row: row.on_front, source="this project",
        meaning="share of resamples over seeds in which the row's means lie on the Pareto front",
    ),
    Column(
        name="seeds", title="seeds", value=lambda row: len(row.runs), titles={"latex": "$n$"},
        shown={"ranking": _seeds, "terminal": _seeds, "latex": _seeds_in_latex},
        meaning="number of runs that count, and how many of them failed or collapsed",
    ),
    Column(
        name="failed", title="failed", value=lambda row: row.failed,
        meaning="runs that failed; they count as worst",
    ),
    Column(
        name="collapsed", title="collapsed", value=lambda row: row.collapsed,
        meaning="runs that gained less than half of what the row's median run gained above chance, "
        "failed ones among them",
    ),
    Column(
        name="accuracy", title="accuracy", unit="%", value=lambda row: row.accuracy,
        titles={"learning": "final average accuracy"}, form=percents(), csv=INTERVAL,
        meaning="mean over j of `R[n, j]`; by day and night the mean over days of the share of "
        "right answers before the labels were told, and of numbers the loss of the best rule "
        "without inputs over the sum of that and the own", source="Lopez-Paz & Ranzato 2017",
    ),
    Column(
        name="loss", title="loss", value=lambda row: row.loss, form=numbers(".4g"), csv=INTERVAL,
        optional=True,
        meaning="where numbers are to be estimated: absolute error, in their own unit, mean over "
        "the rows of a day and over days",
    ),
    Column(
        name="weights", title="weights used", unit="%", value=lambda row: row.weights,
        titles={"latex": "weights, %"}, form=percents(2, collapse=True), csv=INTERVAL,
        meaning="weights in use after the last experience, as a share of the model's",
    ),
    Column(
        name="capacity", title="capacity", unit="%", value=lambda row: row.capacity,
        titles={"latex": "capacity, %"}, form=percents(1, collapse=True), csv=INTERVAL,
        source="Kang et al. 2022 (WSN)",
        meaning="bits that it takes to answer for all experiences, 32 for each weight in use and "
        "those of the masks or places, as a share of the dense model's",
    ),
    Column(
        name="score", title="score", value=lambda row: row.score, form=numbers(".3f"),
        csv=INTERVAL, source="this project",
        meaning="headline: expected share of the way from chance to joint accuracy when the "
        "capacity is capped at a size drawn log-uniformly from 1 % to 1000 % of the dense model",
    ),
    Column(
        name="memory_score", title="memory score", value=lambda row: row.memory_score,
        form=numbers(".3f"), csv=INTERVAL, source="this project",
        meaning="the same with memory in place of capacity",
    ),
    Column(
        name="memory", title="memory", unit="bytes", form=numbers(",.0f"),
        value=lambda row: row.mean.memory_bytes,
        meaning="what is kept between experiences to go on learning and answering: the capacity, "
        "stored examples, statistics, teachers and importances",
    ),
    Column(
        name="stored_examples", title="stored examples", form=numbers(",.0f"),
        value=lambda row: row.mean.stored_examples,
        meaning="training examples that it keeps; 0 is exemplar-free, a dash is not counted",
    ),
    Column(
        name="forgetting", title="forgetting", unit="%", value=lambda row: row.forgetting,
        titles={"learning": "forgetting (max minus last)"}, form=percents(), csv=INTERVAL,
        meaning="mean over j < n of `max over i < n of R[i, j]`, minus `R[n, j]`",
        source="Chaudhry et al. 2018",
    ),
    Column(
        name="weights_prunable", title="of prunable", unit="%", form=percents(2),
        value=lambda row: row.mean.weights_prunable,
        meaning="weights used, over weight matrices and kernels only",
    ),
    _metric(
        "average_incremental_accuracy", "average incremental accuracy",
        "mean over i of the mean of `R[i, 1..i]`", "Rebuffi et al. 2017",
    ),
    _metric(
        "backward_transfer", "backward transfer", "mean over j < n of `R[n, j] - R[j, j]`",
        "Lopez-Paz & Ranzato 2017",
    ),
    _metric(
        "forward_transfer", "forward transfer", "mean over i > 1 of `R[i-1, i] - chance`",
        "Lopez-Paz & Ranzato 2017, with chance for the untrained network",
    ),
    _metric(
        "near_future_accuracy", "near-future accuracy",
        "where experiences pass into each other, mean over i > 1 of `R[i-1, i]`: accuracy on what "
        "comes next", "Hammoud et al. 2023", optional=True,
    ),
    _metric(
        "knowledge_loss", "knowledge loss",
        "there, mean over i > 1 of the share of test samples that were right before experience i "
        "and are wrong after it", "Koh et al. 2023, with counts for information",
        optional=True,
    ),
    _metric(
        "knowledge_gain", "knowledge gain",
        "there, mean over i > 1 of the share of test samples that were wrong before experience i "
        "and are right after it", "Koh et al. 2023, with counts for information",
        optional=True,
    ),
    _metric(
        "plasticity", "plasticity", "mean over j of `R[j, j]`",
        "Riemer et al. 2019 (learning accuracy)",
    ),
    _metric("stability", "stability", "mean over j < n of `R[n, j]`", "Sarfraz et al. 2022"),
    _metric(
        "anytime_accuracy", "anytime accuracy",
        "area under the accuracy on the experiences so far over the charged share of the budget: "
        "chance before the first measurement, each measurement held until the next, the last to "
        "the end of the budget", "this project",
    ),
    Column(
        name="charged", title="charged", unit="% of budget", form=percents(),
        titles={"terminal": "charged"}, value=lambda row: row.mean.charged,
        meaning="share of the budget that was charged, mean over runs",
    ),
    Column(
        name="cpu_share", title="CPU share", unit="%", form=percents(),
        value=lambda row: row.mean.cpu_share,
        meaning="CPU seconds over wall seconds times threads: how much of its cores the run "
        "really had",
    ),
    Column(
        name="unaccounted", title="unaccounted", unit="s", csv=(), optional=True,
        form=numbers(".2f"), value=lambda row: row.mean.unaccounted,
        meaning="wall seconds of a run, measured by the process that commands, for which the run "
        "itself does not account: what lies around its training, evaluation and building",
    ),
    Column(
        name="total_parameters", title="total parameters", form=numbers(",.0f"),
        value=lambda row: row.mean.total_parameters,
        meaning="parameters of all networks of the strategy, as the run counts them",
    ),
    Column(
        name="buffer_bytes", title="buffer", unit="bytes", form=numbers(",.0f"),
        value=lambda row: row.mean.buffer_bytes,
        meaning="stored examples, statistics, teachers and importances as the strategy holds them",
    ),
    Column(
        name="stored_bytes", title="stored size", unit="bytes", form=numbers(",.0f"),
        value=lambda row: row.mean.stored_bytes,
        meaning="what must be saved to answer for all experiences, compressed",
    ),
    Column(
        name="family", title="family", value=lambda row: row.family,
        meaning="by what the strategy keeps what it knows: few weights (sparse), nights (sleep), "
        "stored examples (replay), a penalty (regularised), or nothing of these (plain)",
    ),
    Column(
        name="reproduced", title="reproduced?", value=lambda row: row.reproduced or "not compared",
        meaning="whether figures of its paper, or of a public implementation, were reached under "
        "their protocol, and the folder of `leaderboards/` that holds the records",
    ),
    *(_accuracy_at(i, share) for i, share in enumerate(SHARES)),
    *(_weights_at(i, level) for i, level in enumerate(LEVELS)),
    *map(_seconds, KINDS),
    Column(
        name="charged_most", title="most charged", form=percents(),
        value=lambda row: row.most_charged,
        meaning="share of the budget that was charged, largest over runs",
    ),
    Column(
        name="search_charged", title="its search charged", csv=(), optional=True,
        titles=dict.fromkeys(("cost", "chosen"), lambda table: "its search charged, "
                             f"{'steps' if table.key.clock == 'steps' else 's'}"),
        form=numbers(",.0f"), value=_charged_by_search,
        meaning="what the search that chose the row was charged, in the unit of the budget",
    ),
    Column(
        name="chosen", title="hyper-parameters", csv=(), optional=True, value=_chosen,
        meaning="what a search chose, and what it was told to leave as it is",
    ),
)}  # fmt: skip
"""The columns by name, in the order of the CSV table and of the documentation."""

TABLES: dict[Table, tuple[str, ...]] = {
    "ranking": (
        "rank", "name", "score", "accuracy", "loss", "rank_by_accuracy", "capacity",
        "rank_by_memory", "seeds",
    ),
    "sizes": (
        "name", "weights", "weights_prunable", "capacity", "memory", "memory_score",
        "stored_examples", "stored_bytes", "buffer_bytes", "total_parameters",
        "non_domination_rank", "p_on_front",
    ),
    "learning": (
        "name", "accuracy", "average_incremental_accuracy", "anytime_accuracy", "forgetting",
        "near_future_accuracy", "knowledge_loss", "knowledge_gain",
        "backward_transfer", "forward_transfer", "plasticity", "stability",
    ),
    "shares": ("name", "score", *(_accuracy_at(0, share).name for share in SHARES)),
    "needed": ("name", *(_weights_at(0, level).name for level in LEVELS)),
    "cost": (
        "name", "charged", "charged_most", "cpu_share", "unaccounted",
        "search_charged",
        *(_seconds(kind).name for kind in KINDS),
    ),
    "sources": ("name", "family", "reproduced"),
    "chosen": ("name", "chosen", "search_charged"),
    "latex": (
        "rank", "name", "seeds", "score", "accuracy", "loss", "rank_by_accuracy", "forgetting",
        "capacity", "rank_by_memory",
    ),
    "terminal": (
        "rank", "name", "score", "accuracy", "loss", "rank_by_accuracy", "capacity",
        "rank_by_memory", "forgetting", "charged", "seeds",
    ),
}  # fmt: skip
"""The names of the columns of each table, from left to right."""


def columns_of(table: Table, rows: Sequence[Row]) -> list[Column]:
    """The columns of a table of these rows, in order; none if names would be all."""
    found = [COLUMNS[name] for name in TABLES[table]]
    told = [c for c in found if not c.optional or any(measured(c.value(row)) for row in rows)]
    return told if len(told) > 1 else []

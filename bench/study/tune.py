"""Tune: run the same search for every strategy, and write what it found as a suite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.config.conditions import SharedFields
from bench.config.run_config import RULESET, Value
from bench.config.suite import Suite
from bench.config.tuned import Tuned
from bench.formatting.numbers import counted
from bench.records.store import slug
from bench.study import pages, run_study
from bench.study.export import write_suite
from bench.study.folder import Folder, write_page
from bench.study.pages import amount, cost
from bench.study.results import best
from bench.study.run_study import PreparedStudy, SearchOptions
from bench.study.storage import quiet
from bench.study.tuning import Tuning
from bench.study.tuning_page import TunedStrategy, hours, page_of
from strategies.search_space import Range

SEEDS = 10
"""Repetitions of every row of the suite: what a board wants."""


def tune(
    tuning: Tuning, root: Path, suite: Path, options: SearchOptions, console: Console
) -> list[str]:
    """Search every strategy, write the suite of what was found and a page; goes on where one ended.

    Args:
        root: holds a folder for each strategy, with its trials.
        suite: file to write.
        options: the same for all.

    Returns:
        Strategies of which no trial finished, which the suite lacks.

    Raises:
        ValueError: before any run, if one cannot be searched.
    """
    studies = tuning.studies()
    console.print(f"checking {len(studies)} strategies", markup=False)
    with quiet(), options.site(studies.values(), root) as site:
        ready = {
            name: run_study.prepare(study, Folder(root / slug(name)), options, site)
            for name, study in studies.items()
        }
        for each in ready.values():
            _refuse_default_outside(each)
        console.print(plan(list(ready.values()), options), soft_wrap=True, markup=False)
        for each in ready.values():
            run_study.run_prepared(each, options, console)
    from bench.study.tuning_figure import draw

    found = [_found(each) for each in ready.values()]
    page = page_of(found)
    write_page(root, page, draw(found) if page.figures else {})
    console.print(pages.on_screen(page.header, page.rows))
    done = [one for one in found if one.best is not None]
    if done:
        write_suite(suite_of(done), suite, comment=_comment(done, options.command))
        console.print(f"suite: {suite}", soft_wrap=True, markup=False)
    return [one.study.strategy for one in found if one.best is None]


def plan(ready: Sequence[PreparedStudy], options: SearchOptions) -> str:
    """What the searches will charge at most, before any is begun.

    Failed and repeated trials are not foreseen.
    """
    study = ready[0].study
    there = sum(min(len(each.trials), options.trials) for each in ready)
    all_trials = options.trials * len(ready)
    left = all_trials - there
    most = left * study.seeds * study.run_budget.amount
    told = (
        f"{counted(all_trials, 'trial')}: {there} done, {left} to go, which charge at most "
        f"{amount(study, most)}"
    )
    if study.run_budget.clock == "steps":
        return told
    return f"{told}, {hours(most * study.threads)} of training; evaluation comes on top"


def _refuse_default_outside(ready: PreparedStudy) -> None:
    for name, tried in ready.study.searched().items():
        default = ready.defaults[name]
        inside = (
            tried.low <= default <= tried.high  # type: ignore[operator]
            if isinstance(tried, Range)
            else default in tried
        )
        if not inside:
            shown = tried if isinstance(tried, Range) else ", ".join(map(str, tried))
            raise ValueError(
                f"space of {ready.study.strategy} must hold its default, {name}={default}, "
                f"got {shown}"
            )


def _found(ready: PreparedStudy) -> TunedStrategy:
    trials, _ = ready.folder.trials()
    study = ready.study
    default = next((one for one in trials if dict(one.chosen) == dict(ready.defaults)), None)
    return TunedStrategy(study, trials, default, next(iter(best(study, trials)), None))


def suite_of(found: Sequence[TunedStrategy]) -> Suite:
    """The best point of each strategy, to be scored on ten seeds that no trial has seen."""
    study = found[0].study
    points: dict[str, list[dict[str, Value]]] = {
        one.study.strategy: [dict(one.best.chosen)] for one in found if one.best is not None
    }
    conditions = {
        name: getattr(study, name)
        for name in SharedFields.model_fields
        if name not in ("base_seed", "validation")
    }
    model = study.model_on(study.benchmark)
    return Suite(
        **conditions,
        benchmarks=(study.benchmark,),
        scenarios=(study.scenario,),
        strategies=tuple(points),
        budget=study.budget,
        clock=study.clock,
        seeds=SEEDS,
        model=model,
        hyperparameters={
            one.study.strategy: dict(one.study.hyperparameters)
            for one in found
            if one.study.hyperparameters
        },
        points=points,
        tuned=Tuned(
            benchmark=study.benchmark,
            scenario=study.scenario,
            model=model,
            budget=str(study.whole_budget),
            ruleset=RULESET,
            base_seed=study.base_seed,
            objective=study.objectives[0],
            trials=max(len(one.trials) for one in found),
            experiences=study.experiences,
            charged={one.study.strategy: cost(one.trials) for one in found},
        ),
    )


def _comment(found: Sequence[TunedStrategy], command: str) -> list[str]:
    study = found[0].study
    spent = amount(study, sum(cost(one.trials) for one in found))
    return [
        f"What the same search found for every strategy, which charged {spent} in all.",
        command,
        "python -m bench run --suite FILE --out DIR scores it on seeds that no trial has seen.",
    ]

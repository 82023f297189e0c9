"""The chosen points of a study as a suite: scored on test once, on seeds never searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tomli_w

from bench.config.suite import Suite
from bench.formatting.markdown import one_line
from bench.records.store import write_atomically
from bench.study.pages import cost
from bench.study.results import best, chance, most_telling
from bench.study.study import Study
from bench.study.trials import Trial


def suite_of(study: Study, trials: Sequence[Trial], *, seeds: int, most: int) -> Suite:
    """The best point or the front, `most` points of it at most, and the default beside them.

    The default has the fixed hyper-parameters of the study and nothing else. ValueError while
    nothing is done.
    """
    front = most_telling(best(study, trials), most=most, chance=chance(trials))
    if not front:
        raise ValueError("a study must have a finished trial before it can be exported, got none")
    return Suite(
        benchmarks=(study.benchmark,),
        scenarios=(study.scenario,),
        strategies=(study.strategy,),
        budget=study.budget,
        clock=study.clock,
        seeds=seeds,
        model=study.model,
        hyperparameters={study.strategy: dict(study.hyperparameters)},
        points={study.strategy: [{}, *(dict(trial.chosen) for trial in front)]},
        allocation=study.allocation,
        threads=study.threads,
        device=study.device,
        speedups=study.speedups,
        augment=study.augment,
        search_charged=cost(trials),
    )


def write_suite(suite: Suite, path: Path, *, comment: Sequence[str] = ()) -> None:
    """Write the TOML file that `bench run --suite` takes, under lines of comment."""
    fields = suite.model_dump(exclude_none=True, exclude_defaults=True)
    head = "".join(f"# {one_line(line)}\n" for line in comment)
    write_atomically(path, head + tomli_w.dumps(fields))

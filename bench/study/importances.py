"""How much each hyper-parameter tells about a result."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from bench.study.results import LEAST_TRIALS, done
from bench.study.storage import fill, open_index, open_storage
from bench.study.study import Study
from bench.study.trials import Trial


def importances(study: Study, trials: Sequence[Trial]) -> dict[str, dict[str, float]]:
    """Of each hyper-parameter for each objective, summing to 1; empty while trials are few.

    PED-ANOVA, Watanabe et al. 2023: where the best tenth of the trials lies against all of them.
    """
    finished = done(trials)
    if len(finished) < LEAST_TRIALS:
        return {}
    index = open_index(study, open_storage("memory"))
    fill(index, study, finished)
    return {
        objective: _of(index, place, sign=1 if objective == "weights" else -1)
        for place, objective in enumerate(study.objectives)
    }


def _of(index: optuna.Study, place: int, *, sign: int) -> dict[str, float]:
    """sign: -1 for what is to be large, since a target is to be small."""
    return {
        name: float(share)
        for name, share in get_param_importances(
            index,
            evaluator=PedAnovaImportanceEvaluator(),
            target=lambda trial: sign * trial.values[place],
        ).items()
    }

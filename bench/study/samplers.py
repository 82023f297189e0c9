"""Samplers and pruners by name: Optuna's, and one that stops dominated runs of two objectives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

SamplerName = Literal["tpe", "gp", "nsgaii", "random", "grid"]
PrunerName = Literal["none", "median", "hyperband", "wilcoxon", "dominance"]
FIRST_TRIALS = 10
"""Random trials before a model of the space is asked."""
LED_BY = 4
"""Finished trials before their median stops a run that is behind it after an experience."""
BETTER = 5
"""As many finished runs must have been better in both objectives for a run to be stopped."""

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(n_startup_trials=FIRST_TRIALS, seed=seed),
    "gp": lambda seed: GPSampler(n_startup_trials=FIRST_TRIALS, seed=seed),
    "nsgaii": lambda seed: NSGAIISampler(population_size=20, seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
    "grid": lambda seed: RandomSampler(seed=seed),  # every point is put into the queue by hand
}
PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "median": lambda: MedianPruner(n_startup_trials=LED_BY, n_warmup_steps=1),
    "hyperband": HyperbandPruner,
    "wilcoxon": WilcoxonPruner,
    "dominance": NopPruner,  # Optuna prunes none of two objectives: the search asks `dominated`
}


def check_pruner(name: PrunerName, *, objectives: int, seeds: int) -> None:
    """Accept a pruner that can stop a trial of such a study.

    Raises:
        ValueError: if it could never stop one.
    """
    if name in ("median", "hyperband", "wilcoxon") and objectives > 1:
        raise ValueError(f"--pruner {name} needs one objective: --objective accuracy")
    if name == "dominance" and objectives == 1:
        raise ValueError("--pruner dominance needs two objectives: --objective weights,accuracy")
    if name in ("median", "hyperband", "dominance") and seeds > 1:
        raise ValueError(f"--pruner {name} follows one run: --seeds must be 1, got {seeds}")
    if name == "wilcoxon" and seeds < 3:
        raise ValueError(
            f"--pruner wilcoxon compares seeds: --seeds must be 3 or more, got {seeds}"
        )


class PerTrial(BaseSampler):
    """A sampler whose choice depends on the seed, the trial's number and the trials before it.

    So a search that was interrupted goes on as if it had not been, and two processes never draw
    the same numbers.
    """

    def __init__(self, name: SamplerName, seed: int) -> None:
        self._make, self._seed = SAMPLERS[name], seed
        self._sampler = self._make(seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Begin again with the seed of this trial."""
        text = f"{self._seed}/{trial.number}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        self._sampler = self._make(seed)
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """As the sampler itself."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the sampler itself."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """As the sampler itself."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """As the sampler itself."""
        self._sampler.after_trial(study, trial, state, values)


def dominated(
    here: tuple[float, float], experiences: int, paths: Iterable[Sequence[Sequence[float]]]
) -> bool:
    """Whether BETTER finished runs were better after as many experiences.

    Better is no worse in both objectives and better in one.

    Args:
        here: share of weights in use and accuracy now, fractions.
        experiences: how many the run has finished.
        paths: `accuracy_path` of each finished run.
    """
    weights, accuracy = here
    better = 0
    for steps in paths:
        if len(steps) >= experiences:
            own_weights, own_accuracy = steps[experiences - 1]
            no_worse = own_weights <= weights and own_accuracy >= accuracy
            better += no_worse and (own_weights, own_accuracy) != here
    return better >= BETTER

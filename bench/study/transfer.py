"""A search on the first experiences of a stream against one on all: what it lost, what it saved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.formatting import numbers
from bench.formatting.numbers import percent
from bench.ranking.admission import rejection_reason
from bench.records.schema import FINISHED, RunRecord
from bench.stats import hypothesis_tests, intervals
from bench.study.folder import Folder
from bench.study.pages import Page, amount, cost
from bench.study.results import best
from bench.study.study import Study, changed
from bench.study.trials import Trial

HEADER = [
    "search", "trials", "charged", "final accuracy on test, %", "weights used, %", "failed runs",
]  # fmt: skip

LIMITS = [
    "Accuracy is that of the point that was the most accurate on held-out data, on seeds that "
    "neither search has seen; the difference is paired by seed, with its 95 % interval and the "
    "exact sign-flip test.",
    "Each of the two searches was made once. The seeds tell how sure the difference between these "
    "two points is, not what other searches of the same kind would have found.",
    "A large p does not say that nothing was lost: the interval says how much may have been.",
]
"""What the comparison can and cannot tell, in words."""


@dataclass(frozen=True)
class Search:
    """A study, and the runs on the whole stream that scored its most accurate point."""

    study: Study
    trials: list[Trial]
    runs: list[RunRecord]

    @classmethod
    def read(cls, folder: Folder, records: Iterable[RunRecord]) -> Search:
        """The study of a folder and what scored it.

        Raises:
            ValueError: if nothing has.
        """
        study, (trials, _) = folder.study(), folder.trials()
        front = best(study, trials)
        if not front:
            raise ValueError(f"the study in {folder.root} must have a finished trial, got none")
        found = max(front, key=lambda trial: trial.accuracy)
        chosen = {**study.hyperparameters, **found.chosen}
        runs = [
            record
            for record in records
            if record.config.hyperparameters == chosen
            and math.isclose(record.config.search_charged, cost(trials))
            and record.status in FINISHED
            and rejection_reason(record) is None
        ]
        if not runs:
            raise ValueError(
                f"--runs must hold runs of what {folder.root} found, got none: "
                f"python -m bench study export found.toml --out {folder.root}, then "
                "python -m bench run --suite found.toml"
            )
        return cls(study, trials, runs)

    @property
    def accuracies(self) -> dict[int, float]:
        """Final average accuracy on test by repetition; a run that failed has that of chance."""
        chance = next((r.outcome.chance for r in self.runs if r.outcome is not None), 0.0)
        return {r.config.repetition: _accuracy(r, chance) for r in self.runs}

    @property
    def weights(self) -> float:
        """Mean share of the weights in use; a run that failed uses all."""
        last = [r.weights[-1] for r in self.runs if r.status == "ok"]
        used = math.fsum(counted.used / counted.total for counted in last)
        return (used + self.failed) / len(self.runs)

    @property
    def failed(self) -> int:
        """Runs that failed."""
        return sum(record.status != "ok" for record in self.runs)


def page_of(short: Search, whole: Search, damaged: Sequence[str] = ()) -> Page:
    """The page of both.

    Args:
        damaged: a sentence for each record that could not be read.

    Raises:
        ValueError: unless they differ in `experiences` alone.
    """
    _check(short.study, whole.study)
    return Page(
        title=f"Searching {short.study.strategy} on the first {short.study.experiences} "
        f"experiences of {short.study.benchmark}, {short.study.scenario}-incremental",
        facts=[lost(short, whole), saved(short, whole)],
        header=HEADER,
        rows=[
            _row(f"first {short.study.experiences} experiences", short),
            _row("whole stream", whole),
        ],
        lists={"What this can and cannot tell": LIMITS, "Left out": list(damaged)},
    )


def lost(short: Search, whole: Search) -> str:
    """The difference in final accuracy, in words."""
    seeds = sorted(short.accuracies.keys() & whole.accuracies.keys())
    first, second = ([s.accuracies[seed] for seed in seeds] for s in (short, whole))
    if not seeds:
        return "Both were scored on no common seed, so nothing can be said of the difference."
    found = intervals.mean_interval([a - b for a, b in zip(first, second, strict=True)], (-1, 1))
    p = hypothesis_tests.paired_sign_flip(first, second, rng=intervals.generator())
    return (
        f"Final accuracy of the short search less that of the whole one: "
        f"{numbers.points(found)} points over {len(seeds)} paired seeds, p = {p:.2g}."
    )


def saved(short: Search, whole: Search) -> str:
    """What the short search cost less, in words."""
    spent, most = cost(short.trials), cost(whole.trials)
    return (
        f"It charged {amount(short.study, spent)} instead of {amount(whole.study, most)}: "
        f"{percent(1 - spent / most, 0)} % saved, with {len(short.trials)} and "
        f"{len(whole.trials)} trials."
    )


def _check(short: Study, whole: Study) -> None:
    if short.experiences is None or whole.experiences is not None:
        raise ValueError(
            "the first study must be of some experiences and the second of the whole stream, got "
            f"experiences {short.experiences} and {whole.experiences}"
        )
    different = {n: both for n, both in changed(whole, short).items() if n != "experiences"}
    if different:
        told = "; ".join(f"{name} {one} and {other}" for name, (one, other) in different.items())
        raise ValueError(f"both studies must be the same but for experiences, got {told}")


def _row(name: str, search: Search) -> list[str]:
    return [
        name,
        str(len(search.trials)),
        amount(search.study, cost(search.trials)),
        numbers.points(intervals.mean_interval(list(search.accuracies.values()), (0, 1))),
        percent(search.weights, 2),
        f"{search.failed}/{len(search.runs)}",
    ]


def _accuracy(record: RunRecord, chance: float) -> float:
    if record.status != "ok":
        return chance
    assert record.outcome is not None, "a run without one has a fault"
    final = [value for value in record.outcome.accuracy[-1] if value is not None]
    return math.fsum(final) / len(final)

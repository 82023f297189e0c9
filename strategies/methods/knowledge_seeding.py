"""Knowledge seeding: a small fast network learns by day, a larger slow one grows at night."""

from __future__ import annotations

from typing import Any

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Entry, Explanation
from strategies.methods.staged_sleep import StagedSleep
from strategies.search_space import Range
from strategies.stages.consolidate import FAST, ROLLOUTS, SLICE, Consolidate


class KnowledgeSeeding(StagedSleep):
    """A day of the fast network, then a night in which the slow one, which answers, takes it over.

    Args:
        night: share of the experience that is night, in (0, 1).
        fast: see `Consolidate`.
        slice: see `Consolidate`.
        rollouts: see `Consolidate`.
        vividness: see `Consolidate`.
    """

    @template_first
    def __init__(
        self,
        *,
        fast: float = FAST,
        slice: float = SLICE,  # noqa: A002
        night: float = 0.8,
        rollouts: float = ROLLOUTS,
        vividness: float = 4.0,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        stage = Consolidate(fast=fast, slice=slice, rollouts=rollouts, vividness=vividness)
        super().__init__(stages=[stage], night=night, budget_clock=budget_clock, **base_kwargs)


ENTRIES = {
    "knowledge-seeding": Entry(
        factory="strategies.methods.knowledge_seeding:KnowledgeSeeding",
        family="sleep",
        summary=(
            "a small network by day, distilled at night into a slice of a larger one, no "
            "stored data"
        ),
        paper="Behrouz et al. 2026",
        space={
            "fast": Range(0.05, 1.0, log=True),
            "slice": Range(0.1, 0.9),
            "night": Range(0.3, 0.97),
            "rollouts": Range(0.0, 1.0),
            "vividness": Range(0.5, 16.0, log=True),
        },
        stores="statistics",
        explanation=Explanation(
            does=(
                "By day a small network learns the present experience from scratch. At night "
                "the large one, which answers, unmasks a share of its weights that were still "
                "at rest and trains those alone: on the day's examples as the small network "
                "answers them, or as labelled where it is not sure of the label yet, and on "
                "dreams of earlier classes as it answered them itself before the night. Some of "
                "the dreams are the teacher's, some its own."
            ),
            whose=(
                "Growing by unmasked slices of which only the newest is trained, from the "
                "teacher's data and the student's rollouts, and the reset of the fast network "
                "are Behrouz et al. 2026, for language models. Ours: dreams for sampled texts, "
                "as in `dreaming`; the day's own examples for the present classes, and their "
                "labels as far as the small network has not learned them; random slices of the "
                "weights for low-rank experts; output layer and biases that every night trains; "
                "no reward for imitation."
            ),
            memory=(
                "Used: every weight of the large network that is unmasked. Beside them what "
                "`dreaming` keeps. The small network answers nothing: it is held while an "
                "experience lasts, and so is a copy of the large one."
            ),
            use=(
                "Class-incremental streams in which no example may be stored and the network "
                "may grow. Linear layers with rectifiers between, and no others."
            ),
        ),
    ),
}

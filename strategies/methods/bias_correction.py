"""Bias correction by itself: nights whose one stage is `align` (Zhao et al. 2020)."""

from __future__ import annotations

from strategies.entry import Entry, Explanation

ENTRIES = {
    "bias-correction": Entry(
        factory="strategies.methods.staged_sleep:StagedSleep",
        summary="control: plain training, the newest classes' outputs rescaled",
        paper="Zhao et al. 2020",
        defaults={"stages": "align"},
        explanation=Explanation(
            does=(
                "Trains plainly; at the end of each experience the output rows of its classes "
                "are scaled to the mean norm of those of earlier classes."
            ),
            whose=(
                "Weight aligning of Zhao et al. 2020, without the rehearsal and the "
                "distillation that it corrects there."
            ),
            memory="Used: every weight. Nothing is kept beside them.",
            use="As the control for sleep: what it reaches, no night has to explain.",
        ),
    ),
}

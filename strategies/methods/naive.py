"""Plain training by Avalanche: what forgetting costs."""

from __future__ import annotations

from strategies.entry import Baseline, Entry, Reproduction

ENTRIES = {
    "naive": Entry(
        factory="avalanche.training.supervised:Naive",
        reproduced=(
            Reproduction(
                on="MNIST",
                published="19.49 %",
                measured="19.86 [19.71, 19.98] %",
                verdict="yes",
                page="tadros2022",
            ),
        ),
        summary="plain training, experience by experience",
        paper="-",
        explanation=Baseline(
            does="Trains on one experience after the other: what forgetting costs.",
            memory="nothing",
        ),
    ),
}

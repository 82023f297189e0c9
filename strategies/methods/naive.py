"""Plain training by Avalanche: what forgetting costs."""

from __future__ import annotations

from strategies.entry import Baseline, Entry

ENTRIES = {
    "naive": Entry(
        factory="avalanche.training.supervised:Naive",
        summary="plain training, experience by experience",
        paper="-",
        explanation=Baseline(
            does="Trains on one experience after the other: what forgetting costs.",
            memory="nothing",
        ),
    ),
}

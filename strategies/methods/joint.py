"""Training on all data at once by Avalanche: the upper bound."""

from __future__ import annotations

from strategies.entry import Baseline, Entry

ENTRIES = {
    "joint": Entry(
        factory="avalanche.training.supervised:JointTraining",
        summary="all data at once: the upper bound, unranked",
        paper="-",
        ranked=False,
        stores="examples",
        explanation=Baseline(
            does="Trains on all data at once: the upper bound, never ranked.",
            memory="nothing",
        ),
    ),
}

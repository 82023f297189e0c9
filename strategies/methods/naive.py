"""Plain training by Avalanche: what forgetting costs."""

from __future__ import annotations

from strategies.entry import Baseline, Entry, Reproduction

ENTRIES = {
    "naive": Entry(
        factory="avalanche.training.supervised:Naive",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="84.32 %",
                measured="82.48 [57.33, 100.00] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="60.13 %",
                measured="61.21 [39.05, 83.38] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="19.89 %",
                measured="19.90 [19.86, 19.94] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
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

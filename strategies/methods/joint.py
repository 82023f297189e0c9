"""Training on all data at once by Avalanche: the upper bound."""

from __future__ import annotations

from strategies.entry import Baseline, Entry, Reproduction

ENTRIES = {
    "joint": Entry(
        factory="avalanche.training.supervised:JointTraining",
        summary="all data at once: the upper bound, unranked",
        paper="-",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="99.67 %",
                measured="99.71 [99.51, 99.90] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="98.59 %",
                measured="98.71 [98.12, 99.31] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="98.17 %",
                measured="98.20 [97.58, 98.83] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
        ),
        ranked=False,
        stores="examples",
        balances_tasks=True,
        explanation=Baseline(
            does="Trains on all data at once: the upper bound, never ranked.",
            memory="nothing",
        ),
    ),
}

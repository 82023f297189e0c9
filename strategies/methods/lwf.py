"""Learning without forgetting by Avalanche (Li & Hoiem 2016)."""

from __future__ import annotations

from strategies.entry import Baseline, Entry, Reproduction
from strategies.search_space import Range

ENTRIES = {
    "lwf": Entry(
        factory="avalanche.training.supervised:LwF",
        family="regularised",
        summary="distillation from the network before the experience",
        paper="Li & Hoiem 2016",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="99.60 %",
                measured="99.61 [99.34, 99.88] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="71.02 %",
                measured="70.49 [63.15, 77.84] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="21.89 %",
                measured="19.96 [19.45, 20.48] %; n = 3 seeds",
                verdict="no",
                page="vandeven2022",
            ),
        ),
        defaults={"alpha": 1.0, "temperature": 2.0},
        space={"alpha": Range(0.1, 10.0, log=True), "temperature": Range(1.0, 5.0)},
        explanation=Baseline(
            does=(
                "Keeps the answers of the network as it was before the experience, on the new "
                "examples."
            ),
            memory="a copy of the network",
            meanings={
                "alpha": "weight of keeping the answers, at least 0.",
                "temperature": "at which the answers are compared, above 0.",
            },
        ),
    ),
}

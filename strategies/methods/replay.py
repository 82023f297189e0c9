"""Replay of stored examples by Avalanche (Chaudhry et al. 2019)."""

from __future__ import annotations

from strategies.entry import Baseline, Entry, Reproduction
from strategies.search_space import STORED, STORED_SPACE

ENTRIES = {
    "replay": Entry(
        factory="avalanche.training.supervised:Replay",
        family="replay",
        summary="uniform replay from a buffer of stored examples",
        paper="Chaudhry et al. 2019",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="98.98 %",
                measured="99.20 [98.98, 99.42] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="93.75 %",
                measured="94.60 [92.73, 96.47] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="88.79 %",
                measured="89.74 [88.45, 91.03] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
        ),
        defaults={"mem_size": STORED},
        space={"mem_size": STORED_SPACE},
        stores="examples",
        explanation=Baseline(
            does="Every minibatch also has examples of earlier experiences, drawn from a buffer.",
            memory="the stored examples",
            meanings={
                "mem_size": "stored examples in all, at least 1.",
            },
        ),
    ),
}

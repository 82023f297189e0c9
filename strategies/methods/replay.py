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
                measured="99.22 %; n = 1 seed",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="93.75 %",
                measured="93.73 %; n = 1 seed",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="88.79 %",
                measured="89.54 [84.64, 94.44] %; n = 2 seeds",
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

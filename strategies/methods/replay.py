"""Replay of stored examples by Avalanche (Chaudhry et al. 2019)."""

from __future__ import annotations

from strategies.entry import Baseline, Entry
from strategies.search_space import STORED, STORED_SPACE

ENTRIES = {
    "replay": Entry(
        factory="avalanche.training.supervised:Replay",
        family="replay",
        summary="uniform replay from a buffer of stored examples",
        paper="Chaudhry et al. 2019",
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

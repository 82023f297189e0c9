"""Avalanche's EWC, which squares the gradient of a minibatch's mean loss.

Kirkpatrick et al. 2017 square the gradient of each sample. Within a minibatch that has been learned
the gradients cancel, so here the penalty fades as training goes on. `ewc` is the paper's.
"""

from __future__ import annotations

from strategies.entry import Baseline, Entry
from strategies.search_space import Range

ENTRIES = {
    "avalanche-ewc": Entry(
        factory="avalanche.training.supervised:EWC",
        family="regularised",
        summary="Avalanche's EWC: squared gradients of whole minibatches",
        paper="Kirkpatrick et al. 2017",
        defaults={"ewc_lambda": 10_000.0},
        space={"ewc_lambda": Range(1.0, 1e6, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "As `ewc`, with the squared gradient of each minibatch's mean loss in place of "
                "the Fisher information of the samples: it fades as the experience is learned."
            ),
            memory="weights and importances of each experience",
            meanings={
                "ewc_lambda": "strength of the penalty, at least 0.",
                "mode": (
                    "`separate`: a penalty for each experience; `online`: one for a sum in which "
                    "earlier ones decay."
                ),
                "decay_factor": "of `online`, in [0, 1].",
                "keep_importance_data": (
                    "keep what each experience left when one penalty is for all."
                ),
            },
        ),
    ),
}

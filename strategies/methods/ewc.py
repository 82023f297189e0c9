"""Elastic weight consolidation by Avalanche (Kirkpatrick et al. 2017)."""

from __future__ import annotations

from strategies.entry import Baseline, Entry
from strategies.search_space import Range

ENTRIES = {
    "ewc": Entry(
        factory="avalanche.training.supervised:EWC",
        family="regularised",
        summary="quadratic penalty weighted by Fisher information",
        paper="Kirkpatrick et al. 2017",
        defaults={"ewc_lambda": 10_000.0},
        space={"ewc_lambda": Range(1.0, 1e6, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "Pulls each weight to where earlier experiences left it, by how much they need it."
            ),
            memory="weights and importances of each experience",
            meanings={
                "ewc_lambda": "strength of the penalty, at least 0.",
                "mode": (
                    "`separate`: a penalty for each experience; `onlinesum`: one for their sum; "
                    "`onlineweightedsum`: one for a sum in which earlier ones decay."
                ),
                "decay_factor": "of `onlineweightedsum`, in [0, 1].",
                "keep_importance_data": (
                    "keep what each experience left when one penalty is for all."
                ),
            },
        ),
    ),
}

"""Training on everything seen so far by Avalanche: why not simply keep the data and retrain?"""

from __future__ import annotations

from strategies.entry import Baseline, Entry

ENTRIES = {
    "cumulative": Entry(
        factory="avalanche.training.supervised:Cumulative",
        family="replay",
        summary="every experience trains on all data so far, which is stored and counted",
        paper="-",
        stores="examples",
        balances_tasks=True,
        explanation=Baseline(
            does=(
                "Each experience goes on from the network it finds, on all data seen so far. In "
                "task-incremental streams a minibatch has as many examples of each task, so its "
                "size must be at least the number of tasks."
            ),
            memory="every example seen so far",
        ),
    ),
}

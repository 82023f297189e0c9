"""Kang et al. 2022: its experiment, and what differs here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.papers import method
from bench.papers.declaration import Analysis, Paper, PaperFigure
from bench.papers.kang2022.capacity import EXPERIMENT, capacity_verdicts
from bench.papers.results import Experiment, Result

if TYPE_CHECKING:  # slow to import, and no check of a page needs it
    from matplotlib.figure import Figure


def _draw(results: Sequence[Result]) -> Figure:
    from bench.papers.figures import weights_figure

    return weights_figure(results)


CAPACITY = Analysis(
    experiments=(
        Experiment(
            EXPERIMENT,
            "permuted MNIST, ten tasks",
            "the first task has its pixels in order, theirs has not; heads have biases; a task is "
            "answered by the network of its last step, theirs by that of the epoch with the least "
            "loss on the images held out",
        ),
    ),
    verdicts=capacity_verdicts,
    figure=PaperFigure(
        "weights",
        "Weights used against final average accuracy: means with 95 % intervals over seeds",
        _draw,
    ),
)

PAPER = Paper(
    title="Kang et al. 2022",
    reference="Forget-free Continual Learning with Winning Subnetworks, ICML 2022",
    differs="The protocol is the authors' script: layers of 100 and 100 units without biases, "
    "digits standardized, 54,000 images a task, batches of 10 for five epochs, Adam at 0.001 that "
    "starts anew with every task. Their learning rate falls after six epochs without a gain, which "
    "five never have. PackNet and SupSup are those of this project under the same budget: how the "
    "authors ran theirs is not in their code.",
    method=method.PAIRED,
    analyses=(CAPACITY,),
)

"""Mallya & Lazebnik 2018: its experiments, and what differs here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.papers import method
from bench.papers.declaration import Analysis, Paper, PaperFigure
from bench.papers.mallya2018.peers import peers_verdicts
from bench.papers.results import Experiment, Result

if TYPE_CHECKING:  # slow to import, and no check of a page needs it
    from matplotlib.figure import Figure


def _draw(results: Sequence[Result]) -> Figure:
    from bench.papers.figures import weights_figure

    return weights_figure(results)


PEERS = Analysis(
    experiments=(
        Experiment("split-mnist", "split MNIST", "MNIST in five tasks, not ImageNet first"),
        Experiment(
            "permuted-mnist", "permuted MNIST", "MNIST in ten permutations, not ImageNet first"
        ),
        Experiment("split-cifar10", "split CIFAR-10", "CIFAR-10 in five tasks, not ImageNet first"),
    ),
    verdicts=peers_verdicts,
    figure=PaperFigure(
        "peers",
        "Weights used against final average accuracy, PackNet here and the library's: means with "
        "95 % intervals over seeds",
        _draw,
    ),
)

PAPER = Paper(
    title="Mallya & Lazebnik 2018",
    reference="PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning, "
    "CVPR 2018, arXiv 1711.05769",
    differs="No pre-training, small networks, equal shares of a wall-clock budget where the "
    "paper gives epochs, SGD at one learning rate, the same density for every task. The "
    "paper's own figures, on ImageNet and fine-grained data, are not attempted.",
    method=method.PRUNING,
    analyses=(PEERS,),
)

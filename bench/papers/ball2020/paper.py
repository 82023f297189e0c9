"""Ball et al. 2020: its experiments, and what differs here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.papers import method
from bench.papers.ball2020.freezing import freezing_verdicts
from bench.papers.ball2020.pruning_rounds import RoundsExperiment, moves_section, rounds_verdicts
from bench.papers.declaration import Analysis, Paper, PaperFigure
from bench.papers.results import Experiment, Result

if TYPE_CHECKING:  # slow to import, and no check of a page needs it
    from matplotlib.figure import Figure

SCHEDULE_DIFFERS = (
    "rounds share a wall-clock budget that includes the day; schedule, learning rates and "
    "network are ours, as the paper's are not published"
)
COUNT_DIFFERS = (
    "what unfrozen means and how weights are counted is not published: three readings, each "
    "counted over weight matrices as the network stands; streams and network are ours"
)


def _draw_rounds(results: Sequence[Result]) -> Figure:
    from bench.papers.ball2020.figures import rounds_figure

    return rounds_figure(results)


def _draw_weights(results: Sequence[Result]) -> Figure:
    from bench.papers.figures import weights_figure

    return weights_figure(results)


ROUNDS = Analysis(
    experiments=(
        RoundsExperiment("mnist-mlp", "LeNet-300-100, MNIST", SCHEDULE_DIFFERS, simple=True),
        RoundsExperiment(
            "mnist-mlp-adam",
            "Adam at a constant rate, LeNet-300-100, MNIST",
            "as above, but for the learning rate, which does not fall within a round",
            simple=True,
            control=True,
        ),
        RoundsExperiment("mnist-lenet5", "LeNet-5, MNIST", SCHEDULE_DIFFERS, simple=True),
        RoundsExperiment("cifar10-vgg", "small VGG, CIFAR-10", SCHEDULE_DIFFERS),
        RoundsExperiment("cifar10-resnet", "slim ResNet-18, CIFAR-10", SCHEDULE_DIFFERS),
    ),
    verdicts=rounds_verdicts,
    figure=PaperFigure(
        "rounds",
        "Test error against the number of prune-retrain rounds: means with 95 % intervals, crosses "
        "are seeds, the band is the adaptive rhythm",
        _draw_rounds,
    ),
    details=moves_section,
)

FREEZING = Analysis(
    experiments=(
        Experiment("frozen-unfrozen-split-mnist", "split MNIST", COUNT_DIFFERS),
        Experiment("frozen-unfrozen-permuted-mnist", "permuted MNIST", COUNT_DIFFERS),
        Experiment("frozen-unfrozen-split-cifar10", "split CIFAR-10", COUNT_DIFFERS),
    ),
    verdicts=freezing_verdicts,
    figure=PaperFigure(
        "weights",
        "Weights used against final average accuracy, frozen and in three unfrozen readings: means "
        "with 95 % intervals over seeds",
        _draw_weights,
    ),
)

PAPER = Paper(
    title="Ball, Li, Lamb & Zhang 2020",
    reference="A Study on Efficiency in Continual Learning Inspired by Human Learning, "
    "arXiv 2010.15187",
    differs="Budgets are seconds of one CPU core for a whole run, the same for every arm, "
    "where the paper gives epochs to its pruning phase. Published figures are those of its "
    "abstract and of summaries of its Figure 2; its tables and code were not available.",
    method=method.PRUNING,
    analyses=(ROUNDS, FREEZING),
)

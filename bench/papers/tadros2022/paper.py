"""Tadros et al. 2022: its experiments, and what differs here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.papers import method
from bench.papers.declaration import Analysis, Paper, PaperFigure
from bench.papers.results import Experiment, Result
from bench.papers.tadros2022.sleep import PUBLISHED, sleep_verdicts, sleeps

if TYPE_CHECKING:  # slow to import, and no check of a page needs it
    from matplotlib.figure import Figure

DAY_DIFFERS = (
    "cross-entropy where the authors have squared error on rectified outputs; classes dealt out "
    "anew for each seed, theirs in the order of the digits"
)
SLEEP_DIFFERS = (
    f"{DAY_DIFFERS}; torch's dropout scales by day what theirs scales in the test, so that weights "
    "sleep a quarter smaller"
)
BUDGET_DIFFERS = (
    "60 s for the whole stream where the authors give steps, all 60,000 images, LeNet-300-100, "
    "each strategy with its defaults here but those of the suite: sleep replay's constants, and "
    "stages=replay for staged sleep"
)
FEATURES_DIFFER = (
    "features from one convolution that learned here without labels, from 500 images of each class "
    "that the stream has not, where the authors' trunk is a deep network trained elsewhere with "
    "labels; 9,000 images per task, theirs 10,000; cross-entropy where they have squared error on "
    "rectified outputs; classes dealt out anew for each seed"
)
DROPOUT_DIFFERS = f"{FEATURES_DIFFER}; torch's dropout scales by day what theirs scales in the test"
TUNING_DIFFERS = (
    f"{DROPOUT_DIFFERS}; sleep's constants searched here, on training images held out, after days "
    "of 100 steps, theirs 400"
)
ICARL_DIFFERS = (
    "the paper's data set is not stated in our source; 60 s for the whole stream, LeNet-300-100, "
    "Avalanche's iCaRL, the layers below the output asleep"
)


def _draw(results: Sequence[Result]) -> Figure:
    from bench.papers.figures import accuracies_figure

    names = ("with sleep", "without, and controls")
    return accuracies_figure(results, PUBLISHED, stands_out=sleeps, names=names)


SLEEP = Analysis(
    experiments=(
        Experiment("mnist-sequential", "one task after the other, MNIST", DAY_DIFFERS),
        Experiment("mnist-joint", "all tasks at once, MNIST", DAY_DIFFERS),
        Experiment(
            "mnist-joint-long",
            "all tasks at once for ten epochs, MNIST",
            f"{DAY_DIFFERS}; ten epochs where the authors have two",
        ),
        Experiment("mnist-sleep", "sleep after each task, MNIST", SLEEP_DIFFERS),
        Experiment("mnist-budget", "equal budgets, MNIST", BUDGET_DIFFERS),
        Experiment("mnist-buffers", "stored examples, MNIST", BUDGET_DIFFERS),
        Experiment("mnist-icarl", "iCaRL, MNIST", ICARL_DIFFERS),
        Experiment(
            "cifar10-sequential", "one task after the other, CIFAR-10 features", FEATURES_DIFFER
        ),
        Experiment("cifar10-joint", "all tasks at once, CIFAR-10 features", FEATURES_DIFFER),
        Experiment(
            "cifar10-sleep",
            "sleep after each task, CIFAR-10 features",
            f"{DROPOUT_DIFFERS}; sleep's constants are theirs, searched on their features",
        ),
        Experiment(
            "cifar10-sleep-tuned",
            "sleep after each task with constants searched here, CIFAR-10 features",
            TUNING_DIFFERS,
        ),
        Experiment(
            "cifar10-buffers",
            "stored examples by day, with and without sleep, CIFAR-10 features",
            f"{TUNING_DIFFERS}; theirs rehearse a share of all old examples, with constants "
            "of their own for each share",
        ),
    ),
    verdicts=sleep_verdicts,
    figure=PaperFigure(
        "accuracies",
        "Final average accuracy: means with 95 % intervals, crosses are seeds, diamonds what the "
        "paper publishes",
        _draw,
    ),
)

PAPER = Paper(
    title="Tadros, Krishnan, Ramyaa & Bazhenov 2022",
    reference="Sleep-like unsupervised replay reduces catastrophic forgetting in artificial "
    "neural networks, Nat. Commun. 13:7742",
    differs="The authors' protocol is counted in steps, 100 for each task and 15,000 to 35,000 "
    "for each night on MNIST, 400 and 15,000 on CIFAR-10, and runs outside the equal budgets "
    "of this suite; the experiments in seconds are this suite's own. Published figures come "
    "from summaries of the paper and from its released code.",
    method=method.PAIRED,
    analyses=(SLEEP,),
)

"""Papers whose claims are put to the test, as data: their experiments, and what differs here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.config.run_config import suggest

Kind = Literal["rounds", "readings", "peers", "accuracies"]


@dataclass(frozen=True)
class Experiment:
    """One declared suite, `suites/<paper>/<name>.toml`.

    Attributes:
        kind: what is asked of it. `rounds`: error against the number of prune-retrain rounds, and
            the adaptive rhythm beside it; `readings`: weights against accuracy, frozen and
            unfrozen; `peers`: PackNet here and the library's own; `accuracies`: sleep beside
            published figures and beside what does not sleep.
        title: in words.
        simple: whether the task counts as simple, of experiments with rounds.
        control: whether it asks an earlier question again with one setting changed; it is then no
            task or architecture of its own.
        differs: how its protocol differs from the paper's.
    """

    name: str
    kind: Kind
    title: str
    differs: str
    simple: bool = False
    control: bool = False


@dataclass(frozen=True)
class Paper:
    """A paper by its experiments.

    Attributes:
        differs: what differs in all of them.
    """

    title: str
    reference: str
    experiments: tuple[Experiment, ...]
    differs: str


_OWN_SCHEDULE = (
    "rounds share a wall-clock budget that includes the day; schedule, learning rates and "
    "network are ours, as the paper's are not published"
)
_OWN_COUNT = (
    "what unfrozen means and how weights are counted is not published: three readings, each "
    "counted over weight matrices as the network stands; streams and network are ours"
)

_OWN_AWAKE = (
    "cross-entropy where the authors have squared error on rectified outputs; classes dealt out "
    "anew for each seed, theirs in the order of the digits"
)
_OWN_SLEEP = (
    f"{_OWN_AWAKE}; torch's dropout scales by day what theirs scales in the test, so that weights "
    "sleep a quarter smaller"
)
_OWN_BUDGET = (
    "60 s for the whole stream where the authors give steps, all 60,000 images, LeNet-300-100, "
    "each strategy with its defaults here but those of the suite: sleep replay's constants, and "
    "stages=replay for staged sleep"
)

_OWN_FEATURES = (
    "features from one convolution that learned here without labels, from 500 images of each class "
    "that the stream has not, where the authors' trunk is a deep network trained elsewhere with "
    "labels; 9,000 images per task, theirs 10,000; cross-entropy where they have squared error on "
    "rectified outputs; classes dealt out anew for each seed"
)
_OWN_DROPOUT = f"{_OWN_FEATURES}; torch's dropout scales by day what theirs scales in the test"
_OWN_TUNING = (
    f"{_OWN_DROPOUT}; sleep's constants searched here, on training images held out, after days of "
    "100 steps, theirs 400"
)

_OWN_ICARL = (
    "the paper's data set is not stated in our source; 60 s for the whole stream, LeNet-300-100, "
    "Avalanche's iCaRL, the layers below the output asleep"
)

PAPERS: dict[str, Paper] = {
    "ball2020": Paper(
        title="Ball, Li, Lamb & Zhang 2020",
        reference="A Study on Efficiency in Continual Learning Inspired by Human Learning, "
        "arXiv 2010.15187",
        experiments=(
            Experiment("mnist-mlp", "rounds", "LeNet-300-100, MNIST", _OWN_SCHEDULE, simple=True),
            Experiment(
                "mnist-mlp-adam",
                "rounds",
                "Adam at a constant rate, LeNet-300-100, MNIST",
                "as above, but for the learning rate, which does not fall within a round",
                simple=True,
                control=True,
            ),
            Experiment("mnist-lenet5", "rounds", "LeNet-5, MNIST", _OWN_SCHEDULE, simple=True),
            Experiment("cifar10-vgg", "rounds", "small VGG, CIFAR-10", _OWN_SCHEDULE),
            Experiment("cifar10-resnet", "rounds", "slim ResNet-18, CIFAR-10", _OWN_SCHEDULE),
            Experiment("frozen-unfrozen-split-mnist", "readings", "split MNIST", _OWN_COUNT),
            Experiment("frozen-unfrozen-permuted-mnist", "readings", "permuted MNIST", _OWN_COUNT),
            Experiment("frozen-unfrozen-split-cifar10", "readings", "split CIFAR-10", _OWN_COUNT),
        ),
        differs="Budgets are seconds of one CPU core for a whole run, the same for every arm, "
        "where the paper gives epochs to its pruning phase. Published figures are those of its "
        "abstract and of summaries of its Figure 2; its tables and code were not available.",
    ),
    "mallya2018": Paper(
        title="Mallya & Lazebnik 2018",
        reference="PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning, "
        "CVPR 2018, arXiv 1711.05769",
        experiments=(
            Experiment(
                "split-mnist", "peers", "split MNIST", "MNIST in five tasks, not ImageNet first"
            ),
            Experiment(
                "permuted-mnist",
                "peers",
                "permuted MNIST",
                "MNIST in ten permutations, not ImageNet first",
            ),
            Experiment(
                "split-cifar10",
                "peers",
                "split CIFAR-10",
                "CIFAR-10 in five tasks, not ImageNet first",
            ),
        ),
        differs="No pre-training, small networks, equal shares of a wall-clock budget where the "
        "paper gives epochs, SGD at one learning rate, the same density for every task. The "
        "paper's own figures, on ImageNet and fine-grained data, are not attempted.",
    ),
    "tadros2022": Paper(
        title="Tadros, Krishnan, Ramyaa & Bazhenov 2022",
        reference="Sleep-like unsupervised replay reduces catastrophic forgetting in artificial "
        "neural networks, Nat. Commun. 13:7742",
        experiments=(
            Experiment(
                "mnist-sequential", "accuracies", "one task after the other, MNIST", _OWN_AWAKE
            ),
            Experiment("mnist-joint", "accuracies", "all tasks at once, MNIST", _OWN_AWAKE),
            Experiment(
                "mnist-joint-long",
                "accuracies",
                "all tasks at once for ten epochs, MNIST",
                f"{_OWN_AWAKE}; ten epochs where the authors have two",
            ),
            Experiment("mnist-sleep", "accuracies", "sleep after each task, MNIST", _OWN_SLEEP),
            Experiment("mnist-budget", "accuracies", "equal budgets, MNIST", _OWN_BUDGET),
            Experiment("mnist-buffers", "accuracies", "stored examples, MNIST", _OWN_BUDGET),
            Experiment("mnist-icarl", "accuracies", "iCaRL, MNIST", _OWN_ICARL),
            Experiment(
                "cifar10-sequential",
                "accuracies",
                "one task after the other, CIFAR-10 features",
                _OWN_FEATURES,
            ),
            Experiment(
                "cifar10-joint", "accuracies", "all tasks at once, CIFAR-10 features", _OWN_FEATURES
            ),
            Experiment(
                "cifar10-sleep",
                "accuracies",
                "sleep after each task, CIFAR-10 features",
                f"{_OWN_DROPOUT}; sleep's constants are theirs, searched on their features",
            ),
            Experiment(
                "cifar10-sleep-tuned",
                "accuracies",
                "sleep after each task with constants searched here, CIFAR-10 features",
                _OWN_TUNING,
            ),
            Experiment(
                "cifar10-buffers",
                "accuracies",
                "stored examples by day, with and without sleep, CIFAR-10 features",
                f"{_OWN_TUNING}; theirs rehearse a share of all old examples, with constants "
                "of their own for each share",
            ),
        ),
        differs="The authors' protocol is counted in steps, 100 for each task and 15,000 to 35,000 "
        "for each night on MNIST, 400 and 15,000 on CIFAR-10, and runs outside the equal budgets "
        "of this suite; the experiments in seconds are this suite's own. Published figures come "
        "from summaries of the paper and from its released code.",
    ),
}


def find_paper(name: str) -> Paper:
    """The paper of an id.

    Raises:
        ValueError: names the nearest.
    """
    if name not in PAPERS:
        raise ValueError(suggest("paper", name, PAPERS))
    return PAPERS[name]


def choose(paper: Paper, only: tuple[str, ...]) -> tuple[Experiment, ...]:
    """The experiments named in `only`, all for none.

    Raises:
        ValueError: names the nearest.
    """
    known = {experiment.name: experiment for experiment in paper.experiments}
    for name in only:
        if name not in known:
            raise ValueError(suggest("experiment in --only", name, known))
    return tuple(known[name] for name in only) or paper.experiments


def default_folder(paper: str, quick: bool) -> Path:
    """Where the page of a paper lies unless told otherwise."""
    return Path("runs", f"{paper}-quick") if quick else Path("leaderboards", paper)

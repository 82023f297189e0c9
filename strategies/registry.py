"""Every strategy by id, its hyper-parameters, and how to build one; imports nothing heavy.

A user's own strategy runs by import path, `my_module:MyStrategy`, or under the entry-point group
`sleepbench.strategies`: a `SupervisedTemplate` with keyword-only hyper-parameters, or an `Entry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strategies.search_space import Range, Space
from strategies.spiking.parameters import PRESETS as SLEEPS

ALL = ("task", "class", "domain")

TRAINING: Mapping[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "batch_size": 128,
}
"""Hyper-parameters that every strategy has, with the defaults that all share."""

TRAINING_RULES: Mapping[str, str] = {
    "optimizer": "'sgd', 'adam' or 'adamw'",
    "learning_rate": "above 0",
    "momentum": "in [0, 1)",
    "weight_decay": "at least 0",
    "batch_size": "at least 1",
}
"""What they must be."""

_TEMPLATE = {
    "self", "model", "optimizer", "criterion", "device", "plugins", "evaluator", "eval_every",
    "peval_mode", "train_mb_size", "train_epochs", "eval_mb_size", "sleep_clock", "kwargs",
    "base_kwargs",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A strategy of the benchmark.

    Attributes:
        factory: `module:name` of a `SupervisedTemplate` class or a function that returns one.
        scenarios: those it can do; every other is refused before a run starts.
        defaults: hyper-parameters whose default differs from the factory's own, or that have none.
        space: what a search varies unless it is told otherwise; each default lies in its range.
        ranked: False for upper bounds that see all data at once.
        presets: values of several hyper-parameters at once, by the name that `preset` takes.
    """

    factory: str
    summary: str
    paper: str
    scenarios: tuple[str, ...] = ALL
    defaults: Mapping[str, Any] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    ranked: bool = True
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_DENSITY = Range(0.005, 0.5, log=True)
_ROUNDS: Space = {"rounds": Range(1, 32, log=True), "schedule": ("geometric", "linear", "cubic")}
_CRITERION: Space = {"scope": ("layer", "global"), "importance": ("magnitude", "snip", "taylor")}
_REWIND: Space = {"rewind": ("none", "learning-rate", "weights")}
_PACKNET: Space = {
    "density": _DENSITY, "prune_at": Range(0.1, 0.9), "freed": ("zero", "initial"),
    **_ROUNDS, **_CRITERION, **_REWIND
}  # fmt: skip
_NIGHTS: Space = {"density": _DENSITY, "prune_from": Range(0.05, 0.9), **_CRITERION, **_REWIND}
_SPIKING: Space = {
    "day": Range(0.1, 0.9),
    "day_steps": Range(50, 5000, log=True),
    "sleep_steps": Range(1000, 100_000, log=True),
    "rate": Range(30.0, 500.0, log=True),
    "dec": Range(0.0001, 0.01, log=True),
    "beta": Range(0.2, 2.0, log=True),
}
_STAGED: Space = {
    "cycles": Range(1, 16, log=True),
    "night": Range(0.3, 0.97),
    "vividness": Range(0.5, 16.0, log=True),
    "curriculum": ("uniform", "reinforced"),
}
_MIXES = (
    "prune+downscale+replay+dream",
    "downscale+replay+dream",
    "replay+dream",
    "prune+dream",
    "downscale+dream",
    "dream+replay",
    "dream",
    "replay",
)
"""Orders and mixes of stages without stored examples; none with `consolidate`, which refuses the
convolutions that all of these can do: a study of linear networks can name it."""


STRATEGIES: dict[str, Entry] = {
    "packnet-frozen": Entry(
        "strategies.methods.packnet:PackNet",
        "one pruned subnetwork per task, earlier ones frozen",
        "Mallya & Lazebnik 2018",
        ("task",),
        {"frozen": True},
        space=_PACKNET,
    ),
    "packnet-unfrozen": Entry(
        "strategies.methods.packnet:PackNet",
        "one mask per task over weights that all stay trainable",
        "Ball et al. 2020",
        ("task",),
        {"frozen": False},
        space=_PACKNET,
    ),
    "packnet-snapshot": Entry(
        "strategies.methods.packnet:PackNet",
        "unfrozen, each task answered by its own snapshot, all of them counted",
        "Ball et al. 2020",
        ("task",),
        {"frozen": False, "unfrozen": "snapshot"},
        space=_PACKNET,
    ),
    "packnet-rehearsed": Entry(
        "strategies.methods.packnet:PackNet",
        "unfrozen, retraining also sees a buffer of stored examples",
        "Ball et al. 2020",
        ("task",),
        {"frozen": False, "unfrozen": "rehearsed"},
        space={**_PACKNET, "buffer": Range(50, 1000, log=True)},
    ),
    "packnet-dreaming": Entry(
        "strategies.methods.packnet:PackNet",
        "unfrozen, retraining also sees dreams of earlier tasks, no stored data",
        "Behrouz et al. 2026",
        ("task",),
        {"frozen": False, "unfrozen": "dreamed"},
        space={**_PACKNET, "dream_step": Range(0.0, 1.0)},
    ),
    "packnet-inferred": Entry(
        "strategies.methods.packnet:PackNet",
        "frozen, the task not told but inferred: the most certain subnetwork answers",
        "Mallya & Lazebnik 2018",
        ("class",),
        {"infer": "entropy"},
        space=_PACKNET,
    ),
    "iterative-prune-budgeted": Entry(
        "strategies.methods.iterative_pruning:IterativePrune",
        "rounds of prune and retrain placed by the budget",
        "Ball et al. 2020",
        space={**_NIGHTS, **_ROUNDS},
    ),
    "iterative-prune-adaptive": Entry(
        "strategies.methods.adaptive_pruning:AdaptivePrune",
        "rounds of prune and retrain as the network recovers, no number given",
        "Ball et al. 2020",
        space={**_NIGHTS, "half_lives": Range(2.0, 64.0, log=True)},
    ),
    "sleep-replay": Entry(
        "strategies.methods.sleep_replay:SleepReplay",
        "spontaneous spiking replay at night, no stored data",
        "Tadros et al. 2022",
        defaults={"learning_rate": 0.01},
        presets=SLEEPS,
        space={**_SPIKING, "inc": Range(0.0003, 0.03, log=True)},
    ),
    "sleep-replay-noise": Entry(
        "strategies.methods.sleep_replay:SleepReplay",
        "control: sleep replay driven by noise that knows nothing of the day",
        "Tadros et al. 2022",
        defaults={"sleep_input": "noise", "learning_rate": 0.01},
        presets=SLEEPS,
        space={**_SPIKING, "inc": Range(0.0003, 0.03, log=True)},
    ),
    "sleep-replay-depression": Entry(
        "strategies.methods.sleep_replay:SleepReplay",
        "control: sleep replay in which weights only shrink",
        "Tadros et al. 2022",
        defaults={"learning_rate": 0.01},
        presets={name: {**values, "inc": 0.0} for name, values in SLEEPS.items()},
        space=_SPIKING,
    ),
    "staged-sleep": Entry(
        "strategies.methods.staged_sleep:StagedSleep",
        "nights of stages in any order: prune, downscale, replay, rehearse, dream, consolidate, "
        "align",
        "Robinson et al. 2022",
        defaults={"learning_rate": 0.01},
        space={"stages": _MIXES, **_STAGED, "density": Range(0.1, 1.0)},
    ),
    "dreaming": Entry(
        "strategies.methods.staged_sleep:StagedSleep",
        "nights of dreams made from the network's own weights, no stored data",
        "Behrouz et al. 2026",
        defaults={"stages": "dream", "night": 0.9, "learning_rate": 0.01},
        space=_STAGED,
    ),
    "knowledge-seeding": Entry(
        "strategies.methods.knowledge_seeding:KnowledgeSeeding",
        "a small network by day, distilled at night into a slice of a larger one, no stored data",
        "Behrouz et al. 2026",
        defaults={"learning_rate": 0.01},
        space={
            "fast": Range(0.05, 1.0, log=True),
            "slice": Range(0.1, 0.9),
            "night": Range(0.3, 0.97),
            "rollouts": Range(0.0, 1.0),
            "vividness": Range(0.5, 16.0, log=True),
        },
    ),
    "bias-correction": Entry(
        "strategies.methods.staged_sleep:StagedSleep",
        "control: plain training, the newest classes' outputs rescaled",
        "Zhao et al. 2020",
        defaults={"stages": "align"},
    ),
    "weight-averaging": Entry(
        "strategies.methods.weight_averaging:WeightAveraging",
        "control: the mean of one network per experience, all from the same start",
        "Wortsman et al. 2022",
    ),
    "naive": Entry(
        "avalanche.training.supervised:Naive", "plain training, experience by experience", "-"
    ),
    "joint": Entry(
        "avalanche.training.supervised:JointTraining",
        "all data at once: the upper bound, unranked",
        "-",
        ranked=False,
    ),
    "replay": Entry(
        "avalanche.training.supervised:Replay",
        "uniform replay from a buffer of stored examples",
        "Chaudhry et al. 2019",
        defaults={"mem_size": 500},
        space={"mem_size": Range(50, 5000, log=True)},
    ),
    "icarl": Entry(
        "strategies.methods.icarl:icarl",
        "stored examples chosen by herding, distillation, the nearest class mean answers",
        "Rebuffi et al. 2017",
        ("class",),
        space={"mem_size": Range(50, 5000, log=True)},
    ),
    "icarl-sleep": Entry(
        "strategies.methods.icarl:icarl_sleep",
        "iCaRL with a night of spiking replay at the end of each experience",
        "Tadros et al. 2022",
        ("class",),
        space={"mem_size": Range(50, 5000, log=True), "day": Range(0.1, 0.95)},
    ),
    "ewc": Entry(
        "avalanche.training.supervised:EWC",
        "quadratic penalty weighted by Fisher information",
        "Kirkpatrick et al. 2017",
        defaults={"ewc_lambda": 10_000.0},
        space={"ewc_lambda": Range(1.0, 1e6, log=True)},
    ),
    "si": Entry(
        "strategies.methods.synaptic_intelligence:synaptic_intelligence",
        "quadratic penalty weighted along the path of training",
        "Zenke et al. 2017",
        space={"si_lambda": Range(0.1, 1e4, log=True)},
    ),
    "lwf": Entry(
        "avalanche.training.supervised:LwF",
        "distillation from the network before the experience",
        "Li & Hoiem 2016",
        defaults={"alpha": 1.0, "temperature": 2.0},
        space={"alpha": Range(0.1, 10.0, log=True), "temperature": Range(1.0, 5.0)},
    ),
    "wsn": Entry(
        "strategies.methods.winning_subnetworks:WinningSubnetworks",
        "a learned mask per task, weights reused by later tasks and never moved",
        "Kang et al. 2022",
        ("task",),
        space={"density": _DENSITY, "score_learning_rate": Range(1e-4, 0.1, log=True)},
    ),
    "cpg": Entry(
        "strategies.methods.compacting_picking:CompactingPicking",
        "frozen, pruned gradually, each task picks earlier weights; without growing",
        "Hung et al. 2019",
        ("task",),
        space={
            "density": _DENSITY,
            "prune_from": Range(0.05, 0.9),
            "rounds": Range(1, 32, log=True),
            "pick_learning_rate": Range(1e-5, 0.01, log=True),
            **_CRITERION,
        },
    ),
    "avalanche-packnet": Entry(
        "strategies.methods.avalanche_packnet:avalanche_packnet",
        "Avalanche's own PackNet at the same density, pruned by progress",
        "Mallya & Lazebnik 2018",
        ("task",),
        space={"density": _DENSITY, "prune_at": Range(0.1, 0.9)},
    ),
}

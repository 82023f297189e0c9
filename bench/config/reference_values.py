"""Values frozen with a benchmark's version: its model's weights, what joint training reaches."""

from __future__ import annotations

from bench.config.budget import Budget

FROZEN_JOINT: dict[tuple[str, str, str], dict[float, float]] = {
    ("split-digits", "1.0", "task"): {20: 0.995},
    ("split-digits", "1.0", "class"): {20: 0.972},
    ("split-mnist", "1.0", "task"): {6: 0.995, 20: 0.996, 60: 0.996},
    ("split-mnist", "1.0", "class"): {6: 0.978, 20: 0.983, 60: 0.983},
    ("permuted-mnist", "1.0", "task"): {60: 0.972},
    ("split-cifar10", "1.0", "task"): {60: 0.887},
    ("split-cifar10", "1.0", "class"): {60: 0.598},
}
"""Accuracy of joint training by (benchmark, version, scenario) and seconds of budget: where the
score's accuracy ends. Mean over five seeds of committed rows. An entry is never changed within a
benchmark version."""


def frozen_joint(benchmark: str, version: str | None, scenario: str, budget: str) -> float | None:
    """What FROZEN_JOINT has for the smallest budget that is no smaller than this one.

    None for a larger budget than any there, in which joint training may reach more, for steps, and
    where nothing is frozen.
    """
    wanted = Budget.parse(budget)
    if wanted.clock == "steps":
        return None
    found = FROZEN_JOINT.get((benchmark, version or "", scenario), {})
    return next((found[seconds] for seconds in sorted(found) if seconds >= wanted.amount), None)


FROZEN_WEIGHTS: dict[tuple[str, str, str, str], tuple[int, int]] = {
    ("split-digits", "1.0", "task", "mlp"): (50_610, 49_200),
    ("split-digits", "1.0", "class", "mlp"): (50_610, 50_200),
    ("split-mnist", "1.0", "task", "mlp"): (266_610, 265_200),
    ("split-mnist", "1.0", "class", "mlp"): (266_610, 266_200),
    ("permuted-mnist", "1.0", "task", "mlp"): (275_700, 265_200),
    ("split-cifar10", "1.0", "task", "vgg-small"): (814_122, 810_848),
    ("split-cifar10", "1.0", "class", "vgg-small"): (814_122, 813_408),
    ("mnist", "1.0", "class", "mlp"): (266_610, 266_200),
    ("mnist", "1.0", "class", "lenet5"): (61_706, 61_470),
    ("cifar10", "1.0", "class", "vgg-small"): (814_122, 813_408),
    ("cifar10", "1.0", "class", "resnet18-slim"): (1_094_750, 1_091_740),
    ("omniglot-alphabets", "1.0", "task", "mlp"): (290_042, 265_200),
    ("elec2-nights", "1.0", "domain", "mlp"): (34_202, 33_800),
}
"""Parameters, and those in weight matrices and kernels, of the model as it is built for all
experiences, by (benchmark, version, scenario, model): what every strategy's weights are a share of,
so that one that adds its own cannot hide them. Where there is none it is the run's own count."""


def frozen_weights(
    benchmark: str, version: str | None, scenario: str, model: str
) -> tuple[int, int] | None:
    """What FROZEN_WEIGHTS has for these; None if it has nothing.

    Options of a stream leave a network of one head as it is: `split-mnist?sigma=0.1` has that of
    `split-mnist`.
    """
    known = benchmark if scenario == "task" else benchmark.partition("?")[0]
    return FROZEN_WEIGHTS.get((known, version or "", scenario, model))

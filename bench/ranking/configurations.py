"""Who is compared in a pool: strategies with their hyper-parameters, what they are called, which
attempt of each run counts, and which runs are missing.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bench.config.conditions import SharedFields, option, value_text
from bench.config.run_config import RunConfig
from bench.ranking.pools import Seed, evidence_order, seed_text
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Stored


@dataclass(frozen=True)
class Configuration:
    """A strategy with its hyper-parameters: one row of a leaderboard.

    Attributes:
        hyperparameters: canonical JSON of what differs from the defaults.
        resolved: of all of them, so that a default that changed between two versions of the code
            makes two rows; and as `source` the start of the hash of a user's own strategy.
    """

    strategy: str
    hyperparameters: str
    resolved: str

    @cached_property
    def label(self) -> str:
        """`name`, or `name (density=0.1)` with what differs from the defaults."""
        return _label(self.strategy, json.loads(self.hyperparameters))


@dataclass(frozen=True)
class Missing:
    """The seeds at which a configuration has no result, and the command that fills them.

    Attributes:
        seeds: each with why it is missing: `not run`, `killed` or `infra_error`.
        command: skips what is done when it is given the folder of the records as `--out`.
    """

    label: str
    seeds: tuple[tuple[Seed, str], ...]
    command: str

    def __str__(self) -> str:
        reasons = ", ".join(f"seed {seed_text(seed)} {reason}" for seed, reason in self.seeds)
        return f"{self.label}: {reasons}: {self.command}"


def by_configuration(stored: Sequence[Stored]) -> dict[Configuration, dict[Seed, list[Stored]]]:
    """The attempts of each configuration at each seed, the first one first, in a fixed order."""
    found: dict[Configuration, dict[Seed, list[Stored]]] = {}
    for item in sorted(stored, key=evidence_order):
        config = item.record.config
        seed = (config.base_seed, config.repetition)
        found.setdefault(_entrant(item.record), {}).setdefault(seed, []).append(item)
    for unresolved in [configuration for configuration in found if configuration.resolved == "{}"]:
        homes = [e for e in found if e != unresolved and replace(e, resolved="{}") == unresolved]
        if len(homes) == 1:
            for seed, attempts in found.pop(unresolved).items():
                home = found[homes[0]].setdefault(seed, [])
                home += attempts
                home.sort(key=evidence_order)
    return {e: found[e] for e in sorted(found, key=lambda e: (e.label, e.resolved))}


def labels(found: Iterable[Configuration]) -> dict[Configuration, str]:
    """A label for each configuration; where two would be equal it tells what differs in them."""
    every = list(found)
    twins: dict[str, list[Configuration]] = {}
    for configuration in every:
        twins.setdefault(configuration.label, []).append(configuration)
    telling = {
        label: _differing([json.loads(e.resolved) for e in own]) for label, own in twins.items()
    }
    result = {}
    for configuration in every:
        resolved = json.loads(configuration.resolved)
        told = {name: resolved.get(name, "unset") for name in telling[configuration.label]}
        shown = json.loads(configuration.hyperparameters) | told
        result[configuration] = _label(configuration.strategy, shown)
    return result


def common(found: Iterable[Configuration]) -> dict[str, object]:
    """The hyper-parameters that are set to the same in every configuration."""
    every = [json.loads(configuration.hyperparameters) for configuration in found]
    first = every[0] if every else {}
    return {n: v for n, v in first.items() if all(n in one and one[n] == v for one in every)}


def names(found: Iterable[Configuration], *, tuned: bool = False) -> dict[Configuration, str]:
    """A short name for each row of one table: what not all share, numbers to three digits.

    Where two would be equal it is the label. In a `tuned` table it is `ewc (tuned)`, as a search
    sets everything; rows of one strategy tell the first hyper-parameter that is another in each.
    """
    every = labels(found)
    if tuned:
        return _tuned_names(every)
    shared = common(every)
    short = {}
    for configuration in every:
        own = json.loads(configuration.hyperparameters)
        told = {name: _rounded(value) for name, value in own.items() if name not in shared}
        short[configuration] = _label(configuration.strategy, told)
    uses = Counter(short.values())
    return {e: name if uses[name] == 1 else every[e] for e, name in short.items()}


def _tuned_names(every: dict[Configuration, str]) -> dict[Configuration, str]:
    twins: dict[str, list[Configuration]] = {}
    for configuration in sorted(every, key=lambda e: (every[e], e.resolved)):
        twins.setdefault(configuration.strategy, []).append(configuration)
    return {
        configuration: f"{strategy} (tuned{told})"
        for strategy, own in twins.items()
        for configuration, told in zip(own, _telling(own), strict=True)
    }


def _telling(twins: Sequence[Configuration]) -> list[str]:
    """What tells each from the others: one hyper-parameter, or a number where none does."""
    if len(twins) == 1:
        return [""]
    every = [json.loads(e.resolved) | json.loads(e.hyperparameters) for e in twins]
    for name in sorted(set.intersection(*map(set, every))):
        values = [_rounded(one[name]) for one in every]
        if len({json.dumps(value) for value in values}) == len(twins):
            return [f", {name}={value}" for value in values]
    return [f", {number}" for number in range(1, len(twins) + 1)]


def _rounded(value: object) -> object:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _differing(twins: Sequence[dict[str, object]]) -> list[str]:
    """Names of the values in which the twins differ."""
    if len(twins) < 2:
        return []
    names = sorted({name for twin in twins for name in twin})
    return [n for n in names if len({json.dumps(t.get(n), sort_keys=True) for t in twins}) > 1]


def counted(attempts: Sequence[Stored]) -> Stored | None:
    """The attempt that counts: the first that finished, never the best; None if none did."""
    return next((item for item in attempts if item.record.status in FINISHED), None)


def missing(grid: dict[Configuration, dict[Seed, list[Stored]]]) -> list[Missing]:
    """Seeds without a result: never run where another row was, or cut short by the machine."""
    names = labels(grid)
    every = sorted({seed for cells in grid.values() for seed in cells})
    found = []
    for configuration, cells in grid.items():
        example = next(iter(cells.values()))[0].record.config
        for base in sorted({base for base, _ in every}):
            gaps = [s for s in every if s[0] == base and counted(cells.get(s, [])) is None]
            if gaps:
                last = {"base_seed": base, "repetition": gaps[-1][1]}
                command = run_command(example.model_copy(update=last))
                reasons = [cells[s][-1].record.status if s in cells else "not run" for s in gaps]
                seeds = tuple(zip(gaps, reasons, strict=True))
                found.append(Missing(names[configuration], seeds, command))
    return found


def run_command(config: RunConfig, strategies: Sequence[str] = ()) -> str:
    """The shell command that makes this run and the repetitions before it.

    Args:
        config: of the run.
        strategies: make these instead of its own.
    """
    words = ["--benchmark", config.benchmark, "--scenario", config.scenario]
    words += ["--model", config.model, "--strategy", ",".join(strategies) or config.strategy]
    for name, value in sorted(config.hyperparameters.items()):
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    words += ["--budget", str(config.budget), "--seeds", str(config.repetition + 1)]
    if config.budget.clock == "cpu":
        words += ["--clock", "cpu"]
    for name, field in SharedFields.model_fields.items():
        value = getattr(config, name)
        if value != field.default:
            words += [f"--{option(name, field).name}", value_text(value)]
    return shlex.join(["python", "-m", "bench", "run", *words])


def _entrant(record: RunRecord) -> Configuration:
    resolved: dict[str, object] = dict(record.resolved)
    if resolved and record.strategy_source:
        resolved["source"] = record.strategy_source[:12]
    return Configuration(
        record.config.strategy,
        json.dumps(record.config.hyperparameters, sort_keys=True),
        json.dumps(resolved, sort_keys=True),
    )


def _label(strategy: str, hyperparameters: dict[str, object]) -> str:
    shown = ", ".join(f"{name}={value}" for name, value in sorted(hyperparameters.items()))
    return f"{strategy} ({shown})" if shown else strategy

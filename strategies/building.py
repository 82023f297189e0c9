"""From a strategy's entry and what was chosen to the strategy itself."""

from __future__ import annotations

import ast
import copy
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from strategies.avalanche_strategies import avalanche_entry
from strategies.entry import Entry
from strategies.import_path import definition, imported, is_import_path, unknown_name
from strategies.read_parameters import Parameter, read_definition, read_parameters
from strategies.registry import STRATEGIES, TRAINING
from strategies.suggestions import hint
from strategies.value_checks import annotation_of, check_kind, check_training, kind_of

CLOCK = "budget_clock"
"""The parameter by which a strategy is told its progress."""

FORMER_CLOCK = "sleep_clock"
"""What `CLOCK` was called; still filled in this release, with a warning."""

TEMPLATE = {
    "self", "model", "optimizer", "criterion", "device", "plugins", "evaluator", "eval_every",
    "peval_mode", "train_mb_size", "train_epochs", "eval_mb_size", CLOCK, FORMER_CLOCK, "kwargs",
    "base_kwargs",
}  # fmt: skip
"""Parameters of strategies that are no hyper-parameters."""


def find(name: str) -> Entry:
    """The entry of an id, an entry point, or `module:name`.

    A module is run only where its source does not tell what it names.

    Raises:
        ValueError: for anything else.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    plugins = {p.name: p.value for p in entry_points(group="sleepbench.strategies")}
    path = plugins.get(name, name)
    if not is_import_path(path):
        raise unknown_name("strategy", name, [*STRATEGIES, *plugins], ["module:name"])
    if (theirs := avalanche_entry(path, path)) is not None and theirs.refused:
        return theirs
    if (node := read_definition(path) or definition("strategy", path)) is not None:
        return _entry(path, ast.get_docstring(node))
    found = imported("strategy", path)
    if isinstance(found, Entry):
        return found
    _check_factory(path, found)
    return _entry(path, inspect.getdoc(found))


def _entry(path: str, doc: str | None) -> Entry:
    """That of an import path; for one of Avalanche's strategies with what is known of it."""
    summary = (doc or path).splitlines()[0]
    return avalanche_entry(path, summary) or Entry(path, summary, "-")


def _check_factory(path: str, found: object) -> None:
    """ValueError unless `found` can be given what a strategy is built from."""
    try:
        parameters = inspect.signature(found).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):  # no callable, or a builtin that tells nothing
        parameters = {}.values()
    if not any(p.name == "model" or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        raise ValueError(
            f"strategy {path!r} must be a SupervisedTemplate or a function of model and optimizer "
            f"that returns one, got {found!r:.60}"
        )


def hyperparameters(entry: Entry) -> dict[str, Any]:
    """Every hyper-parameter with its default; a required one without a default is absent."""
    own = {
        name: parameter.default
        for name, parameter in _signature(entry).items()
        if parameter.default is not inspect.Parameter.empty
    }
    merged = {**TRAINING, **own, **entry.defaults}
    return {**merged, **entry.presets.get(str(merged.get("preset")), {})}


def _signature(entry: Entry) -> dict[str, inspect.Parameter]:
    """The parameters of the factory that are hyper-parameters; imports it."""
    parameters = inspect.signature(_import(entry.factory)).parameters
    many = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {n: p for n, p in parameters.items() if n not in TEMPLATE and p.kind not in many}


def _required(entry: Entry, own: Mapping[str, Parameter]) -> dict[str, str]:
    """The hyper-parameters that must be given, with the kind of value that each is."""
    presets = {name for values in entry.presets.values() for name in values}
    given = {*TEMPLATE, *TRAINING, *entry.defaults, *presets}
    kinds = {n: kind_of(p.annotation)[0] for n, p in own.items() if p.required and n not in given}
    return {**kinds, **entry.needs}


def _check_required(
    name: str, entry: Entry, own: Mapping[str, Parameter], chosen: Mapping[str, Any]
) -> None:
    """ValueError for what must be given and is not, and for a value of another kind."""
    required = _required(entry, own)
    missing = [key for key in required if key not in chosen]
    if missing:
        told = "; ".join(f"{key}: {required[key]}" for key in missing)
        options = " ".join(f"--set {key}=…" for key in missing)
        raise ValueError(f"{name} must be given {options} ({told})")
    for key in required.keys() & own.keys():
        check_kind(key, kind_of(own[key].annotation)[1], chosen[key])


def names_in_source(entry: Entry) -> frozenset[str] | None:
    """Names of the hyper-parameters, read without importing the strategy; None where unreadable."""
    own = read_parameters(entry.factory)
    if own is None:
        return None
    presets = (name for values in entry.presets.values() for name in values)
    return frozenset({*own, *entry.defaults, *presets} - TEMPLATE | TRAINING.keys())


def check_chosen(name: str, entry: Entry, chosen: Mapping[str, Any]) -> None:
    """Refuse hyper-parameters that cannot be, as far as the source tells; imports nothing.

    Raises:
        ValueError: for an unknown one, one that is required and missing, or a value that one of
            `TRAINING` cannot have.
    """
    known = names_in_source(entry)
    for key in chosen:
        if known is not None and key not in known:
            raise unknown(f"{name} has no hyper-parameter", key, known)
        if key in TRAINING:
            check_kind(key, TRAINING[key], chosen[key])
    check_training({**TRAINING, **chosen})
    _check_required(name, entry, read_parameters(entry.factory) or {}, chosen)


def unknown(what: str, key: str, known: Iterable[str]) -> ValueError:
    """The error for a hyper-parameter that is not there: the nearest one, then all."""
    return ValueError(f"{what} {key!r}{hint(key, known)} Known: {', '.join(sorted(known))}")


def sees_clock(entry: Entry) -> bool:
    """Whether the strategy is told its progress, by which it may place nights and prunes."""
    return bool({CLOCK, FORMER_CLOCK} & inspect.signature(_import(entry.factory)).parameters.keys())


def resolve(name: str, entry: Entry, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with `chosen` over them.

    Raises:
        ValueError: names an unknown hyper-parameter, or one that must be given.
    """
    known = hyperparameters(entry)
    own = {
        n: Parameter(p.default is p.empty, annotation_of(p)) for n, p in _signature(entry).items()
    }
    for key in chosen:
        if key not in {**known, **own}:
            raise unknown(f"{name} has no hyper-parameter", key, {*known, *own})
        check_kind(key, known.get(key), chosen[key])
    _check_required(name, entry, own, chosen)
    preset = entry.presets.get(str(chosen.get("preset")), {})
    values = {**known, **preset, **chosen}
    check_training(values)
    return values


def able(scenario: str, *, coming_again: bool) -> list[str]:
    """Ids of the strategies that can do a scenario, where classes come again or do not."""
    return [
        name
        for name, entry in STRATEGIES.items()
        if scenario in entry.scenarios and not (coming_again and entry.new_classes)
    ]


def check_scenario(
    name: str, entry: Entry, scenario: str, *, coming_again: str | None = None
) -> None:
    """Refuse a stream that a strategy cannot do.

    Args:
        name: as messages call it.
        entry: of the strategy.
        scenario: of the stream.
        coming_again: the id of a benchmark whose classes come in several experiences.

    Raises:
        ValueError: names the scenarios that it can do, or says what it needs.
    """
    if entry.refused:
        raise ValueError(f"{name} {entry.refused}")
    if scenario not in entry.scenarios:
        can = ", ".join(entry.scenarios)
        raise ValueError(f"{name} cannot do the {scenario}-incremental scenario; it can: {can}")
    if entry.new_classes and coming_again:
        raise ValueError(
            f"{name} needs experiences whose classes never come again, got {coming_again}"
        )


def build(
    name: str,
    entry: Entry,
    *,
    model: Any,
    scenario: str,
    chosen: Mapping[str, Any],
    budget_clock: Any = None,
    **template: Any,
) -> Any:
    """A strategy ready to train.

    Args:
        name: as messages call it.
        model: the network, which the strategy takes as its own.
        scenario: "task", "class" or "domain".
        chosen: hyper-parameters that differ from the defaults.
        budget_clock: tells the progress of the current experience; None lets the strategy make one.
        template: what Avalanche's `SupervisedTemplate` takes: device, plugins, evaluator,
            train_epochs, eval_mb_size.

    Raises:
        ValueError: for a scenario that the strategy cannot do, an unknown hyper-parameter, or a
            value that one cannot have.
    """
    check_scenario(name, entry, scenario)
    values = resolve(name, entry, chosen)
    training = {key: values.pop(key) for key in TRAINING}
    factory = _import(entry.factory)
    parameters = inspect.signature(factory).parameters
    template |= _clock(name, parameters, budget_clock)
    if "criterion" in parameters:
        template["criterion"] = _criterion(parameters["criterion"])
    return factory(
        model=model,
        optimizer=_optimizer(model, training),
        train_mb_size=training["batch_size"],
        **values,
        **template,
    )


def _clock(name: str, parameters: Mapping[str, Any], budget_clock: Any) -> dict[str, Any]:
    """The clock under the name that the strategy takes it by, if it takes one."""
    if CLOCK in parameters:
        return {CLOCK: budget_clock}
    if FORMER_CLOCK not in parameters:
        return {}
    warnings.warn(
        f"{name} takes {FORMER_CLOCK!r}, which is called {CLOCK!r} now: rename the parameter, "
        "the next release fills it no more",
        FutureWarning,
        stacklevel=3,
    )
    return {FORMER_CLOCK: budget_clock}


def _criterion(parameter: inspect.Parameter) -> Any:
    """The default, one of this strategy's own: FeatureReplay's keeps the classes it has seen."""
    from torch.nn import CrossEntropyLoss

    required = parameter.default is inspect.Parameter.empty
    return CrossEntropyLoss() if required else copy.deepcopy(parameter.default)


def _optimizer(model: Any, training: Mapping[str, Any]) -> Any:
    import torch

    kind, rate, decay = (training[k] for k in ("optimizer", "learning_rate", "weight_decay"))
    parameters = model.parameters()
    if kind == "sgd":  # its fused step fails where a head joins late, and saves little
        momentum = training["momentum"]
        return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)
    # one pass over the memory: less than half the time, the same steps
    adam = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    return adam(parameters, lr=rate, weight_decay=decay, fused=True)


def _import(path: str) -> Callable[..., Any]:
    factory: Callable[..., Any] = imported("strategy", path)
    _check_factory(path, factory)
    return factory

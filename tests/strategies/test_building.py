"""From an entry to a strategy: its hyper-parameters, and its clock by both its names."""

from __future__ import annotations

import inspect
import re
import warnings

import pytest
from avalanche.training.supervised import Naive

from strategies import building
from strategies.entry import Entry
from strategies.read_parameters import Parameter, read_definition, read_parameters
from strategies.registry import STRATEGIES, TRAINING
from toy import StepClock, toy_benchmark, toy_model


class Told(Naive):
    """Keeps its clock."""

    def __init__(self, *, budget_clock=None, **base_kwargs):
        super().__init__(**base_kwargs)
        self.told = budget_clock


class ToldByTheFormerName(Naive):
    """Keeps its clock, which it takes by the name of the release before."""

    def __init__(self, *, sleep_clock=None, **base_kwargs):
        super().__init__(**base_kwargs)
        self.told = sleep_clock


def built(factory, clock):
    benchmark = toy_benchmark("class")
    entry = Entry(f"{factory.__module__}:{factory.__name__}", "does", "-")
    return building.build(
        "mine", entry, model=toy_model(benchmark), scenario="class", chosen={}, budget_clock=clock
    )


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())


def _this_module():
    from types import SimpleNamespace

    return SimpleNamespace(Told=Told, ToldByTheFormerName=ToldByTheFormerName, Naive=Naive)


def test_a_strategy_is_given_its_clock():
    clock = StepClock(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        assert built(Told, clock).told is clock


def test_the_former_name_of_the_clock_is_filled_with_one_line_that_names_the_new_one():
    clock = StepClock(4)
    with pytest.warns(FutureWarning) as warned:
        assert built(ToldByTheFormerName, clock).told is clock
    (warning,) = warned
    assert str(warning.message) == (
        "mine takes 'sleep_clock', which is called 'budget_clock' now: rename the parameter, "
        "the next release fills it no more"
    )


@pytest.mark.parametrize(
    ("factory", "sees"), [(Told, True), (ToldByTheFormerName, True), (Naive, False)]
)
def test_a_clock_by_either_name_is_one_and_no_hyperparameter(factory, sees):
    entry = Entry(f"{factory.__module__}:{factory.__name__}", "does", "-")
    assert building.sees_clock(entry) == sees
    assert not {"budget_clock", "sleep_clock"} & building.hyperparameters(entry).keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_source_tells_the_hyper_parameters_that_the_factory_takes(name):
    entry = STRATEGIES[name]
    taken = inspect.signature(building._import(entry.factory)).parameters
    own = {key for key, value in taken.items() if value.kind is not value.VAR_KEYWORD}
    known = {*TRAINING, *own - building.TEMPLATE, *entry.defaults}
    known |= {key for values in entry.presets.values() for key in values}
    assert building.names_in_source(entry) == known


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def made(model, *, a, b=1, **kwargs): ...", {"model", "a", "b"}),
        ("class made:\n    def __init__(self, model): ...", {"self", "model"}),
        ("class made(Other): ...", None),
        ("other = 1", None),
    ],
)
def test_parameters_are_read_from_a_source_that_is_not_run(tmp_path, monkeypatch, source, names):
    (tmp_path / "not_run.py").write_text(f"raise SystemExit\n{source}\n")
    monkeypatch.syspath_prepend(tmp_path)
    read_parameters.cache_clear()
    read_definition.cache_clear()
    read = read_parameters("not_run:made")
    assert (None if read is None else set(read)) == names
    assert read_parameters("not_there:made") is None


def test_what_a_constructor_insists_on_is_read_through_a_package_without_running_it():
    read = read_parameters("avalanche.training.supervised:AGEM")
    assert read["patterns_per_exp"] == Parameter(required=True, annotation="int")
    assert read["sample_size"] == Parameter(required=False, annotation="int")


@pytest.mark.parametrize(
    ("source", "chosen", "message"),
    [
        (
            "def made(model, optimizer, *, size: int, rate: float = 1.0): ...",
            {},
            "mine must be given --set size=… (size: a whole number)",
        ),
        (
            "def made(model, optimizer, *, size, name: str): ...",
            {"batch_size": 8},
            "mine must be given --set size=… --set name=… (size: a value; name: text)",
        ),
        (
            "def made(model, optimizer, *, size: int): ...",
            {"size": 0.5},
            "size must be a whole number, got 0.5",
        ),
        (
            "def made(model, optimizer, *, size: 'Union[float, Sequence[float]]'): ...",
            {"size": "x"},
            "size must be a number, got 'x'",
        ),
        (
            "def made(model, optimizer, *, size: int): ...",
            {"sise": 1},
            "mine has no hyper-parameter 'sise'; did you mean 'size'?",
        ),
        ("def made(model, optimizer, *, size: int): ...", {"size": 3}, None),
    ],
)
@pytest.mark.parametrize("by", [building.check_chosen, building.resolve])
def test_what_a_factory_insists_on_must_be_given(
    tmp_path, monkeypatch, request, source, chosen, message, by
):
    module = f"insists_{abs(hash(request.node.name))}"
    (tmp_path / f"{module}.py").write_text(f"{source}\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = Entry(f"{module}:made", "does", "-")
    if message is None:
        by("mine", entry, chosen)
        return
    with pytest.raises(ValueError, match=re.escape(message)):
        by("mine", entry, chosen)

"""The state of a strategy in a file: whoever goes on from it goes on as if nothing had been."""

from __future__ import annotations

import json
import pathlib
import random
import threading
from collections import OrderedDict, deque

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bench.data.stored_samples import StoredSamples
from patched import patched
from strategies.kept_state import Unkept, about, read, write
from strategies.registry import STRATEGIES
from toy import logits, toy_benchmark, toy_strategy

CELLS = [(n, s) for n, e in STRATEGIES.items() if e.ranked for s in e.scenarios]


@pytest.fixture(scope="module", autouse=True)
def as_the_referee_runs():
    with patched():
        yield


def trained(name, scenario):
    """On the first two of three experiences, so that stored examples are of several."""
    benchmark = toy_benchmark(scenario, experiences=3)
    strategy = toy_strategy(name, benchmark, epochs=2)
    for experience in benchmark.train[:2]:
        strategy.train(experience)
    return strategy, benchmark


def through_a_file(strategy, folder, **options):
    path = folder / "state.safetensors"
    how = {"lent": {"evaluator": strategy.evaluator}, "samples": StoredSamples()} | options
    write(strategy, path, **how)
    how.pop("about", None)
    return read(path, **how)


HOOKED = pytest.mark.xfail(
    reason="the library's PackNet freezes its weights by hooks", raises=Unkept, strict=True
)
CELLS = [
    pytest.param(*cell, marks=HOOKED if cell[0] == "avalanche-packnet" else ()) for cell in CELLS
]


@pytest.mark.parametrize(("name", "scenario"), CELLS)
def test_it_goes_on_bit_for_bit(name, scenario, tmp_path):
    strategy, benchmark = trained(name, scenario)
    torch.manual_seed(1)
    loaded = through_a_file(strategy, tmp_path)
    for one in (strategy, loaded):
        torch.manual_seed(1)
        one.train(benchmark.train[2])
    for experience in benchmark.test:
        told = []
        for one in (strategy, loaded):
            torch.manual_seed(0)
            told.append(logits(one, experience))
        torch.testing.assert_close(*told, rtol=0, atol=0, equal_nan=True)


def kept(thing, folder):
    """A strategy that holds something, through a file; what it holds then."""
    strategy, _ = trained("naive", "class")
    strategy.own = thing
    return through_a_file(strategy, folder).own


class Holder:
    """A class of this file."""

    def __init__(self, value):
        raise AssertionError("a class is made without its constructor")

    def answer(self):
        return self.value


def held(value):
    made = object.__new__(Holder)
    made.value = value
    return made


def through_with_own(thing, folder):
    strategy, _ = trained("naive", "class")
    strategy.own = thing
    return through_a_file(strategy, folder, modules=[__name__]).own


@pytest.mark.parametrize(
    "thing",
    [
        [1, 2.5, None, True, "text", 2**70, float("inf")],
        (1, (2, [3])),
        {"a": 1, 2: (3,), (4, 5): {6}},
        frozenset({1, 2}),
        deque([1, 2], maxlen=3),
        OrderedDict(b=1, a=2),
        torch.float16,
        torch.device("cpu"),
        torch.Size([2, 3]),
        np.float32(0.1),
    ],
    ids=repr,
)
def test_plain_things_come_back(thing, tmp_path):
    found = kept(thing, tmp_path)
    assert type(found) is type(thing)
    assert found == thing


def test_what_is_one_thing_stays_one_thing(tmp_path):
    shared = [1]
    loop = {"self": None, "one": shared, "two": shared}
    loop["self"] = loop
    found = kept(loop, tmp_path)
    assert found["self"] is found
    assert found["one"] is found["two"]


def test_tensors_that_share_memory_still_do(tmp_path):
    whole = torch.arange(12.0)
    nothing = whole[:0]  # comes first, and is no memory to share
    parts = {"nothing": nothing, "whole": whole, "part": whole[2:8].view(2, 3)}
    found = kept(parts | {"turned": whole.view(3, 4).T}, tmp_path)
    assert found["nothing"].shape == (0,)
    found["whole"][3] = 100
    assert found["part"][0, 1] == 100
    assert found["turned"].shape == (4, 3)
    assert found["turned"][3, 0] == 100


def test_generators_go_on_where_they_were(tmp_path):
    drawn = torch.Generator().manual_seed(3)
    torch.rand(5, generator=drawn)
    python = random.Random(4)
    found = kept([drawn, python], tmp_path)
    assert torch.equal(torch.rand(3, generator=found[0]), torch.rand(3, generator=drawn))
    assert found[1].random() == python.random()


def test_a_class_of_ones_own_comes_back_without_its_constructor(tmp_path):
    made = held([1])
    made.call = made.answer
    found = through_with_own(made, tmp_path)
    assert type(found) is Holder
    assert found.call() is found.value
    with pytest.raises(Unkept, match=r"at 'own' cannot be saved: it names .*:Holder, which is no"):
        kept(held(1), tmp_path)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (lambda: 1, "it names .*lambda.*, which is nothing of"),
        (open, "it names .*open"),
        (threading.Lock(), "it names _thread:lock"),
        (torch.eye(2).to_sparse(), "must be a plain tensor"),
        (torch.ones(2, requires_grad=True) * 2, "one of a graph: detach it"),
        (pathlib.Path("x"), "must be made of its attributes|another module"),
        (b"bytes", "must be made of its attributes, got a bytes"),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_place(thing, message, tmp_path):
    with pytest.raises(Unkept, match=f"what lies at 'own.*{message}"):
        kept(thing, tmp_path)


def forged(folder, change):
    """A file whose description was changed."""
    strategy, _ = trained("naive", "class")
    path = folder / "state.safetensors"
    lent = {"evaluator": strategy.evaluator}
    write(strategy, path, lent=lent, samples=StoredSamples())
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    graph = json.loads(told["state"])
    change(graph)
    save_file(tensors, path, metadata=told | {"state": json.dumps(graph)})
    return lambda: read(path, lent=lent, samples=StoredSamples())


@pytest.mark.parametrize(
    "name",
    ["os:system", "builtins:eval", "builtins:exec", "subprocess:Popen", "torch.hub:load",
     "torch:load", "torch.nn.modules.module:warnings", "strategies.state_names:" + "importlib",
     "avalanche.training:os", "torch.nn:nothing", "bench.cli.app:main",
     "strategies.state_reader:torch.os.popen", "bench.executor.keeping:tempfile.TemporaryDirectory",
     "strategies.state_reader:functools.partial", "strategies.import_path:imported",
     "bench.executor.keeping:tempfile._TemporaryFileCloser", "torch.nn.functional:relu"],
)  # fmt: skip
def test_a_file_names_nothing_that_it_may_not(name, tmp_path, monkeypatch):
    monkeypatch.setattr("os.system", lambda command: pytest.fail("it was called"))
    partial = {"partial": [{"name": name}, {"at": 1}, {"at": 2}]}

    def change(graph):
        graph["nodes"] = [partial, {"tuple": ["touch x"]}, {"dict": []}]
        graph["root"] = {"at": 0}

    with pytest.raises(ValueError, match=r"it names|must be a whole state"):
        forged(tmp_path, change)()


@pytest.mark.parametrize(
    "change",
    [
        lambda graph: graph.update(format=99),
        lambda graph: graph.update(nodes=[]),
        lambda graph: graph.pop("root"),
        lambda graph: graph.update(root={"at": -1.5}),
        lambda graph: graph.update(nodes=[{"tuple": [{"at": 0}]}]),
        lambda graph: graph.update(nodes=[{"object": "torch.nn:Parameter", "vars": {}}]),
        lambda graph: graph.update(places=[]),
        lambda graph: graph.update(nodes=[{"surprise": 1}]),
        lambda graph: graph.update(nodes=[{"lent": "nobody"}]),
        lambda graph: graph.update(nodes=[[]]),
    ],
)
def test_a_damaged_description_is_refused_in_words(change, tmp_path):
    with pytest.raises(ValueError, match=r"state|must be"):
        forged(tmp_path, change)()


def test_a_file_that_is_none_is_told(tmp_path):
    path = tmp_path / "x.safetensors"
    for content in (b"", b"no state", b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="must be a saved state, got"):
            about(path)
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(ValueError, match="got tensors alone"):
        about(path)


def test_weights_have_the_names_of_the_state_dict(tmp_path):
    strategy, _ = trained("naive", "class")
    through_a_file(strategy, tmp_path, about={"model": "mlp"})
    path = tmp_path / "state.safetensors"
    assert about(path)["model"] == "mlp"
    with safe_open(path, framework="pt") as file:
        for name, weight in strategy.model.state_dict().items():
            assert torch.equal(file.get_tensor(f"model.{name}"), weight)


class Dying:
    """An object that acts when it ends."""

    def __del__(self):
        self.close()


def test_nothing_stands_in_the_place_of_a_method_and_nothing_acts_at_its_end(tmp_path):
    made = held(1)
    made.answer = [2]
    with pytest.raises(Unkept, match="must have its own answer, got another in its place"):
        through_with_own(made, tmp_path)
    dying = object.__new__(Dying)
    dying.close = list
    with pytest.raises(Unkept, match="must be made of its attributes, got a Dying"):
        through_with_own(dying, tmp_path)

    def change(graph):
        node = {"object": "torch.nn.modules.linear:Linear", "vars": {"forward": 1}}
        graph["nodes"], graph["root"] = [node], {"at": 0}

    with pytest.raises(ValueError, match=r"forward of .* must be its method, got another"):
        forged(tmp_path, change)()


def test_what_a_module_has_imported_is_not_its_own(tmp_path):
    def change(graph):
        graph["root"] = {"name": "strategies.methods.packnet:torch.os.popen"}

    with pytest.raises(ValueError, match="which is nothing of this project's"):
        forged(tmp_path, change)()

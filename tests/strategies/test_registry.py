"""The registry: what it reads from the source is what the modules say when they are imported."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import strategies
from strategies import registry
from strategies.entry import Entry
from strategies.read_entries import read_entries

ROOT = Path(__file__).parents[2]
METHODS = ROOT / "strategies" / "methods"


@pytest.mark.parametrize("module", registry.MODULES)
def test_entries_read_are_those_that_importing_gives(module):
    imported = import_module(f"strategies.methods.{module}")
    assert read_entries(f"strategies.methods.{module}") == imported.ENTRIES


@pytest.mark.parametrize("module", registry.MODULES)
def test_an_entry_names_a_factory_that_can_be_called(module):
    for entry in read_entries(f"strategies.methods.{module}").values():
        home, _, name = entry.factory.partition(":")
        assert callable(getattr(import_module(home), name))


def test_every_module_is_listed_once_and_no_id_twice():
    modules = {path.stem for path in METHODS.glob("*.py")} - {"__init__"}
    assert sorted(registry.MODULES) == sorted(modules)
    ids = [name for m in registry.MODULES for name in read_entries(f"strategies.methods.{m}")]
    assert ids == list(registry.STRATEGIES)
    assert len(ids) == len(set(ids))


def test_listing_imports_no_torch():
    code = (
        "import sys, strategies, strategies.registry\n"
        "assert strategies.Entry is strategies.registry.Entry\n"
        "sys.exit('torch' in sys.modules or 'avalanche' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_only_what_the_entries_name_is_run(tmp_path, monkeypatch):
    (tmp_path / "lazy_one.py").write_text(
        "import no_such_module\n"
        "from strategies.entry import Entry\n"
        "PAPER = WRONG = 'A 2020'\n"
        "other = 1 / 0\n"
        "def factory(): raise RuntimeError\n"
        "ENTRIES: dict = {'x': Entry('m:n', 'does', PAPER)}\n"
        "undefined()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert read_entries("lazy_one") == {"x": Entry("m:n", "does", "A 2020")}


@pytest.mark.parametrize(
    ("module", "text", "complaint"),
    [
        ("no_such", None, "module must exist, got 'no_such'"),
        ("empty_one", "X = 1\n", "module must assign ENTRIES at its top level, got 'empty_one'"),
    ],
)
def test_a_module_without_entries_is_refused(tmp_path, monkeypatch, module, text, complaint):
    if text is not None:
        (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=complaint):
        read_entries(module)


def test_the_public_face_gives_what_its_type_declarations_promise():
    import ast

    tree = ast.parse((ROOT / "strategies" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    promised = {alias.asname: node.module for node in block.body for alias in node.names}
    assert promised.keys() <= set(strategies.__all__)
    for name, home in promised.items():
        assert getattr(strategies, name) is getattr(import_module(home), name)
        assert name in dir(strategies)
    with pytest.raises(AttributeError, match="has no attribute 'PackNets'"):
        _ = strategies.PackNets


def test_every_class_of_an_entry_is_public_and_no_list_need_name_it():
    factories = [entry.factory.partition(":") for entry in registry.STRATEGIES.values()]
    ours = {name: home for home, _, name in factories if home.startswith("strategies.")}
    classes = {name: home for name, home in ours.items() if name[0].isupper()}
    assert {"PackNet", "SleepReplay"} <= classes.keys() <= set(strategies.__all__)
    for name, home in classes.items():
        assert getattr(strategies, name) is getattr(import_module(home), name)
    public = {name: getattr(strategies, name).__module__ for name in strategies.__all__}
    assert classes == {name: home for name, home in public.items() if ".methods." in home}

"""Import paths are looked up without running the module."""

from __future__ import annotations

import hashlib

import pytest

from bench.config.catalogue import find_benchmark, find_model
from strategies.building import find
from strategies.import_path import definition, is_import_path, source_file, source_hash


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "explosive.py"
    path.write_text("raise SystemExit('I was run')\nif True:\n    from os import path as found\n")
    monkeypatch.syspath_prepend(tmp_path)
    return path


@pytest.mark.parametrize("path", ["a:b", "a.b:c", "_a1.b:C_2"])
def test_these_are_import_paths(path):
    assert is_import_path(path)
    assert find_benchmark(path).data is None
    assert find_model(path).smallest == 1


@pytest.mark.parametrize("path", ["a", "a:", ":b", "a/b:c", "a:b.c", "a b:c", "ä:b", "a:b\n"])
def test_these_are_not(path):
    assert not is_import_path(path)
    with pytest.raises(ValueError, match="unknown model"):
        find_model(path)


def test_a_name_is_found_in_the_source_which_is_not_run(module):
    assert definition("model", "explosive:found") is None
    with pytest.raises(ValueError, match=r"unknown name in explosive.py 'fuond'; did you mean 'fo"):
        definition("model", "explosive:fuond")


def test_known_are_the_names_that_a_module_defines_not_those_it_imports(module):
    module.write_text("raise SystemExit\nimport torch\nclass Anchor: 'Pulls.'\nrate = 1\n")
    with pytest.raises(ValueError, match=r"did you mean 'Anchor'\? Known: Anchor, rate$"):
        find("explosive:Anchr")
    assert find("explosive:Anchor").summary == "Pulls."  # and the module was not run


@pytest.mark.parametrize("look_up", [find, find_model, find_benchmark])
def test_a_file_is_no_module_and_a_form_is_no_name(look_up):
    with pytest.raises(ValueError, match=r"without .py or a folder, .* did you mean 'mine:made'"):
        look_up("code/mine.py:made")
    with pytest.raises(ValueError, match=r"unknown \w+ 'my_module'\. .* your own: .*module:name"):
        look_up("my_module")


def test_the_hash_is_that_of_the_file(module):
    before = source_hash("model", "explosive:found")
    assert before == hashlib.sha256(module.read_bytes()).hexdigest()
    module.write_text("found = 2\n")
    assert source_hash("model", "explosive:found") != before


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere_at_all:x", "there is no module 'nowhere_at_all'"),
        ("nowhere_at_all.deep:x", "ModuleNotFoundError"),
        ("sys:x", "must lie in a Python source file, got built-in"),
    ],
)
def test_a_module_that_is_not_there_is_refused(path, reason):
    with pytest.raises(ValueError, match=reason):
        source_file("model", path)

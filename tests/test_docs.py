"""The pages of docs/: their commands exist, their walks are walks, their links lead somewhere."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer import Context
from typer.main import get_command

from bench.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
WORDS = [
    ({"type": "integer"}, "integer"),
    ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "number at least 0 below 1"),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
    ({"enum": ["cpu", "cuda"]}, "`cpu`, `cuda`"),
    ({"$ref": "#/$defs/Cost"}, "Cost"),
    (
        {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "list of (number or null)",
    ),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, "mapping to integer"),
]
WALK = (ROOT / "docs/explanation/walk.md").read_text()
LINK = re.compile(r"\]\((?!\w+:)([^)\s#]+)")
STEP = re.compile(r"^\d\. \[`(\S+)`\]", re.MULTILINE)
CHEATS = [ROOT / "tests/support/cheats.py", ROOT / "tests/support/process_cheats.py"]
COMMAND = re.compile(r"python -m bench ([^`\n]+)")


def commands() -> list[str]:
    written = [ROOT / "README.md", ROOT / "AGENTS.md"]
    written += [page for page in PAGES if page.name != "profile.md"]
    return sorted({found for page in written for found in COMMAND.findall(page.read_text())})


@pytest.mark.parametrize("line", commands())
def test_every_command_and_option_that_a_page_names_exists(line):
    command, words = get_command(app), line.split()
    context = Context(command)
    while words and words[0] in getattr(command, "list_commands", lambda context: [])(context):
        command = command.get_command(context, words.pop(0))
    assert command.name not in (None, "bench"), line
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= {*known, "--help"}


def test_every_cheat_of_the_tests_is_on_the_page_of_what_was_tried():
    page = (ROOT / "docs/explanation/trust.md").read_text()
    named = {
        name for row in re.findall(r"^\|.*\| (`.*`) \|$", page, re.M) for name in row.split(", ")
    }
    classes = [
        node for file in CHEATS for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]  # fmt: skip
    strategies = {f"`{n.name}`" for n in classes if n.bases and not n.name.startswith("_")}
    assert strategies <= named


@pytest.mark.parametrize("page", [*PAGES, ROOT / "AGENTS.md"], ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_to_a_committed_file(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.fixture
def site(monkeypatch):
    """The modules that make the site, from docs/."""
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(ROOT / "docs")
    return import_module("hooks"), import_module("code_pages")


@pytest.mark.parametrize(("field", "words"), WORDS)
def test_the_reference_tells_types_in_words(field, words, site):
    assert site[1].kind(field) == words


def test_a_page_links_to_what_the_site_holds_at_its_place(site):
    hooks, _ = site
    assert hooks.site_uri(ROOT / "README.md") == "index.md"
    assert hooks.site_uri(ROOT / "docs/how-to/run.md") == "how-to/run.md"
    assert hooks.site_uri(ROOT / "leaderboards/INDEX.md") == "leaderboards/INDEX.md"
    found = hooks.linked([ROOT / "docs/explanation/walk.md"])
    assert set(found) >= {path for walk in walks() for path in walk}


def test_the_navigation_finds_every_paper(site):
    hooks, _ = site
    assert f"- Papers: {hooks.PAPERS}\n" in (ROOT / "mkdocs.yml").read_text()
    names = ["README.md", "b2020/README.md", "a2018/README.md", "a2018/records/README.md"]
    pages = [SimpleNamespace(src_uri=f"leaderboards/{name}") for name in names]
    files = SimpleNamespace(documentation_pages=lambda: pages)
    found = ["leaderboards/a2018/README.md", "leaderboards/b2020/README.md"]
    assert hooks.expanded({"Papers": hooks.PAPERS}, files) == {"Papers": found}
    assert hooks.expanded({"All": "leaderboards/"}, files) == {"All": ["leaderboards/README.md"]}


def test_an_undocumented_public_name_is_complained_of(site, tmp_path, caplog):
    (tmp_path / "some.py").write_text('"""A module."""\ndef bare(): ...\ndef _own(): ...\n')
    griffe = import_module("griffe")
    site[1].complain_of_undocumented(griffe.load("some", search_paths=[str(tmp_path)]))
    assert caplog.messages == ["some.bare is public and has no docstring"]


def walks() -> list[list[Path]]:
    lists = (STEP.findall(part) for part in WALK.split("\n## "))
    return [[ROOT / name for name in names] for names in lists if names]


def imports(path: Path) -> set[str]:
    """Modules that a file imports, those inside of functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_each_walk_has_at_most_eight_files_and_each_stands_beside_the_one_before_it():
    assert len(walks()) == 2
    for walk in walks():
        assert 2 <= len(walk) <= 8
        for before, after in pairwise(walk):
            met = module(after) in imports(before) or module(before) in imports(after)
            assert met, f"{module(before)} and {module(after)} do not import each other"

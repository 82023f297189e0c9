"""`docs/how-to/add-a-strategy.md`, followed to the letter in a copy of the tree."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest

from metered import metered
from recipe import ROOT, Block, blocks, commands, follow
from strategies.entry import FAMILIES
from strategies.networks.layers import prunable
from toy import toy_benchmark

PAGE = "add-a-strategy.md"
REGISTRY = "strategies/registry.py"
TESTS = ("tests/strategies/test_contract.py", "tests/strategies/test_registry.py")
COPIED = ("bench", "strategies", "tests/support", *TESTS, "pyproject.toml", "docs/strategies.md")
WRITTEN = (
    "strategies/methods/anchor.py",
    REGISTRY,
    "tests/strategies/methods/test_anchor.py",
)
"""By hand; `bench docs` writes one more."""
PHASES = "my_nights.py"
ASKED = (
    "from strategies import Anchor; print(Anchor.__module__)",
    "from strategies.registry import STRATEGIES; print(list(STRATEGIES)[-1])",
)


def files_of(tree: Path) -> dict[str, bytes]:
    """The content of each file of a copy, but for what Python and the tests leave."""
    found = (
        p for name in ("bench", "strategies", "tests", "docs") for p in (tree / name).rglob("*")
    )
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts
    }


def write(block: Block, tree: Path) -> None:
    """What a block says into its file, which somebody may have done in these sources before."""
    file = tree / block.file
    if block.file == REGISTRY:
        before, modules, after = file.read_text(encoding="utf-8").partition("MODULES = (\n")
        inside, end, after = after.partition("\n)\n")
        inside = f"{inside}\n".replace(block.text, "") + block.text.rstrip()
        file.write_text(f"{before}{modules}{inside}{end}{after}", encoding="utf-8")
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> tuple[list[str], set[str], Path]:
    """What each command says, which files are new or changed after all, and the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tree / name)
    for name in set(WRITTEN) - {REGISTRY}:
        (tree / name).unlink(missing_ok=True)
    before = files_of(tree)
    for block in blocks(PAGE):
        if block.file in WRITTEN:
            write(block, tree)
    for number, code in enumerate(ASKED):
        (tree / f"asked_{number}.py").write_text(code)
    asked = [f"python asked_{number}.py" for number in range(len(ASKED))]
    said = follow([*commands(PAGE), *asked], tree)
    after = files_of(tree)
    return said, {name for name in after if after[name] != before.get(name)}, tree


def test_its_commands_run(followed):
    shown, ran, *tested, pages = followed[0][: -len(ASKED)]
    assert "strength" in shown
    assert "factor of the squared distance that is added to the loss, at least 0." in shown
    assert "[1/1] split-digits/class anchor seed 0: accuracy" in ran
    assert len(tested) == 3
    assert all("[100%]" in each for each in tested)
    assert pages == "[1/1] docs/strategies.md\n"


def test_it_takes_three_files_and_a_page_that_is_generated(followed):
    _, changed, tree = followed
    assert [block.file for block in blocks(PAGE) if block.file] == [*WRITTEN, PHASES]
    # whoever has followed the page in these sources has all of it but the files taken away here
    assert changed | {REGISTRY, "docs/strategies.md"} == {*WRITTEN, "docs/strategies.md"}
    assert "| `anchor` | `strength` | `0.01` |" in (tree / "docs/strategies.md").read_text()


def test_it_can_be_imported_from_the_package_and_is_listed_last(followed):
    module, last = followed[0][-len(ASKED) :]
    assert module.endswith(".methods.anchor\n")
    assert last == "anchor\n"


def test_it_tells_every_family():
    text = (ROOT / "docs/how-to" / PAGE).read_text()
    assert [name for name in FAMILIES if f"`{name}`" not in text] == []


def test_its_strategy_with_a_night_fades_for_a_fifth_of_each_experience(tmp_path, monkeypatch):
    (code,) = [block.text for block in blocks(PAGE) if block.file == PHASES]
    (tmp_path / PHASES).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("my_nights")
    moved = []
    step = module.steps_of

    def counted(strategy, night):
        for each in step(strategy, night):
            before = [weight.clone() for weight in prunable(strategy.model).values()]
            yield each
            after = prunable(strategy.model).values()
            moved.append(all((a == 0.5 * b).all() for a, b in zip(after, before, strict=True)))

    monkeypatch.setattr(module, "steps_of", counted)
    benchmark = toy_benchmark("class")
    strategy, meter = metered("my_nights:Fading", benchmark, 20, chosen={"share": 0.5})
    for index, experience in enumerate(benchmark.train):
        with meter.experience(index):
            strategy.train(experience)
    assert moved == [True] * 4  # 2 of the 10 steps of either experience
    assert meter.spent == 20
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\), got 1"):
        metered("my_nights:Fading", benchmark, 20, chosen={"share": 1.0})

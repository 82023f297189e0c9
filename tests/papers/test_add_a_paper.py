"""The recipe in docs/how-to/add-a-paper.md, followed to the letter in a copy of the packages."""

from __future__ import annotations

import shutil

from bench.config.suite import Suite
from bench.papers.results import Experiment, Result
from recipe import ROOT, blocks, commands, follow

PAGE = "add-a-paper.md"
FILES = {block.file: block.text for block in blocks(PAGE) if block.file}
FOLDER = "bench/papers/vandeven2019"
CLAIM = f"{FOLDER}/gap.py"


def test_a_folder_alone_makes_a_paper_with_its_page(tmp_path):
    for package in ("bench", "strategies"):
        shutil.copytree(ROOT / package, tmp_path / package)
    [both] = [block.text for block in blocks(PAGE) if block.language == "py"]
    for name, text in FILES.items():
        path = tmp_path / name
        assert path.is_relative_to(tmp_path / FOLDER)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    paper = tmp_path / FOLDER / "paper.py"
    alone, imports = (
        "return published_verdicts(results, PUBLISHED)",
        "from bench.papers import method",
    )
    assert alone in FILES[f"{FOLDER}/paper.py"]
    own = f"{imports}\nfrom bench.papers.vandeven2019.gap import gap_verdicts"
    text = paper.read_text().replace(alone, f"return {both}").replace(imports, own)
    paper.write_text(text)
    follow(commands(PAGE), tmp_path)
    folder = tmp_path / "leaderboards" / "vandeven2019"
    page = (folder / "README.md").read_text()
    assert "| training forgets: split digits | 19.90 % |" in page
    assert "| all data at once: split digits | 97.90 % |" in page
    [gap] = [line for line in page.splitlines() if "joint training is far ahead" in line]
    assert "| at least 50 points: " in gap
    assert page.count("; n = 1 seed |") == 3  # both runs are there
    assert "not run" not in page
    assert (folder / "accuracies.svg").is_file()
    assert len(list((folder / "records").rglob("*.json"))) == 2


def test_its_claim_is_not_run_without_records(tmp_path):
    (tmp_path / "digits.toml").write_text(FILES[f"{FOLDER}/suites/digits.toml"])
    suite = Suite.read(tmp_path / "digits.toml")
    result = Result(Experiment("digits", "split digits", "8 x 8"), suite, (), None)
    names: dict = {}
    exec(compile(FILES[CLAIM], CLAIM, "exec"), names)
    [row] = names["gap_verdicts"]({"digits": result})
    assert (row.measured, row.verdict) == ("-", "not run")

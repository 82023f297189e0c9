"""The recipe in docs/how-to/add-a-paper.md, followed to the letter in a copy of the packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs" / "how-to" / "add-a-paper.md").read_text(encoding="utf-8")
FILES = re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```$', RECIPE, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^```console\n(.*?)^```$", RECIPE, re.DOTALL | re.MULTILINE)


def test_a_folder_alone_makes_a_paper_with_its_page(tmp_path):
    for package in ("bench", "strategies"):
        shutil.copytree(ROOT / package, tmp_path / package)
    for name, text in FILES:
        path = tmp_path / name
        assert path.is_relative_to(tmp_path / "bench" / "papers" / "vandeven2019")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command in COMMANDS:
        python, *words = command.split()
        assert python == "python"
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "leaderboards" / "vandeven2019"
    page = (folder / "README.md").read_text()
    assert "| training forgets: split digits | 19.90 % |" in page
    assert "| all data at once: split digits | 97.90 % |" in page
    assert page.count("; n = 1 seed |") == 2  # both runs are there
    assert "not run" not in page
    assert (folder / "accuracies.svg").is_file()
    assert len(list((folder / "records").rglob("*.json"))) == 2

"""The recipes in `docs/how-to/` are followed to the letter, each in a folder of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from bench.records.store import Store

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs/how-to" / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def follow(commands: str, folder: Path, source: Path) -> str:
    """What the commands of a page say, run in `folder` with the packages in `source`."""
    environment = {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200"}
    environment.pop("SLEEPBENCH_DATA", None)
    said = ""
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "python"
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout
    return said


def test_an_own_model_and_an_own_benchmark_run_as_the_page_says(tmp_path):
    page = "own-model-and-benchmark.md"
    model, benchmark = blocks(page, "python")
    (tmp_path / "my_model.py").write_text(model)
    (tmp_path / "my_benchmark.py").write_text(benchmark)
    for commands in blocks(page, "console"):
        follow(commands, tmp_path, ROOT)
    stored, damaged = Store(tmp_path / "runs").read()
    found = {(item.record.config.benchmark, item.record.config.model) for item in stored}
    assert found == {
        ("split-digits", "my_model:make_model"),
        ("my_benchmark:make_benchmark", "mlp"),
    }
    assert damaged == []


def test_a_data_set_is_added_in_one_file_as_the_page_says(tmp_path):
    for package in ("bench", "strategies"):
        shutil.copytree(ROOT / package, tmp_path / package)
    page, file = "add-a-data-set.md", tmp_path / "bench/config/datasets.py"
    [entry], [make, run] = blocks(page, "python"), blocks(page, "console")
    [script] = blocks(page, 'python title="make_stripes.py"')
    (tmp_path / "make_stripes.py").write_text(script)
    md5 = follow(make, tmp_path, tmp_path).strip()
    whole = file.read_text()
    assert whole.count('\n}\n"""Every data set by its name.') == 1
    file.write_text(
        whole.replace('\n}\n"""Every', f'\n{entry}}}\n"""Every').replace('"MD5"', f'"{md5}"')
    )
    assert "stripes in 2 experiences of 2 directions" in follow(run, tmp_path, tmp_path)
    [first] = Store(tmp_path / "runs").read()[0]
    assert first.record.status == "ok"
    assert first.record.outcome.test_samples == [10, 10]

    (tmp_path / "data/cache/stripes.safetensors").unlink()
    shutil.rmtree(tmp_path / "runs")
    [module] = blocks(page, 'python title="my_module.py"')
    (tmp_path / "my_module.py").write_text(module)
    file.write_text(file.read_text().replace("bench.data.readers:arrays", "my_module:read"))
    follow(run, tmp_path, tmp_path)
    [second] = Store(tmp_path / "runs").read()[0]
    assert second.record.environment.data_hash == first.record.environment.data_hash

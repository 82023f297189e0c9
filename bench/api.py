"""The referee from Python: run, load, rank and compare, in a script or a notebook.

Every function takes names and paths. All but `load_network` return pandas frames.
"""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.config.executors import HERE, Place
from bench.config.paths import both_folders, path_of, text_of
from bench.config.suite import Suite
from bench.formatting.numbers import counted, shortened
from bench.ranking import admission
from bench.ranking.paired_comparison import Comparison, compare_folders, compare_strategies
from bench.ranking.rank import rank_all
from bench.ranking.run_table import run_table
from bench.records.store import Store, Stored, alone_in

if TYPE_CHECKING:
    from bench.runner.saved_network import SavedNetwork

_ONE = {"strategies": "strategy", "benchmarks": "benchmark", "scenarios": "scenario"}
"""Fields of a suite that hold one value in a run, and what `run` calls them."""


def run(
    strategy: str,
    *,
    out: str | Path = "runs",
    data: str | Path | None = None,
    download: bool = False,
    **conditions: Any,
) -> pd.Series[Any]:
    """One run: a strategy learns a stream under a budget. Its row, as `load` gives it.

    A run that has its record in `out` is not made again.

    Args:
        strategy: an id of `python -m bench list`, or `my_module:MyStrategy`.
        out: folder of the records.
        data: folder of the data sets; None for `$SLEEPBENCH_DATA`, or `data`.
        download: fetch a missing data set first.
        **conditions: `benchmark`, `scenario`, and every other field of a suite: `budget="2s"`,
            `model="mlp"`, `base_seed=1`; `hyperparameters={"density": 0.1}` are the strategy's.

    Raises:
        ValueError: for what cannot be, before anything runs.
    """
    strategy = text_of(strategy, "strategy", "the name of a strategy")
    chosen: dict[str, Any] = {"strategies": [strategy]}
    for name, value in conditions.items():
        if name in _ONE:
            one = _ONE[name]
            given = "it is given twice" if one == "strategy" else f"write {one}={value!r}"
            raise ValueError(f"run takes one {one}, got {name}={value!r}: {given}")
        if name in _ONE.values():
            chosen[f"{name}s"] = [value]
        else:
            chosen[name] = {strategy: value} if name == "hyperparameters" else value
    suite = Suite.of(chosen, called=_ONE)
    if (runs := len(suite.configs())) != 1:
        raise ValueError(f"run makes one run, these conditions make {runs}: take run_suite")
    return run_suite(suite, out=out, data=data, download=download).iloc[0]


def run_suite(
    suite: Suite | Mapping[str, Any] | str | Path,
    *,
    out: str | Path = "runs",
    jobs: int | None = None,
    data: str | Path | None = None,
    download: bool = False,
    place: Place = HERE,
    log: Sequence[str] = (),
) -> pd.DataFrame:
    """Every run of a suite, a row each as `load` gives it; what has no record yet is run first.

    Each run has a process of its own, also from a notebook or a script. A bar shows how far they
    are. Interrupted, the same call goes on where it stopped.

    Args:
        suite: a `Suite`, its fields by name, or the path of a TOML file.
        out: folder of the records.
        jobs: runs at once, each on cores of its own; None for one, one for each GPU that is named,
            or all of a Ray cluster.
        data: folder of the data sets; None for `$SLEEPBENCH_DATA`, or `data`.
        download: fetch missing data sets first.
        place: where they are carried out: `bench.Place(executor="ray", address="host:6379")`, say.
        log: names of the loggers that are told how they go: `["tensorboard"]`.

    Raises:
        ValueError: for what cannot be, before anything runs.
    """
    from rich.console import Console

    from bench.executor.progress_bars import Display
    from bench.executor.run_suite import RunOptions
    from bench.executor.run_suite import run_suite as run_missing

    suite = _suite(suite)
    suite.configs()  # refuses what cannot be before a folder is made
    store = Store(path_of(out, "out"))
    options = RunOptions(
        jobs=jobs, data_root=_data_root(data), download=download, command=shlex.join(sys.argv),
        place=place, log=tuple(log),
    )  # fmt: skip
    with alone_in(store.root), Display(Console()) as display:
        records = run_missing(suite, store, options, listener=display)
    return run_table([Stored(store.path_of(r), r) for r in records])


def load(folder: str | Path = "runs", *, matrices: bool = False) -> pd.DataFrame:
    """The runs of a folder of records, a row each.

    Columns: what was run (`benchmark`, `scenario`, `model`, `strategy`, `hyperparameters`,
    `budget`, `base_seed`, `repetition`), what became of it (`status`, `reason`, and `cuts`, how
    often it was cut and went on), what it reached
    (`accuracy`, `weights`, `forgetting` and more, as fractions; NaN for a run that failed), what it
    spent (`charged` as a share of the budget, `seconds_train` and so on), and where its record lies
    (`path`). Files that cannot be ranked are left out; one warning counts them, and says of the
    first why.

    Args:
        folder: of records, as `--out` of `python -m bench run`.
        matrices: add `accuracy_matrix`, an (n, n) array each: row i is after training on
            experience i, column j is tested on experience j.

    Raises:
        ValueError: if there is no such folder.
    """
    evidence = admission.read(_existing(folder))
    if evidence.damaged:
        number, which = len(evidence.damaged), shortened(evidence.damaged.values())
        warnings.warn(f"{counted(number, 'file')} left out: {which}", stacklevel=2)
    return run_table(evidence.stored, matrices=matrices)


def load_network(record: str | Path) -> SavedNetwork:
    """The network of a run that was made with `--save`: a torch module that answers as the run did.

    Called with images it gives the answers of the run's strategy, its masks and class means among
    it. `network.model` is the plain network, `network.labels` says what the answers stand for.

    Args:
        record: path of the run's record, `<benchmark>-<scenario>/<strategy>/….json` in `--out`.

    Raises:
        ValueError: for a run without a saved state, or a state that is not its own.
    """
    from bench.executor.keeping import check_state
    from bench.executor.messages import STATE
    from bench.records.store import read_record
    from bench.runner.saved_network import SavedNetwork

    path = path_of(record, "record")
    if path.suffix != ".json" or not path.is_file():
        raise ValueError(f"record must be the .json file of a run, got {path}")
    before, state = read_record(path), path.with_suffix(STATE)
    check_state(before, state)
    return SavedNetwork(before.config, state).eval()


def leaderboard(
    folder: str | Path = "runs",
    *,
    benchmark: str | None = None,
    scenario: str | None = None,
    budget: str | None = None,
) -> pd.DataFrame:
    """The leaderboards of a folder of records, a row each, best first; upper bounds come last.

    The columns are those of the CSV pages. Rows that must not be compared differ in `benchmark`,
    `scenario`, `model`, `budget` or another condition: group by them.

    Args:
        folder: of records, as `--out` of `python -m bench run`.
        benchmark: only this one.
        scenario: only this one.
        budget: only this one, in any unit: `10m` finds `600s`.

    Raises:
        ValueError: names the folder that is not there, or the filter that left nothing.
    """
    from bench.leaderboards.csv_table import frame

    root = _existing(folder)
    chosen = admission.select(
        admission.read(root).stored,
        benchmark=benchmark,
        scenario=scenario,
        budget=budget,
    )
    if not chosen:
        raise ValueError(f"there must be records in {root}, found none")
    return frame(rank_all(chosen), page=root / "leaderboard")


def compare(
    first: str,
    second: str,
    folder: str | Path = "runs",
    *,
    benchmark: str | None = None,
    scenario: str | None = None,
    budget: str | None = None,
) -> pd.DataFrame:
    """Two strategies, or two folders of records, paired by seed; a row for each score.

    Columns: `where`, `score`, the means `first` and `second`, their `difference` with the ends
    `low` and `high` of its 95 % interval, the `pairs` that it rests on, `p` adjusted over all rows,
    the `probability_of_improvement` of the first, and the `verdict` in words.

    Args:
        first: a strategy, the label of a row, or a folder of records.
        second: the other; a folder if the first is one.
        folder: of the records, when strategies are compared.
        benchmark: only this one.
        scenario: only this one.
        budget: only this one, in any unit.

    Raises:
        ValueError: names what is not there, or the conditions in which two folders differ.
    """

    def chosen(name: str | Path) -> list[Stored]:
        stored = admission.read(_existing(name)).stored
        return admission.select(stored, benchmark=benchmark, scenario=scenario, budget=budget)

    if both_folders(first, second):
        found = compare_folders(chosen(first), chosen(second))
    else:
        found = compare_strategies(chosen(folder), str(first), str(second))
    return pd.DataFrame([row for one in found for row in _differences(one)])


def _differences(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "where": comparison.where,
            "score": one.score.name,
            "first": one.first,
            "second": one.second,
            "difference": one.difference.mean,
            "low": one.difference.low,
            "high": one.difference.high,
            "pairs": one.pairs,
            "p": one.p,
            "probability_of_improvement": one.improvement,
            "verdict": one.verdict,
        }
        for one in comparison.differences
    ]


def _existing(folder: str | Path) -> Path:
    root = path_of(folder, "folder")
    if not root.is_dir():
        raise ValueError(f"{str(root)!r} must be a folder of records, got none there")
    return root


def _data_root(data: str | Path | None) -> Path:
    given = os.environ.get("SLEEPBENCH_DATA") or "data" if data is None else path_of(data, "data")
    return Path(given).resolve()


def _suite(suite: Suite | Mapping[str, Any] | str | Path) -> Suite:
    if isinstance(suite, Suite):
        return suite
    if isinstance(suite, Mapping):
        return Suite.of(suite)
    what = "a Suite, its fields by name, or the path of a TOML file"
    return Suite.read(path_of(suite, "suite", what))

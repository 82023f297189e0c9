"""What a search costs beside its trials, and how it bears a thousand of them: CPU seconds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench.study import run_study
from bench.study.folder import Folder
from bench.study.samplers import PRUNERS, PerTrial
from bench.study.search import Effort, Search
from bench.study.storage import open_index, open_storage
from bench.study.workers import Worker
from trials import PretendingExecutor, make_study, trial_record

TRIAL_SECONDS = 20.0


def keep(benchmark, what: str, value: float, reach: str) -> None:
    benchmark.extra_info.update(what=what, value=round(value, 4), reach=reach)
    benchmark.pedantic(lambda: None, rounds=1)


def searched(folder: Folder, trials: int) -> float:
    """CPU seconds in which as many trials are there, their runs pretended."""
    study = folder.study()
    began = time.process_time()
    storage = open_storage(str(folder.journal))
    index = open_index(
        study, storage, sampler=PerTrial("tpe", study.base_seed), pruner=PRUNERS["none"]()
    )
    executor = PretendingExecutor(folder.records)
    with Worker(folder.root) as worker:
        Search(
            study, index, effort=Effort(trials), store=folder.records, executor=executor,
            worker=worker, storage=storage,
        ).run()  # fmt: skip
    return time.process_time() - began


def test_a_search_takes_less_than_3_percent_of_its_trials(tmp_path, benchmark):
    folder = Folder(tmp_path)
    make_study().write(folder.study_file)
    seconds = searched(folder, 100)
    share = seconds / (100 * TRIAL_SECONDS)
    keep(
        benchmark, "study: choosing and telling 100 trials over 20 s each, CPU", share, "below 0.03"
    )
    assert share < 0.03


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("thousand"))
    study = make_study()
    study.write(folder.study_file)
    generator = np.random.default_rng(0)
    for number in range(1000):
        point = {
            "rounds": int(np.rint(2 ** generator.uniform(0, 5))),
            "density": float(10 ** generator.uniform(-2, np.log10(0.5))),
            "schedule": str(generator.choice(["linear", "cubic"])),
        }
        [config] = study.configs(point)
        folder.records.write(trial_record(config, number=number))
    run_study.rebuild(folder, None)
    return folder


def test_a_thousand_trials_are_opened_in_10_seconds(thousand, benchmark):
    began = time.process_time()
    index = open_index(thousand.study(), open_storage(str(thousand.journal)))
    assert len(index.get_trials(deepcopy=False)) == 1000
    seconds = time.process_time() - began
    keep(benchmark, "study: opening 1,000 trials, CPU s", seconds, "below 10")
    assert seconds < 10


def test_a_search_goes_on_after_a_thousand_trials_in_10_seconds(thousand, benchmark):
    seconds = searched(thousand, 1001)
    keep(benchmark, "study: one trial more after 1,000, CPU s", seconds, "below 10")
    assert seconds < 10


def test_a_thousand_trials_are_reported_in_10_seconds(thousand, benchmark):
    began = time.process_time()
    thousand.report(thousand.trials()[0])
    seconds = time.process_time() - began
    keep(benchmark, "study: reporting 1,000 trials, CPU s", seconds, "below 10")
    assert seconds < 10

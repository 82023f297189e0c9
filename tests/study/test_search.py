"""Studies whose runs are pretended: what is asked, told, kept, refused, retried and rebuilt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from bench.config.suite import Suite
from bench.executor.messages import STOPPED
from bench.records.store import Store
from bench.runner.progress import Progress
from bench.study import run_study
from bench.study.export import suite_of, write_suite
from bench.study.folder import Folder
from bench.study.points import grid_size
from bench.study.samplers import PRUNERS, SAMPLERS, PerTrial, check_pruner, dominated
from bench.study.search import Effort, Search, counted
from bench.study.storage import cut_torn_line, hidden, open_index, open_storage
from bench.study.study import Study
from bench.study.trials import read_trials
from bench.study.workers import Worker
from trials import PretendingExecutor, good, make_study, trial_record


class Bench:
    """A folder, a storage and what is needed to search there."""

    def __init__(self, root: Path, study: Study | None = None, url: str | None = None) -> None:
        self.folder = Folder(root)
        self.study = study or make_study()
        self.study.write(self.folder.study_file)
        self.url = url or str(self.folder.journal)
        self.storage = open_storage(self.url)

    def search(self, trials: int, *, sampler="random", pruner="none", fails=None) -> Search:
        """Search as a process of its own would; the pretending executor is `self.executor`."""
        self.index = open_index(
            self.study, self.storage,
            sampler=PerTrial(sampler, self.study.base_seed), pruner=PRUNERS[pruner](),
        )  # fmt: skip
        self.executor = PretendingExecutor(self.folder.records, fails)
        with Worker(self.folder.root) as worker:
            search = Search(
                self.study,
                self.index,
                effort=Effort(trials, grid=sampler == "grid", prune=pruner != "none"),
                store=self.folder.records,
                executor=self.executor,
                worker=worker,
                storage=self.storage,
            )
            search.run()
        return search

    @property
    def states(self) -> list[str]:
        return [trial.state.name for trial in self.index.get_trials(deepcopy=False)]


def results(index: optuna.Study) -> list[tuple]:
    return [(t.state, t.params, t.values) for t in index.get_trials(deepcopy=False)]


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
@pytest.mark.parametrize("objectives", [("accuracy",), ("weights", "accuracy")])
def test_each_sampler_finishes_as_many_trials_as_were_asked_for(tmp_path, sampler, objectives):
    bench = Bench(tmp_path, make_study(objectives=objectives), "memory")
    assert bench.search(14, sampler=sampler).ended is None
    finished = counted(bench.index.get_trials(deepcopy=False))
    assert [trial.state for trial in finished] == [TrialState.COMPLETE] * 14
    assert len({json.dumps(trial.params) for trial in finished}) == 14
    assert len(bench.executor.ran) == 14
    assert all(config.validation_only for config in bench.executor.ran)


def postgresql() -> str:
    """A real one, where there is one: SLEEPBENCH_POSTGRESQL holds its URL."""
    return os.environ.get("SLEEPBENCH_POSTGRESQL", "")


@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite", "postgresql"])
def test_values_are_those_of_the_records_in_every_storage(tmp_path, kind):
    if kind == "postgresql" and not postgresql():
        pytest.skip("no PostgreSQL: SLEEPBENCH_POSTGRESQL is not set")
    urls = {"memory": "memory", "journal": None, "sqlite": f"sqlite:///{tmp_path}/study.db"}
    bench = Bench(tmp_path, url=urls.get(kind, postgresql()))
    bench.search(4)
    trials, _ = bench.folder.trials()
    for told, trial in zip(bench.index.get_trials(deepcopy=False), trials, strict=True):
        assert told.params == trial.chosen
        assert told.values == list(trial.values)
        assert told.user_attrs["charged"] == pytest.approx(trial.charged)
        [config] = bench.study.configs(trial.chosen)
        assert trial.accuracy == pytest.approx(good(config))
        assert trial.weights == pytest.approx(config.hyperparameters["density"], abs=5e-4)


def test_a_search_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    whole, cut = Bench(tmp_path / "whole"), Bench(tmp_path / "cut")
    whole.search(16, sampler="tpe")
    cut.search(11, sampler="tpe")
    cut = Bench(tmp_path / "cut")
    cut.search(16, sampler="tpe")
    assert results(cut.index) == results(whole.index)
    assert len(cut.executor.ran) == 5


def test_a_point_is_never_run_twice(tmp_path):
    narrow = {"space": {"rounds": "1:3", "density": [0.1, 0.2], "schedule": ["linear", "cubic"]}}
    bench = Bench(tmp_path, make_study(**narrow))
    ended = bench.search(50).ended.why
    assert len(bench.executor.ran) == len({c.digest for c in bench.executor.ran}) <= 12
    assert "had been tried before" in ended
    again = Bench(tmp_path / "grid", make_study(**narrow))
    assert again.search(50, sampler="grid").ended.why == "every point of the grid has been tried"
    assert len(again.executor.ran) == 12 == grid_size(again.study.searched())


def test_a_failed_run_is_a_failed_trial_with_its_reason(tmp_path):
    bench = Bench(tmp_path)
    calls = iter([("diverged", "weights are not finite after experience 1")])
    bench.search(3, fails=lambda config: next(calls, None))
    assert bench.states == ["FAIL", "COMPLETE", "COMPLETE"]
    reason = "diverged: weights are not finite after experience 1"
    assert bench.index.get_trials()[0].user_attrs["reason"] == reason
    [failed, *_] = bench.folder.trials()[0]
    assert (failed.state, failed.reason) == ("failed", reason)
    # a run that died has no account, so it counts with its whole budget
    assert failed.charged == 20


def test_five_failures_in_a_row_for_the_same_reason_end_the_search(tmp_path):
    bench = Bench(tmp_path)
    numbers = iter(range(100))
    search = bench.search(
        30, fails=lambda config: ("error", f"ValueError: layer {next(numbers)} is too small")
    )
    assert len(bench.executor.ran) == 5
    assert not search.ended.ok
    assert search.ended.why == (
        "5 trials in a row failed for the same reason: error: ValueError: layer 4 is too small"
    )


def test_failures_for_several_reasons_do_not_end_it(tmp_path):
    bench = Bench(tmp_path)
    reasons = iter(["one", "other"] * 6)
    assert bench.search(12, fails=lambda config: ("error", next(reasons))).ended is None


def test_what_the_machine_cut_is_run_again(tmp_path):
    bench = Bench(tmp_path)
    calls = iter([("killed", "ended from outside by signal 9")])
    bench.search(2, fails=lambda config: next(calls, None))
    assert bench.states == ["FAIL", "COMPLETE", "COMPLETE"]
    first, again, _ = bench.executor.ran
    assert again == first
    assert len(counted(bench.index.get_trials())) == 2


def test_the_trials_of_a_dead_process_are_run_again_and_its_finished_runs_are_kept(tmp_path):
    bench = Bench(tmp_path)
    bench.search(1)
    # a process that dies with two trials: one was running, one had left its record
    dying = Worker(tmp_path)
    dying.__enter__()
    from bench.study.space import distributions

    asked = [bench.index.ask(distributions(bench.study.searched())) for _ in range(2)]
    for trial in asked:
        trial.set_user_attr("worker", dying.name)
    finished = bench.study.configs(asked[1].params)
    PretendingExecutor(bench.folder.records).serve(
        lambda: finished.pop() if finished else None, Listening(), threads=1
    )
    alive = Bench(tmp_path)
    alive.search(1)
    assert alive.states == ["COMPLETE", "RUNNING", "RUNNING"]  # it is not dead yet
    dying.__exit__(None, None, None)
    after = Bench(tmp_path)
    after.search(3)
    assert after.states == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [config.hyperparameters["rounds"] for config in after.executor.ran] == [
        asked[0].params["rounds"]
    ]
    assert [t.params for t in after.index.get_trials()[3:]] == [t.params for t in asked]


def test_a_trial_whose_process_died_before_it_could_sign_is_run_again(tmp_path):
    from bench.study.space import distributions

    bench = Bench(tmp_path)
    bench.search(1)
    bench.index.ask(distributions(bench.study.searched()))  # killed before it set `worker`
    after = Bench(tmp_path)
    after.search(3)
    assert after.states == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that is killed")
def test_a_database_knows_by_heartbeats_which_processes_elsewhere_are_dead(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.study.storage.GRACE_SECONDS", 3)
    for module in ("storage", "workers"):
        monkeypatch.setattr(f"bench.study.{module}.HEARTBEAT_SECONDS", 1)
    url = f"sqlite:///{tmp_path}/study.db"
    near = Bench(tmp_path / "near", url=url)
    near.search(1)
    if not (child := os.fork()):
        with suppress(BaseException):
            monkeypatch.setattr(PretendingExecutor, "serve", begin_and_hang)
            Bench(tmp_path / "far", url=url).search(2)  # another folder: its locks are not seen
        os._exit(1)
    try:
        deadline = time.monotonic() + 60
        while "RUNNING" not in near.states and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(4)
        near.search(2)
        assert near.states == ["COMPLETE", "RUNNING"]  # its heart still beats
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    time.sleep(4)
    near.search(2)
    assert near.states == ["COMPLETE", "FAIL", "COMPLETE"]
    [_, lost, again] = near.index.get_trials()
    assert again.params == lost.params
    assert len(near.executor.ran) == 1


def begin_and_hang(executor, next_run, listener, *, threads: int) -> None:
    next_run()
    time.sleep(600)


class Listening:
    def finished(self, record) -> None:
        """Nobody is told."""


def test_the_search_stays_within_its_budget_with_a_final_run(tmp_path):
    bench = Bench(tmp_path, make_study(total_budget="100steps"))
    search = bench.search(50)
    spent = sum(trial.charged for trial in bench.folder.trials()[0])
    assert search.ended.why == "another trial might bring the search to more than 100steps"
    assert spent + 20 <= 100 < spent + 2 * 20 + 18


def test_several_seeds_are_one_trial_and_its_value_their_mean(tmp_path):
    bench = Bench(tmp_path, make_study(seeds=3, objectives=("accuracy",)))
    bench.search(2)
    assert [c.repetition for c in bench.executor.ran] == [0, 1, 2] * 2
    [first, _] = bench.index.get_trials()
    accuracies = [good(config) for config in bench.study.configs(first.params)]
    assert first.values == pytest.approx([sum(accuracies) / 3])
    assert list(first.intermediate_values.values()) == pytest.approx(accuracies)


def test_wilcoxon_stops_trials_that_are_worse_on_the_seeds_so_far(tmp_path):
    bench = Bench(tmp_path, make_study(seeds=8, objectives=("accuracy",)))
    bench.search(12, pruner="wilcoxon")
    states = bench.states
    assert "PRUNED" in states
    assert len(bench.executor.ran) < 8 * 12
    best = max(good(bench.study.configs(t.params)[0]) for t in bench.index.get_trials())
    reached = good(bench.study.configs(bench.index.best_trial.params)[0])
    assert reached == best
    stopped = [t.state for t in bench.folder.trials()[0]].count("stopped")
    assert stopped == states.count("PRUNED")


@pytest.mark.parametrize(
    ("name", "objectives", "seeds", "message"),
    [
        ("hyperband", 2, 1, "--pruner hyperband needs one objective"),
        ("wilcoxon", 1, 2, "--seeds must be 3 or more, got 2"),
        ("hyperband", 1, 3, "--seeds must be 1, got 3"),
        ("dominance", 1, 1, "--pruner dominance needs two objectives"),
    ],
)
def test_a_pruner_that_could_stop_nothing_is_refused(name, objectives, seeds, message):
    with pytest.raises(ValueError, match=message):
        check_pruner(name, objectives=objectives, seeds=seeds)


def test_a_run_is_dominated_when_five_had_fewer_weights_and_more_accuracy_by_then():
    better = [[0.1, 0.9], [0.1, 0.8]]
    assert dominated((0.2, 0.7), 2, [better] * 5)
    assert not dominated((0.2, 0.7), 2, [better] * 4)
    assert not dominated((0.2, 0.85), 2, [better] * 5)  # more accurate by now
    assert dominated((0.2, 0.85), 1, [better] * 5)  # but not after the first
    assert not dominated((0.05, 0.1), 2, [better] * 5)  # fewer weights
    assert not dominated((0.1, 0.8), 2, [better] * 5)  # as good in both
    assert not dominated((0.2, 0.7), 3, [better] * 5)  # further than any


def test_dominated_runs_are_asked_to_end(tmp_path):
    bench = Bench(tmp_path)
    bench.search(6)  # enough to be beaten by
    search = bench.search(6, pruner="dominance")
    asked = []
    bench.executor.stop = asked.append
    before = len(bench.index.get_trials())
    search._effort = Effort(7, prune=True)
    with search._worker:
        config = search.next_run()
        search.progressed(config, Progress(1, 3, 0.3, 0.0, 1.0))
    assert asked == [config]
    record = trial_record(config, status="killed", reason=STOPPED)
    search.finished(record)
    assert bench.index.get_trials()[before].state == TrialState.PRUNED


def test_a_study_that_goes_on_with_another_space_or_budget_is_refused_with_what_differs(tmp_path):
    Bench(tmp_path)
    other = make_study(budget="30steps", space={"rounds": "1:16:log"})
    with pytest.raises(ValueError, match="holds another study") as refused:
        Folder(tmp_path).same(other)
    told = str(refused.value)
    assert "budget was 20steps, is 30steps" in told
    assert "space.rounds was 1:32:log, is 1:16:log" in told
    assert "choose another --out" in told


def test_a_storage_of_another_study_is_refused_with_what_differs(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    Bench(tmp_path / "one", url=url).search(1)
    other = Bench(tmp_path / "two", make_study(validation=0.2), url)
    with pytest.raises(ValueError, match=r"another study: validation was 0.1, is 0.2"):
        other.search(1)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://nobody:secret@127.0.0.1:1/none",
        "sqlite:////proc/none/study.db",
        "nosuch://x",
        "/proc/none/study.journal",
    ],
)
def test_a_storage_that_cannot_be_reached_is_refused_without_its_password(url):
    with pytest.raises(ValueError, match="cannot be reached") as refused:
        open_storage(url)
    assert "secret" not in str(refused.value)
    assert hidden("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_a_storage_whose_driver_is_missing_says_how_to_get_one():
    with pytest.raises(ValueError, match=r"needs the driver.*postgresql\+psycopg2") as refused:
        open_storage("mssql+pymssql://me:secret@host/db")
    assert "secret" not in str(refused.value)


def test_a_torn_journal_is_repaired_before_it_is_opened(tmp_path):
    Bench(tmp_path).search(3)
    journal = tmp_path / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-20])
    for trials in (5, 6):  # the research says: the first opening works, the next ones do not
        bench = Bench(tmp_path)
        bench.search(trials)
    assert sum(trial.state == TrialState.COMPLETE for trial in bench.index.get_trials()) == 6
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_only_what_follows_the_last_line_is_cut(tmp_path):
    path = tmp_path / "lines"
    for text, kept in ((b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"ab", b"")):
        path.write_bytes(text)
        cut_torn_line(path)
        assert path.read_bytes() == kept
    path.write_bytes(b"a\n" + b"x" * 10_000)
    cut_torn_line(path)
    assert path.read_bytes() == b"a\n"


@pytest.mark.parametrize("damage", ["lost", "damaged"])
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_storage_is_made_anew_from_the_records(tmp_path, kind, damage):
    url = f"sqlite:///{tmp_path}/study.db" if kind == "sqlite" else str(tmp_path / "study.journal")
    bench = Bench(tmp_path, url=url)
    calls = iter([None, ("diverged", "weights are not finite")])
    bench.search(6, fails=lambda config: next(calls, None))
    before = results(bench.index)
    file = tmp_path / ("study.db" if kind == "sqlite" else "study.journal")
    if damage == "lost":
        file.unlink()
    elif kind == "journal":
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join([*lines[:5], b"{broken\n", *lines[6:]]))
        with pytest.raises(ValueError, match=r"is damaged .* bench study rebuild"):
            open_storage(url)
    else:
        file.write_bytes(b"no database" * 100)
        with pytest.raises(ValueError, match="cannot be reached"):
            open_storage(url)
        file.unlink()
    assert run_study.rebuild(bench.folder, url) == 6
    again = Bench(tmp_path, url=url)
    again.search(8)
    assert results(again.index)[:6] == before
    assert len(again.executor.ran) == 2


def test_records_of_anything_else_are_no_trials(tmp_path):
    bench = Bench(tmp_path)
    bench.search(3)
    other = make_study(budget="30steps")
    records = [item.record for item in bench.folder.records.read()[0]]
    assert len(read_trials(bench.study, records)) == 3
    assert read_trials(other, records) == []


def test_the_chosen_points_become_a_suite_that_looks_at_the_test_stream(tmp_path):
    bench = Bench(tmp_path)
    bench.search(12)
    trials, _ = bench.folder.trials()
    suite = suite_of(bench.study, trials, seeds=5, most=2)
    write_suite(suite, tmp_path / "found.toml")
    assert Suite.read(tmp_path / "found.toml") == suite
    configs = suite.configs()
    assert len(configs) == 3 * 5
    default, *points = configs[::5]
    assert default.hyperparameters == bench.study.hyperparameters
    assert default.search_charged == 0
    for config in points:
        assert not config.validation_only
        assert config.base_seed == 0 != bench.study.base_seed
        assert config.search_charged == pytest.approx(sum(trial.charged for trial in trials))
        assert config.hyperparameters.items() > bench.study.hyperparameters.items()


def test_nothing_can_be_exported_before_a_trial_is_done(tmp_path):
    with pytest.raises(ValueError, match="must have a finished trial"):
        suite_of(make_study(), [], seeds=5, most=8)


def test_a_study_file_says_what_is_wrong_in_it(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('strategy = "ewc"\nbugdet = "1s"\n')
    with pytest.raises(ValueError, match=r"study.toml: unknown key 'bugdet'; did you mean 'budge"):
        Study.read(path)
    path.write_text("strategy = ")
    with pytest.raises(ValueError, match="not TOML"):
        Study.read(path)
    with pytest.raises(ValueError, match="cannot be read"):
        Study.read(tmp_path / "none.toml")


def test_a_study_file_gives_the_study_again(tmp_path):
    study = make_study(total_budget="2000steps")
    study.write(tmp_path / "study.toml")
    assert Study.read(tmp_path / "study.toml") == study


def test_a_copied_folder_is_the_same_study(tmp_path):
    Bench(tmp_path / "one").search(3)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    two = Bench(tmp_path / "two")
    two.search(3)
    assert two.executor.ran == []
    assert len(list(Store(tmp_path / "two" / "records").paths())) == 3

"""Studies on the first experiences of a stream, against studies on all of it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.records.store import Store
from bench.study import transfer
from bench.study.export import suite_of
from bench.study.folder import Folder
from bench.study.pages import cost, facts
from factories import make_record
from trials import make_study, trial_record

POINTS = [
    {"rounds": rounds, "density": 0.1, "schedule": "linear"} for rounds in (2, 8, 16)
]  # `good` likes 8 best


def write_study(root, points=POINTS, **fields) -> Folder:
    folder, study = Folder(root), make_study(**fields)
    folder.declare(study)
    for number, point in enumerate(points):
        for config in study.configs(point):
            folder.records.write(trial_record(config, number=number))
    return folder


def score(folder: Folder, runs: Store, accuracy: float, *, seeds: int = 6, failed: int = 0) -> None:
    """Run what the study exports, as if: `accuracy` and a little more with every seed."""
    study, (trials, _) = folder.study(), folder.trials()
    suite = suite_of(study, trials, seeds=seeds, most=8)
    for config in suite.configs():
        assert config.experiences is None
        good = accuracy if config.search_charged else 0.1
        made = make_record(
            config.strategy, config.repetition, weights=0.1,
            status="diverged" if config.repetition < failed else "ok",
            accuracy=good + config.repetition / 1000, benchmark=config.benchmark,
        )  # fmt: skip
        runs.write(made.model_copy(update={"config": config, "digest": config.digest}))


def searches(tmp_path, **options):
    short = write_study(tmp_path / "short", experiences=2)
    whole = write_study(tmp_path / "whole")
    runs = Store(tmp_path / "runs")
    score(short, runs, 0.80, **options)
    score(whole, runs, 0.83)
    records = [item.record for item in runs.read()[0]]
    return [transfer.Search.read(folder, records) for folder in (short, whole)]


def test_a_trial_on_two_of_five_experiences_has_two_fifths_of_the_budget():
    short, whole = make_study(experiences=2), make_study()
    [config] = short.configs(POINTS[0])
    assert (config.experiences, config.budget.amount) == (2, 8)
    [config] = whole.configs(POINTS[0])
    assert (config.experiences, config.budget.amount) == (None, 20)
    assert make_study(experiences=2, budget="20s", clock="wall").run_budget.amount == 8.0
    assert make_study(experiences=1, budget="7steps").run_budget.amount == 1  # whole steps
    told = " ".join(facts(short, []))
    assert "a trial has 8steps." in told
    assert "first 2 of 5 experiences and have as much of the 20steps of a whole stream" in told


@pytest.mark.parametrize("number", [6, 0])
def test_experiences_that_the_stream_has_not_are_refused(number):
    with pytest.raises(ValueError, match=r"experiences.*(in \[1, 5\]|equal to 1), got"):
        make_study(experiences=number).resolved()


def test_own_data_must_say_how_many_experiences_it_has(tmp_path):
    with pytest.raises(ValueError, match=r"needs a number: folder:/x\?experiences=5"):
        make_study(benchmark="folder:/x", experiences=2).resolved()


def test_the_difference_is_paired_by_seed_and_the_saving_that_of_the_charges(tmp_path):
    short, whole = searches(tmp_path)
    assert [len(search.runs) for search in (short, whole)] == [6, 6]
    page = transfer.page_of(short, whole)
    lost, saved = page.facts
    # every seed loses 3 points, and six pairs allow no smaller p
    assert "-3.00 [-3.00, -3.00] points over 6 paired seeds, p = 0.031" in lost
    assert cost(short.trials) == pytest.approx(0.4 * cost(whole.trials))
    assert "60 % saved, with 3 and 3 trials" in saved
    assert [row[0] for row in page.rows] == ["first 2 experiences", "whole stream"]
    assert page.rows[0][-1] == "0/6"


def test_a_run_that_failed_counts_as_a_guess(tmp_path):
    short, whole = searches(tmp_path, failed=2)
    assert short.failed == 2
    assert short.accuracies[0] == short.runs[2].outcome.chance
    assert transfer.page_of(short, whole).rows[0][-1] == "2/6"
    assert short.weights == pytest.approx((2 * 1.0 + 4 * 0.1) / 6)


def test_studies_that_differ_in_more_than_experiences_are_refused(tmp_path):
    short, whole = searches(tmp_path)
    with pytest.raises(ValueError, match="the second of the whole stream, got experiences None"):
        transfer.page_of(whole, short)
    other = write_study(tmp_path / "other", validation=0.2)
    runs = Store(tmp_path / "more")
    score(other, runs, 0.8)
    read = transfer.Search.read(other, [item.record for item in runs.read()[0]])
    with pytest.raises(ValueError, match=r"same but for experiences, got validation 0.2 and 0.1"):
        transfer.page_of(short, read)


def test_what_was_never_scored_is_refused_with_the_command(tmp_path):
    short = write_study(tmp_path / "short", experiences=2)
    with pytest.raises(ValueError, match=r"got none: python -m bench study export found.toml"):
        transfer.Search.read(short, [])
    with pytest.raises(ValueError, match="must have a finished trial, got none"):
        transfer.Search.read(write_study(tmp_path / "new", points=[]), [])


def test_the_command_writes_a_page_that_says_it_in_words(tmp_path):
    searches(tmp_path)
    short, whole, out = (str(tmp_path / name) for name in ("short", "whole", "out"))
    runs = str(tmp_path / "runs")
    command = ["study", "transfer", short, whole, "--runs", runs, "--out", out]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "60 % saved" in shown.output
    for name in ("README.md", "index.html"):
        assert "The seeds tell how sure" in (tmp_path / "out" / name).read_text()

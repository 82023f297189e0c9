"""What a reviewer is told of records that are valid."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.leaderboards import build
from bench.leaderboards.review_notes import notes
from bench.papers import reproduce
from bench.study import folder as study_folder
from factories import make_record, make_runs, write
from trials import make_study, trial_record


def changed(record, **environment):
    """The record with another environment."""
    return record.model_copy(
        update={"environment": record.environment.model_copy(update=environment)}
    )


def told(tmp_path, records) -> list[str]:
    """The notes of these records, without the name of their folder."""
    write(tmp_path / "records", records)
    found = notes(tmp_path)
    assert all(note.startswith("records: ") for note in found)
    return [note.removeprefix("records: ") for note in found]


def test_nothing_is_said_of_records_that_are_all_there(tmp_path):
    assert told(tmp_path, [*make_runs("naive"), *make_runs("ewc")]) == []


def test_files_that_are_no_records_are_counted_and_the_first_is_named(tmp_path):
    records = tmp_path / "records"
    (records / ".hidden").mkdir(parents=True)
    (records / ".lock").touch()
    (records / ".hidden" / "half.json").touch()  # may be a record: read, and a difference
    assert told(tmp_path, make_runs("naive")) == []
    (records / "zip.py").touch()
    assert told(tmp_path, []) == ["1 file is no record, the first zip.py"]
    for name in (".hidden/.lock", ".a.json", "link", "b\udcff\n"):
        (records / name).symlink_to("nowhere")
    assert told(tmp_path, []) == ["5 files are no records, the first .a.json"]
    (records / ".a.json").unlink()
    (records / ".hidden" / ".lock").unlink()
    assert told(tmp_path, []) == ["3 files are no records, the first b "]


def test_records_with_local_changes_are_counted_and_the_first_is_named(tmp_path):
    runs = make_runs("naive")
    dirty = [changed(record, dirty=True) for record in runs[2:4]]
    [note] = told(tmp_path, [*runs[:2], *dirty, runs[4]])
    first = f"split-mnist-class/naive/2-{dirty[0].digest[:12]}-1.json"
    assert note == (
        f"2 of 5 records were made with local changes to their commit, the first {first}"
    )


def test_records_of_no_known_commit_are_counted(tmp_path):
    [note] = told(tmp_path, [changed(make_record(), commit=None, dirty=None)])
    assert note.startswith("1 of 1 records were made with an unknown commit, the first split-mnist")


@pytest.mark.parametrize(
    ("attempts", "missing"), [([2], "1"), ([1, 3], "2"), ([4, 2], "1, 3"), ([1, 2], None)]
)
def test_an_attempt_that_a_later_one_shows_is_missed(tmp_path, attempts, missing):
    found = told(tmp_path, [make_record(attempt=attempt) for attempt in attempts])
    last = f"split-mnist-class/naive/0-{make_record().digest[:12]}-{max(attempts)}.json"
    assert found == ([] if missing is None else [f"{last} is there without attempt {missing}"])


def test_seeds_that_a_row_of_the_table_lacks_are_named_though_no_row_has_them(tmp_path):
    naive = [make_record("naive", seed) for seed in (0, 2, 4)]
    ewc = [make_record("ewc", seed) for seed in (0, 1, 2)]
    assert told(tmp_path, [*naive, *ewc]) == [
        "split-mnist, class, 20s, ewc: no record of seed 3, 4",
        "split-mnist, class, 20s, naive: no record of seed 1, 3",
    ]


def test_each_table_has_seeds_of_its_own(tmp_path):
    other = [make_record("naive", 0, scenario="task"), make_record("ewc", 0, base_seed=3)]
    assert told(tmp_path, [*make_runs("naive"), *other[:1]]) == []
    assert told(tmp_path, other[1:]) == [
        "split-mnist, class, 20s, ewc: no record of seed 0, 1, 2, 3, 4",
        "split-mnist, class, 20s, naive: no record of seed 3/0",
    ]


def test_a_row_and_seed_with_several_configurations_is_named(tmp_path):
    twice = [make_record(search_charged=c) for c in (20.0, 21.0)]
    [note] = told(tmp_path, twice)
    assert note.startswith(
        "one row and seed with several configurations: split-mnist-class/naive/0-"
    )
    assert note.count(".json") == 2


def test_many_gaps_are_not_all_listed(tmp_path):
    [note] = told(tmp_path, [make_record(attempt=10_000)])
    assert note.endswith("is there without attempt 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 9989 more")


def test_no_link_to_a_folder_of_records_is_entered(tmp_path):
    write(tmp_path / "elsewhere" / "deep", [make_record(attempt=2)])
    inside = tmp_path / "pages" / "records"
    write(inside, [make_record()])
    (inside / "x").mkdir()
    (inside / "x" / "records").symlink_to(tmp_path / "elsewhere")
    assert notes(tmp_path / "pages") == []


def test_a_trial_that_was_given_up_misses_no_seed(tmp_path):
    _, other = make_study(seeds=2).configs({"rounds": 2, "density": 0.1})
    assert told(tmp_path, [trial_record(other)]) == []


def test_the_command_tells_notes_and_ends_well(tmp_path):
    write(tmp_path / "records", [changed(make_record(), dirty=True)])
    build.build(tmp_path / "records", tmp_path)
    result = CliRunner().invoke(app, ["verify", "--pages", str(tmp_path)])
    assert "note: records: 1 of 1 records were made with local changes" in result.output
    assert "every page agrees with its records" in result.output
    assert result.exit_code == 0


def test_what_is_no_record_of_a_paper_or_a_study_is_named(tmp_path):
    paper = reproduce.PaperFolder("ball2020", False, tmp_path / "ball2020")
    study = study_folder.Folder(tmp_path / "studies" / "one")
    for records in (paper.records, study.records.root):
        records.mkdir(parents=True)
        (records / "link").symlink_to("/etc")
    reproduce.write(paper)
    study.declare(make_study())
    study.report([])
    [found] = reproduce.verify(tmp_path)
    assert found.startswith("ball2020/records/link: not readable as a record: ")
    [found] = study_folder.verify(tmp_path / "studies")
    assert found.startswith(f"{study.records.root / 'link'}: not readable as a record: ")

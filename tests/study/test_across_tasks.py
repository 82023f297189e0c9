"""Studies of several tasks: where the best number of rounds lies, and whether it moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

import trials as pretended
from bench.study import across_tasks, best_setting, pages
from bench.study.folder import Folder, write_page
from strategies.search_space import Range
from trials import make_study, trial_record

SPACE = make_study().searched()


def response(best: float, *, count: int, seed: int, error: float = 0.05) -> best_setting.Response:
    """A surface of noisy trials whose error is smallest at `best` rounds, at any density."""
    generator = np.random.default_rng(seed)
    points = [
        {
            "rounds": int(np.rint(2 ** generator.uniform(0, 5))),
            "density": float(10 ** generator.uniform(-2, np.log10(0.5))),
            "schedule": str(generator.choice(["linear", "cubic"])),
        }
        for _ in range(count)
    ]
    made = []
    for point in points:
        away = math.log2(point["rounds"] / best)
        sparse = math.log10(0.5 / point["density"])
        noise = 0.3 * abs(generator.normal())
        made.append(Reached(point, 1 - error * (1 + 0.1 * away**2 + 0.5 * sparse + noise)))
    return best_setting.Response(SPACE, made, "rounds")


class Reached:
    """As much of a trial as a surface is fitted to."""

    state = "done"

    def __init__(self, chosen, accuracy):
        self.chosen, self.accuracy = chosen, accuracy


def test_the_surface_finds_the_best_number_whatever_the_others_are_and_however_hard_the_task():
    for best in (3, 8):
        for error in (0.01, 0.3):
            found = best_setting.best(
                response(best, count=100, seed=1, error=error), np.random.default_rng(0)
            )
            assert found.low <= best <= found.high
            assert abs(math.log2(found.at / best)) < 0.6
            assert found.high / found.low <= 4


def test_a_best_number_that_moves_is_found_with_how_far():
    tasks = [response(best, count=80, seed=best, error=best / 50) for best in (2, 5, 12)]
    moved = best_setting.movement(tasks, np.random.default_rng(0))
    assert moved.p < 0.01
    assert moved.doublings == pytest.approx(math.log2(12 / 2) / 2, abs=0.4)
    assert moved.low > 0.5
    back = best_setting.movement(tasks[::-1], np.random.default_rng(0))
    assert back.doublings == pytest.approx(-moved.doublings)
    assert back.p < 0.01


def test_where_rounds_act_alike_the_test_finds_a_movement_as_rarely_as_it_says(monkeypatch):
    monkeypatch.setattr(best_setting, "PERMUTATIONS", 199)
    monkeypatch.setattr(best_setting, "RESAMPLES", 10)
    found = [
        best_setting.movement(
            [
                response(6, count=60, seed=2 * seed),
                response(6, count=40, seed=2 * seed + 1, error=0.3),
            ],
            np.random.default_rng(seed),
        ).p
        for seed in range(100)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.11  # 0.05 + 2.8 standard errors
    assert np.mean(np.array(found) <= 0.5) > 0.2  # and it does not say so of nothing


def test_a_surface_needs_two_trials_for_each_of_its_terms():
    terms = response(6, count=40, seed=0).design.shape[1]
    assert best_setting.least(SPACE, "rounds") == 2 * terms
    only = {"rounds": Range(1, 8)}
    assert best_setting.least(only, "rounds") == 2 * 3


def write_study(root, count: int, *, worse: float = 0.0, **fields) -> Folder:
    """A finished study whose trials have their best at 8 rounds."""
    folder, study = Folder(root), make_study(**fields)
    folder.declare(study)
    generator = np.random.default_rng(0)
    for number in range(count):
        point = {
            "rounds": int(np.rint(2 ** generator.uniform(0, 5))),
            "density": float(10 ** generator.uniform(-2, np.log10(0.5))),
            "schedule": str(generator.choice(["linear", "cubic"])),
        }
        for config in study.configs(point):
            record = trial_record(config, number=number)
            held_out = [[pretended.good(config) - worse] * 3 for _ in range(3)]
            outcome = record.outcome.model_copy(update={"validation": held_out})
            folder.records.write(record.model_copy(update={"outcome": outcome}))
    return folder


def write(out) -> pages.Page:
    page, root, figures = across_tasks.report(out)
    write_page(root, page, figures)
    return page


def test_studies_that_were_run_apart_are_compared_on_one_page_that_is_verified(tmp_path):
    easy = write_study(tmp_path / "easy", 30)
    hard = write_study(tmp_path / "hard", 30, worse=0.3, benchmark="mnist", model="mlp-1200")
    out = tmp_path / "both"
    across_tasks.declare(out, [hard.root, easy.root])
    page = write(out)
    assert [row[0] for row in page.rows] == ["split-digits, task", "mnist, task"]
    assert page.facts[1] == "The studies differ in model as well."
    assert "Whether it moves is not settled." in page.facts[0]  # it does not
    text = (out / "README.md").read_text()
    assert "It cannot say that difficulty is the reason" in text
    assert (out / "across.png").stat().st_size > 1000
    assert across_tasks.verify(tmp_path) == []
    (out / "README.md").write_text(text.replace("doublings", "halves"))
    (out / "across.svg").unlink()
    changed, *missing = across_tasks.verify(tmp_path)
    assert "both/README.md" in changed
    assert "across.svg: the page shows this figure" in missing[-1]


def test_too_few_trials_are_no_comparison_and_say_how_many_are_missing(tmp_path):
    folders = [
        write_study(tmp_path / name, 5, benchmark=name) for name in ("split-digits", "split-fmnist")
    ]
    across_tasks.declare(tmp_path / "both", [folder.root for folder in folders])
    page = write(tmp_path / "both")
    missing = best_setting.least(SPACE, "rounds") - 5
    assert page.facts[0] == (
        f"Not compared: {missing} finished trials are missing on split-digits, task."
    )
    assert page.figures == {}
    assert page.rows[0][3:] == ["-", "-", "-"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy": "ewc"}, "must be of one strategy, got ewc and iterative-prune-budgeted"),
        ({"space": {"rounds": "1:16:log"}}, "must search rounds over one range, got 1:32:log and"),
        ({"space": {"density": "0.1:0.5"}}, "must search rounds over one range, got 1:32:log and"),
    ],
)
def test_studies_that_cannot_be_compared_are_refused(tmp_path, fields, message):
    folders = [Folder(tmp_path / "one"), Folder(tmp_path / "two")]
    folders[0].declare(make_study())
    folders[1].declare(make_study(**fields))
    with pytest.raises(ValueError, match=message):
        across_tasks.declare(tmp_path / "both", [folder.root for folder in folders])
    with pytest.raises(ValueError, match="must be two or more, got 1"):
        across_tasks.declare(tmp_path / "both", [folders[0].root])
    with pytest.raises(ValueError, match="must hold a comparison, got no across"):
        across_tasks.read(tmp_path / "both")


def test_one_study_is_spread_over_benchmarks(tmp_path):
    found = across_tasks.spread(make_study(), tmp_path, "split-digits, folder:/a/b,split-digits")
    assert [study.benchmark for study in found.values()] == ["split-digits", "folder:/a/b"]
    assert [place.name for place in found] == ["split-digits", "folder_a_b"]
    with pytest.raises(ValueError, match="--benchmarks must be two or more, as a,b,c, got 'mnist'"):
        across_tasks.spread(make_study(), tmp_path, "mnist")


def test_what_a_page_lists_is_harmless_in_both_forms(tmp_path):
    page = pages.Page("a <b>", ["x|y"], ["h"], [["*"]], lists={"Said": ["<i>"], "Nothing": []})
    written = write_page(tmp_path, page, {}).read_text()
    assert "<i>" not in written
    assert "Nothing" not in written
    assert "## Said" in (tmp_path / "README.md").read_text()

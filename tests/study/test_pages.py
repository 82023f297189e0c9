"""What a study shows: fronts, surfaces, figures and both forms of the page."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from bench.study import pages
from bench.study.figures import draw
from bench.study.folder import Folder, verify
from bench.study.importances import importances
from bench.study.results import Surface, best, most_telling, progress, volume
from bench.study.study import Study
from bench.study.trials import Trial, read_trials
from trials import make_study, trial_record


def trials_of(study: Study, count: int = 40, seed: int = 0) -> list[Trial]:
    """Finished trials at random points of the space of `make_study`."""
    generator = np.random.default_rng(seed)
    records = []
    for number in range(count):
        point = {
            "rounds": int(np.rint(2 ** generator.uniform(0, 5))),
            "density": float(10 ** generator.uniform(-2, np.log10(0.5))),
            "schedule": str(generator.choice(["linear", "cubic"])),
        }
        records += [trial_record(c, number=number) for c in study.configs(point)]
    return read_trials(study, records)


def test_the_front_is_what_no_other_trial_beats():
    trials = trials_of(make_study())
    front = best(make_study(), trials)
    assert [t.weights for t in front] == sorted(t.weights for t in front)
    for trial in trials:
        beaten = any(
            o.weights <= trial.weights and o.accuracy >= trial.accuracy and o is not trial
            for o in trials
        )
        assert (trial in front) != beaten


def test_the_best_of_one_objective_is_the_most_accurate():
    study = make_study(objectives=("accuracy",))
    trials = trials_of(study)
    [found] = best(study, trials)
    assert found.accuracy == max(trial.accuracy for trial in trials)
    assert progress(study, trials)[-1] == found.accuracy


def test_few_points_of_a_front_keep_most_of_its_area():
    front = best(make_study(), trials_of(make_study(), 200))
    few = most_telling(front, most=3, chance=0.5)
    assert len(few) == 3
    assert set(map(id, few)) <= set(map(id, front))
    assert volume(few, chance=0.5) > 0.9 * volume(front, chance=0.5)
    assert most_telling(front, most=len(front), chance=0.5) == front


def test_the_history_of_a_front_never_falls():
    reached = progress(make_study(), trials_of(make_study()))
    assert reached == sorted(reached)


def test_the_marginal_finds_the_best_number_of_rounds_whatever_the_others_are():
    study = make_study()
    trials = trials_of(study, 200)
    surface = Surface(study.searched(), trials, [1 - trial.accuracy for trial in trials])
    found = surface.marginal("rounds")
    assert 5 <= found.at[int(found.mean.argmin())] <= 12  # `good` has its best at 8
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    schedule = surface.marginal("schedule")  # which makes no difference
    assert np.ptp(schedule.mean) < 0.1 * np.ptp(found.mean)
    x, y, error = surface.plane("rounds", "density")
    assert error.shape == (len(y), len(x))
    assert error[0].min() > error[-1].min()  # fewer weights, more error


def test_what_matters_is_found_to_matter():
    found = importances(make_study(), trials_of(make_study(), 200))
    assert set(found) == {"weights", "accuracy"}
    for own in found.values():
        assert sum(own.values()) == pytest.approx(1)
    assert max(found["weights"], key=found["weights"].get) == "density"
    assert max(found["accuracy"], key=found["accuracy"].get) == "rounds"
    assert found["accuracy"]["schedule"] < 0.1


def test_importances_need_trials():
    assert importances(make_study(), trials_of(make_study(), 5)) == {}


@pytest.mark.parametrize("objectives", [("accuracy",), ("weights", "accuracy")])
def test_figures_are_those_that_the_trials_are_enough_for(objectives):
    study = make_study(objectives=objectives)
    front = {"front"} if len(objectives) > 1 else set()
    assert set(draw(study, [], {})) == set()
    assert set(draw(study, trials_of(study, 3), {})) == front | {"history"}
    trials = trials_of(study, 30)
    assert set(draw(study, trials, importances(study, trials))) == set(pages.CAPTIONS) - (
        {"front"} - front
    )


def test_the_page_says_what_was_found_and_what_the_search_cost():
    study = make_study()
    trials = trials_of(study, 20)
    page = pages.page_of(study, trials)
    charged = sum(trial.charged for trial in trials)
    for text in (pages.markdown(page), pages.html(page)):
        assert f"charged {charged:,.0f} steps in all" in text
        assert "Trials: 20 (20 done)." in text
        assert "whole numbers from 1 to 32, log scale" in text
    rows = re.findall(r"^\| \d+ \|", pages.markdown(page), re.MULTILINE)
    assert len(rows) == len(best(study, trials))


def test_a_failed_trial_is_shown_with_its_reason_and_its_cost():
    study = make_study()
    [config] = study.configs({"rounds": 2, "density": 0.1, "schedule": "cubic"})
    trials = read_trials(study, [trial_record(config, status="diverged", reason="not <finite>")])
    page = pages.page_of(study, trials)
    assert page.lists["Failed"] == ["1 x diverged: not <finite>"]
    assert "not &lt;finite&gt;" in pages.html(page)
    assert "Trials: 1 (1 failed)." in page.facts
    assert pages.cost(trials) == 20  # no account was left: its whole budget


def test_a_report_writes_files_and_imports_no_torch(tmp_path):
    folder = Folder(tmp_path / "one")
    study = make_study()
    folder.declare(study)
    for trial in trials_of(study, 15):
        for record in trial.records:
            folder.records.write(record)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rich.console import Console\n"
        "from bench.study.run_study import show\n"
        "from bench.study.folder import Folder\n"
        "show(Folder(Path(sys.argv[1])), Console())\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder.root)], check=True)
    for name in pages.CAPTIONS:
        assert (folder.root / f"{name}.png").stat().st_size > 1000
        assert f"{name}.svg" in (folder.root / "index.html").read_text()
        assert f"{name}.svg" in (folder.root / "README.md").read_text()
    assert verify(tmp_path) == []
    (folder.root / "front.svg").unlink()
    page = folder.root / "README.md"
    page.write_text(page.read_text().replace("Pareto", "pareto"))
    missing, *others = sorted(verify(tmp_path), key=lambda text: "is missing" not in text)
    assert "front.svg: the page shows this figure" in missing
    assert "README.md" in others[0]

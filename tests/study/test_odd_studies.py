"""Studies that somebody changed while they went on: choices are another study, and are named."""

from __future__ import annotations

import optuna
import pytest

from bench.study.folder import Folder
from bench.study.samplers import PRUNERS, PerTrial
from bench.study.storage import open_index, open_storage
from bench.study.study import Study
from trials import make_study

WIDER = {"rounds": "1:32:log", "density": "0.01:0.5:log", "schedule": ["linear", "cubic", "step"]}
TOLD = r"space.schedule was \['linear', 'cubic'\], is \['linear', 'cubic', 'step'\]"


def opened(study: Study, url: str) -> optuna.Study:
    pruner = PRUNERS["none"]()
    return open_index(
        study, open_storage(url), sampler=PerTrial("random", study.base_seed), pruner=pruner
    )


def test_a_choice_that_was_added_is_another_study_in_the_folder(tmp_path):
    folder = Folder(tmp_path)
    make_study().write(folder.study_file)
    with pytest.raises(ValueError, match=TOLD):
        folder.same(make_study(space=WIDER))
    assert folder.same(make_study()) == make_study()


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_choice_that_was_added_is_another_study_in_the_storage(tmp_path, kind):
    url = {"journal": str(tmp_path / "study.journal"), "sqlite": f"sqlite:///{tmp_path}/study.db"}
    opened(make_study(), url[kind])
    with pytest.raises(ValueError, match=TOLD):
        opened(make_study(space=WIDER), url[kind])
    opened(make_study(), url[kind])  # and the study itself goes on

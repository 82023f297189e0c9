"""Marking answers: the shares, the refusals, and where the labels are."""

from __future__ import annotations

import gc
from contextlib import closing

import numpy as np
import pytest
import torch

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.data.images import Images
from bench.data.unlabelled import Solution
from bench.runner.marker import Marker, Scores, marked
from bench.runner.ready import build
from memory import nothing_of_earlier_tests

CLASSES = [[0, 1], [2, 3]]
SOLUTION = Solution(torch.tensor([0, 3, 1, 2]), torch.tensor([0, 1, 0, 1]))
LOGITS = np.array(
    [[0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 0.0, 9.0], [0.0, 1.0, 0.0, 0.0], [5.0, 0.0, 0.0, 1.0]]
)


def test_an_answer_is_the_largest_logit_of_all_or_of_those_of_the_experience():
    scores, right = marked([LOGITS], [SOLUTION], CLASSES)
    assert scores == Scores((0.5, 0.5), (0.5, 0.5), lost=0.0, gained=0.5)
    assert right.tolist() == [False, True, True, False]
    shown = LOGITS.copy()
    shown[0, 0] = 1.5  # beaten by a class of the other experience alone
    scores, _ = marked([shown], [SOLUTION], CLASSES)
    assert scores == Scores((0.5, 0.5), (1.0, 0.5), lost=0.0, gained=0.5)


def test_what_is_lost_and_gained_is_counted_sample_by_sample():
    before = np.array([True, True, False, False])
    scores, _ = marked([LOGITS], [SOLUTION], CLASSES, before)
    assert (scores.lost, scores.gained) == (0.25, 0.25)  # one of the four each


def test_parts_are_of_one_stream():
    rows = [torch.tensor([0, 2]), torch.tensor([1, 3])]
    parts = [Solution(SOLUTION.labels[own], SOLUTION.origins[own]) for own in rows]
    given = [LOGITS[own.numpy()] for own in rows]
    assert marked(given, parts, CLASSES)[0] == marked([LOGITS], [SOLUTION], CLASSES)[0]


@pytest.mark.parametrize(
    ("given", "got"),
    [(LOGITS[:3], r"\(3, 4\)"), (LOGITS[:, :3], r"\(4, 3\)"), (LOGITS.ravel(), r"\(16,\)")],
)
def test_other_answers_are_refused(given, got):
    with closing(Marker({"test": [SOLUTION]}, CLASSES, most=1)) as marker:
        message = f"answers must be 4 rows of at least 4 logits, got {got}"
        with pytest.raises(ValueError, match=message):
            marker.mark("test", [given])


def test_a_process_marks_as_the_function_does_and_no_more_often_than_it_must():
    with closing(Marker({"test": [SOLUTION]}, CLASSES, most=2)) as marker:
        first, right = marked([LOGITS], [SOLUTION], CLASSES)
        assert marker.mark("test", [LOGITS]) == first
        worse = np.roll(LOGITS, 1, axis=1)
        second, _ = marked([worse], [SOLUTION], CLASSES, right)
        assert second.lost > 0
        assert marker.mark("test", [worse]) == second
        with pytest.raises(ValueError, match="answers on test are marked once after each exper"):
            marker.mark("test", [LOGITS])


def test_a_process_that_is_gone_is_told():
    marker = Marker({"test": [SOLUTION]}, CLASSES, most=1)
    marker.close()
    with pytest.raises(RuntimeError, match="the process that marks answers is gone"):
        marker.mark("test", [LOGITS])


def test_no_label_of_the_test_stays_where_a_strategy_is():
    config = RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy="naive",
        budget=Budget.parse("5steps"), validation=0.2,
    )  # fmt: skip
    with nothing_of_earlier_tests():
        built = build(config, None, examined=True)
        with closing(built.room):
            assert set(built.benchmark.avalanche.streams) == {"train"}
            training = {id(leaf) for one in built.benchmark.train_stream for leaf in leaves(one)}
            gc.collect()
            found = [thing for thing in gc.get_objects() if type(thing) is Images]
            labelled = {id(one) for one in found if one.labels.any()}
            assert labelled == training


def leaves(experience):
    return experience.dataset.source().leaves

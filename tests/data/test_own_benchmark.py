"""A benchmark of the user's own: what it is is found out, and what cannot work is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

import own
from bench.data.streams import make_benchmark


def made(name: str, scenario: str, **options):
    return make_benchmark(f"own:{name}", scenario, class_seed=0, **options)


def test_classes_answers_shape_and_chance_are_found_out():
    found = made("of_classes", "class")
    assert found.classes_by_experience == [[0, 1], [2, 3], [4]]
    assert (found.n_classes, found.input_shape) == (5, (1, 3, 3))
    assert found.chance == pytest.approx(1 / 5)
    assert (found.train_samples, found.test_samples) == ([8, 8, 4], [2, 2, 1])
    x, y, task = found.test_stream[1].dataset[0]
    assert (x.unique().item(), int(y), int(task)) == (torch.tensor(0.2), 2, 0)


def test_a_task_has_the_answers_of_its_own_classes():
    found = made("of_tasks", "task")
    assert found.classes_by_experience == [[0, 1], [2, 3, 4]]
    assert found.chance == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert [experience.task_label for experience in found.train_stream] == [0, 1]


def test_the_version_is_the_hash_of_the_source_and_equal_data_have_one_hash():
    source = hashlib.sha256(Path(own.__file__).read_bytes()).hexdigest()
    found, other = made("of_domains", "domain"), made("of_classes", "class")
    assert found.version == other.version == f"sha256:{source}"
    assert found.data_hash == made("of_domains", "domain").data_hash != other.data_hash


def test_a_part_can_be_held_out_and_a_stream_cut():
    found = made("of_classes", "class", validation=0.25, part=slice(2))
    assert found.train_samples == [6, 6]
    assert [len(experience.dataset) for experience in found.valid_stream] == [2, 2]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("missing", "cannot be imported: AttributeError"),
        ("not_callable", "must be callable, got int"),
        ("needs_an_argument", "must be made without arguments: TypeError"),
        ("crash", r"benchmark own:crash raised FileNotFoundError: .*bin' \(own.py, line \d+\)$"),
        ("no_benchmark", "its SimpleNamespace has no test_stream"),
        ("no_labels", "experience 0 of train_stream of own:no_labels must have labels"),
        ("flat_images", r"must be float tensors \(C, H, W\), got torch.float32 \(9,\)"),
        ("byte_images", r"must be float tensors \(C, H, W\), got torch.uint8 \(1, 3, 3\)"),
        ("two_shapes", r"must have one shape, \(1, 3, 3\) like the first; got \(1, 4, 4\)"),
        ("gap_in_targets", r"must be all of 0 to K-1, got \[0, 1, 5, 6\]"),
        ("unknown_test_class", r"classes of its training experience, \[0, 1\]; got 2"),
        ("unlike_streams", "same number of experiences, at least 1; got 1 and 2"),
        ("one_class", "at least 2 answers for every sample, got 1"),
        ("odd_tasks", r"task labels of own:odd_tasks must be 0, 1, 2, .* got \[\[0\], \[5\]\]"),
        ("of_tasks", "scenario of own:of_tasks must be task, for each .*; got class"),
        ("of_domains", "scenario of own:of_domains must be domain, for all .*; got class"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_rule(name, rule):
    with pytest.raises(ValueError, match=rule):
        made(name, "class")


def test_augmentation_is_for_images_that_we_read():
    with pytest.raises(ValueError, match="augment must be empty for own:of_classes"):
        made("of_classes", "class", augment=("flip",))

"""Features of a convolution that learned without labels: exact, repeatable, of other images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from bench.data import patch_features
from bench.data.image_files import Raw
from bench.data.patch_features import Trunk, without_labels


def stripes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images of 16x16 in two colours, at any phase: rows (label 0) or columns (label 1)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    phase = torch.rand(count, 1, 1, 1, generator=generator) * 6
    wave = 100 + 80 * torch.sin(torch.arange(16) + phase)
    flat = wave.expand(count, 1, 16, 16)
    images = torch.where(labels[:, None, None, None] == 0, flat.transpose(2, 3), flat)
    noise = torch.randint(0, 20, (count, 3, 16, 16), generator=generator)
    return (images + noise).to(torch.uint8), labels


def trunk() -> Trunk:
    return Trunk.learn(stripes(100, 0)[0], filters=16, patches=2_000)


def test_filters_and_features_are_whole_numbers_that_no_machine_rounds() -> None:
    learned = trunk()
    images, _ = stripes(4, 1)
    assert learned.filters.shape == (16, 3, 6, 6)
    for values in (learned.filters, learned.thresholds):
        assert torch.equal(values, values.round())
    assert 255 * learned.filters.abs().sum((1, 2, 3)).max() <= 2**24
    answers = conv2d(images.float(), learned.filters, -learned.thresholds, patch_features.STRIDE)
    whole = conv2d(images.double(), learned.filters.double(), None, patch_features.STRIDE)
    assert torch.equal(answers.double(), whole - learned.thresholds[:, None, None].double())
    found = learned.features(images)
    assert found.shape == (4, 64, 1, 1)
    assert found.dtype == torch.uint8
    assert torch.equal(found.amax((1, 2, 3)), torch.full((4,), 255, dtype=torch.uint8))
    assert torch.equal(trunk().features(images), found)


def test_a_filter_answers_a_fifth_of_what_it_learned_from() -> None:
    learned = trunk()
    images, _ = stripes(100, 0)
    answers = conv2d(images.float(), learned.filters, -learned.thresholds)
    shares = (answers > 0).float().mean((0, 2, 3))
    assert shares.sub(1 - patch_features.QUIET).abs().max() < 0.05


def test_answers_above_the_threshold_are_pooled_over_the_quadrants() -> None:
    image = torch.zeros(1, 1, 16, 16, dtype=torch.uint8)
    image[0, 0, 0, 0], image[0, 0, 15, 0], image[0, 0, 0, 15] = 10, 7, 5
    by_hand = Trunk(torch.ones(1, 1, 6, 6), torch.tensor([5.0]))
    # 5 and 2 above it: two fifths of 255
    assert by_hand.features(image).flatten().tolist() == [255, 0, 102, 0]
    assert by_hand.features(torch.zeros_like(image)).flatten().tolist() == [0, 0, 0, 0]


def test_what_has_the_same_shape_elsewhere_has_near_features() -> None:
    learned = trunk()
    (seen, labels), (asked, answers) = stripes(40, 3), stripes(40, 4)

    def wrong(of: Tensor, to: Tensor) -> int:
        means = torch.stack([of[labels == k].mean(0) for k in (0, 1)])
        return int((torch.cdist(to, means).argmin(1) != answers).sum())

    pixels = wrong(seen.flatten(1).float(), asked.flatten(1).float())
    assert wrong(*(learned.features(x).flatten(1).float() for x in (seen, asked))) == 0
    assert pixels > 4


def test_the_trunk_learns_from_images_that_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch_features, "HELD", 3)
    learned_from = []
    learn = Trunk.learn

    def spy(images: Tensor) -> Trunk:
        learned_from.append(images)
        return learn(images, filters=8, patches=500)

    monkeypatch.setattr(Trunk, "learn", spy)
    images, labels = stripes(20, 5)
    test_images, test_labels = stripes(6, 6)
    made = without_labels(
        Raw(
            {
                "train_images": images, "train_labels": labels,
                "test_images": test_images, "test_labels": test_labels,
            },
            ("rows", "columns"),
        )
    )  # fmt: skip
    (held,) = learned_from
    assert torch.equal(held, images[:6])
    assert torch.equal(made.tensors["train_labels"], labels[6:])
    assert torch.equal(made.tensors["test_labels"], test_labels)
    learned = learn(held, filters=8, patches=500)
    assert torch.equal(made.tensors["train_images"], learned.features(images[6:]))
    assert torch.equal(made.tensors["test_images"], learned.features(test_images))

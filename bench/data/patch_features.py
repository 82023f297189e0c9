"""Features in the place of images: a convolutional trunk that learns from patches, without labels.

Coates, Lee & Ng 2011, "An analysis of single-layer networks in unsupervised feature learning"
(AISTATS): whitened patches, k-means, a rectified convolution, sums over the quadrants of an image.
Here the means lie on a sphere, as in Coates & Ng 2012, and each filter has a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, normalize

from bench.data.image_files import Raw

HELD = 500
"""Training images of each class that the trunk learns from; the data set has the others."""

SIDE, STRIDE = 6, 2
"""Of a filter."""

SMOOTHING = 0.01
"""Of the whitening: added to each variance, as a fraction of their mean."""

QUIET = 0.8
"""Share of all patches that a filter does not answer."""


@dataclass(frozen=True)
class Trunk:
    """One rectified convolution, pooled over the quadrants of an image.

    Attributes:
        filters: (K, C, 6, 6)
        thresholds: (K,), what an answer must exceed. Both are whole numbers, so small that no
            answer is rounded: features are the same on every machine.
    """

    filters: Tensor
    thresholds: Tensor

    @classmethod
    def learn(
        cls, images: Tensor, *, filters: int = 512, patches: int = 100_000, rounds: int = 10
    ) -> Trunk:
        """Filters of uint8 images (N, C, H, W), their sides at least 6: means of whitened patches.

        Args:
            patches: drawn at random, at least as many as filters.
            rounds: of k-means.
        """
        raw = _patches(images, patches, torch.Generator().manual_seed(0))
        centred = raw - raw.mean(0)
        variances, axes = torch.linalg.eigh(centred.T @ centred / len(raw))
        smoothed = variances + SMOOTHING * variances.mean()
        whiten = axes @ (axes * smoothed.rsqrt()).T
        white = normalize(centred @ whiten)
        means = white[:filters]
        for _ in range(rounds):
            nearest = (white @ means.T).argmax(1)
            means = normalize(means.index_add(0, nearest, white))
        kernels = means @ whiten
        largest = 255 * kernels.abs().sum(1).max()
        kernels = (kernels * (2**23 / largest)).round()
        answers = raw[:10_000] @ kernels.T
        thresholds = answers.quantile(QUIET, dim=0, interpolation="lower")
        shape = (filters, images.shape[1], SIDE, SIDE)
        return cls(kernels.reshape(shape).float(), thresholds.float())

    def features(self, images: Tensor) -> Tensor:
        """uint8 (N, 4 K, 1, 1) of uint8 images (N, C, H, W); the largest of each image is 255."""
        return torch.cat([self._features(part) for part in images.split(20)])

    def _features(self, images: Tensor) -> Tensor:
        answers = conv2d(images.float(), self.filters, -self.thresholds, STRIDE).relu_()
        pooled = adaptive_avg_pool2d(answers.double(), 2).flatten(1)
        shares = pooled / pooled.amax(1, keepdim=True).clamp(min=1e-6)
        return (255 * shares).round().to(torch.uint8)[:, :, None, None]


def without_labels(raw: Raw) -> Raw:
    """Features of the images of `raw`, by a trunk that learns from the first 500 of each class.

    Those are left out of the training images, so that no stream shows what the trunk has seen.
    """
    images, labels = raw.tensors["train_images"], raw.tensors["train_labels"]
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        held[(labels == label).nonzero()[:HELD, 0]] = True
    trunk = Trunk.learn(images[held])
    tensors = {
        "train_images": trunk.features(images[~held]),
        "train_labels": labels[~held],
        "test_images": trunk.features(raw.tensors["test_images"]),
        "test_labels": raw.tensors["test_labels"],
    }
    return Raw(tensors, raw.classes)


def _patches(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(count, C * 6 * 6) float64, from anywhere in any of the images."""
    number, _, height, width = images.shape
    which = torch.randint(number, (count, 1, 1), generator=generator)
    top = torch.randint(height - SIDE + 1, (count, 1, 1), generator=generator)
    left = torch.randint(width - SIDE + 1, (count, 1, 1), generator=generator)
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)
    drawn = images.permute(0, 2, 3, 1)[which, top + rows, left + columns]
    return drawn.permute(0, 3, 1, 2).reshape(count, -1).double()

"""Images in memory: read in whole minibatches, augmented, rotated.

Images leave as float32 in [0, 1], value / 255 and nothing else: no constant is learned from data,
and generative strategies, whose decoders end in a sigmoid, need that range. Rows of a table, which
are float32 already, leave as they are.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import rotate

from bench.config.conditions import Augmentation


class Images(Dataset[tuple[Tensor, int]]):
    """Leaf: uint8 images (N, C, H, W) with int64 labels (N,); a sample is (x in [0, 1], label).

    Or rows of a table, float32 (N, 1, 1, F), whose samples are as they are.

    All tensors lie on one device, and so does what is read.

    Args:
        permutation: (H * W,) int64; pixel k of a sample is pixel permutation[k] of its image, the
            same in every channel, applied to each minibatch as it is read.
        augment: how a minibatch that is read for training is augmented; a sample alone never is.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        permutation: Tensor | None = None,
        augment: Collection[Augmentation] = (),
    ) -> None:
        assert images.dtype in (torch.uint8, torch.float32), images.dtype
        assert images.ndim == 4, images.shape
        assert len(images) == len(labels), (len(images), len(labels))
        self.images = images
        self.labels = labels.to(images.device)
        self.permutation = None if permutation is None else permutation.to(images.device)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        x, y = self.read(torch.tensor([index], device=self.labels.device), training=False)
        return x[0], int(y[0])

    def read(self, positions: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """float32 images (B, C, H, W) in [0, 1] and int64 labels (B,) at `positions` (B,)."""
        x = self.images.index_select(0, positions)
        if training and self.augment:
            x = augmented(x, self.augment)
        if self.permutation is not None:
            x = x.flatten(2).index_select(2, self.permutation).view(x.shape)
        if x.dtype == torch.uint8:
            x = x.to(torch.float32).div_(255)
        return x, self.labels.index_select(0, positions)


def augmented(images: Tensor, how: Collection[Augmentation]) -> Tensor:
    """uint8 images (B, C, H, W), each changed at random by torch's generator.

    crop: moved by up to an eighth of the side each way, zeros from outside; flip: mirrored left to
    right, every other one on average.
    """
    count, _, height, width = images.shape
    device = images.device
    rows = torch.arange(height, device=device).expand(count, height)
    columns = torch.arange(width, device=device).expand(count, width)
    if "crop" in how:
        down, right = height // 8, width // 8
        images = pad(images, (right, right, down, down))
        rows = rows + torch.randint(2 * down + 1, (count, 1), device=device)
        columns = columns + torch.randint(2 * right + 1, (count, 1), device=device)
    if "flip" in how:
        mirrored = torch.rand(count, 1, device=device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    number = torch.arange(count, device=device)
    picked = images.permute(0, 2, 3, 1)[number[:, None, None], rows[:, :, None], columns[:, None]]
    return picked.permute(0, 3, 1, 2).contiguous()


def rotated(images: Tensor, angle: float) -> Tensor:
    """uint8 images (N, C, H, W) turned anticlockwise by `angle` degrees, bilinear, zero outside."""
    parts = images.split(1000)  # the whole would need four times its floats
    return torch.cat([rotate(part, angle, InterpolationMode.BILINEAR) for part in parts])

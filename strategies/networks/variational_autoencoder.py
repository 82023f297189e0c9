"""Variational autoencoders: they learn what images look like, and draw new ones.

Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014. A pixel is taken for a probability,
as van de Ven, Tuytelaars & Tolias 2022 do: the loss of a reconstruction is its cross entropy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

CHANNELS = (32, 64, 128)
"""Of the convolutions of a large colour image; each halves rows and columns."""

COLOURS, LARGE = 3, 32
"""Images with so many channels, rows and columns are large and in colour."""


class PixelRange(nn.Module):
    """Pixels of any range as numbers from 0 to 1, and back; the range grows with what is seen."""

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.ones(()))

    @torch.no_grad()
    def see(self, x: Tensor) -> None:
        """Widen the range to that of `x`, if finite; images in [0, 1] leave it."""
        low, high = x.detach().float().aminmax()
        self.low = torch.where(low.isfinite(), low.minimum(self.low), self.low)
        self.high = torch.where(high.isfinite(), high.maximum(self.high), self.high)

    def squeezed(self, x: Tensor) -> Tensor:
        """Pixels in [0, 1]."""
        return (x.float() - self.low) / (self.high - self.low)

    def stretched(self, x: Tensor) -> Tensor:
        """The inverse of `squeezed`."""
        return self.low + x * (self.high - self.low)


class VariationalAutoencoder(nn.Module):
    """Learns images of one shape, and draws new ones from a standard normal code.

    Fully connected, with two hidden layers each way. Large colour images have three convolutions
    each way instead.

    Args:
        shape: of one image, or of anything else that the network is fed.
        width: units of a hidden layer.
        latents: length of the code.
    """

    def __init__(self, shape: Sequence[int], *, width: int, latents: int) -> None:
        super().__init__()
        make = _convolutional if is_large_colour(shape) else _fully_connected
        self.encoder, self.decoder = make(shape, width, latents)
        self.pixels = PixelRange()
        self.latents = latents

    def loss(self, x: Tensor) -> Tensor:
        """Cross entropy of the reconstruction and divergence of the code, in nats per pixel."""
        self.pixels.see(x)
        mean, log_variance = self.encoder(self.pixels.squeezed(x)).float().chunk(2, dim=1)
        logits = self.decoder(drawn(mean, log_variance))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return reconstruction(logits, self.pixels.squeezed(x)) + divergence.mean() / x[0].numel()

    @torch.no_grad()
    def draw(self, count: int) -> Tensor:
        """`count` images, from torch's generator."""
        code = torch.randn(count, self.latents, device=self.pixels.low.device)
        return self.pixels.stretched(self.decoder(code).float().sigmoid())


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B, d) codes of these means and variances, from torch's generator."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


def reconstruction(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of pixels in [0, 1] given the logits of theirs, in nats per pixel."""
    return binary_cross_entropy_with_logits(logits.float(), target)


def is_large_colour(shape: Sequence[int]) -> bool:
    """Whether convolutions pay: colours, and rows and columns that can be halved thrice."""
    if len(shape) != len(("channels", "rows", "columns")) or shape[0] < COLOURS:
        return False
    return all(size >= LARGE and size % 2 ** len(CHANNELS) == 0 for size in shape[1:])


def _fully_connected(shape: Sequence[int], width: int, latents: int) -> tuple[nn.Module, nn.Module]:
    pixels = math.prod(shape)
    down = [nn.Linear(pixels, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    up = [nn.Linear(latents, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    encoder = nn.Sequential(nn.Flatten(), *down, nn.Linear(width, 2 * latents))
    decoder = nn.Sequential(*up, nn.Linear(width, pixels), nn.Unflatten(1, tuple(shape)))
    return encoder, decoder


def _convolutional(shape: Sequence[int], width: int, latents: int) -> tuple[nn.Module, nn.Module]:
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    before = shape[0]
    for channels in CHANNELS:
        down += [nn.Conv2d(before, channels, 4, 2, 1), nn.ReLU()]
        up = [nn.ConvTranspose2d(channels, before, 4, 2, 1), nn.ReLU(), *up]
        before = channels
    small = (before, *(size // 2 ** len(CHANNELS) for size in shape[1:]))
    flat = math.prod(small)
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, 2 * latents))
    first = [nn.Linear(latents, flat), nn.ReLU(), nn.Unflatten(1, small)]
    return encoder, nn.Sequential(*first, *up[:-1])  # the image is not rectified

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from strategies.networks.variational_autoencoder import (
    PixelRange,
    VariationalAutoencoder,
    drawn,
    is_large_colour,
)


def blank(shape=(1, 6, 6)) -> VariationalAutoencoder:
    """One whose code is standard normal and whose pixels are all 1/2, whatever it sees."""
    autoencoder = VariationalAutoencoder(shape, width=8, latents=3)
    for parameter in autoencoder.parameters():
        nn.init.zeros_(parameter)
    return autoencoder


def test_a_blank_one_loses_a_bit_for_each_pixel():
    assert blank().loss(torch.rand(5, 1, 6, 6)).item() == pytest.approx(math.log(2))


def test_the_divergence_is_that_of_gaussians_shared_by_all_pixels():
    autoencoder = blank()
    mean, log_variance = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, -0.7, 0.0])
    with torch.no_grad():
        autoencoder.encoder[-1].bias.copy_(torch.cat([mean, log_variance]))
    code = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(code, torch.distributions.Normal(0.0, 1.0))
    expected = math.log(2) + float(divergence.sum()) / 36
    assert autoencoder.loss(torch.rand(5, 1, 6, 6)).item() == pytest.approx(expected)


def test_codes_have_the_mean_and_the_variance_that_they_are_given():
    torch.manual_seed(0)
    codes = drawn(torch.full((10_000, 1), 3.0), torch.full((10_000, 1), math.log(4.0)))
    assert float(codes.mean()) == pytest.approx(3.0, abs=0.1)
    assert float(codes.std()) == pytest.approx(2.0, abs=0.1)


def test_pixels_between_0_and_1_stay_as_they_are():
    pixels, x = PixelRange(), torch.rand(4, 1, 6, 6)
    pixels.see(x)
    assert torch.equal(pixels.squeezed(x), x)
    assert torch.equal(pixels.stretched(x), x)


def test_any_other_range_is_squeezed_and_stretched_back():
    pixels, x = PixelRange(), torch.tensor([[-3.0, 0.0, 5.0]])
    pixels.see(x)
    pixels.see(torch.tensor([[math.nan, 2.0]]))
    assert pixels.squeezed(x).tolist() == [[0.0, 0.375, 1.0]]
    assert torch.allclose(pixels.stretched(pixels.squeezed(x)), x)


@pytest.mark.parametrize(
    ("shape", "large"),
    [
        ((1, 28, 28), False),
        ((1, 32, 32), False),
        ((3, 32, 32), True),
        ((3, 64, 64), True),
        ((3, 36, 36), False),
        ((3, 8, 8), False),
        ((20,), False),
    ],
)
def test_it_draws_what_it_learned_in_its_shape(shape, large):
    torch.manual_seed(0)
    assert is_large_colour(shape) == large
    autoencoder = VariationalAutoencoder(shape, width=16, latents=4)
    assert any(isinstance(m, nn.Conv2d) for m in autoencoder.modules()) == large
    image = (torch.arange(math.prod(shape)) % 2).float().view(1, *shape)
    optimizer = torch.optim.Adam(autoencoder.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        autoencoder.loss(image.expand(4, *shape)).backward()
        optimizer.step()
    images = autoencoder.draw(6)
    assert images.shape == (6, *shape)
    assert float((images - image).abs().mean()) < 0.25  # of grey: 0.5

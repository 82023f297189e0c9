"""Dreams of one task's subnetwork, with no stored data: images of the present, bent to its classes.

That a network learns at night from what it makes itself is Behrouz, Hashemi & Mirrokni 2026
("Language Models Need Sleep", arXiv 2606.03979). The translation to subnetworks of an image
classifier is ours, of two known parts: an image moved along the gradient until a network sees in it
what it wants to see (Mordvintsev, Olah & Tyka 2015; for rehearsal Yin et al. 2020, DeepInversion),
and answers that are kept on images of the present (Li & Hoiem 2016).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from strategies.networks.heads import HIDDEN_LOGIT

Answer = Callable[[Tensor], Tensor]
"""(B, C) logits of one subnetwork to (B, ...) images."""


def dream(answer: Answer, x: Tensor, step: float) -> Tensor:
    """The images after one step towards classes that are drawn for them, (B, ...).

    Args:
        answer: of the subnetwork that dreams; classes that it hides are not drawn.
        x: (B, ...) images; the values of a dream stay in their range.
        step: length of the step over the image's own, at least 0.
    """
    image = x.detach().clone().requires_grad_()
    logits = answer(image)
    wanted = torch.multinomial((logits > HIDDEN_LOGIT / 2).float(), 1)[:, 0]
    (uphill,) = torch.autograd.grad(-cross_entropy(logits, wanted, reduction="sum"), image)
    length = step * x.flatten(1).norm(dim=1) / uphill.flatten(1).norm(dim=1).clamp(min=1e-12)
    moved = x + length.view(-1, *[1] * (x.ndim - 1)) * uphill
    return moved.clamp(*(bound.item() for bound in x.aminmax()))


def dream_loss(before: Answer, now: Answer, x: Tensor, step: float) -> Tensor:
    """How far a subnetwork answers its own dreams otherwise than before: a cross-entropy.

    Args:
        before: the subnetwork that dreams and is to be kept.
        now: the same subnetwork as it stands, gradients and all.
        x: (B, ...) images that dreams begin as.
        step: as in `dream`.
    """
    dreams = dream(before, x, step)
    with torch.no_grad():
        answers = before(dreams).softmax(1)
    return cross_entropy(now(dreams), answers)

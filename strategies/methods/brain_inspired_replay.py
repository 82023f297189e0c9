"""Brain-inspired replay: the network itself, run backwards, draws what it learns again.

van de Ven, Siegelmann & Tolias, "Brain-inspired replay for continual learning with artificial
neural networks", Nature Communications 2020. Of its parts there are replay through feedback,
conditional replay, gating by internal context and distillation. Internal replay, of hidden
activity above layers that do not learn, is left out, as van de Ven, Tuytelaars & Tolias 2022 leave
it out for networks without such layers.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry, Reproduction
from strategies.methods.generative_replay import check_generator, distillation
from strategies.networks.layers import output_layer
from strategies.networks.uncompiled import uncompiled
from strategies.networks.variational_autoencoder import PixelRange, drawn, reconstruction
from strategies.search_space import Range


class BrainInspiredReplay(SupervisedTemplate):
    """Below its output layer the network is the encoder of an autoencoder, which draws old images.

    What is drawn is a class of an earlier experience, with a Gaussian and a set of open units of
    its own. The network as it was before the experience says what it takes each image for, and it
    is learned again like that: as probabilities, and as an image.

    Args:
        gated: share of the units of the way back that are closed for a class, in [0, 1); which,
            is drawn once for each.
        generator_learning_rate: of the way back, by Adam, above 0; the network has the optimizer's.
        width: units of each of the two hidden layers of the way back, at least 1.
        latents: length of the code, at least 1.
    """

    loss: Tensor

    @template_first
    def __init__(
        self,
        *,
        gated: float = 0.1,
        generator_learning_rate: float = 0.001,
        width: int = 400,
        latents: int = 100,
        **base_kwargs: Any,
    ) -> None:
        if not 0 <= gated < 1:
            raise ValueError(f"gated must be in [0, 1), got {gated}")
        check_generator(generator_learning_rate, width, latents)
        super().__init__(**base_kwargs)
        output_layer(self.model)  # refuses a model without one
        self.gated = gated
        self.generator_learning_rate = generator_learning_rate
        self.width = width
        self.latents = latents
        self.feedback: Feedback | None = None
        self._tasks: list[int] = []
        """Task label of every kind of image, which is a class of an experience."""
        self._classes = torch.empty(0)
        """Those of the present experience, in order."""
        self._teacher: tuple[nn.Module, Feedback] | None = None
        self._feedback_optimizer: torch.optim.Adam | None = None
        self._features: Tensor | None = None

    def forward(self) -> Tensor:
        """The answers to the minibatch; in training what the output layer is fed is noted."""
        if not self.is_training:
            answers: Tensor = super().forward()
            return answers
        answers, self._features = features_of(self.model, self.mb_x, self.mb_task_id)
        return answers

    def _before_training_exp(self, **kwargs: Any) -> None:
        if self.feedback is not None:
            self._teacher = copy.deepcopy((self.model, self.feedback))
            for module in self._teacher:
                module.eval().requires_grad_(False)
        super()._before_training_exp(**kwargs)

    def _before_backward(self, **kwargs: Any) -> None:
        feedback = self._feedback_in_training()
        assert self._features is not None
        assert self._feedback_optimizer is not None
        self._feedback_optimizer.zero_grad()
        self.loss = self.loss + feedback.loss(self.mb_x, self._features, self._kinds(self.mb_y))
        if self._teacher is not None:
            earlier = self.clock.train_exp_counter
            old = self._loss_of_replay(*self._teacher, feedback)
            self.loss = (self.loss + earlier * old) / (earlier + 1)
        super()._before_backward(**kwargs)

    def _after_update(self, **kwargs: Any) -> None:
        assert self._feedback_optimizer is not None
        self._feedback_optimizer.step()
        super()._after_update(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        self._teacher = self._feedback_optimizer = self._features = None
        self._classes = torch.empty(0)
        super()._after_training_exp(**kwargs)

    def _feedback_in_training(self) -> Feedback:
        """The way back, with a place for every class of the experience."""
        if self._feedback_optimizer is not None:
            assert self.feedback is not None
            return self.feedback
        if self.feedback is None:
            assert self._features is not None
            self.feedback = Feedback(
                self._features.shape[1],
                self.mb_x.shape[1:],
                width=self.width,
                latents=self.latents,
            ).to(self.mb_x.device)
        data = self.experience.dataset
        self._classes = torch.tensor(sorted(data.targets.uniques), device=self.mb_x.device)
        self.feedback.add_kinds(len(self._classes), gated=self.gated)
        task = only(data.targets_task_labels.uniques)
        self._tasks += len(self._classes) * [task]
        self._feedback_optimizer = torch.optim.Adam(
            self.feedback.parameters(), lr=self.generator_learning_rate
        )
        return self.feedback

    def _kinds(self, y: Tensor) -> Tensor:
        """The kind of each of (B,) classes of the present experience."""
        earlier = len(self._tasks) - len(self._classes)
        return earlier + torch.searchsorted(self._classes, y)

    def _loss_of_replay(self, network: nn.Module, old: Feedback, feedback: Feedback) -> Tensor:
        """Loss of as many drawn images as the minibatch has."""
        count, device = len(self.mb_x), self.mb_x.device
        kinds = torch.randint(len(old), (count,)).to(device)
        tasks = torch.tensor(self._tasks, device=device)[kinds]
        with torch.no_grad():
            x = old.draw(kinds)
            known = avalanche_forward(network, x, tasks)
        answers, features = features_of(self.model, x, tasks)
        return distillation(answers, known) + feedback.loss(x, features, kinds)


def only(tasks: Collection[int]) -> int:
    """The task label of an experience.

    Raises:
        ValueError: if it has several.
    """
    if len(tasks) != 1:
        raise ValueError(f"an experience must have one task label, got {sorted(tasks)}")
    return next(iter(tasks))


class Feedback(nn.Module):
    """The way back from what the output layer is fed to the image, through a code.

    The code of each kind of image has a Gaussian of its own, which is learned, and opens its own
    hidden units.

    Args:
        features: units that the output layer is fed.
        shape: of an image.
        width: units of a hidden layer.
        latents: length of the code.
    """

    gates: Tensor
    """(kinds, 2, width): which units of the two hidden layers are open."""

    def __init__(self, features: int, shape: Sequence[int], *, width: int, latents: int) -> None:
        super().__init__()
        self.code = nn.Linear(features, 2 * latents)
        self.hidden = nn.ModuleList([nn.Linear(latents, width), nn.Linear(width, width)])
        self.image = nn.Sequential(
            nn.Linear(width, math.prod(shape)), nn.Unflatten(1, tuple(shape))
        )
        self.means = nn.Parameter(torch.empty(0, latents))
        self.log_variances = nn.Parameter(torch.empty(0, latents))
        self.register_buffer("gates", torch.empty(0, len(self.hidden), width, dtype=torch.bool))
        self.pixels = PixelRange()

    def __len__(self) -> int:
        return len(self.means)

    def add_kinds(self, count: int, *, gated: float) -> None:
        """Make room for `count` more kinds, whose share `gated` of the units is closed."""
        for name in ("means", "log_variances"):
            old = getattr(self, name).detach()
            new = torch.randn(count, old.shape[1]).to(old)
            setattr(self, name, nn.Parameter(torch.cat([old, new])))
        opened = torch.rand(count, *self.gates.shape[1:]) >= gated
        self.gates = torch.cat([self.gates, opened.to(self.gates.device)])

    def loss(self, x: Tensor, features: Tensor, kinds: Tensor) -> Tensor:
        """Cross entropy of the reconstruction and divergence of the code, in nats per pixel."""
        self.pixels.see(x)
        mean, log_variance = self.code(features).float().chunk(2, dim=1)
        code = drawn(mean, log_variance)
        prior = self.means[kinds], self.log_variances[kinds]
        divergence = log_density(code, mean, log_variance) - log_density(code, *prior)
        logits = self._backwards(code, kinds)
        return reconstruction(logits, self.pixels.squeezed(x)) + divergence.mean() / x[0].numel()

    @torch.no_grad()
    def draw(self, kinds: Tensor) -> Tensor:
        """An image of each kind, from torch's generator."""
        code = drawn(self.means[kinds], self.log_variances[kinds])
        return self.pixels.stretched(self._backwards(code, kinds).float().sigmoid())

    def _backwards(self, code: Tensor, kinds: Tensor) -> Tensor:
        gates = self.gates[kinds]
        for index, layer in enumerate(self.hidden):
            code = layer(code).relu() * gates[:, index]
        logits: Tensor = self.image(code)
        return logits


def log_density(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B,) logarithms of the density of (B, d) codes, without the constant of the Gaussian."""
    return -0.5 * (log_variance + (code - mean).square() / log_variance.exp()).sum(1)


def features_of(model: nn.Module, x: Tensor, tasks: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C) answers, and the (B, F) features that the output layer made them of.

    Raises:
        ValueError: if the output layer is not fed one vector for each input.
    """
    fed: list[Tensor] = []
    hook = output_layer(model).register_forward_pre_hook(lambda _, given: fed.append(given[0]))
    try:
        with uncompiled(model):
            answers: Tensor = avalanche_forward(model, x, tasks)
    finally:
        hook.remove()
    if not fed or fed[-1].ndim != len(("sample", "feature")) or len(fed[-1]) != len(x):
        shapes = [tuple(each.shape) for each in fed]
        raise ValueError(f"the output layer must be fed a vector for each input, got {shapes}")
    return answers, fed[-1]


ENTRIES = {
    "bi-r": Entry(
        factory="strategies.methods.brain_inspired_replay:BrainInspiredReplay",
        family="replay",
        summary="replay of images that the network draws running backwards, no stored data",
        paper="van de Ven et al. 2020",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="99.61 %",
                measured="99.62 [99.41, 99.83] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="97.26 %",
                measured="97.27 [95.61, 98.93] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="94.41 %",
                measured="93.30 [91.27, 95.33] %; n = 3 seeds",
                verdict="no",
                page="vandeven2022",
            ),
        ),
        space={
            "gated": Range(0.0, 0.9),
            "generator_learning_rate": Range(1e-4, 1e-2, log=True),
        },
        stores="statistics",
        explanation=Baseline(
            does=(
                "Below its output layer the network is also the encoder of a variational "
                "autoencoder. Going back, each class of each experience has a Gaussian and open "
                "units of its own. Images of earlier classes are drawn from it as it was before "
                "the experience, and learned again with the answers that the network gave then. "
                "New and drawn images weigh as the experiences that they stand for. Layers below "
                "are not frozen, so images are drawn, not hidden activity."
            ),
            memory=(
                "the way back, a Gaussian and open units for each class; while an experience "
                "lasts, copies of the way back and the network"
            ),
        ),
    ),
}

"""Training some entries of the network and holding the others, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from strategies.pruning.masks import FrozenEntries, Masks
from strategies.pruning.sparse_products import SparseLayer, SparseProducts, sparse_layer

if TYPE_CHECKING:
    from avalanche.training.templates import SupervisedTemplate as Template
else:
    # Avalanche checks each parent's arguments by itself: only one of several may be a template
    Template = object


class FrozenWeights(Template):
    """Part of a strategy: puts back what may not move after every step, within one experience.

    Attributes:
        frozen_entries: what holds the entries that may not move, for each parameter that has any.
        sparse: the weights of linear layers that are nearly all held, and how they are trained
            faster.
    """

    frozen_entries: Sequence[FrozenEntries] = ()
    sparse: Mapping[Tensor, SparseLayer] = MappingProxyType({})

    def train_only(self, trainable: Masks, anchors: Mapping[str, Tensor | None]) -> None:
        """From now on train only some entries and hold the others.

        Parameters that are not named are free. The optimizer keeps its moments: weights that go
        on training lose much without theirs, under Adam most of what pruning in rounds gains.

        Args:
            trainable: the entries to train, by parameter name.
            anchors: what the other entries are held at, by the same names; None for zeros.
        """
        parameters = dict(self.model.named_parameters())
        self.frozen_entries = [
            FrozenEntries(parameters[n], trainable[n], anchors[n]) for n in trainable
        ]
        layers = {
            parameters[n]: sparse_layer(parameters[n], mask, anchors[n], batch=self.train_mb_size)
            for n, mask in trainable.items()
        }
        self.sparse = {weight: layer for weight, layer in layers.items() if layer is not None}
        self.hold()

    def hold(self) -> None:
        """Put back what may not move."""
        for frozen in self.frozen_entries:
            frozen.restore()

    def trainable(self, weights: Mapping[str, Tensor]) -> Masks:
        """The entries of `weights`, parameters of the model, that are not held."""
        free = {name: torch.ones_like(w, dtype=torch.bool) for name, w in weights.items()}
        for frozen in self.frozen_entries:
            free |= {n: frozen.trainable for n, w in weights.items() if frozen.parameter is w}
        return free

    def products(self) -> AbstractContextManager[Any]:
        """Inside, the model computes as is fastest for the entries that it trains."""
        return SparseProducts(self.sparse) if self.sparse and self.is_training else nullcontext()

    def forward(self) -> Any:
        """The model's answer to the minibatch."""
        with self.products():
            return super().forward()

    def optimizer_step(self) -> None:
        """Step, then put back what may not move."""
        super().optimizer_step()
        self.hold()

    def _before_training_exp(self, **kwargs: Any) -> None:
        self.frozen_entries, self.sparse = (), {}
        super()._before_training_exp(**kwargs)  # in which a stage may hold what it must
        self.optimizer.state.clear()  # moments of the experience before

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.frozen_entries, self.sparse = (), {}

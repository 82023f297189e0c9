"""Training some entries of the network and holding the others, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from strategies.masks import Guard, Masks

if TYPE_CHECKING:
    from avalanche.training.templates import SupervisedTemplate as Template
else:
    # Avalanche checks each parent's arguments by itself: only one of several may be a template
    Template = object


class Guarded(Template):
    """Part of a strategy: puts back what may not move after every step, within one experience."""

    guards: Sequence[Guard] = ()

    def guard(self, trainable: Masks, anchors: Mapping[str, Tensor | None]) -> None:
        """From now on train only these entries and hold the others at their anchors, None for 0.

        Parameters that are not named are free. The optimizer keeps its moments: weights that go
        on training lose much without theirs, under Adam most of what pruning in rounds gains.
        """
        parameters = dict(self.model.named_parameters())
        self.guards = [Guard(parameters[n], trainable[n], anchors[n]) for n in trainable]
        for guard in self.guards:
            guard.restore()

    def optimizer_step(self) -> None:
        """Step, then put back what may not move."""
        super().optimizer_step()
        for guard in self.guards:
            guard.restore()

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.guards = ()
        self.optimizer.state.clear()  # moments of the experience before

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.guards = ()

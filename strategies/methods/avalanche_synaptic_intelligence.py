"""Avalanche's synaptic intelligence, mended where it cannot work on a CPU. `si` is the paper's.

Avalanche 0.6 keeps "old" and "new" weights as `param.detach().cpu().flatten()`. On a CPU that is a
view of the live weights, so both always agree, every importance is 0 and the strategy is plain
training. Here the copies are copies, and importances are at least 0 as in the paper's own code: a
negative one, which momentum makes, rewards moving away without bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avalanche.core import SupervisedPlugin
from avalanche.training.plugins import SynapticIntelligencePlugin
from avalanche.training.supervised import Naive

from strategies.entry import Baseline, Entry
from strategies.search_space import Range


class CopyingSynapticIntelligencePlugin(SynapticIntelligencePlugin):
    """Avalanche's plugin, holding copies of the weights instead of views."""

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        """Remember the weights that the experience starts from."""
        super().before_training_exp(strategy, **kwargs)
        _copy(self.ewc_data[0])

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        """Remember the weights before the step."""
        super().before_training_iteration(strategy, **kwargs)
        _copy(self.syn_data["old_theta"])

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        """Importances, at least 0, and the weights that the penalty pulls towards."""
        super().after_training_exp(strategy, **kwargs)
        _copy(self.ewc_data[0])
        for importance in self.ewc_data[1].values():
            importance.data.clamp_(min=0)


def synaptic_intelligence(
    *,
    si_lambda: float = 100.0,
    eps: float = 1e-7,
    plugins: Sequence[SupervisedPlugin] | None = None,
    **base_kwargs: Any,
) -> Naive:
    """Zenke, Poole & Ganguli 2017: a penalty weighted along the path of training.

    Args:
        si_lambda: strength of the penalty, at least 0.
        eps: damping of the importances, above 0.
    """
    plugin = CopyingSynapticIntelligencePlugin(si_lambda=si_lambda, eps=eps)
    return Naive(plugins=[*(plugins or ()), plugin], **base_kwargs)


def _copy(stored: dict[str, Any]) -> None:
    for parameter in stored.values():
        parameter.data = parameter.data.clone()


ENTRIES = {
    "avalanche-si": Entry(
        factory="strategies.methods.avalanche_synaptic_intelligence:synaptic_intelligence",
        family="regularised",
        summary="Avalanche's SI: importances scaled down and cut off",
        paper="Zenke et al. 2017",
        space={"si_lambda": Range(0.1, 1e4, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "As `si`, with importances that are scaled by 0.0015 and end at 0.001, and damping "
                "that is nearly none."
            ),
            memory="seven numbers for each weight, once",
        ),
    ),
}

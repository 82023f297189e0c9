"""Synaptic down-scaling: at night every synapse loses the same share of its strength.

Tononi & Cirelli 2006 (the synaptic homeostasis hypothesis), as a stage of sleep in Robinson et al.
2022, "Continual learning benefits from multiple sleep mechanisms: NREM, REM, and synaptic
downscaling" (arXiv 2209.05245). Theirs is the multiplicative rule and the finding that much of it
protects early tasks and little lets new ones in; that biases and normalisation, which are no
synapses, keep their values, and that heads of earlier tasks do, is our translation.
"""

from __future__ import annotations

import torch

from strategies.networks.layers import prunable
from strategies.sleep_cycle import Night, SleepingStrategy, Stage


class Downscale(Stage):
    """Multiplies the weight matrices and kernels by `keep`, in (0, 1], once a night.

    The optimizer's moments stay as they are. What a strategy holds in place, such as weights that
    earlier tasks own, is put back by its next step.
    """

    takes_time: bool = False

    def __init__(self, keep: float) -> None:
        if not 0 < keep <= 1:
            raise ValueError(f"downscale_to must be in (0, 1], got {keep}")
        self.keep = keep

    @torch.no_grad()
    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Scale at once."""
        for weight in prunable(strategy.model).values():
            weight.mul_(self.keep)

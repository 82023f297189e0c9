"""The weights, the capacity and the memory of a record as shares of its benchmark's model."""

from __future__ import annotations

import math

from bench.config.reference_values import frozen_weights
from bench.config.run_config import RunConfig
from bench.records.schema import WeightsInUse


def shares_used(used: WeightsInUse, config: RunConfig, version: str | None) -> tuple[float, float]:
    """The weights in use as shares of the model's parameters, and of its matrices and kernels.

    Args:
        version: of the benchmark. The second is NaN for a model without such weights.
    """
    frozen = frozen_weights(config.benchmark, version, config.scenario, config.model)
    total, prunable = frozen or (used.total, used.prunable)
    return used.used / total, used.used_prunable / prunable if prunable else math.nan


def sizes(used: WeightsInUse, config: RunConfig, version: str | None) -> tuple[float, float]:
    """Capacity and memory, as shares of 32 bits for each parameter of the model; may pass 1.

    Args:
        version: of the benchmark.
    """
    frozen = frozen_weights(config.benchmark, version, config.scenario, config.model)
    total = frozen[0] if frozen else used.total
    return used.capacity_bits / (32 * total), used.memory_bytes / (4 * total)

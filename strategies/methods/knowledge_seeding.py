"""Knowledge seeding: a small fast network learns by day, a larger slow one grows at night."""

from __future__ import annotations

from typing import Any

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.methods.staged_sleep import StagedSleep
from strategies.stages.consolidate import FAST, ROLLOUTS, SLICE, Consolidate


class KnowledgeSeeding(StagedSleep):
    """A day of the fast network, then a night in which the slow one, which answers, takes it over.

    Args:
        night: share of the experience that is night, in (0, 1).
        fast: see `Consolidate`.
        slice: see `Consolidate`.
        rollouts: see `Consolidate`.
        vividness: see `Consolidate`.
    """

    @template_first
    def __init__(
        self,
        *,
        fast: float = FAST,
        slice: float = SLICE,  # noqa: A002
        night: float = 0.8,
        rollouts: float = ROLLOUTS,
        vividness: float = 4.0,
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        stage = Consolidate(fast=fast, slice=slice, rollouts=rollouts, vividness=vividness)
        super().__init__(stages=[stage], night=night, sleep_clock=sleep_clock, **base_kwargs)

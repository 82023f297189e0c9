"""Garbage is collected as before when nobody minds any more."""

from __future__ import annotations

import gc

import pytest

from bench.records.collection import without_collection


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_as_before_afterwards(monkeypatch, collects):
    calls = []
    monkeypatch.setattr(gc, "isenabled", lambda: collects)
    monkeypatch.setattr(gc, "disable", lambda: calls.append("off"))
    monkeypatch.setattr(gc, "enable", lambda: calls.append("on"))
    with without_collection():
        assert calls == ["off"]
    assert calls == (["off", "on"] if collects else ["off"])

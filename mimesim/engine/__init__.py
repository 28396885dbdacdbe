"""The compiled engine: what :mod:`mimesim.machine` does, to the last bit, without an event (``docs/engine.md``)."""

from __future__ import annotations

from mimesim.engine.choice import ENGINES, Engine, expected, prepare, replay, uncovered

__all__ = ["ENGINES", "Engine", "expected", "prepare", "replay", "uncovered"]

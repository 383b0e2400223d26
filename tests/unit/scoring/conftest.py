"""Contexts for the scorer: all components at a given strength, unless a test says otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import JudgedRow, ScoreContext

TRIGGER = {
    "volatility": 5.0,
    "acceleration": -0.0015,
    "imbalance": -0.8,
    "spread": 4.0,
    "volume_delta": -3.0,
    "message_velocity": 3.0,
}
MAXIMAL = {
    "volatility": 10.0,
    "acceleration": -0.0045,
    "imbalance": -0.95,
    "spread": 10.0,
    "volume_delta": -8.0,
    "message_velocity": 8.0,
}
NOW_US = 1_700_000_000_000_000
FULL_DEPTH = {"total": 300_000.0, "exit": 100_000.0, "ask_wall": 0.0}
NO_PATTERN = {"exhaustion": 0.0, "climax": 0.0}


@pytest.fixture
def context() -> Callable[..., ScoreContext]:
    """``context(values, ...)``: one row now with these judged values; ``depth`` and ``patterns`` as statistics, None: absent."""

    def make(
        values: dict[str, float],
        *,
        depth: dict[str, float] | None = FULL_DEPTH,
        patterns: dict[str, float] | None = NO_PATTERN,
        history: list[tuple[int, dict[str, float]]] | None = None,
        entry: float = 99.4,
        target: float = 100.6,
        notional: float = 3_333.0,
    ) -> ScoreContext:
        names = tuple(values)
        rows = history if history is not None else [(NOW_US, values)]
        statistics: dict[str, Any] = {}
        if depth is not None:
            statistics["depth"] = depth
        if patterns is not None:
            statistics["candle_patterns"] = patterns
        return ScoreContext(
            NOW_US,
            names,
            [JudgedRow(t_us, tuple(row[name] for name in names)) for t_us, row in rows],
            statistics,
            entry,
            target,
            notional,
        )

    return make


@pytest.fixture
def trigger() -> dict[str, float]:
    """Judged values exactly at the trigger levels."""
    return dict(TRIGGER)


@pytest.fixture
def maximal() -> dict[str, float]:
    """Judged values where each map reaches 1."""
    return dict(MAXIMAL)

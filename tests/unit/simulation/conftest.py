"""Recorded runs of the simulated market, shared within a session: they are immutable events."""

from functools import cache

import pytest

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.simulation.generator import SimulatedMarket
from flashcrash_core.simulation.scenario import scenario_preset


@cache
def _record(preset: str, seed: int) -> tuple[MarketEvent, ...]:
    return tuple(SimulatedMarket(scenario_preset(preset), seed).events())


@pytest.fixture(scope="session")
def record():
    """``record(preset, seed)``: all events of a preset's market."""
    return _record

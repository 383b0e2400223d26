"""Shared by the indicator tests: instruments, build and judge helpers as fixtures."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from flashcrash_core.api import BuildContext, Indicator, IndicatorSpec, Instrument
from flashcrash_core.detection.panel import PanelEntry

NAMES = (
    "volatility",
    "acceleration",
    "imbalance",
    "spread",
    "volume_delta",
    "message_velocity",
    "candle_patterns",
    "depth",
)


def module(name: str) -> ModuleType:
    """The plugin module of an indicator."""
    return importlib.import_module(f"flashcrash_indicators.{name}")


def spec_of(name: str) -> IndicatorSpec:
    """The one spec of an indicator's module."""
    (spec,) = module(name).flashcrash_indicators()
    return spec


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each indicator in turn."""
    return str(request.param)


@pytest.fixture
def spec() -> Callable[[str], IndicatorSpec]:
    """``spec(name)``: the plugin's spec."""
    return spec_of


@pytest.fixture
def build() -> Callable[..., Any]:
    """``build(name, tick="0.01", **settings)``: a fresh indicator."""

    def make(name: str, tick: str = "0.01", **settings: Any) -> Indicator:
        spec = spec_of(name)
        instrument = Instrument("TESTUSDT", tick, "1")
        return spec.build(spec.config(**settings), BuildContext("TESTUSDT", instrument, True, True))

    return make


@pytest.fixture
def panel_entry() -> Callable[..., PanelEntry]:
    """``panel_entry(name, indicator)``: the indicator as the detector's panel holds it."""

    def make(name: str, indicator: Indicator) -> PanelEntry:
        spec = spec_of(name)
        return PanelEntry(
            name=name,
            plugin=name,
            role=spec.role,
            indicator=indicator,
            statistics=spec.statistics,
            baselines=spec.baselines,
            baseline_from=spec.baseline_from,
        )

    return make

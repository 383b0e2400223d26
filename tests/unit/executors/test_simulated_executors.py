"""The two simulated executors: thin plugins over one venue."""

from decimal import Decimal
from typing import Any

import pytest

import flashcrash_executors.backtest
import flashcrash_executors.paper
from flashcrash_core.api import ConfigError, ExecutorContext, Fees, PluginInfo, SimulatedVenue, VenueConfig

MODULES = {"backtest": flashcrash_executors.backtest, "paper": flashcrash_executors.paper}


def context(fill_model: str) -> ExecutorContext:
    return ExecutorContext({}, Fees(Decimal(10), Decimal(10)), 1, lambda: 1, fill_model, lambda _symbol: 0.0)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_spec(name: str) -> None:
    """Each module offers one executor under its own name, for its own mode, with the shared settings."""
    (spec,) = MODULES[name].flashcrash_executors()
    assert (spec.name, spec.modes, spec.config) == (name, frozenset({name}), VenueConfig)
    assert isinstance(MODULES[name].flashcrash_plugin, PluginInfo)
    assert MODULES[name].flashcrash_plugin.api == 1


@pytest.mark.parametrize("name", sorted(MODULES))
def test_build(name: str) -> None:
    """Built with default settings it is an idle venue: nothing pending, nothing due."""
    (spec,) = MODULES[name].flashcrash_executors()
    venue: Any = spec.build(spec.config(), context("auto"))
    assert isinstance(venue, SimulatedVenue)
    assert not venue.pending()
    assert list(venue.due(10**18)) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_unknown_fill_model_is_refused_when_built(name: str) -> None:
    """A fill model that does not exist is refused before the first event, even when the run has no symbol yet."""
    (spec,) = MODULES[name].flashcrash_executors()
    with pytest.raises(ConfigError, match="M9"):
        spec.build(spec.config(), context("M9"))

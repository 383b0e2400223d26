"""The shipped profiles' [scorer] and [strategy] tables against the plugins' own settings."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from flashcrash_core.config.structuring import structure_plugin_config
from flashcrash_scoring.component_map import component_maps
from flashcrash_scoring.weighted import WeightedConfig
from flashcrash_strategies.config import PercentileConfig


def tables(profile: str) -> tuple[WeightedConfig, PercentileConfig]:
    """Both tables of a profile, structured as the kernel does it."""
    document: dict[str, Any] = tomllib.loads(
        files("flashcrash_core").joinpath(f"config/profiles/{profile}.toml").read_text("utf-8")
    )
    scorer, strategy = document["scorer"], document["strategy"]
    assert (scorer.pop("use"), strategy.pop("use")) == ("weighted", "percentile")
    return (
        structure_plugin_config(WeightedConfig, scorer, "scorer"),
        structure_plugin_config(PercentileConfig, strategy, "strategy"),
    )


def test_robust_is_the_defaults() -> None:
    """What the profile spells out equals the plugins' defaults, so that a reader may trust either."""
    assert tables("robust") == (WeightedConfig(), PercentileConfig())


def test_seed_differs_in_trigger_and_stop_alone() -> None:
    """The brief's acceleration trigger 0.004 and its stop of 2.5 %."""
    scorer, strategy = tables("seed")
    acceleration = component_maps(scorer.maps)["acceleration"]
    assert (acceleration.xt, acceleration.x1, acceleration.sign) == pytest.approx((0.004, 0.012, -1.0))
    assert scorer.weights == WeightedConfig().weights
    assert strategy == PercentileConfig(stop_loss_pct=2.5)

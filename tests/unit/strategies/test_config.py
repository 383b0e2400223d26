"""Settings of the percentile strategy."""

from typing import Any

import pytest

from flashcrash_core.api import ConfigError
from flashcrash_strategies.config import EntryType, LevelsMode, PercentileConfig


def test_defaults_are_the_references() -> None:
    """Section 5: 0.2 / 0.8, 1.5 s, a third of equity, 2 x volume, 0.5 % range, 5 s and 10 s, 0.8 % stop, 20 s, 20 bp."""
    c = PercentileConfig()
    assert (c.levels, c.order_type, c.entry_fraction, c.exit_fraction) == (LevelsMode.RANGE_FRACTION, EntryType.LIMIT, 0.2, 0.8)
    assert (c.entry_ttl_s, c.entry_equity_pct, c.max_positions, c.score_threshold) == (1.5, 33.33, 3, 70.0)
    assert (c.volume_ratio, c.volume_bars, c.range_samples, c.range_min_samples, c.min_range_pct) == (2.0, 60, 1000, 30, 0.5)
    assert (c.cooldown_fill_s, c.cooldown_loss_s, c.min_edge_bp) == (5.0, 10.0, 5.0)
    assert (c.stop_loss_pct, c.max_hold_s, c.collar_bp, c.decay_s, c.decay_fraction) == (0.8, 20.0, 20.0, 10.0, 0.3)
    assert (c.range_reset, c.adaptive_fractions) == (False, False)


@pytest.mark.parametrize(
    "settings",
    [
        {"levels": "quantile"},
        {"order_type": "stop"},
        {"entry_fraction": 1.1},
        {"entry_equity_pct": 0.0},
        {"entry_equity_pct": 101.0},
        {"stop_loss_pct": 0.0},
        {"stop_loss_pct": 100.0},
        {"entry_ttl_s": 0.0},
        {"max_positions": 0},
        {"volume_ratio": -1.0},
        {"score_threshold": 101.0},
        {"collar_bp": 10_000.0},
        {"max_hold_s": float("nan")},
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    """Each limit holds, NaN included."""
    with pytest.raises(ValueError, match=r"."):
        PercentileConfig(**settings)


@pytest.mark.parametrize("settings", [{"entry_fraction": 0.8}, {"entry_fraction": 0.9}, {"target": False}])
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    """The entry must be below the exit, and a decaying target needs a target."""
    with pytest.raises(ConfigError, match=r"strategy\."):
        PercentileConfig(**settings)

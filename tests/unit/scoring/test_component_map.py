"""The component map of reference/microstructure.md section 4."""

from math import nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.api import ConfigError
from flashcrash_scoring.component_map import DEFAULT_MAPS, MapConfig, liquidity_strength, pattern_strength, strength_of


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, 0.0), (5.0, 0.6), (7.5, 0.8), (10.0, 1.0), (0.0, 0.0), (99.0, 1.0)])
def test_score_map_vector(ratio: float, expected: float) -> None:
    """Section 11: the volatility ratio 1, 5, 7.5, 10 maps to 0, 0.6, 0.8, 1, and it is flat outside."""
    assert strength_of(DEFAULT_MAPS["volatility"])(ratio) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", DEFAULT_MAPS)
def test_every_default_map_is_06_at_its_trigger_and_monotone_around_it(name: str) -> None:
    """Each shipped map is 0 at x0, 0.6 at xt, 1 at x1 in the direction of its sign."""
    m = DEFAULT_MAPS[name]
    f = strength_of(m)
    assert (f(m.sign * m.x0), f(m.sign * m.xt), f(m.sign * m.upper)) == (0.0, 0.6, 1.0)
    assert f(m.sign * nextafter(m.upper, 0)) < 1.0 or f(m.sign * nextafter(m.upper, 0)) == pytest.approx(1.0)
    assert f(-m.sign * m.upper) == 0.0


def test_x1_left_out_is_three_triggers() -> None:
    """Acceleration: x1 = 3 * xt, also when a profile changes xt."""
    assert DEFAULT_MAPS["acceleration"].upper == pytest.approx(0.0045)
    assert MapConfig(xt=0.004).upper == pytest.approx(0.012)


@pytest.mark.parametrize("levels", [{"x0": 1.0, "xt": 1.0}, {"xt": 2.0, "x1": 2.0}, {"xt": -1.0}, {"x0": float("nan")}])
def test_levels_out_of_order_are_refused(levels: dict[str, float]) -> None:
    """x0 < xt < x1 is checked when the map is made, and the message says so."""
    with pytest.raises(ConfigError, match="x0 < xt < x1"):
        MapConfig(**levels)


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_map_is_monotone_and_bounded(a: float, b: float) -> None:
    """A stronger reading never scores less, and strength stays in [0, 1]."""
    f = strength_of(DEFAULT_MAPS["spread"])
    low, high = sorted((a, b))
    assert 0.0 <= f(low) <= f(high) <= 1.0


@pytest.mark.parametrize(
    ("exhaustion", "climax", "expected"),
    [(0, 0, 0.0), (3, 0, 0.6), (4, 0, 0.8), (5, 0, 1.0), (5, 1, 0.0), (2, 0, 0.0)],
)
def test_pattern_strength(exhaustion: float, climax: float, expected: float) -> None:
    """Exhaustion over 3, 4, 5 bars gives 0.6, 0.8, 1.0; a climax takes it all."""
    assert pattern_strength(exhaustion, climax) == expected


@pytest.mark.parametrize(("x", "expected"), [(0.999, 0.0), (1.0, 0.6), (2.0, 0.8), (3.0, 1.0), (30.0, 1.0)])
def test_liquidity_strength(x: float, expected: float) -> None:
    """Sufficiency below 1 gives nothing, 1 gives 0.6, 3 gives all, and a wall in the way halves it."""
    assert liquidity_strength(x, False) == pytest.approx(expected)
    assert liquidity_strength(x, True) == pytest.approx(expected / 2)

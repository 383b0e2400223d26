"""The component map of reference/microstructure.md section 4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.api import ConfigError
from flashcrash_scoring.component_map import ComponentMap, MapConfig, component_maps, liquidity_strength, pattern_strength

MAPS = component_maps({})


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, 0.0), (5.0, 0.6), (7.5, 0.8), (10.0, 1.0), (0.0, 0.0), (99.0, 1.0)])
def test_score_map_vector(ratio: float, expected: float) -> None:
    """Section 11: the volatility ratio 1, 5, 7.5, 10 maps to 0, 0.6, 0.8, 1, and it is flat outside."""
    assert MAPS["volatility"](ratio) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", MAPS)
def test_every_shipped_map_is_06_at_its_trigger(name: str) -> None:
    """Each shipped map is 0 at x0, 0.6 at xt, 1 at x1 in the direction of its sign."""
    m = MAPS[name]
    assert (m(m.sign * m.x0), m(m.sign * m.xt), m(m.sign * m.x1)) == (0.0, 0.6, 1.0)
    assert m(-m.sign * m.x1) == 0.0


def test_what_a_change_leaves_out_stays_as_shipped() -> None:
    """Changing acceleration's trigger keeps its sign, and x1 follows at three times the trigger."""
    maps = component_maps({"acceleration": MapConfig(xt=0.004)})
    assert maps["acceleration"] == ComponentMap(0.0, 0.004, 0.012, -1.0)
    assert maps["volatility"] == MAPS["volatility"]


def test_a_new_map_needs_only_its_trigger() -> None:
    """Without a shipped map: x0 = 0, x1 = 3 * xt, sign 1."""
    assert component_maps({"mine": MapConfig(xt=2.0)})["mine"] == ComponentMap(0.0, 2.0, 6.0, 1.0)


@pytest.mark.parametrize(
    ("levels", "match"),
    [
        ({"x0": 1.0, "xt": 1.0}, "x0 < xt < x1"),
        ({"xt": 2.0, "x1": 2.0}, "x0 < xt < x1"),
        ({"xt": -1.0}, "x0 < xt < x1"),
        ({"x0": float("nan"), "xt": 1.0}, "x0 < xt < x1"),
        ({"x0": 1.0}, "xt is missing"),
    ],
)
def test_levels_out_of_order_are_refused(levels: dict[str, float], match: str) -> None:
    """x0 < xt < x1 is checked when the map is made, and the message names the table."""
    with pytest.raises(ConfigError, match=f"scorer.maps.mine: {match}"):
        component_maps({"mine": MapConfig(**levels)})


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_map_is_monotone_and_bounded(a: float, b: float) -> None:
    """A stronger reading never scores less, and strength stays in [0, 1]."""
    f = MAPS["spread"]
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

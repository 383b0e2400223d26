"""The ``weighted`` scorer against the anchors of reference/microstructure.md sections 4 and 11."""

from collections.abc import Callable
from math import nan, nextafter

import pytest

from flashcrash_core.api import ConfigError, ScoreContext
from flashcrash_scoring import weighted
from flashcrash_scoring.component_map import MapConfig
from flashcrash_scoring.weighted import WeightedConfig, WeightedScorer

Make = Callable[..., ScoreContext]
WITHOUT_BOOK = ("imbalance", "spread")


def no_book(values: dict[str, float]) -> dict[str, float]:
    """The same readings, with those that need a book missing."""
    return values | dict.fromkeys(WITHOUT_BOOK, nan)


def test_all_at_trigger_is_58(context: Make, trigger: dict[str, float]) -> None:
    """Section 11: everything at its trigger, no pattern, full liquidity: 58.0, band marginal."""
    score = WeightedScorer(WeightedConfig()).score(context(trigger))
    assert score.total == pytest.approx(58.0, abs=1e-9)
    assert (score.band, score.refusal, score.missing, score.relief, score.renormalised) == ("marginal", "", (), 0.0, False)


def test_strict_without_a_book_is_at_most_65(context: Make, maximal: dict[str, float]) -> None:
    """Section 11: without a book 35 points are missing; the gate refuses besides."""
    patterns = {"exhaustion": 5.0, "climax": 0.0}
    score = WeightedScorer(WeightedConfig()).score(context(no_book(maximal), depth=None, patterns=patterns))
    assert score.total == pytest.approx(65.0, abs=1e-9)
    assert score.missing == ("imbalance", "spread", "liquidity")
    assert score.refusal == "liquidity"


@pytest.mark.parametrize(("strong", "expected"), [(False, 50.8), (True, 84.6)])
def test_renormalised_without_book_and_pattern(
    context: Make, trigger: dict[str, float], maximal: dict[str, float], strong: bool, expected: float
) -> None:
    """Section 4: renormalised over 65 points, all five at trigger give 50.8, the best without a pattern 84.6."""
    config = WeightedConfig(mode="renormalise", liquidity_gate=False)
    score = WeightedScorer(config).score(context(no_book(maximal if strong else trigger), depth=None))
    assert round(score.total, 1) == expected
    assert (score.renormalised, score.refusal) == (True, "")


@pytest.mark.parametrize(("minimum", "refusal"), [(64.0, ""), (65.0, ""), (66.0, "weight_unavailable")])
def test_renormalise_needs_enough_weight(context: Make, maximal: dict[str, float], minimum: float, refusal: str) -> None:
    """65 available points pass a minimum of 64 and 65 and fail 66."""
    config = WeightedConfig(mode="renormalise", liquidity_gate=False, minimum_weight=minimum)
    assert WeightedScorer(config).score(context(no_book(maximal), depth=None)).refusal == refusal


def test_renormalise_with_everything_there_is_strict(context: Make, trigger: dict[str, float]) -> None:
    """With no component missing there is nothing to scale and no flag."""
    score = WeightedScorer(WeightedConfig(mode="renormalise")).score(context(trigger))
    assert score.total == pytest.approx(58.0, abs=1e-9)
    assert not score.renormalised


def test_nothing_available_scores_zero(context: Make, maximal: dict[str, float]) -> None:
    """No data at all: 0 points and a refusal, no division by zero."""
    config = WeightedConfig(mode="renormalise", liquidity_gate=False)
    score = WeightedScorer(config).score(context(dict.fromkeys(maximal, nan), depth=None, patterns=None))
    assert (score.total, score.refusal, score.band) == (0.0, "weight_unavailable", "poor")


@pytest.mark.parametrize(
    ("total", "exit_depth", "points", "refusal"),
    [
        (99_999.0, 1e9, 0.0, "liquidity"),
        (100_000.0, 1e9, 6.0, ""),
        (1e9, 33_329.0, 0.0, "liquidity"),
        (1e9, 33_330.0, 6.0, ""),
        (200_000.0, 1e9, 8.0, ""),
        (300_000.0, 99_990.0, 10.0, ""),
    ],
)
def test_liquidity_is_the_smaller_of_total_and_exit_depth(
    context: Make, trigger: dict[str, float], total: float, exit_depth: float, points: float, refusal: str
) -> None:
    """100,000 in all and ten times the order on the exit side; one unit below either refuses."""
    depth = {"total": total, "exit": exit_depth, "ask_wall": 0.0}
    score = WeightedScorer(WeightedConfig()).score(context(trigger, depth=depth))
    assert score.components["liquidity"] == pytest.approx(points)
    assert score.refusal == refusal


def test_liquidity_gate_can_be_switched_off(context: Make, trigger: dict[str, float]) -> None:
    """Without the gate a thin book only costs points."""
    score = WeightedScorer(WeightedConfig(liquidity_gate=False)).score(context(trigger, depth={"total": 1.0, "exit": 1.0}))
    assert (score.refusal, score.components["liquidity"]) == ("", 0.0)


@pytest.mark.parametrize(("wall", "points"), [(0.0, 10.0), (99.4, 10.0), (99.5, 5.0), (100.6, 5.0), (100.7, 10.0)])
def test_a_sell_wall_up_to_the_target_halves_liquidity(
    context: Make, trigger: dict[str, float], wall: float, points: float
) -> None:
    """Only a wall above the entry and not above the target stands in the way."""
    depth = {"total": 300_000.0, "exit": 100_000.0, "ask_wall": wall}
    assert WeightedScorer(WeightedConfig()).score(context(trigger, depth=depth)).components["liquidity"] == points


def test_exhaustion_earns_points_and_relief_and_climax_takes_the_points(context: Make, trigger: dict[str, float]) -> None:
    """Exhaustion over 4 bars: 8 points and 5 relief."""
    scorer = WeightedScorer(WeightedConfig())
    score = scorer.score(context(trigger, patterns={"exhaustion": 4.0, "climax": 0.0}))
    assert (score.components["pattern"], score.relief) == (8.0, 5.0)
    assert scorer.score(context(trigger, patterns={"exhaustion": 4.0, "climax": 1.0})).components["pattern"] == 0.0
    assert WeightedScorer(WeightedConfig(relief=0)).score(context(trigger, patterns={"exhaustion": 4.0, "climax": 0.0})).relief == 0


def test_missing_pattern_is_missing_not_zero(context: Make, trigger: dict[str, float]) -> None:
    """Without candle patterns the component is named as missing."""
    assert WeightedScorer(WeightedConfig()).score(context(trigger, patterns=None)).missing == ("pattern",)


def test_readings_are_held_over_the_bullish_second(context: Make, trigger: dict[str, float]) -> None:
    """A trigger reading 6 s ago still counts half when the newest reading shows nothing."""
    calm = dict.fromkeys(trigger, 0.0)
    history = [(1_700_000_000_000_000 - 6_000_000, trigger), (1_700_000_000_000_000, calm)]
    score = WeightedScorer(WeightedConfig()).score(context(trigger, history=history))
    assert score.total == pytest.approx(0.5 * 48 + 10)


@pytest.mark.parametrize(
    ("weights", "match"),
    [({"pattern": 50.0}, "sum to 50"), ({"pattern": 110.0, "liquidity": -10.0}, "negative"), ({"mine": 100.0}, "scorer.maps.mine")],
)
def test_bad_weights_are_refused(weights: dict[str, float], match: str) -> None:
    """Weights that do not sum to 100, are negative, or have no map are configuration errors."""
    with pytest.raises(ConfigError, match=match):
        WeightedConfig(weights=weights)


def test_a_third_party_indicator_joins_by_configuration(context: Make) -> None:
    """A weight and a map are all it takes; a weight of 0 leaves a shipped component out."""
    config = WeightedConfig(
        weights={"hawkes": 90.0, "liquidity": 10.0, "volatility": 0.0}, maps={"hawkes": MapConfig(x0=0.0, xt=0.5, x1=1.0)}
    )
    score = WeightedScorer(config).score(context({"hawkes": 0.5}))
    assert score.components == {"hawkes": pytest.approx(54.0), "liquidity": 10.0}


@pytest.mark.parametrize(("excellent", "good", "marginal"), [(50.0, 70.0, 50.0), (85.0, 40.0, 50.0), (101.0, 70.0, 50.0)])
def test_bands_must_be_in_order(excellent: float, good: float, marginal: float) -> None:
    """Bands out of order are refused."""
    with pytest.raises(ConfigError, match="bands"):
        WeightedConfig(excellent=excellent, good=good, marginal=marginal)


def test_bands(context: Make, trigger: dict[str, float]) -> None:
    """A total at a band's limit belongs to the band, one just below does not."""
    total = WeightedScorer(WeightedConfig()).score(context(trigger)).total
    above = nextafter(total, 100.0)
    for limits, band in (
        ((total, total, total), "excellent"),
        ((above, total, total), "good"),
        ((above, above, total), "marginal"),
        ((above, above, above), "poor"),
    ):
        config = WeightedConfig(excellent=limits[0], good=limits[1], marginal=limits[2])
        assert WeightedScorer(config).score(context(trigger)).band == band


def test_scoring_twice_gives_the_same(context: Make, trigger: dict[str, float]) -> None:
    """The scorer keeps no state between calls."""
    scorer = WeightedScorer(WeightedConfig())
    assert scorer.score(context(trigger)) == scorer.score(context(trigger))


def test_the_plugin_offers_one_scorer() -> None:
    """The hook returns a spec that builds from its own defaults."""
    (spec,) = weighted.flashcrash_scorers()
    assert spec.name == "weighted"
    assert isinstance(spec.build(spec.config()), WeightedScorer)

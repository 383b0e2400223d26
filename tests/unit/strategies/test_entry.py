"""Entry gates of reference/microstructure.md section 5.2, each just outside, at and just inside its limit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from flashcrash_core.api import Enter, Fees, NoticeKind, OrderType, Refuse, Score

Make = Callable[..., Any]


def verdict(intents: Any) -> str:
    """ "enter", the reason of the refusal, or "" when nothing was considered."""
    if not intents:
        return ""
    (intent,) = intents
    return "enter" if isinstance(intent, Enter) else intent.reason


def test_enters_post_only_at_p20(desk: Make, bar: Make) -> None:
    """A bullish bar of 99.0 to 101.0 is bought at 99.4 with a third of equity; the score was asked about exactly that."""
    d = desk().warm()
    (enter,) = d.step(bar=bar(3))
    assert isinstance(enter, Enter)
    assert (enter.price_ticks, enter.type, enter.qty_lots) == (994, OrderType.LIMIT_MAKER, 3353)
    ((entry, target, notional),) = d.asked
    assert (entry, target, notional) == (99.4, 100.6, pytest.approx(3332.882))


def test_without_a_new_bullish_bar_nothing_is_considered(desk: Make, bar: Make) -> None:
    """A bearish or flat bar, or no new bar, gives no intent at all, and the scorer is not asked."""
    d = desk().warm()
    assert d.look(bar=bar(3, close=991, open=991)) == []
    assert d.look(bar=bar(4, close=990, open=1009)) == []
    assert d.look() == ()
    assert d.asked == []


def test_blocked_comes_first_and_keeps_its_text(desk: Make, bar: Make) -> None:
    """What blocks entries is the reason, even before any gate is warm."""
    (refuse,) = desk().look(bar=bar(0), blocked="data_gap")
    assert refuse == Refuse("data_gap")


@pytest.mark.parametrize(("bars", "expected"), [(1, "not_warm_ranges"), (2, "enter"), (3, "enter")])
def test_ranges_must_be_warm(desk: Make, bar: Make, bars: int, expected: str) -> None:
    """Three ranges are needed, the bar's own included."""
    assert verdict(desk().warm(bars).look(bar=bar(bars))) == expected


def test_empty_bars_are_no_range_samples(desk: Make, bar: Make) -> None:
    """Only seconds with trades count towards the ranges."""
    d = desk(volume_ratio=0).warm(1)
    for k in range(5):
        d.strategy.on_bar(bar(1 + k, 1000, 1000, open=1000, close=1000, empty=True))
    assert verdict(d.look(bar=bar(6))) == "not_warm_ranges"


@pytest.mark.parametrize(("lots", "expected"), [(199, "volume"), (200, "volume"), (201, "enter")])
def test_volume_must_exceed_twice_the_mean_of_the_bars_before(desk: Make, bar: Make, lots: int, expected: str) -> None:
    """Two bars of 100 lots before: 200 is not more than twice, 201 is; the bar itself is not in the mean."""
    assert verdict(desk().warm().look(bar=bar(3, lots=lots))) == expected


@pytest.mark.parametrize(("lots", "expected"), [(1010, "volume"), (1011, "enter")])
def test_volume_has_an_absolute_minimum(desk: Make, bar: Make, lots: int, expected: str) -> None:
    """1010 lots at 99.0 are 999.9 quote, 1011 are 1000.89."""
    assert verdict(desk(min_volume_quote=1000.0).warm().look(bar=bar(3, lots=lots))) == expected


def test_volume_needs_all_the_bars_before(desk: Make, bar: Make) -> None:
    """With one previous bar missing the gate refuses and says how many it knows."""
    (refuse,) = desk(volume_bars=4).warm(3).look(bar=bar(3))
    assert (refuse.reason, refuse.detail) == ("volume", "3 of 4 previous bars known")


@pytest.mark.parametrize(("high", "expected"), [(1009, "range"), (1010, "enter"), (1011, "enter")])
def test_range_must_reach_the_median(desk: Make, bar: Make, high: int, expected: str) -> None:
    """The median of the kept ranges is 20 ticks: 19 fails, 20 and 21 pass."""
    assert verdict(desk().warm().look(bar=bar(3, 990, high, close=1000))) == expected


@pytest.mark.parametrize(("low", "expected"), [(996, "min_range"), (995, "enter"), (994, "enter")])
def test_range_must_reach_half_a_percent_of_the_close(desk: Make, bar: Make, low: int, expected: str) -> None:
    """At a close of 1000 ticks a range of 4 fails, 5 and 6 pass."""
    d = desk(min_edge_bp=-1000)
    for k in range(3):
        d.strategy.on_bar(bar(k, 998, 1000, open=998, close=1000, lots=100))
    assert verdict(d.look(bar=bar(3, low, 1000, open=low, close=1000))) == expected


def test_range_reset_forgets_the_ranges_at_a_new_extreme(desk: Make, bar: Make) -> None:
    """Off by default; when on, a new low or high of the kept bars starts the samples over."""
    assert verdict(desk(range_reset=True).warm().look(bar=bar(3))) == "enter"
    assert verdict(desk(range_reset=True).warm().look(bar=bar(3, 989, 1010))) == "not_warm_ranges"
    assert verdict(desk(range_reset=False).warm().look(bar=bar(3, 989, 1010))) == "enter"


def test_a_buying_climax_forbids_entries(desk: Make, bar: Make) -> None:
    """While the climax is valid no entry; a missing reading is no climax."""
    d = desk().warm()
    assert verdict(d.look(bar=bar(3), statistics={"candle_patterns": {"climax": 1.0}})) == "climax"
    d = desk().warm()
    assert verdict(d.look(bar=bar(3), statistics={"candle_patterns": {}})) == "enter"


@pytest.mark.parametrize(("after_us", "expected"), [(4_999_999, "cooldown"), (5_000_000, "enter"), (5_000_001, "enter")])
def test_cooldown_counts_from_the_decision_that_was_filled(desk: Make, bar: Make, after_us: int, expected: str) -> None:
    """5 s from the entry decision, once it has been filled."""
    d = desk(hard_stop=False, negative_gap=False, trailing_stop=False, target=False, time_decay=False, max_hold=False)
    d.enter()
    decided_us = d.sent[0].submit.decided_us
    d.look()
    for k in (4, 5, 6):
        d.strategy.on_bar(bar(k, lots=100, close=992))
    intents = d.look(bar=bar(7), now_us=decided_us + after_us, bid_ticks=1008, ask_ticks=1010)
    assert verdict(intents) == expected


def test_an_entry_that_never_filled_starts_no_cooldown(desk: Make, bar: Make) -> None:
    """Only a decision that led to a fill counts."""
    d = desk().warm()
    d.step(bar=bar(3))
    d.notice(d.last, NoticeKind.REJECT)
    assert verdict(d.look(bar=bar(4, lots=900), now_us=d.now_us + 1)) == "enter"


@pytest.mark.parametrize(("after_us", "expected"), [(9_999_999, "cooldown"), (10_000_000, "enter")])
def test_a_losing_exit_starts_the_longer_cooldown(desk: Make, bar: Make, after_us: int, expected: str) -> None:
    """10 s from the close of a position that lost."""
    d = desk()
    d.enter()
    d.step(1_000, bid_ticks=900)
    d.notice(d.last, NoticeKind.FILL, d.last.submit.qty_lots, price=900, maker=False)
    assert not d.blotter.positions
    assert verdict(d.look(bar=bar(20, lots=900), now_us=d.now_us + after_us, bid_ticks=1008, ask_ticks=1010)) == expected


def test_a_winning_exit_starts_no_cooldown_of_its_own(desk: Make, bar: Make) -> None:
    """After a gain only the entry's 5 s bind."""
    d = desk()
    d.enter()
    d.step(4_000_000)
    d.notice(d.last, NoticeKind.FILL, d.last.submit.qty_lots, price=1006)
    assert verdict(d.look(bar=bar(9, lots=900), now_us=d.now_us + 900_000, bid_ticks=1008, ask_ticks=1010)) == "enter"


@pytest.mark.parametrize(("open_positions", "expected"), [(2, "enter"), (3, "max_positions"), (4, "max_positions")])
def test_at_most_three_positions(desk: Make, bar: Make, open_positions: int, expected: str) -> None:
    """Positions of all symbols count, entries in flight included."""
    assert verdict(desk().warm().look(bar=bar(3), open_positions=open_positions)) == expected


@pytest.mark.parametrize(("min_edge_bp", "expected"), [(100.603, "enter"), (100.605, "edge")])
def test_edge_after_fees(desk: Make, bar: Make, min_edge_bp: float, expected: str) -> None:
    """The vector's edge is 100.604 bp: a limit just below passes, just above refuses and says what it was."""
    d = desk(min_edge_bp=min_edge_bp).warm()
    (intent,) = d.look(bar=bar(3))
    assert verdict([intent]) == expected
    if expected == "edge":
        assert intent.detail == "100.60 bp after fees, 100.605 needed"


@pytest.mark.parametrize(("min_edge_bp", "expected"), [(4.99, "enter"), (5.0, "enter"), (5.01, "edge")])
def test_edge_limit_is_inclusive(desk: Make, bar: Make, min_edge_bp: float, expected: str) -> None:
    """Without fees, 10,000 to 10,005 ticks is exactly 5 bp: it passes a limit of 5 and not one of 5.01."""
    d = desk(min_range_pct=0, min_edge_bp=min_edge_bp, fees=Fees(0, 0))
    for k in range(3):
        d.strategy.on_bar(bar(k, 9_999, 10_003, lots=10))
    bullish = bar(3, 9_999, 10_006, open=9_999, close=10_005, lots=900)
    # 9999 + 0.2 * 7 = 10000.4 -> 10000; 9999 + 0.8 * 7 = 10004.6 -> 10005
    assert verdict(d.look(bar=bullish, bid_ticks=10_005, ask_ticks=10_006, last_ticks=10_005)) == expected


@pytest.mark.parametrize(("ask", "expected"), [(994, "would_cross"), (995, "enter"), (0, "no_quote")])
def test_post_only_must_be_below_the_ask(desk: Make, bar: Make, ask: int, expected: str) -> None:
    """The entry at 994 needs an ask of 995 or more; without an ask there is nothing to rest below."""
    d = desk().warm()
    assert verdict(d.look(bar=bar(3), ask_ticks=ask, bid_ticks=980)) == expected


def test_without_a_book_the_last_trade_stands_for_the_ask(desk: Make, bar: Make) -> None:
    """A trades-only run compares the entry with the last trade."""
    d = desk(has_book=False).warm()
    assert verdict(d.look(bar=bar(3), ask_ticks=0, bid_ticks=0, last_ticks=994)) == "would_cross"
    d = desk(has_book=False).warm()
    assert verdict(d.look(bar=bar(3), ask_ticks=0, bid_ticks=0, last_ticks=995)) == "enter"


def test_too_little_cash_is_refused_as_size(desk: Make, bar: Make) -> None:
    """Less than the least notional in cash buys nothing."""
    assert verdict(desk().warm().look(bar=bar(3), cash_minor=4 * 10**10)) == "size"


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (Score(69.99, {}), "score"),
        (Score(70.0, {}), "enter"),
        (Score(70.01, {}), "enter"),
        (Score(64.99, {}, relief=5.0), "score"),
        (Score(65.0, {}, relief=5.0), "enter"),
        (Score(99.0, {}, refusal="liquidity"), "liquidity"),
        (Score(99.0, {}, refusal="weight_unavailable"), "weight_unavailable"),
    ],
)
def test_score_threshold_relief_and_refusal(desk: Make, bar: Make, score: Score, expected: str) -> None:
    """70 points, less the relief; a scorer's refusal stands whatever the points, and the score travels with the refusal."""
    (intent,) = desk(score=score).warm().look(bar=bar(3))
    assert verdict([intent]) == expected
    assert intent.score == score


def test_the_score_is_asked_for_last(desk: Make, bar: Make) -> None:
    """A refused gate costs no score."""
    d = desk().warm()
    d.look(bar=bar(3), open_positions=3)
    assert d.asked == []


def test_market_entries_pay_the_ask_and_the_taker_fee(desk: Make, bar: Make) -> None:
    """Price 0, sized for the collar, and judged on the ask: at 1000 the edge is 1006 less fees."""
    d = desk(order_type="market", fees=Fees(Decimal(10), Decimal(20))).warm()
    (enter,) = d.look(bar=bar(3), ask_ticks=1000)
    assert (enter.type, enter.price_ticks, enter.qty_lots) == (OrderType.MARKET, 0, 3326)
    d = desk(order_type="market", min_edge_bp=30.0, fees=Fees(Decimal(10), Decimal(20))).warm()
    assert verdict(d.look(bar=bar(3), ask_ticks=1000)) == "edge"


def test_rolling_range_uses_the_swing(desk: Make, bar: Make) -> None:
    """Levels come from the range since the fresh low, not from the bar alone."""
    d = desk(levels="rolling_range", min_edge_bp=-10_000)
    for k, (low, high) in enumerate([(980, 1000), (990, 1010), (990, 1030)]):
        d.strategy.on_bar(bar(k, low, high, lots=100))
    (enter,) = d.look(bar=bar(3, 990, 1025), ask_ticks=1020)
    assert (enter.price_ticks, enter.notes["target_ticks"]) == (990, 1020)


def test_adaptive_fractions_widen_with_volatility(desk: Make, bar: Make) -> None:
    """Off: 994 and 1006. On with a ratio of 5e: 993 and 1007."""
    d = desk(adaptive_fractions=True).warm()
    (enter,) = d.look(bar=bar(3), readings={"volatility": 5 * 2.718281828459045})
    assert (enter.price_ticks, enter.notes["target_ticks"]) == (993, 1007)

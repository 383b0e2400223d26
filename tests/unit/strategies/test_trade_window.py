"""Levels from the trades of the last seconds: reference/microstructure.md section 5.1, mode ``empirical``."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.api import Enter, Refuse
from flashcrash_strategies.percentile import PercentileStrategy
from flashcrash_strategies.trade_window import TradeWindow, volume_percentile

Make = Callable[..., Any]
TRADES = [(1000, 3), (988, 1), (1001, 1), (994, 2), (998, 3)]
"""By price: 988, 994, 998, 1000, 1001 with 1, 2, 3, 3, 1 lots, so P20 = 994 and P80 = 1000, as in section 11's vector."""


def test_volume_percentile_vector() -> None:
    """Section 11: (100,1)(101,2)(102,3)(103,3)(104,1) has P20 = 101 and P80 = 103, in any order of trades."""
    trades = [(103, 3), (100, 1), (104, 1), (101, 2), (102, 3)]
    assert [volume_percentile(trades, q) for q in (0.2, 0.8, 0.0, 1.0)] == [101, 103, 100, 104]
    assert volume_percentile([], 0.5) == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=60), st.integers(0, 100))
def test_volume_percentile_is_the_smallest_price_that_reaches_it(trades: list[tuple[int, int]], percent: int) -> None:
    """At the percentile the share is reached, one traded price below it is not."""
    price = volume_percentile(trades, percent / 100)
    total = sum(lots for _, lots in trades)
    upto = sum(lots for p, lots in trades if p <= price)
    below = sum(lots for p, lots in trades if p < price)
    assert upto * 100 >= percent * total
    assert below * 100 < percent * total or below == 0


def test_window_forgets_by_event_time_and_stays_bounded() -> None:
    """A trade of the window's age is gone; of very many the newest 10,000 remain."""
    window = TradeWindow(10_000_000)
    window.add(1_000_000, 100, 1)
    window.add(2_000_000, 101, 1)
    window.forget(10_999_999)
    assert len(window) == 2
    window.forget(11_000_000)
    assert (len(window), window.percentile(0.5)) == (1, 101)
    for n in range(10_005):
        window.add(2_000_000, 200 + n, 1)
    assert (len(window), window.percentile(0.0)) == (10_000, 205)


@pytest.fixture
def shown(desk: Make) -> Make:
    """``shown(**settings)``: a warm desk in mode ``empirical`` that has seen the TRADES one by one, 0.1 s apart."""

    def make(**settings: Any) -> Any:
        d = desk(**({"levels": "empirical", "empirical_min_trades": 5} | settings)).warm()
        for trade in TRADES:
            d.step(100_000, trade=trade)
        return d

    return make


def test_entry_and_target_are_the_percentiles(shown: Make, bar: Make) -> None:
    """Buys at P20 and sells at P80 of the trades, whatever the bar's range."""
    (enter,) = shown().look(bar=bar(4, 900, 1100, open=950, close=1060))
    assert isinstance(enter, Enter)
    assert (enter.price_ticks, enter.notes["target_ticks"], enter.reason) == (994, 1000, "empirical")


def test_too_few_trades_are_no_distribution(shown: Make, bar: Make) -> None:
    """Fewer trades than asked for, or trades that have left the window, refuse the entry and say how many there are."""
    (few,) = shown(empirical_min_trades=6).look(bar=bar(4))
    assert few == Refuse("no_distribution", detail="5 of 6 trades in the last 10 s")
    d = shown()
    (old,) = d.look(bar=bar(4), now_us=d.now_us + 10_000_000)
    assert (old.reason, old.detail) == ("no_distribution", "0 of 5 trades in the last 10 s")


def test_target_decays_from_p80_half_the_way_to_p20(shown: Make, bar: Make) -> None:
    """0.8 to 0.5 is half of the way from 0.8 to 0.2: the target falls from 1000 to 997, unless break-even lies higher."""
    d = shown()
    (enter,) = d.look(bar=bar(4))
    assert (enter.notes["low_ticks"], enter.notes["high_ticks"], enter.notes["exit_fraction"]) == (994, 1000, 1.0)
    assert enter.notes["decay_fraction"] == pytest.approx(0.5)


def test_window_survives_a_restart(shown: Make, bar: Make) -> None:
    """A restored strategy plans the same entry."""
    d = shown()
    fresh = PercentileStrategy(d.config)
    fresh.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(d.strategy.snapshot())))
    (before,) = d.look(bar=bar(4))
    d.strategy = fresh
    (after,) = d.look(bar=bar(4))
    assert after == before


def test_other_modes_keep_no_trades(shown: Make) -> None:
    """Nothing is collected that no setting asks for."""
    assert shown(levels="range_fraction").strategy.snapshot()["trades"] == []

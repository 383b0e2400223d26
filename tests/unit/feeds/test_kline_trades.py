"""Trades made from the candle of one second."""

import random

import pytest

from flashcrash_core.api import Side
from flashcrash_feeds.kline_trades import MOST_TRADES, Candle, InconsistentCandle, Print, trades_of


def prints_of(seed: int) -> list[Print]:
    """Real-looking trades of one second, of which a candle is made."""
    draw = random.Random(seed)
    price, out = 1_000, []
    for _ in range(draw.choice((1, 1, 2, 3, 5, 40))):
        price = max(1, price + draw.choice((-30, -2, -1, 0, 0, 1, 2, 30)))
        out.append((price, draw.choice((1, 1, 2, 700)), draw.choice((Side.BUY, Side.SELL))))
    return out


def candle_of(prints: list[Print]) -> Candle:
    """What the exchange would publish."""
    prices = [price for price, _, _ in prints]
    buys = [(price, lots) for price, lots, side in prints if side is Side.BUY]
    return Candle(
        prices[0], max(prices), min(prices), prices[-1],
        sum(lots for _, lots, _ in prints), sum(lots for _, lots in buys),
        sum(price * lots for price, lots, _ in prints), sum(price * lots for price, lots in buys),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_what_a_candle_proves_is_kept(seed: int) -> None:
    """Open, high, low, close, volume and taker-buy volume come out exactly, and the quote volumes as near as the prices allow."""
    candle = candle_of(prints_of(seed))
    got = trades_of(candle)
    again = candle_of(got)
    kept = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots", "buy_lots")
    assert [getattr(again, name) for name in kept] == [getattr(candle, name) for name in kept], f"seed {seed}"
    assert len(got) <= MOST_TRADES
    assert all(lots > 0 for _, lots, _ in got)
    # A touch at each of four prices can pull the average where one lot is much of the volume; else half a gap of rounding is left.
    reach = candle.high_ticks - candle.low_ticks
    assert abs(again.buy_quote_units - candle.buy_quote_units) <= 4 * reach
    assert abs(again.quote_units - candle.quote_units) <= 4 * reach


def test_a_large_volume_keeps_its_average_price() -> None:
    """Quote volume is met to half a price step a side, so the average price stays where it was."""
    candle = Candle(1_000, 1_040, 980, 1_020, 9_000, 4_000, 9_000 * 1_007, 4_000 * 1_011)
    again = candle_of(trades_of(candle))
    assert abs(again.quote_units - candle.quote_units) <= 60
    assert abs(again.buy_quote_units - candle.buy_quote_units) <= 30


@pytest.mark.parametrize(("close", "first"), [(1_005, 980), (1_000, 980), (995, 1_040)])
def test_order_of_the_extremes(close: int, first: int) -> None:
    """The low comes first when the second closed no lower than it opened, else the high."""
    got = trades_of(Candle(1_000, 1_040, 980, close, 100, 50, 100_000, 50_000))
    path = [price for number, (price, _, _) in enumerate(got) if number == 0 or got[number - 1][0] != price]
    assert path[:2] == [1_000, first]
    assert path[-1] == close


def test_extremes_are_touched_with_one_lot() -> None:
    """Where the average is away from an extreme, no more than a lot trades there: a fill at the low is not made likelier."""
    got = trades_of(Candle(1_000, 1_001, 900, 1_001, 10_000, 5_000, 10_000 * 1_000, 5_000 * 1_000))
    assert sum(lots for price, lots, _ in got if price == 900) == 1


@pytest.mark.parametrize("buys", [0, 100])
def test_one_sided_second(buys: int) -> None:
    """Without sellers everything is bought, also on the way down, and the other way round."""
    got = trades_of(Candle(1_000, 1_040, 980, 1_005, 100, buys, 100_000, 1_000 * buys))
    assert {side for _, _, side in got} == {Side.BUY if buys else Side.SELL}


def test_quiet_second() -> None:
    """No volume, no trade."""
    assert trades_of(Candle(1_000, 1_000, 1_000, 1_000, 0, 0, 0, 0), 999) == []


@pytest.mark.parametrize(
    ("candle", "words"),
    [
        (Candle(1_000, 999, 980, 990, 10, 5, 1, 1), "outside"),
        (Candle(1_000, 1_001, 1_000, 999, 10, 5, 1, 1), "outside"),
        (Candle(1_000, 1_000, 1_000, 1_000, 10, 11, 1, 1), "11 lots of 10"),
        (Candle(1_000, 1_010, 990, 1_005, 3, 1, 1, 1), "cannot have traded at 4 prices"),
        (Candle(1_000, 1_010, 990, 1_005, 0, 0, 0, 0), "without volume"),
    ],
)
def test_candles_that_cannot_be(candle: Candle, words: str) -> None:
    """Numbers that contradict each other are refused, not bent."""
    with pytest.raises(InconsistentCandle, match=words):
        trades_of(candle)

"""The trades of one second, made from its candle: what a 1s kline proves, kept exactly, and the rest invented in one fixed way.

Kept: open, high, low and close are traded, in that order of first and last; base volume and taker-buy volume in lots; quote volume
of buyers and of sellers as near as whole lots at those prices allow. Invented: that there were two to eight trades; that the low
came before the high when the second closed no lower than it opened, and after it otherwise; their times, spread evenly; who took
the extremes. A price is touched with one lot; the rest of a side's volume goes to the two prices around its average, so that no
more is said to have traded at the extremes than the candle proves.
"""

from typing import Final

from attrs import define, frozen

from flashcrash_core.api import Side

__all__ = ["MOST_TRADES", "Candle", "InconsistentCandle", "Print", "trades_of"]

MOST_TRADES: Final = 8
"""Trades that one second can give: a buy and a sell at each of four prices."""

Print = tuple[int, int, Side]
"""``(price_ticks, qty_lots, aggressor)``."""


class InconsistentCandle(ValueError):
    """A candle whose numbers cannot all be true."""


@frozen
class Candle:
    """One second in ticks, lots, and ticks times lots."""

    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    buy_lots: int
    """Part of the volume that buyers took."""
    quote_units: int
    """Quote volume."""
    buy_quote_units: int


@define
class _Volume:
    """What is left of one side's volume to place."""

    lots: int
    units: int

    def take(self, price_ticks: int) -> None:
        self.lots -= 1
        self.units -= price_ticks


def trades_of(candle: Candle, previous_close_ticks: int = 0) -> list[Print]:
    """The trades of a second in order; none when nothing was traded. Raises InconsistentCandle.

    ``previous_close_ticks`` is the close before, 0 if there is none: it tells who took the open.
    """
    _check(candle)
    if not candle.volume_lots:
        return []
    path = _path(candle)
    sides = _touching(path, candle, previous_close_ticks)
    left = {
        Side.BUY: _Volume(candle.buy_lots, candle.buy_quote_units),
        Side.SELL: _Volume(candle.volume_lots - candle.buy_lots, candle.quote_units - candle.buy_quote_units),
    }
    placed: list[dict[Side, int]] = [{} for _ in path]
    for number, (price, side) in enumerate(zip(path, sides, strict=True)):
        placed[number][side] = 1
        left[side].take(price)
    for side, volume in left.items():
        for price, lots in _around_average(sorted(set(path)), volume):
            at = path.index(price)
            # Where the side trades already, else where the price comes first.
            at = next((n for n, one in enumerate(path) if one == price and side in placed[n]), at)
            placed[at][side] = placed[at].get(side, 0) + lots
    return [(price, lots, side) for price, by_side in zip(path, placed, strict=True) for side, lots in by_side.items()]


def _check(candle: Candle) -> None:
    low, high = candle.low_ticks, candle.high_ticks
    if not (low <= candle.open_ticks <= high and low <= candle.close_ticks <= high):
        raise InconsistentCandle("open or close is outside low and high")
    if candle.buy_lots > candle.volume_lots:
        raise InconsistentCandle(f"buyers took {candle.buy_lots} lots of {candle.volume_lots}")
    if candle.volume_lots and candle.volume_lots < len(_path(candle)):
        raise InconsistentCandle(f"{candle.volume_lots} lots cannot have traded at {len(_path(candle))} prices")
    if not candle.volume_lots and low != high:
        raise InconsistentCandle("the price moved without volume")


def _path(candle: Candle) -> list[int]:
    """Open, the two extremes, close; each only where the price moves."""
    rose = candle.close_ticks >= candle.open_ticks
    middle = (candle.low_ticks, candle.high_ticks) if rose else (candle.high_ticks, candle.low_ticks)
    path: list[int] = []
    for price in (candle.open_ticks, *middle, candle.close_ticks):
        if not path or path[-1] != price:
            path.append(price)
    return path


def _touching(path: list[int], candle: Candle, previous_close_ticks: int) -> list[Side]:
    """Who takes each price first: buyers a higher one, sellers a lower one, as far as the volumes of both allow."""
    buys, volume = candle.buy_lots, candle.volume_lots
    stronger = Side.BUY if 2 * buys >= volume else Side.SELL
    before = previous_close_ticks or path[0]
    sides: list[Side] = []
    for price in path:
        sides.append(stronger if price == before else Side.BUY if price > before else Side.SELL)
        before = price
    for side, limit in ((Side.BUY, buys), (Side.SELL, volume - buys)):
        for number in reversed(range(len(sides))):
            if sides.count(side) <= limit:
                break
            if sides[number] is side:
                sides[number] = Side.SELL if side is Side.BUY else Side.BUY
    return sides


def _around_average(prices: list[int], volume: _Volume) -> list[tuple[int, int]]:
    """The rest of a side's lots at the two neighbouring prices around its average price, so that its quote volume comes out."""
    lots, units = volume.lots, volume.units
    if not lots:
        return []
    below = max((price for price in prices if price * lots <= units), default=prices[0])
    above = min((price for price in prices if price > below), default=below)
    if above == below:
        return [(below, lots)]
    gap = above - below
    upper = min(max((2 * (units - below * lots) + gap) // (2 * gap), 0), lots)
    return [(price, part) for price, part in ((below, lots - upper), (above, upper)) if part]

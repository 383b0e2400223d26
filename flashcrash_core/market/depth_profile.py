"""What the book's levels say at one moment: bands, top-20 sums, exit depth and walls, all in exact integers.

Called once per grid row and only when the book changed; definitions in reference/microstructure.md I3 and I8.
"""

from typing import Final, NamedTuple

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import Level

__all__ = ["EMPTY_PROFILE", "TOP_LEVELS", "DepthProfile", "profile_depth"]

TOP_LEVELS: Final = 20
_BAND_BP: Final = 10
_EXIT_BP: Final = 25
_WALL_FACTOR: Final = 3


class DepthProfile(NamedTuple):
    """Quantities in lots, notionals in tick x lot, wall prices in ticks."""

    band_bid_lots: int
    band_ask_lots: int
    top_bid_lots: int
    top_ask_lots: int
    top_bid_units: int
    top_ask_units: int
    exit_units: int
    bid_walls: tuple[int, ...]
    ask_walls: tuple[int, ...]


EMPTY_PROFILE: Final = DepthProfile(0, 0, 0, 0, 0, 0, 0, (), ())


def profile_depth(book: OrderBook) -> DepthProfile:
    """Measure a book around its own mid. A one-sided book is measured around the price it has."""
    bid, ask = book.bids.best(), book.asks.best()
    mid2 = bid + ask if bid and ask else 2 * (bid or ask)  # twice the mid keeps it an integer
    if not mid2:
        return EMPTY_PROFILE
    # price >= mid * (1 - beta)  <=>  20000 * price >= mid2 * (10000 - bp); ceil and floor in integers
    band_bid_limit = -(-mid2 * (10_000 - _BAND_BP) // 20_000)
    band_ask_limit = mid2 * (10_000 + _BAND_BP) // 20_000
    exit_limit = -(-mid2 * (10_000 - _EXIT_BP) // 20_000)
    exit_levels = book.bids.until(exit_limit)
    top_bids, top_asks = book.bids.top(TOP_LEVELS), book.asks.top(TOP_LEVELS)
    return DepthProfile(
        band_bid_lots=sum([lots for price, lots in exit_levels if price >= band_bid_limit]),
        band_ask_lots=sum([lots for _, lots in book.asks.until(band_ask_limit)]),
        top_bid_lots=sum([lots for _, lots in top_bids]),
        top_ask_lots=sum([lots for _, lots in top_asks]),
        top_bid_units=sum([price * lots for price, lots in top_bids]),
        top_ask_units=sum([price * lots for price, lots in top_asks]),
        exit_units=sum([price * lots for price, lots in exit_levels]),
        bid_walls=_walls(top_bids),
        ask_walls=_walls(top_asks),
    )


def _walls(levels: list[Level]) -> tuple[int, ...]:
    """Prices of levels worth more than three times the median level of these (best first)."""
    if len(levels) < 2:
        return ()
    units = [price * lots for price, lots in levels]
    ordered = sorted(units)
    middle = len(ordered) // 2
    median2 = 2 * ordered[middle] if len(ordered) % 2 else ordered[middle - 1] + ordered[middle]
    limit = _WALL_FACTOR * median2
    return tuple([level[0] for level, worth in zip(levels, units, strict=True) if 2 * worth > limit])

"""What the book's levels say at one moment: bands, top-20 sums, exit depth and walls, all in exact integers.

Called once per grid row and only when the book changed; definitions in reference/microstructure.md I3 and I8.
"""

from typing import Final, NamedTuple

from flashcrash_core.market.book import BookSide, OrderBook

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
    bids, asks = book.bids, book.asks
    top_bid_lots, top_bid_units = bids.top_sums(TOP_LEVELS)
    top_ask_lots, top_ask_units = asks.top_sums(TOP_LEVELS)
    return DepthProfile(
        bids.lots_until(band_bid_limit),
        asks.lots_until(band_ask_limit),
        top_bid_lots,
        top_ask_lots,
        top_bid_units,
        top_ask_units,
        bids.units_until(exit_limit),
        _walls(bids),
        _walls(asks),
    )


def _walls(side: BookSide) -> tuple[int, ...]:
    """Prices of the top levels worth more than three times the median one (best first)."""
    units = side.top_units(TOP_LEVELS)
    if len(units) < 2:
        return ()
    ordered = sorted(units)
    middle = len(ordered) // 2
    median2 = 2 * ordered[middle] if len(ordered) % 2 else ordered[middle - 1] + ordered[middle]
    limit = _WALL_FACTOR * median2
    if 2 * ordered[-1] <= limit:
        return ()
    return tuple([level[0] for level, worth in zip(side.top(TOP_LEVELS), units, strict=True) if 2 * worth > limit])

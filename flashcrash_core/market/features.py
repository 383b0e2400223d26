"""The feature row: what one symbol's market looked like over one step of the 100 ms grid.

Row ``t`` covers ``[t - 0.1 s, t)``. Rows are the only input of indicators, the same whether the events came from a socket or
a file, and made of plain numbers so that they can be columns: NaN is "no value", flags are 0 or 1. Sums are taken in
integers wherever the inputs are integers, so that no order of summation can change a bit.
"""

from typing import Final, NamedTuple

__all__ = [
    "GRID_US",
    "UNHEALTHY_BOOK_CROSSED",
    "UNHEALTHY_BOOK_STALE",
    "UNHEALTHY_BOOK_UNSYNCED",
    "UNHEALTHY_GAP",
    "UNHEALTHY_LATENCY",
    "UNHEALTHY_NAMES",
    "FeatureRow",
    "unhealthy_names",
]

GRID_US: Final = 100_000
"""Step of the evaluation grid, microseconds."""

UNHEALTHY_GAP: Final = 1
UNHEALTHY_BOOK_UNSYNCED: Final = 2
UNHEALTHY_BOOK_STALE: Final = 4
UNHEALTHY_BOOK_CROSSED: Final = 8
UNHEALTHY_LATENCY: Final = 16
UNHEALTHY_NAMES: Final = {
    UNHEALTHY_GAP: "gap",
    UNHEALTHY_BOOK_UNSYNCED: "book_unsynced",
    UNHEALTHY_BOOK_STALE: "book_stale",
    UNHEALTHY_BOOK_CROSSED: "book_crossed",
    UNHEALTHY_LATENCY: "latency",
}


def unhealthy_names(mask: int) -> list[str]:
    """The names of the bits set in ``FeatureRow.unhealthy``."""
    return [name for bit, name in UNHEALTHY_NAMES.items() if mask & bit]


class FeatureRow(NamedTuple):
    """One row. Prices in quote currency, ``*_qty`` in base, ``*_notional`` in quote, times in microseconds."""

    t_us: int
    """End of the row, a multiple of 100 ms; the row knows nothing at or after it."""
    unhealthy: int
    """Bit mask of data faults at the row's end; 0 is healthy."""

    price: float
    """Row-end price of the run's price source (mid or last trade)."""
    low: float
    """Lowest price of the source in the row; NaN if none."""
    high: float
    """Highest price of the source in the row; NaN if none."""
    last_trade: float
    """Last trade price so far; NaN before the first."""
    bid: float
    ask: float
    """Best bid and ask at the row's end, by the larger update id of book and ticker; NaN while unusable."""

    book_usable: int
    """1 if the book is synced, neither crossed nor locked, and at most 1 s old at the row's end."""
    spread_tw: float
    """Time-weighted relative spread (ask - bid) / mid over the covered part of the row; NaN if none."""
    covered_us: int
    """Microseconds of the row for which a usable quote stood."""
    spread_end: float
    """Relative spread at the row's end; NaN while unusable."""
    band_bid_qty: float
    band_ask_qty: float
    """Quantity within 10 bp of the mid, each side."""
    top_bid_qty: float
    top_ask_qty: float
    """Quantity of the best 20 levels, each side."""
    top_bid_notional: float
    top_ask_notional: float
    """Price times quantity of the best 20 levels, each side."""
    exit_notional: float
    """Bids within 25 bp below the mid: what a long position can be sold into."""
    bid_wall: float
    ask_wall: float
    """Price of the nearest wall that has stood for 500 ms; 0 if none."""

    buy_notional: float
    sell_notional: float
    """Traded notional by aggressor in the row."""
    trades: int
    quotes: int
    updates: int
    """Counts in the row: trade prints, best-quote updates, book update ids (futures: changed levels)."""

    bar_new: int
    """1 if this row is the first that may see the newest closed 1-s bar."""
    bar_start_us: int
    bar_open: float
    bar_high: float
    bar_low: float
    bar_close: float
    """The newest closed 1-s bar of *trades*; NaN before the first trade."""
    bar_price: float
    """Its close in the price source (mid of row k+1, or the trade close); NaN when unavailable."""
    bar_notional: float
    """Traded notional of the bar."""
    bar_trades: int
    bar_empty: int
    """1 if no trade fell into the bar: O = H = L = C = previous close."""
    bar_gap: int
    """1 if a feed gap was flagged in it."""

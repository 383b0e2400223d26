"""Where closed rows are written: two tables, whole numbers and floats, a line for each field of a feature row.

Two arrays instead of 37 keep the calls of compiled code short. The length of a line avoids multiples of a memory page: 37 lines
that begin at the same place of theirs would push each other out of the processor's cache.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from flashcrash_core.batch.rows import INTEGERS, RowColumns
from flashcrash_core.market.features import FeatureRow

__all__ = ["RowTable", "columns_of", "grown", "new_table"]

_INTEGERS: Final = tuple(name for name in FeatureRow._fields if name in INTEGERS)
_FLOATS: Final = tuple(name for name in FeatureRow._fields if name not in INTEGERS)

# lines of whole numbers
ROW_T_US: Final = _INTEGERS.index("t_us")
ROW_UNHEALTHY: Final = _INTEGERS.index("unhealthy")
ROW_BOOK_USABLE: Final = _INTEGERS.index("book_usable")
ROW_COVERED_US: Final = _INTEGERS.index("covered_us")
ROW_TRADES: Final = _INTEGERS.index("trades")
ROW_QUOTES: Final = _INTEGERS.index("quotes")
ROW_UPDATES: Final = _INTEGERS.index("updates")
ROW_BAR_NEW: Final = _INTEGERS.index("bar_new")
ROW_BAR_START_US: Final = _INTEGERS.index("bar_start_us")
ROW_BAR_TRADES: Final = _INTEGERS.index("bar_trades")
ROW_BAR_EMPTY: Final = _INTEGERS.index("bar_empty")
ROW_BAR_GAP: Final = _INTEGERS.index("bar_gap")
ROW_EVENT: Final = len(_INTEGERS)
ROW_FLAGS: Final = ROW_EVENT + 1
"""No fields: the event that closed the row, and :data:`SETTLES`, :data:`RESTARTS`."""
# lines of floats
ROW_PRICE: Final = _FLOATS.index("price")
ROW_LOW: Final = _FLOATS.index("low")
ROW_HIGH: Final = _FLOATS.index("high")
ROW_LAST_TRADE: Final = _FLOATS.index("last_trade")
ROW_BID: Final = _FLOATS.index("bid")
ROW_ASK: Final = _FLOATS.index("ask")
ROW_SPREAD_TW: Final = _FLOATS.index("spread_tw")
ROW_SPREAD_END: Final = _FLOATS.index("spread_end")
ROW_DEPTH: Final = _FLOATS.index("band_bid_qty")
"""Seven: from ``band_bid_qty`` to ``exit_notional``."""
ROW_BID_WALL: Final = _FLOATS.index("bid_wall")
ROW_ASK_WALL: Final = _FLOATS.index("ask_wall")
ROW_BUY: Final = _FLOATS.index("buy_notional")
ROW_SELL: Final = _FLOATS.index("sell_notional")
ROW_BAR: Final = _FLOATS.index("bar_open")
"""Six: from ``bar_open`` to ``bar_notional``."""

BAR_NUMBERS: Final = 10
"""Numbers kept of a bar: its row, start, open, high, low, close, units, trades, empty, gap."""
SETTLES: Final = 1
RESTARTS: Final = 2
"""Bits of :data:`ROW_FLAGS`."""
_PAGE_ROWS: Final = 512
_OFFSET_ROWS: Final = 24


class RowTable(NamedTuple):
    """Room for rows, and what is known of each beside its fields."""

    integers: Any
    """int64, a line for each field that is a whole number, and two more."""
    floats: Any
    bars: Any
    """int64, :data:`BAR_NUMBERS` of each bar."""
    bar_prices: Any


def new_table(rows: int) -> RowTable:
    """Room for at least ``rows`` rows; what is not written to takes no memory."""
    length = (max(rows, 1) // _PAGE_ROWS + 1) * _PAGE_ROWS + _OFFSET_ROWS
    bars = length // 8 + 16
    return RowTable(
        np.empty((ROW_FLAGS + 1, length), np.int64),
        np.empty((len(_FLOATS), length), np.float64),
        np.empty((bars, BAR_NUMBERS), np.int64),
        np.empty(bars, np.float64),
    )


def grown(table: RowTable, rows: int, bars: int, room: int) -> RowTable:
    """The table with room for ``room`` rows more than the ``rows`` in it, and for as many again."""
    larger = new_table(2 * rows + room)
    for old, new in zip((table.integers, table.floats), (larger.integers, larger.floats), strict=True):
        new[:, :rows] = old[:, :rows]
    larger.bars[:bars] = table.bars[:bars]
    larger.bar_prices[:bars] = table.bar_prices[:bars]
    return larger


def columns_of(table: RowTable, rows: int) -> RowColumns:
    """The first ``rows`` rows as columns, without copying."""
    lines = {name: table.integers[i, :rows] for i, name in enumerate(_INTEGERS)}
    lines |= {name: table.floats[i, :rows] for i, name in enumerate(_FLOATS)}
    return RowColumns(**lines)

"""Feature rows as columns, and one row of them again as what an indicator's step is given.

Spelt out, because numba compiles a call with 37 named arguments and nothing that would find the names by itself. What a step does
not read costs nothing: the compiler drops it.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flashcrash_core.market.features import FeatureRow

__all__ = ["INTEGERS", "RowColumns", "empty_rows", "row_at", "row_object", "row_objects"]

INTEGERS: Final = frozenset(name for name, kind in FeatureRow.__annotations__.items() if kind is int)
"""Fields that hold whole numbers; the others are float64."""


class RowColumns(NamedTuple):
    """One array per field of :class:`~flashcrash_core.market.features.FeatureRow`, int64 or float64, all of one length."""

    t_us: Any
    unhealthy: Any
    price: Any
    low: Any
    high: Any
    last_trade: Any
    bid: Any
    ask: Any
    book_usable: Any
    spread_tw: Any
    covered_us: Any
    spread_end: Any
    band_bid_qty: Any
    band_ask_qty: Any
    top_bid_qty: Any
    top_ask_qty: Any
    top_bid_notional: Any
    top_ask_notional: Any
    exit_notional: Any
    bid_wall: Any
    ask_wall: Any
    buy_notional: Any
    sell_notional: Any
    trades: Any
    quotes: Any
    updates: Any
    bar_new: Any
    bar_start_us: Any
    bar_open: Any
    bar_high: Any
    bar_low: Any
    bar_close: Any
    bar_price: Any
    bar_notional: Any
    bar_trades: Any
    bar_empty: Any
    bar_gap: Any


def empty_rows(length: int) -> RowColumns:
    """Columns for ``length`` rows, to be filled."""
    return RowColumns(*(np.empty(length, np.int64 if name in INTEGERS else np.float64) for name in FeatureRow._fields))


def row_at(columns: RowColumns, index: int) -> FeatureRow:
    """Row ``index``; for compiled code, where nothing of it is built but what is used."""
    return FeatureRow(
        columns.t_us[index],
        columns.unhealthy[index],
        columns.price[index],
        columns.low[index],
        columns.high[index],
        columns.last_trade[index],
        columns.bid[index],
        columns.ask[index],
        columns.book_usable[index],
        columns.spread_tw[index],
        columns.covered_us[index],
        columns.spread_end[index],
        columns.band_bid_qty[index],
        columns.band_ask_qty[index],
        columns.top_bid_qty[index],
        columns.top_ask_qty[index],
        columns.top_bid_notional[index],
        columns.top_ask_notional[index],
        columns.exit_notional[index],
        columns.bid_wall[index],
        columns.ask_wall[index],
        columns.buy_notional[index],
        columns.sell_notional[index],
        columns.trades[index],
        columns.quotes[index],
        columns.updates[index],
        columns.bar_new[index],
        columns.bar_start_us[index],
        columns.bar_open[index],
        columns.bar_high[index],
        columns.bar_low[index],
        columns.bar_close[index],
        columns.bar_price[index],
        columns.bar_notional[index],
        columns.bar_trades[index],
        columns.bar_empty[index],
        columns.bar_gap[index],
    )


def row_objects(columns: RowColumns, indices: NDArray[np.int64]) -> list[FeatureRow]:
    """These rows, as :func:`row_object` gives them."""
    return [FeatureRow._make(numbers) for numbers in zip(*(column[indices].tolist() for column in columns), strict=True)]


def row_object(columns: RowColumns, index: int) -> FeatureRow:
    """Row ``index`` in plain numbers, as the streaming engine makes it."""
    return FeatureRow(*(column[index].item() for column in columns))

"""The synthetic day as files: arrays for the scripts, hftbacktest's event array, and the columns of a tape."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from synthetic_day import LOT_SIZE, SYMBOL, TICK_SIZE, Day

from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.bulk_write import write_columns
from flashcrash_core.market.tape.columns import NONE, TABLES, Kind, TapeColumns
from flashcrash_core.market.tape.writer import TapeMarket

__all__ = ["EVENT_DTYPE", "hft_events", "tape_columns", "write_arrays", "write_hft", "write_tape_of"]

EVENT_DTYPE: Final = np.dtype(
    {
        "names": ["ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval"],
        "formats": ["u8", "i8", "i8", "f8", "f8", "u8", "i8", "f8"],
    }
)
"""hftbacktest's ``event_dtype``, written down here so that the file is made without hftbacktest."""
_BOTH: Final = 1 << 31 | 1 << 30  # seen by its exchange and by its local processor
_BUY: Final = 1 << 29
_SELL: Final = 1 << 28
_DEPTH: Final = 1
_TRADE: Final = 2
_DEPTH_SNAPSHOT: Final = 4
_LATENCY_US: Final = 3_000
_JITTER_US: Final = 2_000

_ARRAYS: Final = (
    "snapshot_levels", "book_us", "bids", "asks", "level_ticks", "level_lots",
    "trade_us", "trade_ticks", "trade_lots", "trade_side", "trade_id",
)  # fmt: skip


def write_arrays(day: Day, path: Path) -> None:
    """The arrays as ``.npz``, for scripts that build a peer's own objects from them."""
    plain = {name: getattr(day, name) for name in _ARRAYS}
    np.savez(path, start_us=day.start_us, tick_size=float(TICK_SIZE), lot_size=float(LOT_SIZE), order=day.order(), **plain)


def hft_events(day: Day) -> NDArray[Any]:
    """One row a trade and one a changed level. Both clocks show exchange time, which is what the feature rows follow."""
    books, trades, opening = len(day.book_us), len(day.trade_us), len(day.snapshot_levels)
    order = day.order()
    rows_of = np.concatenate((day.bids + day.asks, np.ones(trades, dtype=np.int64)))[order]
    first_row = np.empty(books + trades, dtype=np.int64)
    first_row[order] = opening + np.cumsum(rows_of) - rows_of
    out = np.zeros(opening + int(rows_of.sum()), dtype=EVENT_DTYPE)
    tick, lot = float(TICK_SIZE), float(LOT_SIZE)

    is_ask = np.arange(opening) >= opening - 20
    head = out[:opening]
    head["ev"] = _BOTH | _DEPTH_SNAPSHOT | np.where(is_ask, _SELL, _BUY)
    head["exch_ts"] = day.start_us * 1000
    head["px"] = day.snapshot_levels[:, 0] * tick
    head["qty"] = day.snapshot_levels[:, 1] * lot

    count = day.bids + day.asks
    number = np.repeat(np.arange(books), count)
    within = np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count)
    at = first_row[:books][number] + within
    out["ev"][at] = _BOTH | _DEPTH | np.where(within < day.bids[number], _BUY, _SELL)
    out["exch_ts"][at] = day.book_us[number] * 1000
    out["px"][at] = day.level_ticks * tick
    out["qty"][at] = day.level_lots * lot

    at = first_row[books:]
    out["ev"][at] = _BOTH | _TRADE | np.where(day.trade_side > 0, _BUY, _SELL)
    out["exch_ts"][at] = day.trade_us * 1000
    out["px"][at] = day.trade_ticks * tick
    out["qty"][at] = day.trade_lots * lot
    out["local_ts"] = out["exch_ts"]
    return out


def write_hft(day: Day, path: Path) -> None:
    """hftbacktest's file: ``data`` in an uncompressed ``.npz``, the quickest that it reads."""
    np.savez(path, data=hft_events(day))


def tape_columns(day: Day) -> TapeColumns:
    """The day as the columns of a tape: a snapshot, then all events in order of time, received a few milliseconds later."""
    books, order = len(day.book_us), day.order()
    event_us = np.concatenate((day.book_us, day.trade_us))[order]
    is_book = order < books
    jitter = np.random.default_rng([day.plan.seed, day.plan.day, 9]).integers(0, _JITTER_US, len(order))
    exchange_us = np.concatenate(([day.start_us], event_us))
    receive_us = np.maximum.accumulate(np.concatenate(([day.start_us + _LATENCY_US], event_us + _LATENCY_US + jitter)))
    opening_asks = 20
    opening_bids = len(day.snapshot_levels) - opening_asks
    tables: dict[str, dict[str, NDArray[Any]]] = {
        "events": {
            "kind": np.concatenate(([Kind.SNAPSHOT], np.where(is_book, Kind.DELTA, Kind.TRADE))),
            "exchange_us": exchange_us,
            "receive_us": receive_us,
        },
        "trades": {
            "trade_id": day.trade_id, "price_ticks": day.trade_ticks, "qty_lots": day.trade_lots, "side": day.trade_side,
        },
        "quotes": {},
        "books": {
            "first_id": np.concatenate(([day.snapshot_id], day.first_id)),
            "last_id": np.concatenate(([day.snapshot_id], day.last_id)),
            "prev_id": np.full(books + 1, NONE),
            "bids": np.concatenate(([opening_bids], day.bids)),
            "asks": np.concatenate(([opening_asks], day.asks)),
        },
        "levels": {
            "price_ticks": np.concatenate((day.snapshot_levels[:, 0], day.level_ticks)),
            "qty_lots": np.concatenate((day.snapshot_levels[:, 1], day.level_lots)),
        },
        "notes": {},
    }  # fmt: skip
    return TapeColumns(SYMBOL, {name: dict(_typed(name, tables[name])) for name in TABLES})


def _typed(name: str, columns: dict[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    for column, kind in TABLES[name].items():
        yield column, np.ascontiguousarray(columns.get(column, np.empty(0)), dtype=kind)


def write_tape_of(day: Day, out: Path) -> Path:
    """The day as a tape below ``out``; its folder."""
    instrument = Instrument(SYMBOL, Decimal(TICK_SIZE), Decimal(LOT_SIZE))
    market = TapeMarket(instrument, has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)
    return write_columns(out, tape_columns(day), market, force=True).path

"""Candles and 24-hour statistics of one symbol's trades, in ticks and lots."""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from attrs import define

from flashcrash_binance.exchange.messages import TradePrint
from flashcrash_core.api import Instrument

__all__ = ["INTERVALS_US", "Kline", "KlineBook", "kline_row"]

INTERVALS_US: Final = {"1s": 1_000_000, "1m": 60_000_000}
"""The intervals that are kept; the others are refused."""
_KEPT: Final = {"1s": 86_400, "1m": 10_080}
DAY_US: Final = 86_400_000_000


@define(eq=False)
class Kline:
    """One candle. ``*_units`` are price times quantity in tick x lot; ``taker_*`` is what aggressive buyers took."""

    open_us: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    lots: int
    units: int
    trades: int
    taker_lots: int
    taker_units: int
    first_id: int
    last_id: int

    def add(self, one: TradePrint) -> None:
        """Take one more trade."""
        price, lots = one.price_ticks, one.qty_lots
        self.high_ticks = max(self.high_ticks, price)
        self.low_ticks = min(self.low_ticks, price)
        self.close_ticks = price
        self.lots += lots
        self.units += price * lots
        self.trades += one.last_id - one.first_id + 1
        if not one.buyer_is_maker:
            self.taker_lots += lots
            self.taker_units += price * lots
        self.last_id = one.last_id


class KlineBook:
    """The candles of one interval, oldest first; as many as are kept. Seconds without a trade have none."""

    def __init__(self, interval: str) -> None:
        self.interval = interval
        self.interval_us = INTERVALS_US[interval]
        self.rows: list[Kline] = []

    def add(self, one: TradePrint) -> Kline:
        """Take a trade; returns its candle."""
        open_us = one.at_us - one.at_us % self.interval_us
        rows = self.rows
        if rows and rows[-1].open_us >= open_us:  # a clock that is set back does not open old candles again
            rows[-1].add(one)
            return rows[-1]
        price = one.price_ticks
        rows.append(Kline(open_us, price, price, price, price, 0, 0, 0, 0, 0, one.first_id, one.last_id))
        rows[-1].add(one)
        keep = _KEPT[self.interval]
        if len(rows) > keep + keep // 8:
            del rows[: len(rows) - keep]
        return rows[-1]

    def between(self, start_us: int | None, end_us: int | None, limit: int) -> list[Kline]:
        """Candles that open in the range, ends included; the oldest of them from a start, else the newest."""
        first = 0 if start_us is None else bisect_left(self.rows, start_us, key=_opens)
        last = len(self.rows) if end_us is None else bisect_left(self.rows, end_us + 1, key=_opens)
        found = self.rows[first:last]
        return found[:limit] if start_us is not None else found[-limit:]


def kline_row(kline: Kline, interval_us: int, instrument: Instrument, price: dict[int, str], quantity: dict[int, str]) -> list[Any]:
    """The 12 elements of ``GET klines``."""
    return [
        kline.open_us // 1000,
        price[kline.open_ticks],
        price[kline.high_ticks],
        price[kline.low_ticks],
        price[kline.close_ticks],
        quantity[kline.lots],
        (kline.open_us + interval_us) // 1000 - 1,
        quote_text(kline.units, instrument),
        kline.trades,
        quantity[kline.taker_lots],
        quote_text(kline.taker_units, instrument),
        "0",
    ]


def quote_text(units: int, instrument: Instrument) -> str:
    """Tick x lot as an amount of quote currency with 8 decimals."""
    return format(instrument.tick_size * instrument.lot_size * Decimal(units), ".8f")


def merged(klines: Iterable[Kline]) -> Kline | None:
    """All candles as one; None for none."""
    whole: Kline | None = None
    for one in klines:
        if whole is None:
            whole = Kline(
                one.open_us,
                one.open_ticks,
                one.high_ticks,
                one.low_ticks,
                one.close_ticks,
                0,
                0,
                0,
                0,
                0,
                one.first_id,
                one.last_id,
            )
        whole.high_ticks = max(whole.high_ticks, one.high_ticks)
        whole.low_ticks = min(whole.low_ticks, one.low_ticks)
        whole.close_ticks, whole.last_id = one.close_ticks, one.last_id
        whole.lots += one.lots
        whole.units += one.units
        whole.trades += one.trades
        whole.taker_lots += one.taker_lots
        whole.taker_units += one.taker_units
    return whole


def _opens(kline: Kline) -> int:
    return kline.open_us

"""From what happened on a market to the messages of its streams: each is encoded once for all who get the same bytes."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from flashcrash_binance.exchange.klines import DAY_US, Kline, quote_text
from flashcrash_binance.exchange.market import QuoteChange, SymbolMarket
from flashcrash_binance.exchange.messages import TradePrint, combined
from flashcrash_binance.exchange.rest import day_statistics
from flashcrash_binance.exchange.streams import Subscriptions
from flashcrash_core.api import MarketKind

__all__ = ["Publisher"]

Deliver = Callable[[int, str, bytes, int], None]
"""Connection, stream, message, the caller's time."""

_DIFF_STREAMS: Final = {
    MarketKind.SPOT: {"100ms": ("depth@100ms",), "1000ms": ("depth", "depth@1000ms")},
    MarketKind.USDM: {"100ms": ("depth@100ms",), "250ms": ("depth", "depth@250ms"), "500ms": ("depth@500ms",)},
}
_PARTIAL_LEVELS: Final = (5, 10, 20)


class Publisher:
    """Writes the messages of one market to whoever listens."""

    def __init__(self, market: SymbolMarket, subscriptions: Subscriptions, deliver: Deliver) -> None:
        self._market = market
        self._writer = market.writer
        self._subscriptions = subscriptions
        self._deliver = deliver
        name = market.symbol.lower()
        self._trade, self._aggregate, self._quote = f"{name}@trade", f"{name}@aggTrade", f"{name}@bookTicker"
        self._diffs = {pace: [f"{name}@{kind}" for kind in kinds] for pace, kinds in _DIFF_STREAMS[market.kind].items()}
        self._partials = {
            pace: [(levels, f"{name}@{kind.replace('depth', f'depth{levels}')}") for kind in kinds for levels in _PARTIAL_LEVELS]
            for pace, kinds in _DIFF_STREAMS[market.kind].items()
        }
        self._name = name

    def trade(self, one: TradePrint, stamp_us: int, at_us: int) -> None:
        """A trade."""
        self._publish(self._trade, lambda micro: self._writer.trade(one, stamp_us, micro), at_us)

    def aggregate(self, one: TradePrint, stamp_us: int, at_us: int) -> None:
        """An aggregate of trades."""
        self._publish(self._aggregate, lambda micro: self._writer.aggregate(one, stamp_us, micro), at_us)

    def quote(self, change: QuoteChange, stamp_us: int, at_us: int) -> None:
        """A new best quote."""
        self._publish(self._quote, lambda micro: self._writer.quote(change.update_id, change.best, stamp_us, micro), at_us)

    def diff(self, pace: str, stamp_us: int, at_us: int) -> None:
        """What changed since the last diff of that pace, and the best levels of the whole."""
        book, writer = self._market.book, self._writer
        first, last, previous, bids, asks = book.take_diff(pace)
        ids = first, last, previous
        for stream in self._diffs[pace]:
            self._publish(stream, lambda micro: writer.diff(ids, bids, asks, stamp_us, micro), at_us)
        for levels, stream in self._partials[pace]:
            if self._subscriptions.has_listeners(stream):
                top = book.bids.top(levels), book.asks.top(levels)
                self._publish(stream, partial(writer.partial, ids, *top, stamp_us), at_us)

    def second(self, stamp_us: int, at_us: int) -> None:
        """What leaves once a second: candles, statistics, the average price."""
        name, wanted = self._name, self._subscriptions.has_listeners
        for interval, klines in self._market.klines.items():
            stream = f"{name}@kline_{interval}"
            if klines.rows and wanted(stream):
                message = self._kline(klines.rows[-1], interval, klines.interval_us, stamp_us)
                self._publish(stream, partial(_encode, message), at_us)
        if wanted(f"{name}@ticker"):
            self._publish(f"{name}@ticker", partial(_encode, self._ticker(stamp_us)), at_us)
        if wanted(f"{name}@miniTicker"):
            whole = self._ticker(stamp_us)
            mini = {"e": "24hrMiniTicker"} | {key: whole[key] for key in ("E", "s", "c", "o", "h", "l", "v", "q")}
            self._publish(f"{name}@miniTicker", partial(_encode, mini), at_us)

    def _publish(self, stream: str, write: Callable[[bool], bytes], at_us: int) -> None:
        written: dict[bool, bytes] = {}
        for group in self._subscriptions.listeners(stream):
            data = written.get(group.micro)
            if data is None:
                data = written[group.micro] = write(group.micro)
            payload = combined(stream, data) if group.combined else data
            for connection in tuple(group.connections):
                self._deliver(connection, stream, payload, at_us)

    def _kline(self, one: Kline, interval: str, interval_us: int, stamp_us: int) -> dict[str, Any]:
        price, quantity, instrument = self._writer.price, self._writer.quantity, self._market.instrument
        return {
            "e": "kline",
            "E": stamp_us,
            "s": self._market.symbol,
            "k": {
                "t": one.open_us,
                "T": one.open_us + interval_us - 1000,
                "s": self._market.symbol,
                "i": interval,
                "f": one.first_id,
                "L": one.last_id,
                "o": price[one.open_ticks],
                "c": price[one.close_ticks],
                "h": price[one.high_ticks],
                "l": price[one.low_ticks],
                "v": quantity[one.lots],
                "n": one.trades,
                "x": stamp_us >= one.open_us + interval_us,
                "q": quote_text(one.units, instrument),
                "V": quantity[one.taker_lots],
                "Q": quote_text(one.taker_units, instrument),
                "B": "0",
            },
        }

    def _ticker(self, stamp_us: int) -> dict[str, Any]:
        day = day_statistics(self._market, stamp_us)
        keys = {
            "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice", "c": "lastPrice",
            "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice",
            "l": "lowPrice", "v": "volume", "q": "quoteVolume", "F": "firstId", "L": "lastId", "n": "count",
        }  # fmt: skip
        times = {"e": "24hrTicker", "E": stamp_us, "s": self._market.symbol, "O": stamp_us - DAY_US, "C": stamp_us}
        return times | {short: day[name] for short, name in keys.items()}


_TIMES: Final = frozenset({"E", "O", "C", "t", "T"})


def _encode(message: dict[str, Any], micro: bool) -> bytes:
    return msgspec.json.encode(message if micro else _in_milliseconds(message))


def _in_milliseconds(message: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _in_milliseconds(value) if isinstance(value, dict) else value // 1000 if key in _TIMES else value
        for key, value in message.items()
    }

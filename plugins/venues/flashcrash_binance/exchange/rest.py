"""REST market data: paths, parameters, weights and bodies (reference/binance.md sections 7, 9, 10 and 14)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

import msgspec
from attrs import evolve, frozen

from flashcrash_binance.exchange.book import TrueBook
from flashcrash_binance.exchange.klines import DAY_US, INTERVALS_US, kline_row, merged, quote_text
from flashcrash_binance.exchange.limits import LIMITS
from flashcrash_binance.exchange.listing import exchange_info
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.messages import TradePrint
from flashcrash_core.api import MarketKind

__all__ = ["PREFIXES", "ApiError", "Call", "Desk", "Question", "error_body", "find_call"]

PREFIXES: Final = {MarketKind.SPOT: "/api/v3", MarketKind.USDM: "/fapi/v1"}
_FUTURES_DEPTHS: Final = frozenset({5, 10, 20, 50, 100, 500, 1000})
_MOST_ROWS: Final = 1000
_AVERAGE_US: Final = 5 * 60_000_000


class ApiError(Exception):
    """A request that the venue refuses: HTTP status, Binance's code and text."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        self.code, self.status = code, status
        super().__init__(message)


class Desk(Protocol):
    """What answers need of the exchange."""

    @property
    def kind(self) -> MarketKind: ...
    @property
    def markets(self) -> Mapping[str, SymbolMarket]: ...
    def snapshot_book(self, market: SymbolMarket, now_us: int) -> TrueBook: ...


@frozen
class Question:
    """Parameters of a request, and when it came: the caller's clock and the exchange's."""

    desk: Desk
    params: Mapping[str, str]
    now_us: int
    stamp_us: int


@frozen
class Call:
    """A request that was understood: its weight is counted before it is answered."""

    name: str
    weight: int
    params: Mapping[str, str]
    answer: Callable[["Question"], bytes]


def find_call(kind: MarketKind, method: str, path: str, query: str) -> Call | None:
    """The call of a request; None if nothing is served there. Raises ApiError for a method that is not."""
    prefix = PREFIXES[kind]
    name = path.removeprefix(prefix + "/") if path.startswith(prefix + "/") else ""
    answer = _ANSWERS.get(name)
    if answer is None:
        return None
    if method not in ("GET", "HEAD"):
        raise ApiError(-1100, f"Request method '{method}' is not supported.", 405)
    params = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    return Call(name, _weight(kind, name, params), params, answer)


def error_body(code: int, message: str) -> bytes:
    """Binance's JSON of an error."""
    return msgspec.json.encode({"code": code, "msg": message})


# -- weights ---------------------------------------------------------------------------------------------------------


def _weight(kind: MarketKind, name: str, params: Mapping[str, str]) -> int:
    futures = kind is MarketKind.USDM
    if name == "depth":
        limit = _whole(params.get("limit", ""), 500 if futures else 100)
        steps = ((50, 2), (100, 5), (500, 10), (1000, 20)) if futures else ((100, 5), (500, 25), (1000, 50), (5000, 250))
        return next((weight for most, weight in steps if limit <= most), steps[-1][1])
    everything = "symbol" not in params and "symbols" not in params
    spot, usdm = _WEIGHTS[name]
    weight = usdm if futures else spot
    return weight * 2 if everything and name in ("ticker/price", "ticker/bookTicker") else weight


_WEIGHTS: Final = {
    "ping": (1, 1),
    "time": (1, 1),
    "exchangeInfo": (20, 1),
    "trades": (25, 5),
    "aggTrades": (4, 20),
    "klines": (2, 5),
    "uiKlines": (2, 5),
    "avgPrice": (2, 1),
    "ticker/price": (2, 1),
    "ticker/bookTicker": (2, 2),
    "ticker/24hr": (2, 1),
}


# -- answers ---------------------------------------------------------------------------------------------------------


def _ping(_: Question) -> bytes:
    return b"{}"


def _time(ask: Question) -> bytes:
    return msgspec.json.encode({"serverTime": ask.stamp_us // 1000})


def _info(ask: Question) -> bytes:
    wanted = _markets(ask)
    return msgspec.json.encode(
        exchange_info([one.instrument for one in wanted], ask.desk.kind, ask.stamp_us, LIMITS[ask.desk.kind])
    )


def _depth(ask: Question) -> bytes:
    market = _market(ask)
    futures = ask.desk.kind is MarketKind.USDM
    limit = _limit(ask.params, 500 if futures else 100, 1000 if futures else 5000)
    if futures and limit not in _FUTURES_DEPTHS:
        raise ApiError(-4021, f"Depth limit is not valid: {limit}. Use one of 5, 10, 20, 50, 100, 500, 1000.")
    book = ask.desk.snapshot_book(market, ask.now_us)
    return market.writer.snapshot(book.update_id, book.bids[:limit], book.asks[:limit], ask.stamp_us)


def _trades(ask: Question) -> bytes:
    market = _market(ask)
    found = list(market.trades)[-_limit(ask.params, 500, _MOST_ROWS) :]
    return msgspec.json.encode([_trade_row(market, one) for one in found])


def _trade_row(market: SymbolMarket, one: TradePrint) -> dict[str, Any]:
    row = {
        "id": one.trade_id,
        "price": market.writer.price[one.price_ticks],
        "qty": market.writer.quantity[one.qty_lots],
        "quoteQty": quote_text(one.price_ticks * one.qty_lots, market.instrument),
        "time": one.at_us // 1000,
        "isBuyerMaker": one.buyer_is_maker,
    }
    return row if market.kind is MarketKind.USDM else row | {"isBestMatch": True}


def _aggregates(ask: Question) -> bytes:
    market = _market(ask)
    limit = _limit(ask.params, 500, _MOST_ROWS)
    first = _optional(ask.params, "fromId")
    start_us, end_us = _range(ask.params)
    if first is not None and (start_us is not None or end_us is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    rows = [
        one
        for one in market.aggregates
        if (first is None or one.trade_id >= first)
        and (start_us is None or one.at_us >= start_us)
        and (end_us is None or one.at_us <= end_us)
    ]
    found = rows[-limit:] if first is None and start_us is None else rows[:limit]
    return msgspec.json.encode([_aggregate_row(market, one) for one in found])


def _aggregate_row(market: SymbolMarket, one: TradePrint) -> dict[str, Any]:
    row = {
        "a": one.trade_id,
        "p": market.writer.price[one.price_ticks],
        "q": market.writer.quantity[one.qty_lots],
        "f": one.first_id,
        "l": one.last_id,
        "T": one.at_us // 1000,
        "m": one.buyer_is_maker,
    }
    return row if market.kind is MarketKind.USDM else row | {"M": True}


def _klines(ask: Question) -> bytes:
    market = _market(ask)
    interval = _needed(ask.params, "interval")
    if interval not in INTERVALS_US or (interval == "1s" and ask.desk.kind is MarketKind.USDM):
        raise ApiError(-1120, "Invalid interval.")
    start_us, end_us = _range(ask.params)
    book = market.klines[interval]
    rows = book.between(start_us, end_us, _limit(ask.params, 500, _MOST_ROWS))
    writer = market.writer
    return msgspec.json.encode([kline_row(one, book.interval_us, market.instrument, writer.price, writer.quantity) for one in rows])


def _average(ask: Question) -> bytes:
    market = _market(ask)
    whole = merged(market.klines["1s"].between(ask.stamp_us - _AVERAGE_US, None, 300))
    last_us = market.trades[-1].at_us if market.trades else ask.stamp_us
    price = "0" if whole is None else format(market.instrument.tick_size * whole.units / max(whole.lots, 1), ".8f")
    return msgspec.json.encode({"mins": 5, "price": price, "closeTime": last_us // 1000})


def _prices(ask: Question) -> bytes:
    def row(market: SymbolMarket) -> dict[str, Any]:
        last = market.trades[-1] if market.trades else None
        one: dict[str, Any] = {"symbol": market.symbol, "price": market.writer.price[last.price_ticks if last else 0]}
        return one | {"time": ask.stamp_us // 1000} if market.kind is MarketKind.USDM else one

    return _one_or_all(ask, row)


def _quotes(ask: Question) -> bytes:
    def row(market: SymbolMarket) -> dict[str, Any]:
        bid, bid_lots, offer, offer_lots = market.book.best()
        price, quantity = market.writer.price, market.writer.quantity
        one: dict[str, Any] = {
            "symbol": market.symbol,
            "bidPrice": price[bid],
            "bidQty": quantity[bid_lots],
            "askPrice": price[offer],
            "askQty": quantity[offer_lots],
        }
        if market.kind is MarketKind.USDM:
            one |= {"time": ask.stamp_us // 1000, "lastUpdateId": market.book.update_id}
        return one

    return _one_or_all(ask, row)


def _day(ask: Question) -> bytes:
    return _one_or_all(ask, lambda market: day_statistics(market, ask.stamp_us))


def day_statistics(market: SymbolMarket, stamp_us: int) -> dict[str, Any]:
    """The last 24 hours, from the candles of a minute."""
    writer = market.writer
    rows = market.klines["1m"].between(stamp_us - DAY_US, None, 1441)
    whole = merged(rows)
    bid, bid_lots, ask, ask_lots = market.book.best()
    opened = whole.open_ticks if whole else 0
    closed = whole.close_ticks if whole else 0
    lots = whole.lots if whole else 0
    tick = market.instrument.tick_size
    average = tick * whole.units / lots if whole and lots else tick * 0
    return {
        "symbol": market.symbol,
        "priceChange": format(tick * (closed - opened), ".8f"),
        "priceChangePercent": f"{(closed - opened) / opened * 100 if opened else 0:.3f}",
        "weightedAvgPrice": format(average, ".8f"),
        "prevClosePrice": writer.price[opened],
        "lastPrice": writer.price[closed],
        "lastQty": writer.quantity[market.trades[-1].qty_lots if market.trades else 0],
        "bidPrice": writer.price[bid],
        "bidQty": writer.quantity[bid_lots],
        "askPrice": writer.price[ask],
        "askQty": writer.quantity[ask_lots],
        "openPrice": writer.price[opened],
        "highPrice": writer.price[whole.high_ticks if whole else 0],
        "lowPrice": writer.price[whole.low_ticks if whole else 0],
        "volume": writer.quantity[lots],
        "quoteVolume": quote_text(whole.units if whole else 0, market.instrument),
        "openTime": (stamp_us - DAY_US) // 1000,
        "closeTime": stamp_us // 1000,
        "firstId": whole.first_id if whole else -1,
        "lastId": whole.last_id if whole else -1,
        "count": whole.trades if whole else 0,
    }


_ANSWERS: Final[dict[str, Callable[[Question], bytes]]] = {
    "ping": _ping,
    "time": _time,
    "exchangeInfo": _info,
    "depth": _depth,
    "trades": _trades,
    "aggTrades": _aggregates,
    "klines": _klines,
    "uiKlines": _klines,
    "avgPrice": _average,
    "ticker/price": _prices,
    "ticker/bookTicker": _quotes,
    "ticker/24hr": _day,
}


# -- parameters ------------------------------------------------------------------------------------------------------


def _one_or_all(ask: Question, row: Callable[[SymbolMarket], dict[str, Any]]) -> bytes:
    if "symbol" in ask.params:
        return msgspec.json.encode(row(_market(ask)))
    return msgspec.json.encode([row(market) for market in _markets(ask)])


def _market(ask: Question) -> SymbolMarket:
    market = ask.desk.markets.get(_needed(ask.params, "symbol"))
    if market is None:
        raise ApiError(-1121, "Invalid symbol.")
    return market


def _markets(ask: Question) -> Sequence[SymbolMarket]:
    if "symbol" in ask.params:
        return [_market(ask)]
    if "symbols" not in ask.params or ask.desk.kind is MarketKind.USDM:
        return list(ask.desk.markets.values())
    try:
        names = msgspec.json.decode(ask.params["symbols"].encode(), type=list[str])
    except (msgspec.DecodeError, ValueError):
        raise ApiError(-1100, "Illegal characters found in parameter 'symbols'.") from None
    return [_market(evolve(ask, params={"symbol": name})) for name in names]


def _needed(params: Mapping[str, str], name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def _limit(params: Mapping[str, str], usual: int, most: int) -> int:
    if "limit" not in params:
        return usual
    limit = _whole(params["limit"], -1)
    if limit < 1:
        raise ApiError(-1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")
    return min(limit, most)


def _optional(params: Mapping[str, str], name: str) -> int | None:
    if name not in params:
        return None
    value = _whole(params[name], -1)
    if value < 0:
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return value


def _range(params: Mapping[str, str]) -> tuple[int | None, int | None]:
    """``startTime`` and ``endTime``, milliseconds there, microseconds here; the end's whole millisecond belongs to it."""
    start, end = _optional(params, "startTime"), _optional(params, "endTime")
    return None if start is None else start * 1000, None if end is None else end * 1000 + 999


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else otherwise

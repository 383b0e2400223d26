"""Example files of the formats, for the conformance battery: synthetic throughout, written from the simulated market or by rule.

``FeedSpec.samples`` says what each is for. The same number of events gives the same bytes.
"""

import gzip
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from flashcrash_core.api import (
    SIMULATED_SYMBOL,
    BestQuote,
    BookDelta,
    BookSnapshot,
    Level,
    MarketEvent,
    SampleWriter,
    Side,
    SimulatedMarket,
    Trade,
    scenario_preset,
    simulated_instrument,
)

__all__ = ["bulk_samples", "kline_samples", "replay_samples", "tardis_book_samples", "tardis_samples"]

_SEED: Final = 1
_SECOND_SYMBOL: Final = "SYNUSDT"
_EVENTS_PER_S: Final = 60
"""Fewer than a calm simulated market has, so that it is not over too early."""
_TRADES_PER_S: Final = 200.0
_KEPT_OF_TRUNCATED: Final = 2 / 3
_LOST_TRADES: Final = 5
_START_US: Final = 1_893_456_000_000_000  # 2030-01-01
_LEVELS: Final = 20

_INSTRUMENT: Final = simulated_instrument(SIMULATED_SYMBOL)

Line = Callable[[Any], str]


def replay_samples() -> Mapping[str, SampleWriter]:
    """Raw captures: book, best quotes and trades."""

    def whole(events: int) -> list[str]:
        return list(map(_capture_line, _market(SIMULATED_SYMBOL, events)))

    def gap(events: int) -> list[str]:
        lines = whole(events)
        del lines[_middle(lines, '"depthUpdate"')]
        return lines

    def broken_line(events: int) -> list[str]:
        lines = whole(events)
        at = _middle(lines, '"depthUpdate"')
        lines[at] = lines[at][: len(lines[at]) // 2]
        return lines

    def two_symbols(events: int) -> list[str]:
        # A REST snapshot names no symbol, so a capture of two has none.
        both = _two_symbols(events, _market)
        return [_capture_line(event) for event in both if not isinstance(event, BookSnapshot)]

    return _writers("capture.txt", whole=whole, gap=gap, broken_line=broken_line, two_symbols=two_symbols)


def tardis_samples() -> Mapping[str, SampleWriter]:
    """Trade CSVs with their header."""
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"

    def row(trade: Trade) -> str:
        side = "buy" if trade.aggressor is Side.BUY else "sell"
        cells = (trade.symbol, trade.exchange_us, trade.receive_us, trade.trade_id, side, *_decimals(trade))
        return f"binance,{','.join(map(str, cells))}"

    two = lambda events: [header, *map(row, _two_symbols(events, _trades))]  # noqa: E731
    return _writers("trades.csv", two_symbols=two, **_of_trades(row, header))


def bulk_samples() -> Mapping[str, SampleWriter]:
    """Files of single trades as Binance serves them for spot: without header and symbol, so there is none of two symbols."""

    def row(trade: Trade) -> str:
        price, qty = _decimals(trade)
        total = _INSTRUMENT.price(trade.price_ticks) * _INSTRUMENT.quantity(trade.qty_lots)
        return f"{trade.trade_id},{price},{qty},{total},{trade.exchange_us},{trade.aggressor is Side.SELL},True"

    return _writers(f"{SIMULATED_SYMBOL}-trades-2030-01-01.csv", **_of_trades(row))


def kline_samples() -> Mapping[str, SampleWriter]:
    """Files of 1s klines as Binance serves them for spot. Every second gives four trades and walks a little."""

    def row(number: int) -> str:
        open_us = _START_US + number * 1_000_000
        price = 10_000 + number * 7 % 97
        prices = (_price(price), _price(price + 5), _price(price - 5), _price(price + 2))
        cells = (open_us, *prices, "4.000", open_us + 999_999, _price(4 * price), 4, "2.000", _price(2 * price), 0)
        return ",".join(map(str, cells))

    def whole(events: int) -> list[str]:
        return [row(number) for number in range(1 + events // 4)]

    def gap(events: int) -> list[str]:
        lines = whole(events)
        del lines[len(lines) // 2]
        return lines

    def broken_line(events: int) -> list[str]:
        lines = whole(events)
        lines.insert(len(lines) // 2, lines[len(lines) // 2].partition(".")[0])
        return lines

    return _writers(f"{SIMULATED_SYMBOL}-1s-2030-01-01.csv", whole=whole, gap=gap, broken_line=broken_line)


def tardis_book_samples() -> Mapping[str, SampleWriter]:
    """Book files that begin with their snapshot. A lost message cannot be told from one that never was: there are no ids."""
    header = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"

    def message(symbol: str, number: int) -> list[str]:
        own_us = _START_US + number * 100_000
        start = f"binance,{symbol},{own_us},{own_us + 1_500},{'false' if number else 'true'}"
        levels = range(_LEVELS) if number == 0 else (number % _LEVELS, (number * 3 + 1) % _LEVELS)
        lots = (number * 7) % 50  # 0 takes a level away
        return [
            f"{start},{side},{_price(10_000 + sign * (level + 1))},{(lots if number else 9)}"
            for side, sign in (("bid", -1), ("ask", 1))
            for level in levels
        ]

    def of(*symbols: str) -> Callable[[int], list[str]]:
        def rows(events: int) -> list[str]:
            numbers = range(1 + events // len(symbols))
            return [header, *[row for number in numbers for symbol in symbols for row in message(symbol, number)]]

        return rows

    def broken_line(events: int) -> list[str]:
        lines = of(SIMULATED_SYMBOL)(events)
        lines[len(lines) // 2] = lines[len(lines) // 2].replace(".", "?")
        return lines

    whole, two = of(SIMULATED_SYMBOL), of(SIMULATED_SYMBOL, _SECOND_SYMBOL)
    return _writers("incremental_book_L2.csv", whole=whole, broken_line=broken_line, two_symbols=two)


# -- files ---------------------------------------------------------------------------------------------------------------


def _writers(name: str, **contents: Callable[[int], list[str]]) -> dict[str, SampleWriter]:
    def plain(lines: Callable[[int], list[str]]) -> SampleWriter:
        def write(folder: Path, events: int) -> Path:
            path = folder / name
            path.write_text("".join(f"{line}\n" for line in lines(events)), encoding="ascii")
            return path

        return write

    def truncated(folder: Path, events: int) -> Path:
        body = gzip.compress("".join(f"{line}\n" for line in contents["whole"](events)).encode("ascii"), mtime=0)
        path = folder / f"{name}.gz"
        path.write_bytes(body[: int(len(body) * _KEPT_OF_TRUNCATED)])
        return path

    return {**{key: plain(lines) for key, lines in contents.items()}, "truncated": truncated}


def _of_trades(row: Callable[[Trade], str], *header: str) -> dict[str, Callable[[int], list[str]]]:
    def whole(events: int) -> list[str]:
        return [*header, *map(row, _trades(SIMULATED_SYMBOL, events))]

    def gap(events: int) -> list[str]:
        lines = whole(events + _LOST_TRADES)
        del lines[len(lines) // 2 : len(lines) // 2 + _LOST_TRADES]
        return lines

    def broken_line(events: int) -> list[str]:
        lines = whole(events)
        lines.insert(len(lines) // 2, lines[len(lines) // 2].partition(".")[0])
        return lines

    return {"whole": whole, "gap": gap, "broken_line": broken_line}


def _middle(lines: list[str], of: str) -> int:
    """Number of the middle one of those lines that hold ``of``."""
    found = [number for number, line in enumerate(lines) if of in line]
    return found[len(found) // 2]


# -- events --------------------------------------------------------------------------------------------------------------


def _market(symbol: str, events: int) -> Iterator[MarketEvent]:
    scenario = scenario_preset("calm", symbol=symbol, calm_s=2 + events // _EVENTS_PER_S)
    return islice(SimulatedMarket(scenario, _SEED, instrument=simulated_instrument(symbol)).events(), events)


def _trades(symbol: str, events: int) -> Iterator[Trade]:
    seconds = 2 + events // int(_TRADES_PER_S / 2)
    scenario = scenario_preset("calm", symbol=symbol, calm_s=seconds, trades_per_s=_TRADES_PER_S, quotes_per_s=1.0)
    market = SimulatedMarket(scenario, _SEED, instrument=simulated_instrument(symbol))
    return islice((event for event in market.events() if isinstance(event, Trade)), events)


def _two_symbols(events: int, source: Callable[[str, int], Iterable[Any]]) -> list[Any]:
    halves = [list(source(symbol, events // 2)) for symbol in (SIMULATED_SYMBOL, _SECOND_SYMBOL)]
    return list(heapq.merge(*halves, key=lambda event: event.receive_us))


# -- text ----------------------------------------------------------------------------------------------------------------


def _price(ticks: int) -> str:
    return str(_INSTRUMENT.price(ticks))


def _decimals(trade: Trade) -> tuple[str, str]:
    return _pair((trade.price_ticks, trade.qty_lots))


def _pair(level: Level) -> tuple[str, str]:
    price_ticks, qty_lots = level
    return str(_INSTRUMENT.price(price_ticks)), str(_INSTRUMENT.quantity(qty_lots))


def _levels(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [_pair(level) for level in levels]


def _capture_line(event: MarketEvent) -> str:
    """The line that a recorder of Binance spot would have written (reference/binance.md sections 2, 3, 14)."""
    ms = (event.exchange_us or 0) // 1000
    message: dict[str, Any]
    if isinstance(event, BookSnapshot):
        message = {"lastUpdateId": event.update_id, "bids": _levels(event.bids), "asks": _levels(event.asks)}
    elif isinstance(event, BookDelta):
        message = {"e": "depthUpdate", "E": ms, "s": event.symbol, "U": event.first_id, "u": event.last_id}
        message |= {"b": _levels(event.bids), "a": _levels(event.asks)}
    elif isinstance(event, BestQuote):
        (bid, bid_qty), (ask, ask_qty) = _levels(((event.bid_ticks, event.bid_lots), (event.ask_ticks, event.ask_lots)))
        message = {"u": event.update_id, "s": event.symbol, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty}
    elif isinstance(event, Trade):
        price, qty = _decimals(event)
        message = {"e": "trade", "E": ms, "s": event.symbol, "t": event.trade_id, "p": price, "q": qty, "T": ms}
        message |= {"m": event.aggressor is Side.SELL, "M": True}
    else:
        raise TypeError(f"no Binance message tells a {type(event).__name__}")
    return f"{event.receive_us * 1000} {json.dumps(message, separators=(',', ':'))}"

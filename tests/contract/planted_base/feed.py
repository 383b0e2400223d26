"""A sound feed to plant faults in: ticks in a text format of its own, with a book, trades, gaps and every sample.

The first line is ``#ticks SYMBOL,...``; each other one is ``T|us|symbol|id|side|price|qty``, ``S|us|symbol|id|bids|asks`` or
``D|us|symbol|first|last|bids|asks`` with levels ``price:qty,...`` and the time of receipt in us. Trade ids count up by one.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen

from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    DataError,
    DataTier,
    FeedGap,
    FeedRequest,
    FeedSpec,
    Instrument,
    Level,
    LineReader,
    MarketEvent,
    PluginInfo,
    Rejected,
    SampleWriter,
    Side,
    SourceInfo,
    Trade,
    hookimpl,
    read_head,
)

HEADER = b"#ticks "
START_US = 1_893_456_000_000_000
STEP_US = 1_000
LATENCY_US = 5_000
SYMBOLS = ("SIMUSDT", "SYNUSDT")
SAMPLE_GRID = ("100.01", "0.001")


@frozen
class Config:
    """Settings."""

    chain_ids: bool = True
    """Whether a jump in the trade ids is a gap."""


class TickSource:
    """One opened file. Faults override one of its methods."""

    def __init__(self, config: Config, request: FeedRequest) -> None:
        assert request.path is not None
        self.config, self.request, self.path = config, request, request.path
        self.symbols = self.delivered(self.held_symbols())
        self.instruments = {symbol: self.instrument(symbol) for symbol in self.symbols}
        self.next_ids: dict[str, int] = {}
        self.reader: LineReader | None = None
        self.closed = False

    def head(self) -> bytes:
        """The first bytes of the file."""
        return read_head(self.path)

    def held_symbols(self) -> tuple[str, ...]:
        """What the header says is in the file."""
        head = self.head()
        if not head.startswith(HEADER):
            raise DataError(f"{self.path}: not a file of ticks: it does not start with {HEADER!r}")
        return tuple(head.split(b"\n", 1)[0].removeprefix(HEADER).decode("ascii").split(","))

    def delivered(self, held: tuple[str, ...]) -> tuple[str, ...]:
        """Those of them that were asked for."""
        wanted = self.request.symbols
        if missing := set(wanted).difference(held):
            raise DataError(f"{self.path}: holds {', '.join(held)}, not {', '.join(sorted(missing))}")
        return tuple(symbol for symbol in held if not wanted or symbol in wanted)

    def instrument(self, symbol: str) -> Instrument:
        """The grid of a symbol."""
        return self.request.instruments(symbol, sample=SAMPLE_GRID)

    @property
    def info(self) -> SourceInfo:
        """What the header tells."""
        return SourceInfo(
            symbols=self.symbols,
            has_book=True,
            data_tier=DataTier.L2,
            instruments=tuple(self.instruments.values()),
            description=f"ticks {self.path.name}",
        )

    def events(self) -> Iterator[MarketEvent]:
        """All events in the order of the file."""
        if self.closed:
            return
        self.reader = reader = LineReader(self.path)
        for raw in self.lines(reader):
            if reader.line > 1:
                yield from self.told(raw, reader.line)
        self.release()

    def lines(self, reader: LineReader) -> Iterator[bytes]:
        """The lines of the file."""
        return iter(reader)

    def told(self, raw: bytes, line: int) -> Iterator[MarketEvent]:
        """The events of one line, a refusal if it cannot be used."""
        try:
            cells = raw.decode("ascii").split("|")
            event = self.event(cells)
        except (ValueError, IndexError, KeyError) as error:
            yield self.refusal(line, error)
            return
        if event is None:
            return
        if isinstance(event, Trade) and self.config.chain_ids:
            identity = int(cells[3])
            if identity != self.next_ids.get(event.symbol, identity):
                yield self.gap(event)
            self.next_ids[event.symbol] = identity + 1
        yield event

    def refusal(self, line: int, error: Exception) -> MarketEvent:
        """What stands for a line that cannot be used."""
        return Rejected(self.symbols[0], self.number(), None, 0, "bad_line", f"{self.path}:{line} {error}")

    def gap(self, before: MarketEvent) -> FeedGap:
        """What says that trades are missing before that one."""
        return FeedGap(before.symbol, self.number(), None, before.receive_us, "trade_id_gap")

    def number(self) -> int:
        """The next arrival number."""
        return self.request.next_seq()

    def wanted(self, symbol: str) -> bool:
        """Whether a line of that symbol is delivered."""
        return symbol in self.symbols

    def event(self, cells: list[str]) -> MarketEvent | None:
        """The event of a line, None when its symbol was not asked for. Raises ValueError, IndexError or KeyError."""
        kind, receive_us, symbol = cells[0], int(cells[1]), cells[2]
        if not self.wanted(symbol):
            return None
        grid = self.instruments.get(symbol) or self.instrument(symbol)
        exchange_us = receive_us - LATENCY_US
        if kind == "T":
            trade_id, side = int(cells[3]), Side[cells[4]]
            price, lots = grid.price_ticks(cells[5]), grid.trade_lots(cells[6])
            return Trade(symbol, self.number(), exchange_us, receive_us, trade_id, price, lots, side)
        if kind == "S":
            bids, asks = self.levels(grid, cells[4]), self.levels(grid, cells[5])
            return BookSnapshot(symbol, self.number(), None, receive_us, int(cells[3]), bids, asks)
        if kind != "D":
            raise ValueError(f"unknown kind {kind!r}")
        first, last, bids, asks = int(cells[3]), int(cells[4]), self.changes(grid, cells[5]), self.changes(grid, cells[6])
        return BookDelta(symbol, self.number(), exchange_us, receive_us, first, last, bids, asks)

    def levels(self, grid: Instrument, text: str) -> list[Level]:
        """Levels in the order of the text."""
        return grid.levels([(price, qty) for price, _, qty in (level.partition(":") for level in text.split(","))])

    def changes(self, grid: Instrument, text: str) -> list[Level]:
        """The changed levels of a delta."""
        return self.levels(grid, text)

    def progress(self) -> float | None:
        """Fraction read."""
        return self.reader.fraction if self.reader is not None else 0.0

    def release(self) -> None:
        """Close the file."""
        if self.reader is not None:
            self.reader.close()

    def close(self) -> None:
        """End the events."""
        self.closed = True
        self.release()


@frozen
class TickFeed:
    """Opens files of ticks."""

    config: Config
    source: Callable[[Config, FeedRequest], Any]

    def open(self, request: FeedRequest) -> Any:
        """Open ``request.path``."""
        if request.path is None:
            raise DataError("feed of ticks: no file given; name one with --tape PATH")
        return self.source(self.config, request)


def opens(path: Path, head: bytes) -> bool:
    """Whether the head starts as a file of ticks does."""
    return head.startswith(HEADER)


# -- samples -------------------------------------------------------------------------------------------------------------


def lines_of(symbols: tuple[str, ...], count: int) -> list[str]:
    """A calm market: per symbol a snapshot, then trades and deltas in turn."""
    lines = [
        f"S|{START_US}|{symbol}|100|{_levels(range(10_000, 9_990, -1))}|{_levels(range(10_001, 10_011))}" for symbol in symbols
    ]
    for i in range(count - len(symbols)):
        us, symbol, turn = START_US + (i + 1) * STEP_US, symbols[i % len(symbols)], i // len(symbols)
        price = 10_000 + turn * turn % 7
        if turn % 2:
            bids, asks = range(price, price - 5, -1), range(price + 1, price + 6)
            lines.append(f"D|{us}|{symbol}|{101 + turn // 2}|{101 + turn // 2}|{_levels(bids)}|{_levels(asks)}")
        else:
            side = "BUY" if turn % 3 else "SELL"
            lines.append(f"T|{us}|{symbol}|{1 + turn // 2}|{side}|{price / 100:.2f}|0.{100 + turn % 50}")
    return lines


def _levels(prices: range) -> str:
    return ",".join(f"{price / 100:.2f}:0.{price % 90 + 10}" for price in prices)


def whole(count: int) -> list[str]:
    """Sound data of one symbol."""
    return lines_of(SYMBOLS[:1], count)


def gap(count: int) -> list[str]:
    """Two trades are missing."""
    lines = whole(count)
    trades = [number for number, line in enumerate(lines) if line.startswith("T")]
    for number in sorted(trades[len(trades) // 2 :][:2], reverse=True):
        del lines[number]
    return lines


def broken_line(count: int) -> list[str]:
    """One line is cut."""
    lines = whole(count)
    lines[count // 2] = lines[count // 2][:10]
    return lines


def write(lines: Callable[[int], list[str]], symbols: tuple[str, ...], folder: Path, count: int) -> Path:
    """A file of those lines."""
    path = folder / "sample.ticks"
    path.write_bytes(HEADER + "\n".join([",".join(symbols), *lines(count), ""]).encode("ascii"))
    return path


def truncated(folder: Path, count: int) -> Path:
    """A compressed file that breaks off."""
    body = gzip.compress(write(whole, SYMBOLS[:1], folder, count).read_bytes(), mtime=0)
    path = folder / "sample.ticks.gz"
    path.write_bytes(body[: len(body) * 2 // 3])
    return path


SAMPLES: Mapping[str, SampleWriter] = {
    "whole": partial(write, whole, SYMBOLS[:1]),
    "gap": partial(write, gap, SYMBOLS[:1]),
    "broken_line": partial(write, broken_line, SYMBOLS[:1]),
    "truncated": truncated,
    "two_symbols": partial(write, partial(lines_of, SYMBOLS), SYMBOLS),
}


def offer(source: Callable[[Config, FeedRequest], Any] = TickSource, **changes: Any) -> list[FeedSpec]:
    """The feed with another source, or with other fields of its descriptor."""
    fields: dict[str, Any] = {
        "name": "ticks",
        "summary": "ticks in a text format of its own",
        "config": Config,
        "build": lambda config: TickFeed(config, source),
        "opens": opens,
        "samples": SAMPLES,
    }
    return [FeedSpec(**{**fields, **changes})]


flashcrash_plugin = PluginInfo(api=1, summary="Ticks in a text format of its own.")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The sound feed."""
    return offer()

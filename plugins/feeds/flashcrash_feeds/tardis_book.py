"""Feed ``tardis_book``: order books in Tardis's layout ``incremental_book_L2``, one row a price level, plain, gzip or zip.

Header ``exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount`` in any order; times in microseconds; an amount of
0 removes the level. Rows next to each other with equal times are one message. A run of rows with ``is_snapshot`` is one snapshot;
it forgets the book before. There are no update ids, so messages are numbered here, one after the other, and a lost one cannot be
seen; a message with a row that cannot be used is told as a FeedGap. Source: Tardis's description of its CSV files.
"""

from collections.abc import Iterator
from contextlib import closing
from enum import Enum
from operator import itemgetter
from pathlib import Path
from typing import Final

from attrs import define, field

from flashcrash_binance.probe import DecimalSample
from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    Instrument,
    Level,
    MarketEvent,
    MarketKind,
    PluginInfo,
    SourceInfo,
    hookimpl,
)
from flashcrash_feeds.file_source import FileFeed, FileSource
from flashcrash_feeds.row_times import RowTimes
from flashcrash_feeds.samples import tardis_book_samples
from flashcrash_feeds.tally import Tally, require_requested, shown_line
from flashcrash_feeds.trade_csv import field_reason, probed_lines, split_header

__all__ = ["TARDIS_BOOK", "TardisBookSource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Order books in the layout of Tardis, incremental_book_L2.")

_COLUMNS: Final = ("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount")
_NEEDED: Final = frozenset(_COLUMNS)
_FLAGS: Final = {"true": True, "false": False}
_SIDES: Final = ("bid", "ask")
_PROBED_ROWS: Final = 20_000
"""More than for trades: a snapshot alone can have thousands of rows."""
_LONGEST_MESSAGE: Final = 200_000
"""Rows of one message that are held; the deepest books served have 10,000 levels."""

Key = tuple[str, str, str, str]
"""``(symbol, timestamp, local_timestamp, is_snapshot)`` as they stand in the file."""


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the first line is a header with the columns of incremental_book_L2."""
    return _NEEDED.issubset(split_header(head.split(b"\n", 1)[0]))


class _Run(Enum):
    """A run of snapshot rows."""

    NONE = "none"
    SOUND = "sound"
    BROKEN = "broken"


@define
class _Book:
    """Where one symbol's book stands in the file."""

    instrument: Instrument
    update_id: int = 0
    run: _Run = _Run.NONE
    """Whether its latest message was a snapshot: then more rows of one belong to it."""


@define
class _Message:
    """Rows that are gathered into one event."""

    key: Key = ("", "", "", "")
    book: _Book | None = None
    bids: list[Level] = field(factory=list)
    asks: list[Level] = field(factory=list)
    exchange_us: int = 0
    receive_us: int = 0
    is_snapshot: bool = False
    broken: bool = False
    line: int = 0
    """The first of its rows."""


class TardisBookSource(FileSource):
    """One opened file."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        samples: dict[str, DecimalSample] = {}
        snapshot_rows: dict[str, int] = {}
        begins: dict[str, int] = {}
        exchanges: set[str] = set()
        with closing(probed_lines(path, _PROBED_ROWS)) as lines:
            first_line = next(lines)
            header = split_header(first_line)
            if not _NEEDED.issubset(header):
                raise DataError(
                    f"{path}: not a Tardis book file: expected a header with {','.join(_COLUMNS)}, found {shown_line(first_line)}; "
                    f"for Tardis trades use --feed tardis, for raw captures --feed replay"
                )
            self._pick = itemgetter(*(header.index(name) for name in _COLUMNS))
            number = 1
            for number, raw in enumerate(lines, 2):
                try:
                    exchange, symbol, _, _, flag, _, price, amount = self._pick(raw.decode("ascii").split(","))
                except (IndexError, UnicodeDecodeError):
                    continue
                symbol = symbol.upper()
                exchanges.add(exchange.lower())
                samples.setdefault(symbol, DecimalSample()).add(price, amount)
                begins.setdefault(symbol, number)
                if flag == "true":
                    snapshot_rows.setdefault(symbol, number)
        if not samples:
            fault = "has a header but no rows" if number == 1 else "no usable rows: none has all columns of the header"
            raise DataError(f"{path}: no events; it {fault}, check that it was downloaded completely")
        symbols = require_requested(path, list(samples), request.symbols)
        kind = MarketKind.USDM if exchanges == {"binance-futures"} else MarketKind.SPOT
        self._instruments = {one: request.instruments(one, kind=kind, sample=samples[one].pair) for one in symbols}
        self._others = frozenset(samples).difference(symbols)
        self._all_requested = bool(request.symbols)
        self._next_seq = request.next_seq
        info = SourceInfo(
            symbols=symbols,
            has_book=True,
            data_tier=DataTier.L2,
            instruments=tuple(self._instruments.values()),
            description=f"Tardis book {path.name} ({', '.join(sorted(exchanges))}: {', '.join(symbols)})",
            warnings=tuple(
                _headless(path, symbol, begins[symbol], snapshot_rows.get(symbol), number)
                for symbol in symbols
                if snapshot_rows.get(symbol) != begins[symbol]
            ),
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbols[0]))

    def events(self) -> Iterator[MarketEvent]:
        """All messages in the order of the file; one that cannot be used becomes a Rejected and a FeedGap."""
        reader = self._open_reader()
        if reader is None:
            return
        tally, pick = self._tally, self._pick
        books = {symbol: _Book(instrument) for symbol, instrument in self._instruments.items()}
        own_times, times = RowTimes(self._path, ("microseconds",)), RowTimes(self._path, ("microseconds",))
        message = _Message()
        usable = 0
        rows = iter(reader)
        next(rows, None)  # the header
        for raw in rows:
            try:
                _, symbol, own, local, flag, side, price, amount = pick(raw.decode("ascii").split(","))
                key = (symbol, own, local, flag)
                if key != message.key:
                    is_snapshot = _FLAGS[flag]
                    exchange_us, receive_us = own_times.us(own, reader.line), times.us(local, reader.line)
                    if not (is_snapshot and message.is_snapshot and symbol == message.key[0]):
                        for event in self._events_of(message):
                            usable += 1
                            yield event
                        message = _Message(book=books.get(symbol.upper()), is_snapshot=is_snapshot, line=reader.line)
                    message.key, message.exchange_us, message.receive_us = key, exchange_us, receive_us
                    if message.book is None:
                        if symbol.upper() not in self._others and not self._all_requested:
                            yield tally.reject(reader.line, "wrong_symbol", f"{symbol!r} was not among the first rows")
                        continue
                    if late := times.too_old(receive_us, reader.line):
                        yield from self._break(message, reader.line, "out_of_order", late)
                if message.book is None or message.broken:
                    continue
                levels = message.bids if side == "bid" else message.asks
                if side not in _SIDES:
                    raise KeyError(side)
                instrument = message.book.instrument
                levels.append((instrument.price_ticks(price), instrument.level_lots(amount)))
            except (ValueError, IndexError, KeyError) as error:
                if raw.strip():
                    yield from self._break(message, reader.line, *_reason(error))
                continue
            if reader.line - message.line > _LONGEST_MESSAGE:
                raise DataError(
                    f"{self._path}:{reader.line}: the message from row {message.line} on has more than {_LONGEST_MESSAGE} rows; "
                    f"no order book is so deep. Check the columns timestamp, local_timestamp and is_snapshot"
                )
        for event in self._events_of(message):
            usable += 1
            yield event
        self._finish(usable)

    def _events_of(self, message: _Message) -> Iterator[MarketEvent]:
        """The event of a whole message; none for one that is broken or of another symbol."""
        book = message.book
        if book is None or message.broken or self._closed:
            return
        run, book.run = book.run, _Run.SOUND if message.is_snapshot else _Run.NONE
        if message.is_snapshot and run is _Run.BROKEN:
            book.run = run  # the rest of a snapshot that was refused already
            return
        book.update_id = update_id = book.update_id + 1
        symbol, seq, own_us, receive_us = book.instrument.symbol, self._next_seq(), message.exchange_us, message.receive_us
        if message.is_snapshot and run is _Run.NONE:
            bids, asks = _held(message.bids), _held(message.asks)
            yield BookSnapshot(symbol, seq, own_us, receive_us, update_id, bids[::-1], asks)
        else:
            # Rows of a snapshot that another symbol's message cut in two add to it.
            yield BookDelta(symbol, seq, own_us, receive_us, update_id, update_id, message.bids, message.asks)

    def _break(self, message: _Message, line: int, reason: str, detail: str) -> Iterator[MarketEvent]:
        """Refuse a row, and with it its message: the book is wrong from here to the next snapshot."""
        symbol = message.book.instrument.symbol if message.book else None
        yield self._tally.reject(line, reason, detail, message.receive_us, symbol)
        if not message.broken:
            message.broken = True
            if message.book is not None:
                message.book.run = _Run.BROKEN if message.is_snapshot else _Run.NONE
            yield self._tally.gap("broken_book_message", message.receive_us, symbol)


def _held(levels: list[Level]) -> list[Level]:
    """The levels of a snapshot by rising price; of a price told twice, the last word counts."""
    return sorted((price, lots) for price, lots in dict(levels).items() if lots)


def _headless(path: Path, symbol: str, first: int, snapshot: int | None, probed: int) -> str:
    until = f"until row {snapshot}" if snapshot else f"until one comes (none in the first {probed} rows)"
    return f"{path}:{first}: {symbol} begins without its snapshot; its book is not usable {until}"


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, KeyError) and error.args[0] not in _SIDES:
        return "bad_value", f"{error.args[0]!r} is neither a side (bid, ask) nor true or false"
    return field_reason(error)


TARDIS_BOOK: Final = FileFeed("tardis_book", "an incremental_book_L2 CSV", TardisBookSource)
"""Opens Tardis book files."""


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``tardis_book``."""
    return [
        FeedSpec(
            name="tardis_book",
            summary="order books in the layout of Tardis (incremental_book_L2 CSV), plain, gzip or zip",
            build=lambda _config: TARDIS_BOOK,
            opens=opens,
            samples=tardis_book_samples(),
        )
    ]

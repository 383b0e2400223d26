"""Feed ``replay``: raw Binance captures, one message a line as ``<receive time> <json>``, plain, gzip or zip.

The format of the recorder and of the common collectors; receive times are nanoseconds, or what their magnitude says. A bare line
with ``lastUpdateId`` is the REST snapshot of the capture's only symbol. Source: reference/binance.md sections 2, 3, 14.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.recording.control_lines import BOOK_START, Heading, read_heading
from flashcrash_core.api import (
    OPEN_SUFFIX,
    DataError,
    DataTier,
    FeedRequest,
    FeedSource,
    FeedSpec,
    LineReader,
    MarketEvent,
    NoConfig,
    PluginInfo,
    SourceInfo,
    UsageError,
    hookimpl,
    is_recording,
)
from flashcrash_feeds.capture_files import STILL_OPEN, head_of, parts_of, probe
from flashcrash_feeds.file_source import FileSource
from flashcrash_feeds.samples import replay_samples
from flashcrash_feeds.tally import Tally, require_requested, shown_line

__all__ = ["ReplayFeed", "ReplaySource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Raw Binance captures: <receive time> <json> per line, plain, gzip or zip.")

_LINE: Final = re.compile(rb"\s*\d{11,20} \s*\{")
_NANOSECONDS_FROM: Final = 10**17
_MICROSECONDS_FROM: Final = 10**14
_MILLISECONDS_FROM: Final = 10**11


def opens(path: Path, head: bytes) -> bool:
    """Whether the content looks like ``<receive time> {...}``, or is a recording's manifest; the name does not matter."""
    return _LINE.match(head) is not None or (is_recording(path) and b'"flashcrash_recording"' in head)


def receive_microseconds(stamp: bytes) -> int:
    """A receive stamp in ns, us or ms, told apart by magnitude, to microseconds. Raises ValueError."""
    value = int(stamp)
    if value >= _NANOSECONDS_FROM:
        return value // 1000
    if value >= _MICROSECONDS_FROM:
        return value
    if value >= _MILLISECONDS_FROM:
        return value * 1000
    raise ValueError(f"receive time {value} is no time in ms, us or ns")


class ReplaySource(FileSource):
    """One opened capture: a file, or all files of a recording in turn.

    Files of the recorder begin with a heading and the feed's book of that moment. The book is a snapshot for who begins with the
    file, and nothing new for who read the file before it to its end: then it is left out, so that a replay decides as the live run
    did. Where a recording ended and a later one began, there is a FeedGap between them.
    """

    def __init__(self, path: Path, request: FeedRequest) -> None:
        self._parts = parts_of(path)
        head = head_of(self._parts[0])
        if not head.strip():
            raise DataError(f"{path}: no events; the file is empty, check that it was recorded or downloaded completely")
        if not opens(self._parts[0], head):
            raise DataError(
                f"{path}: not a raw capture: expected lines '<receive_ns> <json>', found {shown_line(head)}; "
                f"for CSV files of trades use --feed tardis or --feed bulk"
            )
        contents = probe(path, self._parts)
        symbols = require_requested(path, list(contents.samples), request.symbols)
        kind, heading = contents.kind, contents.heading
        grid = None if heading is None else heading.instrument()
        instruments = {
            one: request.instruments(
                one, kind=kind, sample=contents.samples[one].pair, venue=grid if grid is not None and grid.symbol == one else None
            )
            for one in symbols
        }
        doubled = contents.has_trades and contents.has_aggregates
        what = f"recording {path.name}, {len(self._parts)} files" if is_recording(path) else f"raw capture {path.name}"
        warnings = [f"{path}: holds trade and aggTrade of the same trades; aggTrade is left out"] if doubled else []
        warnings += [f"{part}: {STILL_OPEN}" for part in self._parts if part.suffix == OPEN_SUFFIX]
        info = SourceInfo(
            symbols=symbols,
            has_book=contents.has_book,
            data_tier=DataTier.L2 if contents.has_book else DataTier.TRADES,
            instruments=tuple(instruments.values()),
            description=f"{what} ({kind}: {', '.join(symbols)})",
            warnings=tuple(warnings),
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbols[0]))
        self._codec = MarketCodec(
            instruments,
            request.next_seq,
            kind=kind,
            snapshot_symbol=symbols[0] if len(contents.samples) == 1 else None,
            ignored_symbols=frozenset(contents.samples).difference(symbols),
            use_aggregates=not doubled,
            recorded=True,
        )
        self._requested = bool(request.symbols)
        self._first_heading = heading
        self._heading: Heading | None = None
        self._begins_with_book = False
        self._read_bytes = 0
        self._bytes = sum(part.stat().st_size for part in self._parts) or 1

    def events(self) -> Iterator[MarketEvent]:
        """All events in the order of the files; a broken line becomes a Rejected, a lost book update a FeedGap as well."""
        tally, decode = self._tally, self._codec.decode
        self._heading, self._codec.use_books, self._read_bytes = None, True, 0
        usable = 0
        for part in self._parts:
            reader = self._open_reader(part)
            if reader is None:
                return
            try:
                for raw in reader:
                    stamp, _, payload = raw.partition(b" ")
                    receive_us = 0
                    try:
                        # The usual case inline: 19 digits of nanoseconds.
                        receive_us = int(stamp) // 1000 if len(stamp) == 19 else receive_microseconds(stamp)
                        if reader.line <= 2:
                            yield from self._begin(reader, payload, receive_us)
                        event = decode(payload, receive_us)
                    except BadMessage as fault:
                        yield from self._refuse(fault, reader.line, receive_us)
                        continue
                    except ValueError as fault:
                        if raw.strip():
                            yield tally.reject(reader.line, "bad_receive_time", str(fault))
                        continue
                    if event is not None:
                        usable += 1
                        yield event
            except DataError:
                if part.suffix != OPEN_SUFFIX:
                    raise
                # Its recorder was killed, or writes on: what is whole was read.
            self._read_bytes += part.stat().st_size
        self._finish(usable)

    def follows(self, before: FeedSource) -> bool:
        """Whether this source begins with the book that a reader of ``before`` has; such books are left out from now on."""
        first = self._first_heading
        if not isinstance(before, ReplaySource) or first is None or not first.continues(before.heading):
            return False
        self._codec.use_books = False
        return self._begins_with_book

    @property
    def heading(self) -> Heading | None:
        """Of the recorder's file that is being read, or was read last; None for other captures."""
        return self._heading

    @property
    def reading(self) -> Path:
        """The file of the event yielded last."""
        return self._reader.path if self._reader is not None else self._path

    def progress(self) -> float | None:
        """Fraction of the (compressed) files read."""
        if self._reader is None:
            return 0.0
        now = self._reader.fraction * self._reader.path.stat().st_size if self._read_bytes < self._bytes else 0.0
        return min((self._read_bytes + now) / self._bytes, 1.0)

    def _begin(self, reader: LineReader, payload: bytes, receive_us: int) -> Iterator[MarketEvent]:
        """Look at the first two lines of a file: its heading, and the book that may come after it."""
        first = reader.path == self._parts[0]
        if reader.line == 2:
            self._begins_with_book = self._begins_with_book or (first and payload.startswith(BOOK_START))
            return
        before, self._heading = self._heading, read_heading(payload)
        heading, known = self._heading, self._first_heading
        if first:
            self._begins_with_book = False
            return
        if heading is not None and known is not None and heading.grid != known.grid:
            raise UsageError(
                f"{reader.path}: recorded with tick {heading.tick}, lot {heading.lot} ({heading.kind}); the files before it have "
                f"tick {known.tick}, lot {known.lot} ({known.kind}). "
                "Name the files of one grid, and replay the others in another run"
            )
        self._codec.use_books = heading is None or not heading.continues(before)
        if self._codec.use_books:
            yield self._tally.gap("recording_gap", receive_us)

    def _refuse(self, fault: BadMessage, line: int, receive_us: int) -> Iterator[MarketEvent]:
        known = self._info.symbols
        symbol = fault.symbol
        if fault.reason == "wrong_symbol" and self._requested:
            return  # another symbol than those asked for, first seen late in the file
        if symbol not in known:
            symbol = None
        yield self._tally.reject(line, fault.reason, fault.detail, receive_us, symbol)
        if fault.breaks_book and (symbol is not None or len(known) == 1):
            yield self._tally.gap("broken_book_message", receive_us, symbol)


class ReplayFeed:
    """Opens raw captures."""

    def open(self, request: FeedRequest) -> ReplaySource:
        """Open the capture at ``request.path``. Raises DataError."""
        if request.path is None:
            raise DataError("feed replay: no file given; name a raw capture with --tape PATH")
        return ReplaySource(request.path, request)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``replay``."""
    return [
        FeedSpec(
            name="replay",
            summary="raw Binance captures, spot or USD-M: depth, bookTicker, trade, aggTrade and the REST snapshot",
            config=NoConfig,
            build=lambda _config: ReplayFeed(),
            opens=opens,
            samples=replay_samples(),
        )
    ]

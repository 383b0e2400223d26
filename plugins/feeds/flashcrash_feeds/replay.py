"""Feed ``replay``: raw Binance captures, one message a line as ``<receive time> <json>``, plain, gzip or zip.

The format of the recorder and of the common collectors; receive times are nanoseconds, or what their magnitude says. A bare line
with ``lastUpdateId`` is the REST snapshot of the capture's only symbol. Source: reference/binance.md sections 2, 3, 14.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.probe import Contents, probe_messages
from flashcrash_core.api import (
    DataError,
    DataTier,
    FeedRequest,
    FeedSpec,
    LineReader,
    MarketEvent,
    NoConfig,
    PluginInfo,
    SourceInfo,
    hookimpl,
    read_head,
)
from flashcrash_feeds.file_source import FileSource
from flashcrash_feeds.samples import replay_samples
from flashcrash_feeds.tally import Tally, require_requested, shown_line

__all__ = ["ReplayFeed", "ReplaySource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Raw Binance captures: <receive time> <json> per line, plain, gzip or zip.")

_PROBED_LINES: Final = 2000
_LINE: Final = re.compile(rb"\s*\d{11,20} \s*\{")
_NANOSECONDS_FROM: Final = 10**17
_MICROSECONDS_FROM: Final = 10**14
_MILLISECONDS_FROM: Final = 10**11


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the content looks like ``<receive time> {...}``; the name does not matter."""
    return _LINE.match(head) is not None


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
    """One opened capture."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        head = read_head(path)
        if not head.strip():
            raise DataError(f"{path}: no events; the file is empty, check that it was recorded or downloaded completely")
        if not opens(path, head):
            raise DataError(
                f"{path}: not a raw capture: expected lines '<receive_ns> <json>', found {shown_line(head)}; "
                f"for CSV files of trades use --feed tardis or --feed bulk"
            )
        contents = _probe(path)
        if not contents.samples:
            raise DataError(
                f"{path}: no events; none of the first {_PROBED_LINES} lines is a Binance depthUpdate, bookTicker, trade or "
                f"aggTrade with a symbol; found {shown_line(head)}"
            )
        symbols = require_requested(path, list(contents.samples), request.symbols)
        kind = contents.kind
        instruments = {one: request.instruments(one, kind=kind, sample=contents.samples[one].pair) for one in symbols}
        doubled = contents.has_trades and contents.has_aggregates
        info = SourceInfo(
            symbols=symbols,
            has_book=contents.has_book,
            data_tier=DataTier.L2 if contents.has_book else DataTier.TRADES,
            instruments=tuple(instruments.values()),
            description=f"raw capture {path.name} ({kind}: {', '.join(symbols)})",
            warnings=(f"{path}: holds trade and aggTrade of the same trades; aggTrade is left out",) if doubled else (),
        )
        super().__init__(path, info, Tally(path, request.next_seq, symbols[0]))
        self._codec = MarketCodec(
            instruments,
            request.next_seq,
            kind=kind,
            snapshot_symbol=symbols[0] if len(contents.samples) == 1 else None,
            ignored_symbols=frozenset(contents.samples).difference(symbols),
            use_aggregates=not doubled,
        )
        self._requested = bool(request.symbols)

    def events(self) -> Iterator[MarketEvent]:
        """All events in the order of the file; a broken line becomes a Rejected, a lost book update a FeedGap as well."""
        reader = self._open_reader()
        if reader is None:
            return
        tally, decode = self._tally, self._codec.decode
        usable = 0
        for raw in reader:
            stamp, _, payload = raw.partition(b" ")
            receive_us = 0
            try:
                # The usual case inline: 19 digits of nanoseconds.
                receive_us = int(stamp) // 1000 if len(stamp) == 19 else receive_microseconds(stamp)
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
        self._finish(usable)

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


def _probe(path: Path) -> Contents:
    reader = LineReader(path)
    payloads: list[bytes] = []
    try:
        payloads.extend(raw.partition(b" ")[2] for raw in islice(reader, _PROBED_LINES))
    except DataError:
        if not payloads:
            raise
        # A file cut this early is still read as far as it goes; events() then tells where it breaks off.
    finally:
        reader.close()
    return probe_messages(payloads)


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

"""What was recorded as a source: a raw capture or recording of Binance's messages, or a tape.

The grid of a capture is its recorder's, or that of the decimals in it. A line that cannot be read is left out: the exchange plays
what is sound, and `flashcrash tape info` tells what is not.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Final

from attrs import frozen

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.exchange.sources import MarketSource, TimedEvent, in_book_order
from flashcrash_binance.probe import Contents, probe_messages
from flashcrash_core.api import (
    MONEY_SCALE,
    OPEN_SUFFIX,
    Continuity,
    DataError,
    Instrument,
    LineReader,
    MarketEvent,
    MarketKind,
    UsageError,
    is_recording,
    open_tape,
    read_head,
    recording_files,
    tape_events,
)

__all__ = ["CaptureSource", "TapeMarketSource", "recorded_sources"]

_PROBED_LINES: Final = 5_000
_TAPE_MARK: Final = b'"flashcrash.tape/'


@frozen
class CaptureSource:
    """One symbol of a raw capture: files of ``<receive time> <json>`` lines, read in turn."""

    parts: tuple[Path, ...]
    instrument: Instrument
    contents: Contents

    @property
    def consecutive_ids(self) -> bool:
        """Spot's rule."""
        return self.instrument.kind is MarketKind.SPOT

    @property
    def has_snapshot(self) -> bool:
        """A capture of several symbols has none: a snapshot names no symbol."""
        return len(self.contents.samples) == 1 and (self.contents.snapshots > 0 or self.contents.heading is not None)

    def events(self) -> Iterator[TimedEvent]:
        """All of the files."""
        return in_book_order(self._read())

    def _read(self) -> Iterator[MarketEvent]:
        contents = self.contents
        symbol = self.instrument.symbol
        codec = MarketCodec(
            {symbol: self.instrument},
            count(1).__next__,
            kind=contents.kind,
            snapshot_symbol=symbol if len(contents.samples) == 1 else None,
            ignored_symbols=frozenset(contents.samples) - {symbol},
            use_aggregates=not (contents.has_trades and contents.has_aggregates),
            recorded=True,
        )
        for part in self.parts:
            reader = LineReader(part)
            try:
                for raw in reader:
                    stamp, _, payload = raw.partition(b" ")
                    try:
                        event = codec.decode(payload, _microseconds(int(stamp)))
                    except (BadMessage, ValueError):
                        continue
                    if event is not None:
                        yield event
            finally:
                reader.close()


@frozen
class TapeMarketSource:
    """The market of a tape's symbol and day."""

    path: Path
    instrument: Instrument
    consecutive_ids: bool
    has_snapshot: bool = True

    def events(self) -> Iterator[TimedEvent]:
        """All of the tape."""
        return in_book_order(tape_events(open_tape(self.path).columns, next_seq=count(1).__next__))


def recorded_sources(path: Path, symbols: Iterable[str] = ()) -> dict[str, MarketSource]:
    """The symbols at ``path``: a capture, a recording, a tape, or a folder of several of them.

    Raises DataError for what cannot be read, UsageError for a symbol that is not there.
    """
    if not path.exists():
        raise UsageError(f"--source {path}: no such file; give simulated, a raw capture, a recording or a tape")
    found: dict[str, MarketSource] = {}
    for one in _places(path):
        for symbol, source in _sources_at(one).items():
            if symbol in found:
                raise UsageError(f"--source {path}: holds {symbol} several times; name one of them, such as {one}")
            found[symbol] = source
    wanted = list(symbols) or list(found)
    missing = [symbol for symbol in wanted if symbol not in found]
    if missing:
        raise UsageError(f"--symbols {','.join(missing)}: {path} holds {', '.join(sorted(found))}")
    return {symbol: found[symbol] for symbol in wanted}


def _places(path: Path) -> list[Path]:
    if path.is_dir() and not is_recording(path) and not (path / "tape.json").is_file():
        within = [one for one in sorted(path.iterdir()) if is_recording(one) or (one / "tape.json").is_file()]
        if not within:
            raise DataError(f"{path}: holds neither recordings nor tapes; name a raw capture file, a recording or a tape")
        return within
    return [path]


def _sources_at(path: Path) -> dict[str, MarketSource]:
    if read_head(path).lstrip()[:64].find(_TAPE_MARK) >= 0:
        tape = open_tape(path)
        instrument = tape.manifest.instrument.instrument()
        consecutive = tape.columns.continuity is Continuity.SPOT
        return {instrument.symbol: TapeMarketSource(tape.path, instrument, consecutive, tape.manifest.has_book)}
    parts = recording_files(path) if is_recording(path) else [path]
    parts = [part for part in parts if part.suffix != OPEN_SUFFIX or part.stat().st_size]
    contents = _probe(parts[0])
    if not contents.samples:
        raise DataError(
            f"{path}: not a raw capture: none of its first {_PROBED_LINES} lines is '<receive time> <json>' with a market message "
            "of Binance; name a capture, a recording of `flashcrash tape record`, or a tape"
        )
    return {symbol: CaptureSource(tuple(parts), _grid(symbol, contents), contents) for symbol in contents.samples}


def _probe(part: Path) -> Contents:
    reader = LineReader(part)
    try:
        return probe_messages([raw.partition(b" ")[2] for raw in islice(reader, _PROBED_LINES)])
    finally:
        reader.close()


def _grid(symbol: str, contents: Contents) -> Instrument:
    if contents.heading is not None:
        recorded = contents.heading.instrument()
        if recorded.symbol == symbol:
            return recorded
    price, quantity = contents.samples[symbol].pair or ("0.01", "0.00001")
    tick, lot = _step(price), _step(quantity)
    while tick * lot * MONEY_SCALE < 1:  # an instrument's money is whole
        lot *= 10
    return Instrument(symbol, tick, lot, kind=contents.kind, inferred=True)


def _step(text: str) -> Decimal:
    return Decimal(1).scaleb(-len(text.partition(".")[2].rstrip("0")))


def _microseconds(stamp: int) -> int:
    """Receive times in ns, us or ms, told apart by magnitude."""
    if stamp >= 10**17:
        return stamp // 1000
    return stamp if stamp >= 10**14 else stamp * 1000

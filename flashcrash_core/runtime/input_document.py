"""The document of ``flashcrash tape info`` for files that are no tapes: recordings, captures, whatever a loaded feed reads."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from flashcrash_core.market.book_sync import BookSync, SyncState
from flashcrash_core.market.events import BookDelta, BookSnapshot, FeedGap, MarketEvent, Rejected, Trade
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.recordings import OPEN_SUFFIX, is_recording, recording_files, recordings_among
from flashcrash_core.runtime.composition import open_run_input
from flashcrash_core.runtime.inputs import Input
from flashcrash_core.runtime.launch import prepare
from flashcrash_core.runtime.request import RunRequest

__all__ = ["SCHEMA", "input_info"]

SCHEMA: Final = "flashcrash.input_info/1"
_PROGRESS_EVERY: Final = 8192
_SILENCE_US: Final = 1_000_000

Progress = Callable[[float | None, int], None]


@define
class _Findings:
    """What was found of one symbol. Times are of receipt, in microseconds UTC."""

    instrument: Instrument
    kinds: Counter[str] = field(factory=Counter)
    gaps: Counter[str] = field(factory=Counter)
    rejected: Counter[str] = field(factory=Counter)
    book: BookSync = field(factory=BookSync)
    first_us: int = 0
    last_us: int = 0
    unsynced_us: int = 0
    longest_us: int = 0
    longest_from_us: int = 0
    low_ticks: int = 0
    high_ticks: int = 0

    def take(self, event: MarketEvent) -> None:
        self.kinds[type(event).__name__] += 1
        if event.receive_us:
            self._pass_time(event.receive_us)
        match event:
            case BookDelta():
                self.book.on_delta(event)
            case BookSnapshot():
                self.book.on_snapshot(event)
            case FeedGap():
                self.gaps[event.reason] += 1
                if self.book.state is SyncState.SYNCED:
                    self.book.lose("feed_gap")
            case Rejected():
                self.rejected[event.reason] += 1
            case Trade():
                self.low_ticks = min(self.low_ticks or event.price_ticks, event.price_ticks)
                self.high_ticks = max(self.high_ticks, event.price_ticks)
            case _:
                pass

    def _pass_time(self, now_us: int) -> None:
        if not self.first_us:
            self.first_us = self.last_us = now_us
        passed_us = now_us - self.last_us
        if passed_us > self.longest_us:
            self.longest_us, self.longest_from_us = passed_us, self.last_us
        if self.book.state is not SyncState.SYNCED:
            self.unsynced_us += max(passed_us, 0)
        self.last_us = max(self.last_us, now_us)

    def document(self, symbol: str, *, has_book: bool) -> dict[str, Any]:
        instrument, counts = self.instrument, self.book.counts
        book = {
            "snapshots": self.kinds["BookSnapshot"],
            "updates": self.kinds["BookDelta"],
            "gaps": counts["gaps"],
            "unsynced_s": self.unsynced_us / 1e6,
            "usable_at_end": self.book.state is SyncState.SYNCED,
            "update_id": self.book.update_id,
        }
        return {
            "symbol": symbol,
            "instrument": {
                "kind": str(instrument.kind),
                "tick_size": f"{instrument.tick_size:f}",
                "lot_size": f"{instrument.lot_size:f}",
                "inferred": instrument.inferred,
            },
            "events": sum(self.kinds.values()),
            "kinds": dict(sorted(self.kinds.items())),
            "first_receive_us": self.first_us or None,
            "last_receive_us": self.last_us or None,
            "span_s": (self.last_us - self.first_us) / 1e6,
            "longest_silence": {"from_us": self.longest_from_us, "seconds": self.longest_us / 1e6}
            if self.longest_us >= _SILENCE_US
            else None,
            "gaps": dict(sorted(self.gaps.items())),
            "rejected": dict(sorted(self.rejected.items())),
            "book": book if has_book else None,
            "low": f"{instrument.price(self.low_ticks):f}" if self.low_ticks else None,
            "high": f"{instrument.price(self.high_ticks):f}" if self.high_ticks else None,
        }


def input_info(path: Path, on_progress: Progress | None = None) -> dict[str, Any]:
    """What ``tape info --json`` prints of a file, a recording or a folder of recordings, after reading all of it.

    Raises DataError, UsageError, ConfigError or PluginError as a run over it would.
    """
    paths = recordings_among([path])
    prepared = prepare(RunRequest(paths=paths))
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=paths, feed=None)
    try:
        found = _read(source, on_progress)
    finally:
        source.close()
    files = [file for one in paths for file in (recording_files(one) if is_recording(one) else [one])]
    return {
        "schema": SCHEMA,
        "input": str(path),
        "feed": source.feed,
        "description": source.description,
        "grade": str(source.data_tier),
        "files": [{"path": str(file), "bytes": file.stat().st_size, "complete": file.suffix != OPEN_SUFFIX} for file in files],
        "bytes": sum(file.stat().st_size for file in files),
        "symbols": [one.document(symbol, has_book=source.symbols[symbol].has_book) for symbol, one in found.items()],
        "warnings": source.warnings,
    }


def _read(source: Input, on_progress: Progress | None) -> dict[str, _Findings]:
    found = {symbol: _Findings(known.instrument) for symbol, known in source.symbols.items()}
    for number, event in enumerate(source.events()):
        found[event.symbol].take(event)
        if on_progress is not None and not number % _PROGRESS_EVERY:
            on_progress(source.progress(), number)
    return found

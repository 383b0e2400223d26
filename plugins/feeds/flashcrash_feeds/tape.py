"""Feed ``tape``: folders that ``flashcrash tape import`` wrote, one symbol and UTC day each.

The events are those of the files that the tape was made from, to the last field. The same data stand in the source as columns, for
the batch engine. A tape has its own grid: prices are already counted in ticks.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

from flashcrash_core.api import (
    DataError,
    FeedRequest,
    FeedSpec,
    Instrument,
    MarketEvent,
    NoConfig,
    PluginInfo,
    SourceInfo,
    Tape,
    TapeColumns,
    hookimpl,
    open_tape,
    tape_events,
)
from flashcrash_feeds.tally import require_requested
from flashcrash_feeds.tape_samples import tape_samples

__all__ = ["TapeFeed", "TapeSource", "flashcrash_feeds", "flashcrash_plugin", "opens"]

flashcrash_plugin = PluginInfo(api=1, summary="Tapes: columns of one symbol and day, written by flashcrash tape import.")

_MARK = b'"flashcrash.tape/'
_MARK_WITHIN = 64


def opens(path: Path, head: bytes) -> bool:  # noqa: ARG001 (the hook's signature)
    """Whether the head is that of a tape's manifest, whose first key is the schema."""
    return head.startswith(b"{") and _MARK in head[:_MARK_WITHIN]


class TapeSource:
    """One opened tape."""

    def __init__(self, path: Path, request: FeedRequest) -> None:
        tape = open_tape(path)
        manifest = tape.manifest
        (symbol,) = require_requested(tape.path, [manifest.symbol], request.symbols)
        self._next_seq = request.next_seq
        self._instrument = _instrument(tape, request)
        self._tape: Tape | None = tape
        self._total = max(len(tape.columns), 1)
        self._read = 0
        self._reading: Generator[MarketEvent, None, None] | None = None
        self._info = SourceInfo(
            symbols=(symbol,),
            has_book=manifest.has_book,
            data_tier=manifest.data_tier,
            instruments=(self._instrument,),
            description=f"tape {manifest.day} ({self._instrument.kind}: {symbol})",
            synthetic_book=manifest.synthetic_book,
            warnings=tuple(manifest.warnings),
        )

    @property
    def info(self) -> SourceInfo:
        """What the manifest tells."""
        return self._info

    @property
    def columns(self) -> TapeColumns:
        """The tape's columns. Raises DataError once the source is closed."""
        if self._tape is None:
            raise DataError(f"tape of {self._info.symbols[0]}: is closed; open it again")
        return self._tape.columns

    def events(self) -> Iterator[MarketEvent]:
        """All events in order of arrival; none once the source is closed."""
        if self._tape is None:
            return
        self._instrument.note_rounded(self._tape.manifest.rounded_quantities)
        self._read = 0
        self._stop()
        self._reading = tape_events(self._tape.columns, next_seq=self._next_seq)
        for event in self._reading:
            self._read += 1
            yield event

    def progress(self) -> float:
        """Fraction of the events read."""
        return min(self._read / self._total, 1.0)

    def close(self) -> None:
        """End the events and let go of the files; idempotent."""
        self._tape = None
        self._stop()

    def _stop(self) -> None:
        # Who was given the events may keep them unread; the files must not stay open for that.
        if self._reading is not None:
            self._reading.close()
            self._reading = None


def _instrument(tape: Tape, request: FeedRequest) -> Instrument:
    """The run's instrument, which may set what no column depends on. Raises DataError when it has another grid than the tape."""
    stored = tape.manifest.instrument
    own = stored.instrument()
    known = request.instruments(stored.symbol, kind=stored.kind, sample=(stored.tick_size, stored.lot_size))
    if (known.tick_size, known.lot_size) == (own.tick_size, own.lot_size):
        return known
    if known.inferred:  # from nothing but the tape's own sizes, which say more than their decimal places
        return own
    raise DataError(
        f"{tape.path}: counts prices in ticks of {own.tick_size} and quantities in lots of {own.lot_size}, but the configuration "
        f"of {own.symbol} says {known.tick_size} and {known.lot_size}. Set them alike in [instruments.{own.symbol}], or import the "
        "source files again"
    )


class TapeFeed:
    """Opens tapes."""

    def open(self, request: FeedRequest) -> TapeSource:
        """Open the tape at ``request.path``. Raises DataError."""
        if request.path is None:
            raise DataError("feed tape: no tape given; name a folder that flashcrash tape import wrote with --tape PATH")
        return TapeSource(request.path, request)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``tape``."""
    return [
        FeedSpec(
            name="tape",
            summary="tapes: folders of columns that flashcrash tape import wrote, one symbol and UTC day each",
            config=NoConfig,
            build=lambda _config: TapeFeed(),
            opens=opens,
            samples=tape_samples(),
        )
    ]

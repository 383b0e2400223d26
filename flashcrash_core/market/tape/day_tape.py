"""The tape of one market and UTC day while it is written: its files, its marks, and its manifest at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen
from msgspec.structs import replace

from flashcrash_core._version import __version__
from flashcrash_core.errors import DataError
from flashcrash_core.market.events import BookDelta, Continuity, MarketEvent
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.market.tape.column_files import ColumnFiles
from flashcrash_core.market.tape.days import DAY_US, day_name
from flashcrash_core.market.tape.manifest import (
    SCHEMA,
    TapeInstrument,
    TapeManifest,
    TapeSourceFile,
    content_hash,
    write_manifest,
)
from flashcrash_core.market.tape.marks import Marks
from flashcrash_core.market.tape.rows import RowBuffer
from flashcrash_core.market.tape.staging import Staging

__all__ = ["DayTape", "FinishedTape", "TapeMarket", "market_folder"]

_SYMBOL_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@frozen
class TapeMarket:
    """What is known of one symbol before its first event."""

    instrument: Instrument
    has_book: bool
    data_tier: DataTier
    synthetic_book: bool = False


@frozen
class FinishedTape:
    """A written tape that waits to be published: its place below the output folder and its manifest."""

    relative: Path
    manifest: TapeManifest


def market_folder(instrument: Instrument) -> str:
    """Name of a market's folder: ``BTCUSDT``, of USD-M futures ``BTCUSDT.usdm``. Raises DataError for a symbol that names none."""
    if not instrument.symbol or not _SYMBOL_CHARACTERS.issuperset(instrument.symbol):
        raise DataError(f"symbol {instrument.symbol!r} cannot name a folder; symbols are upper-case letters, digits, - and _")
    return instrument.symbol if instrument.kind is MarketKind.SPOT else f"{instrument.symbol}.{instrument.kind}"


class DayTape:
    """The tape of one market and day, open for events."""

    def __init__(self, staging: Staging, market: TapeMarket, day: int, locate: Callable[[], str]) -> None:
        relative = Path(market_folder(market.instrument)) / day_name(day)
        self.relative = relative
        self.end_us = (day + 1) * DAY_US
        self.marks = Marks(locate)
        self._locate = locate
        self._market = market
        self._day = day
        self._staging = staging
        with staging.writing():
            self._files = ColumnFiles(staging.place(relative))
        kind = market.instrument.kind
        self.buffer = RowBuffer(Continuity.SPOT if kind is MarketKind.SPOT else Continuity.FUTURES)
        self._first_exchange_us: int | None = None
        self._last_exchange_us: int | None = None
        self._first_receive_us = 0
        self._last_receive_us = 0
        self._in_us = False
        self._books = 0
        self.length = 0
        """Events so far."""

    def take(self, event: MarketEvent) -> None:
        """Add an event."""
        own_us = event.exchange_us
        if own_us is not None:
            if self._first_exchange_us is None:
                self._first_exchange_us = self._last_exchange_us = own_us
            elif own_us > self._last_exchange_us:  # type: ignore[operator]
                self._last_exchange_us = own_us
            if not self._in_us and own_us % 1000:
                self._in_us = True
        if event.receive_us:
            self._first_receive_us = self._first_receive_us or event.receive_us
            self._last_receive_us = event.receive_us
        if isinstance(event, BookDelta):
            self._books += 1
        self.length += 1
        try:
            self.buffer.take(event)
        except DataError as error:
            raise DataError(f"{self._locate()}: {error}") from None
        if self.buffer.full:
            with self._staging.writing():
                self._files.append(self.buffer.drain())

    def finish(self, sources: list[TapeSourceFile], warnings: list[str], *, rounded: int, ever_synced: bool) -> FinishedTape:
        """Close the files, write the manifest. Raises UsageError when the place is taken, StorageError.

        ``rounded`` quantities were finer than a lot; ``ever_synced`` says whether the book was usable so far.
        """
        with self._staging.writing():
            self._files.append(self.buffer.drain())
            columns = self._files.finish()
        market = self._market
        if market.has_book and self._books and not ever_synced:
            self.marks.whole("no_snapshot", self._books, "no snapshot of the book fits its updates: the book is never usable")
        draft = TapeManifest(
            schema=SCHEMA,
            symbol=market.instrument.symbol,
            day=day_name(self._day),
            hash="",
            instrument=TapeInstrument.of(market.instrument),
            continuity=self.buffer.continuity or Continuity.SPOT,
            data_tier=market.data_tier,
            has_book=market.has_book,
            synthetic_book=market.synthetic_book,
            time_unit="us" if self._in_us else "ms",
            rounded_quantities=rounded,
            columns=columns,
            rows=dict(self._files.rows),
            first_exchange_us=self._first_exchange_us,
            last_exchange_us=self._last_exchange_us,
            first_receive_us=self._first_receive_us or None,
            last_receive_us=self._last_receive_us or None,
            sources=sources,
            warnings=warnings,
            marks=self.marks.listed(),
            version=__version__,
            texts=list(self.buffer.texts),
        )
        manifest = replace(draft, hash=content_hash(draft))
        with self._staging.writing():
            write_manifest(self._files.folder, manifest)
        self._staging.refuse(self.relative, manifest.hash)  # before more days are read for nothing
        return FinishedTape(self.relative, manifest)

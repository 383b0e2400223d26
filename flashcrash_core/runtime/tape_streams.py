"""The events of several files as the streams that tapes are made of: parts in turn, trades and book merged, markets apart.

Files of the same symbols and of the same kind follow one another and may not overlap. A file of trades and one of the book of the
same market are merged by receive time; equal times keep the order in which the files were named.
"""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.market.events import MarketEvent, Trade
from flashcrash_core.market.feed import DataTier, FeedSource, LineSource, SourceInfo
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.recordings import ChainedSource
from flashcrash_core.market.tape.manifest import TapeSourceFile
from flashcrash_core.market.tape.writer import TapeMarket

__all__ = ["OpenedFile", "Stream", "streams_of"]

OVERLAP_US: Final = 250_000
"""Jitter of receive times at a join."""


@define(eq=False)
class OpenedFile:
    """A source file, opened by its feed."""

    path: Path
    record: TapeSourceFile
    source: FeedSource
    info: SourceInfo
    events: Iterator[MarketEvent]
    first: MarketEvent
    taken: int = field(init=False, default=0)

    def where(self) -> str:
        """The place of the event taken last: file and line, or the number of the event where a format has no lines."""
        if isinstance(self.source, LineSource) and self.source.line:
            path = self.source.reading if isinstance(self.source, ChainedSource) else self.path
            return f"{path}:{self.source.line}"
        return f"{self.path}, event {self.taken}"

    def all_events(self, before: "OpenedFile | None" = None) -> Iterator[MarketEvent]:
        """Every event of the file that is new to a reader of ``before``."""
        self.taken = 1
        repeated = before is not None and isinstance(self.source, ChainedSource) and self.source.follows(before.source)
        if not repeated:
            yield self.first
        for event in self.events:
            self.taken += 1
            yield event


@define(eq=False)
class Stream:
    """All events of some markets, from the files that hold them."""

    markets: dict[str, TapeMarket]
    files: list[OpenedFile]
    notes: list[tuple[str, str, str]] = field(factory=list)
    """``(symbol, mark, detail)`` found between files since they were last taken."""
    _current: OpenedFile | None = None

    def where(self) -> str:
        """The place of the event yielded last."""
        return self._current.where() if self._current is not None else str(self.files[0].path)

    def events(self) -> Iterator[MarketEvent]:
        """All events in order of arrival. Raises DataError for files of one kind that overlap."""
        kinds: dict[tuple[tuple[str, ...], bool], list[OpenedFile]] = {}
        for file in self.files:
            kinds.setdefault((file.info.symbols, file.info.has_book), []).append(file)
        parts = [self._in_turn(files) for files in kinds.values()]
        if len(parts) == 1:
            for self._current, event in parts[0]:
                yield event
            return
        # A file is read on only when its event has been taken: so its line is that event's.
        heads = []
        for order, part in enumerate(parts):
            if (head := next(part, None)) is not None:
                heads.append((head[1].receive_us, order, head))
        heapq.heapify(heads)
        while heads:
            key, order, (self._current, event) = heads[0]
            yield event
            if (following := next(parts[order], None)) is None:
                heapq.heappop(heads)
            else:  # what has no receive time, or an older one, keeps its place in its file
                heapq.heapreplace(heads, (max(key, following[1].receive_us), order, following))

    def _in_turn(self, files: list[OpenedFile]) -> Iterator[tuple[OpenedFile, MarketEvent]]:
        """One file after the other. Raises DataError where one begins before the last one ended: its events would count twice."""
        files = sorted(files, key=lambda file: file.first.receive_us)
        last_ids: dict[str, int] = {}
        before: OpenedFile | None = None
        newest_us = 0
        for file in files:
            if before is not None and file.first.receive_us < newest_us - OVERLAP_US:
                raise DataError(
                    f"{file.path}: begins {(newest_us - file.first.receive_us) / 1e6:.1f} s before {before.path} ends; files of "
                    "the same symbols and kind must follow one another. Leave one out, or import it into another folder"
                )
            joined: set[str] = set()
            for event in file.all_events(before):
                if type(event) is Trade:
                    if before is not None and event.symbol not in joined:
                        joined.add(event.symbol)
                        self._join(event, last_ids.get(event.symbol), before, file)
                    last_ids[event.symbol] = event.trade_id
                if event.receive_us > newest_us:
                    newest_us = event.receive_us
                yield file, event
            before = file

    def _join(self, trade: Trade, last_id: int | None, before: OpenedFile, file: OpenedFile) -> None:
        if last_id is None or trade.trade_id == last_id + 1:
            return
        if trade.trade_id <= last_id:
            raise DataError(
                f"{file.where()}: trade id {trade.trade_id} of {trade.symbol} is not above {last_id}, the last one of {before.path}"
                ": the files overlap, or one holds single trades and the other aggregates. Leave one out"
            )
        self.notes.append((trade.symbol, "files_apart", f"{before.path.name} ends with trade id {last_id}, "
                           f"{file.path.name} begins with {trade.trade_id}"))  # fmt: skip


def streams_of(files: list[OpenedFile]) -> list[Stream]:
    """Files that share a symbol make one stream. Raises UsageError for files of one symbol that are of different markets."""
    groups: list[list[OpenedFile]] = []
    for file in files:
        related = [group for group in groups if any(set(file.info.symbols) & set(one.info.symbols) for one in group)]
        merged = [one for group in related for one in group] + [file]
        groups = [group for group in groups if group not in related] + [merged]
    return [Stream(_markets(group), sorted(group, key=files.index)) for group in groups]


def _markets(files: list[OpenedFile]) -> dict[str, TapeMarket]:
    markets: dict[str, TapeMarket] = {}
    for file in files:
        info = file.info
        for instrument in info.instruments:
            known = markets.get(instrument.symbol)
            if known is not None and (difference := _difference(known.instrument, instrument)):
                raise UsageError(f"{file.path}: {instrument.symbol} {difference}; import them one by one")
            has_book = info.has_book or (known is not None and known.has_book)
            synthetic = info.data_tier is DataTier.SYNTHETIC or (known is not None and known.data_tier is DataTier.SYNTHETIC)
            markets[instrument.symbol] = TapeMarket(
                instrument,
                has_book,
                DataTier.SYNTHETIC if synthetic else DataTier.L2 if has_book else DataTier.TRADES,
                info.synthetic_book or (known is not None and known.synthetic_book),
            )
    return markets


def _difference(known: Instrument, instrument: Instrument) -> str:
    """Why one symbol of two files is not one market; empty if it is."""
    if instrument.kind is not known.kind:
        return f"is of {instrument.kind} here and of {known.kind} in an earlier file; these are two markets"
    if instrument != known:
        grids = [f"tick {one.tick_size}, lot {one.lot_size}" for one in (instrument, known)]
        return f"has another grid here ({grids[0]}) than in an earlier file ({grids[1]})"
    return ""

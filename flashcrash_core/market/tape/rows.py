"""From events to columns: rows gather in flat integer buffers and leave them as arrays, so that memory stays bounded."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flashcrash_core.errors import DataError
from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    FeedGap,
    MarketEvent,
    Rejected,
    Timer,
    Trade,
)
from flashcrash_core.market.tape.columns import NONE, TABLES, Kind, TapeColumns

__all__ = ["MAX_TEXTS", "RowBuffer", "columns_from"]

MAX_TEXTS: Final = 100_000
"""Different texts of refused messages in one tape. More are no data with faults, but a wrong format or a wrong grid."""
_DRAIN_AT: Final = 1 << 18
"""Integers that a buffer may hold (8 bytes each) before it should be emptied."""

Parts = Iterator[tuple[str, str, NDArray[np.integer[Any]]]]


class RowBuffer:
    """Rows of the events of one tape that are not yet columns. ``continuity`` None takes that of the first diff."""

    def __init__(self, continuity: Continuity | None = None) -> None:
        self.continuity = continuity
        self.texts: dict[tuple[str, str], int] = {}
        self.rows: dict[str, int] = dict.fromkeys(TABLES, 0)
        """Rows drained so far."""
        self._tables = {name: array("q") for name in TABLES}
        self._events, self._trades, self._quotes = (self._tables[name] for name in ("events", "trades", "quotes"))
        self._books, self._levels, self._notes = (self._tables[name] for name in ("books", "levels", "notes"))

    def take(self, event: MarketEvent) -> None:
        """Add an event. Raises DataError for what no column can hold."""
        own_us = event.exchange_us
        try:
            kind = self._take(event)
            self._events.extend((kind, NONE if own_us is None else own_us, event.receive_us))
        except OverflowError:
            raise DataError(f"{event.symbol}: a number beyond 64 bits in {_shown(event)}; correct or remove that row") from None

    def _take(self, event: MarketEvent) -> Kind:
        kind = type(event)
        if kind is Trade:
            self._trades.extend((event.trade_id, event.price_ticks, event.qty_lots, event.aggressor))  # type: ignore[union-attr]
            return Kind.TRADE
        if isinstance(event, BookDelta):
            if event.continuity is not self.continuity:
                if self.continuity is not None:
                    raise DataError(
                        f"{event.symbol}: {_shown(event)} chains by the {event.continuity.name.lower()} rule, the tape by the "
                        f"{self.continuity.name.lower()} rule; import each market by itself"
                    )
                self.continuity = event.continuity
            prev = NONE if event.prev_id is None else event.prev_id
            self._books.extend((event.first_id, event.last_id, prev, len(event.bids), len(event.asks)))
            self._levels.extend(chain.from_iterable(event.bids))
            self._levels.extend(chain.from_iterable(event.asks))
            return Kind.DELTA
        if isinstance(event, BestQuote):
            self._quotes.extend((event.update_id, event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots))
            return Kind.QUOTE
        if isinstance(event, BookSnapshot):
            self._books.extend((event.update_id, event.update_id, NONE, len(event.bids), len(event.asks)))
            self._levels.extend(chain.from_iterable(event.bids))
            self._levels.extend(chain.from_iterable(event.asks))
            return Kind.SNAPSHOT
        if isinstance(event, FeedGap):
            self._notes.append(self._text(event.symbol, event.reason, ""))
            return Kind.GAP
        if isinstance(event, Rejected):
            self._notes.append(self._text(event.symbol, event.reason, event.detail))
            return Kind.REJECTED
        if kind is Timer:
            return Kind.TIMER
        raise DataError(f"a {kind.__name__} is no event that a tape can hold; report it to the author of the feed")

    def _text(self, symbol: str, reason: str, detail: str) -> int:
        number = self.texts.setdefault((reason, detail), len(self.texts))
        if number >= MAX_TEXTS:
            first = next(text for text in self.texts if text[1])
            raise DataError(
                f"{symbol}: more than {MAX_TEXTS:,} messages of one day cannot be used, the first: {first[0]}: {first[1]}. Check "
                f"that the file is what its format says and that [instruments.{symbol}] has its tick_size and lot_size"
            )
        return number

    @property
    def full(self) -> bool:
        """Whether it holds so much that it should be drained."""
        return len(self._levels) + len(self._events) + len(self._books) >= _DRAIN_AT

    def drain(self) -> Parts:
        """All rows as ``(table, column, array)``; the buffer is empty once the last one was taken."""
        for table, columns in TABLES.items():
            held = self._tables[table]
            rows = (np.frombuffer(held, np.int64) if held else np.empty(0, np.int64)).reshape(-1, len(columns))
            for place, (column, dtype) in enumerate(columns.items()):
                yield table, column, rows[:, place].astype(dtype)
            self.rows[table] += len(rows)
            del rows  # an array with a view of it cannot be emptied
            del held[:]


def columns_from(events: Iterable[MarketEvent], symbol: str) -> TapeColumns:
    """The events of ``symbol`` as columns in memory, in their order; those of other symbols are left out. Raises DataError."""
    buffer = RowBuffer()
    parts: dict[str, dict[str, list[NDArray[np.integer[Any]]]]] = {
        table: {column: [] for column in columns} for table, columns in TABLES.items()
    }

    def drain() -> None:
        for table, column, values in buffer.drain():
            parts[table][column].append(values)

    for event in events:
        if event.symbol == symbol:
            buffer.take(event)
            if buffer.full:
                drain()
    drain()
    tables = {table: {column: np.concatenate(held) for column, held in columns.items()} for table, columns in parts.items()}
    return TapeColumns(symbol, tables, tuple(buffer.texts), buffer.continuity or Continuity.SPOT)


def _shown(event: MarketEvent) -> str:
    text = repr(event)
    return text[:160] + "..." if len(text) > 160 else text

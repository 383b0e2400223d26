"""A tape's events from any of them on: where each table stands there."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

import numpy as np
from attrs import define, field

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.tape.columns import Kind, TapeColumns, events_of

__all__ = ["EventSlices"]

_STRIDE: Final = 65_536
_Place = tuple[int, int, int, int, int, int]
"""Rows consumed of events, trades, quotes, books, levels and notes."""


@define(eq=False)
class EventSlices:
    """Gives the events of a tape from a place on. Places are remembered, so that looking for one reads little."""

    columns: TapeColumns
    _known: list[_Place] = field(factory=lambda: [(0, 0, 0, 0, 0, 0)])

    def since(self, event: int) -> Iterator[MarketEvent]:
        """Events from number ``event`` (from 0) on, numbered from 1 as the whole tape's are."""
        place = self._place(event)
        names = ("events", "trades", "quotes", "books", "levels", "notes")
        tables = {
            name: {column: np.asarray(values)[start:] for column, values in self.columns.tables[name].items()}
            for name, start in zip(names, place, strict=True)
        }
        whole = self.columns
        return events_of(TapeColumns(whole.symbol, tables, whole.texts, whole.continuity), event + 1)

    def _place(self, event: int) -> _Place:
        known = self._known
        while known[-1][0] + _STRIDE <= event:
            known.append(self._advance(known[-1], known[-1][0] + _STRIDE))
        nearest = known[bisect_right(known, event, key=lambda place: place[0]) - 1]
        return nearest if nearest[0] == event else self._advance(nearest, event)

    def _advance(self, place: _Place, event: int) -> _Place:
        first, trades, quotes, books, levels, notes = place
        tables = self.columns.tables
        kinds = np.bincount(tables["events"]["kind"][first:event], minlength=len(Kind))
        more_books = int(kinds[Kind.DELTA] + kinds[Kind.SNAPSHOT])
        table = tables["books"]
        span = slice(books, books + more_books)
        more_levels = int(table["bids"][span].sum(dtype=np.int64) + table["asks"][span].sum(dtype=np.int64))
        return (
            event,
            trades + int(kinds[Kind.TRADE]),
            quotes + int(kinds[Kind.QUOTE]),
            books + more_books,
            levels + more_levels,
            notes + int(kinds[Kind.GAP] + kinds[Kind.REJECTED]),
        )

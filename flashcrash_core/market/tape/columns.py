"""The columns of a tape: which tables there are, what they hold, and the same events as objects.

Events stand in arrival order in the table ``events``; what only one kind has stands in that kind's table, in the same order. So
the k-th event of kind ``TRADE`` belongs to row k of ``trades``, and whoever walks the events keeps one cursor per table. A diff
or a snapshot is a row of ``books``; its changed levels are the next ``bids + asks`` rows of ``levels``, bids first, in the venue's
order.

================ ============================================================================================
table            columns
================ ============================================================================================
events           ``kind`` (:class:`Kind`), ``exchange_us`` (:data:`NONE` where the venue sent none), ``receive_us``
trades           ``trade_id``, ``price_ticks``, ``qty_lots``, ``side`` (+1 the buyer took, -1 the seller)
quotes           ``update_id``, ``bid_ticks``, ``bid_lots``, ``ask_ticks``, ``ask_lots``
books            ``first_id``, ``last_id``, ``prev_id`` (:data:`NONE` on spot), ``bids``, ``asks`` (numbers of levels).
                 A snapshot has ``first_id == last_id == update_id``
levels           ``price_ticks``, ``qty_lots`` (0 removes the level)
notes            ``text``: number of the text in the tape's list of texts; reason of a feed gap or a rejected message
================ ============================================================================================

Every column is int64 but ``kind``, ``side`` (int8), ``bids``, ``asks`` and ``text`` (int32).
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from enum import IntEnum
from itertools import count
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    FeedGap,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)

__all__ = ["NONE", "TABLES", "Kind", "TapeColumns", "events_of"]

NONE: Final = -(2**63)
"""Stands for a value that the venue did not send."""

Column = NDArray[np.integer]


class Kind(IntEnum):
    """What happened."""

    TRADE = 0
    QUOTE = 1
    DELTA = 2
    SNAPSHOT = 3
    GAP = 4
    REJECTED = 5
    TIMER = 6


TABLES: Final[Mapping[str, Mapping[str, type[np.integer]]]] = {
    "events": {"kind": np.int8, "exchange_us": np.int64, "receive_us": np.int64},
    "trades": {"trade_id": np.int64, "price_ticks": np.int64, "qty_lots": np.int64, "side": np.int8},
    "quotes": {"update_id": np.int64, "bid_ticks": np.int64, "bid_lots": np.int64, "ask_ticks": np.int64, "ask_lots": np.int64},
    "books": {"first_id": np.int64, "last_id": np.int64, "prev_id": np.int64, "bids": np.int32, "asks": np.int32},
    "levels": {"price_ticks": np.int64, "qty_lots": np.int64},
    "notes": {"text": np.int32},
}
_CHUNK: Final = 128
"""Rows converted at a time: enough that a call for each column costs nothing, few enough that memory does not show it."""


@frozen(eq=False)
class TapeColumns:
    """Events as columns: ``tables["trades"]["price_ticks"]``. ``texts`` are what ``notes.text`` counts."""

    symbol: str
    tables: Mapping[str, Mapping[str, Column]]
    texts: tuple[tuple[str, str], ...] = ()
    """``(reason, detail)``."""
    continuity: Continuity = Continuity.SPOT
    identity: str = ""
    """What tells these contents from others, "" if nothing does. Of a tape: its hash, and when its files were changed last."""

    def __len__(self) -> int:
        return len(self.tables["events"]["kind"])


def events_of(
    columns: TapeColumns, first_seq: int = 1, next_seq: Callable[[], int] | None = None
) -> Generator[MarketEvent, None, None]:
    """The events as objects, in arrival order, numbered by ``next_seq``, else from ``first_seq``."""
    symbol, number = columns.symbol, next_seq or count(first_seq).__next__
    events, levels = columns.tables["events"], _Levels(columns)
    trades, quotes, books, notes = (_rows(columns.tables[name]) for name in ("trades", "quotes", "books", "notes"))
    for start in range(0, len(columns), _CHUNK):
        part = slice(start, start + _CHUNK)
        stamps = zip(
            events["kind"][part].tolist(), events["exchange_us"][part].tolist(), events["receive_us"][part].tolist(), strict=True
        )
        for kind, own_us, receive_us in stamps:
            seq = number()
            exchange_us = None if own_us == NONE else own_us
            if kind == Kind.TRADE:
                trade_id, price, lots, side = next(trades)
                yield Trade(symbol, seq, exchange_us, receive_us, trade_id, price, lots, Side.BUY if side > 0 else Side.SELL)
            elif kind == Kind.QUOTE:
                yield BestQuote(symbol, seq, exchange_us, receive_us, *next(quotes))
            elif kind == Kind.DELTA:
                first, last, prev, bids, asks = next(books)
                yield BookDelta(
                    symbol, seq, exchange_us, receive_us, first, last, levels.take(bids), levels.take(asks),
                    None if prev == NONE else prev, columns.continuity,
                )  # fmt: skip
            elif kind == Kind.SNAPSHOT:
                _, last, _, bids, asks = next(books)
                yield BookSnapshot(symbol, seq, exchange_us, receive_us, last, levels.take(bids), levels.take(asks))
            elif kind == Kind.GAP:
                yield FeedGap(symbol, seq, exchange_us, receive_us, columns.texts[next(notes)[0]][0])
            elif kind == Kind.REJECTED:
                yield Rejected(symbol, seq, exchange_us, receive_us, *columns.texts[next(notes)[0]])
            else:
                yield Timer(symbol, seq, exchange_us, receive_us)


def _rows(table: Mapping[str, Column]) -> Iterator[tuple[int, ...]]:
    """Rows of a table as plain integers, converted by the chunk: one by one costs ten times as much."""
    columns = list(table.values())
    for start in range(0, len(columns[0]), _CHUNK):
        yield from zip(*(column[start : start + _CHUNK].tolist() for column in columns), strict=True)


class _Levels:
    """Hands out the next levels in order."""

    def __init__(self, columns: TapeColumns) -> None:
        table = columns.tables["levels"]
        self._prices, self._lots = table["price_ticks"], table["qty_lots"]
        self._at = 0

    def take(self, number: int) -> list[tuple[int, int]]:
        at = self._at
        self._at = until = at + number
        return list(zip(self._prices[at:until].tolist(), self._lots[at:until].tolist(), strict=True))

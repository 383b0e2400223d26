"""The books of a tape, walked with the kernel's own rules of continuity: where the chain breaks, and where the book stands crossed.

Without levels (``levels=False``) only the ids are walked, which costs a tenth; nothing can be said of crossed books then.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from attrs import define

from flashcrash_core.market.book_sync import BookSync, SyncState
from flashcrash_core.market.events import BookDelta, BookSnapshot
from flashcrash_core.market.tape.columns import NONE, Kind, TapeColumns
from flashcrash_core.market.tape.event_times import chunks

__all__ = ["BookFindings", "walk_books"]

_BOOK_KINDS: Final = (Kind.DELTA, Kind.SNAPSHOT, Kind.GAP)

OnRow = Callable[[int], None]


@define
class BookFindings:
    """What a walk found. Rows are those of the table ``books``."""

    snapshots: int = 0
    deltas: int = 0
    gaps: int = 0
    """Breaks of the chain of ids."""
    first_gap_row: int | None = None
    crossed: int = 0
    """Updates after which the best bid was at or above the best ask."""
    first_crossed_row: int | None = None
    unsynced_us: int = 0
    """Event time (us) without a usable book, from the first timed event to the last."""
    ever_synced: bool = False
    first_us: int = 0
    """First and last event time."""
    last_us: int = 0


def walk_books(columns: TapeColumns, *, levels: bool, leaps: bool = False, on_progress: OnRow | None = None) -> BookFindings:
    """Walk all snapshots, diffs and gaps of a tape in order of arrival."""
    found = BookFindings()
    sync = BookSync()
    since_us = 0
    for kind, row, now_us, first, last, prev, bids, asks in _messages(found, columns, levels, leaps, on_progress):
        synced = sync.state is SyncState.SYNCED
        if not synced and now_us:
            found.unsynced_us += now_us - (since_us or found.first_us)
            since_us = now_us
        if kind == Kind.SNAPSHOT:
            found.snapshots += 1
            sync.on_snapshot(BookSnapshot(columns.symbol, 0, None, 0, last, bids, asks))
        elif kind == Kind.DELTA:
            found.deltas += 1
            delta = BookDelta(
                columns.symbol, 0, None, 0, first, last, bids, asks, None if prev == NONE else prev, columns.continuity
            )
            if not sync.on_delta(delta):
                found.gaps += 1
                if found.first_gap_row is None:
                    found.first_gap_row = row
        elif kind == Kind.GAP and synced:
            sync.lose("feed_gap")
        if sync.state is SyncState.SYNCED:
            if levels and kind != Kind.GAP and sync.book.crossed():
                found.crossed += 1
                if found.first_crossed_row is None:
                    found.first_crossed_row = row
        elif synced:
            since_us = now_us
    found.ever_synced = sync.ever_synced
    if sync.state is not SyncState.SYNCED:
        found.unsynced_us += found.last_us - (since_us or found.first_us)
    return found


Message = tuple[int, int, int, int, int, int, list[tuple[int, int]], list[tuple[int, int]]]


def _messages(found: BookFindings, columns: TapeColumns, levels: bool, leaps: bool, on_progress: OnRow | None) -> Iterator[Message]:
    """``(kind, row of books, watermark us, first, last, prev, bids, asks)`` of every event that matters to the book."""
    books, table = columns.tables["books"], columns.tables["levels"]
    row = at = 0
    for chunk in chunks(columns, leaps=leaps):
        if on_progress is not None:
            on_progress(chunk.start)
        if not found.first_us:
            found.first_us = int(next(iter(chunk.times_us[chunk.times_us > 0]), 0))
        found.last_us = int(chunk.times_us[-1])
        places = np.flatnonzero(np.isin(chunk.kinds, _BOOK_KINDS))
        count = int(np.count_nonzero(chunk.kinds[places] != Kind.GAP))
        part = slice(row, row + count)
        rows = iter(zip(*(books[name][part].tolist() for name in ("first_id", "last_id", "prev_id", "bids", "asks")), strict=True))
        for kind, time_us in zip(chunk.kinds[places].tolist(), chunk.times_us[places].tolist(), strict=True):
            if kind == Kind.GAP:
                yield kind, row, time_us, 0, 0, NONE, [], []
                continue
            first, last, prev, bids, asks = next(rows)
            until = at + bids + asks
            if levels:
                both = list(zip(table["price_ticks"][at:until].tolist(), table["qty_lots"][at:until].tolist(), strict=True))
                yield kind, row, time_us, first, last, prev, both[:bids], both[bids:]
            else:
                yield kind, row, time_us, first, last, prev, [], []
            at = until
            row += 1

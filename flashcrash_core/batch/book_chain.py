"""The book's chain of update ids: :class:`~flashcrash_core.market.book_sync.BookSync` once more, for the compiled pass.

Diffs held back are not copied: the ring ``held`` remembers where on the tape they are. What every diff needs is passed as numbers
and single arrays: passing a tuple of arrays makes compiled code count a reference to each.
"""

from typing import Any, Final

from flashcrash_core.batch.book_arrays import change_side, replace_side
from flashcrash_core.batch.pass_state import (
    BOOK,
    BUFFERING,
    EVENT,
    EVER_SYNCED,
    FRESH,
    FUTURES,
    HELD,
    HELD_BOOK,
    HELD_EVENT,
    HELD_FIRST,
    HELD_LEVEL,
    N_DROPPED,
    N_GAPS,
    N_LOST_TO_FEED,
    N_OLD,
    N_RESYNCS,
    N_STALE,
    SYNC,
    SYNCED,
    UPDATE_ID,
    TapeArrays,
)
from flashcrash_core.market.book_sync import MAX_BUFFERED

__all__ = ["BROKEN", "OK", "TOO_LARGE", "lose_to_feed", "take_delta", "take_snapshot"]

OK: Final = 1
BROKEN: Final = 0
"""The diff revealed a gap."""
TOO_LARGE: Final = -1
"""A number that sums could not hold."""


def take_delta(
    s: Any,
    book: Any,
    held: Any,
    prices: Any,
    quantities: Any,
    first_id: int,
    last_id: int,
    prev_id: int,
    bids: int,
    asks: int,
    stop: int,
) -> int:
    """Apply a diff whose levels are those from ``bids`` to ``asks`` and from there to ``stop``."""
    if s[SYNC] != SYNCED:
        s[SYNC] = BUFFERING
        _hold(s, held, bids)
        return OK
    if _contained(s, last_id):
        s[N_OLD] += 1
        return OK
    if not _chains(s, first_id, last_id, prev_id):
        _lose(s)
        _hold(s, held, bids)
        return BROKEN
    return _apply(s, book, prices, quantities, last_id, bids, asks, stop)


def take_snapshot(s: Any, book: Any, held: Any, tape: TapeArrays, row: int, level: int) -> int:
    """Take the snapshot in row ``row``, and the diffs that were held back for it."""
    update_id = tape.last_id[row]
    if s[SYNC] == SYNCED and update_id < s[UPDATE_ID]:
        s[N_STALE] += 1
        return OK
    asks = level + tape.bids[row]
    for side in range(2):
        start, stop = (level, asks) if side == 0 else (asks, asks + tape.asks[row])
        if not replace_side(s, book, side, tape.level_price, tape.level_lots, start, stop):
            return TOO_LARGE
    s[UPDATE_ID] = update_id
    if s[EVER_SYNCED] != 0:
        s[N_RESYNCS] += 1
    s[SYNC] = SYNCED
    s[EVER_SYNCED] = 1
    s[FRESH] = 1
    for number in range(s[HELD]):
        at = (s[HELD_FIRST] + number) % MAX_BUFFERED
        one = held[HELD_BOOK, at]
        if _contained(s, tape.last_id[one]):
            continue
        if not _chains(s, tape.first_id[one], tape.last_id[one], tape.prev_id[one]):
            # Too old for what is buffered: keep the diffs, wait for a newer snapshot.
            s[N_STALE] += 1
            s[SYNC] = BUFFERING
            return OK
        bids = held[HELD_LEVEL, at]
        asks = bids + tape.bids[one]
        if _apply(s, book, tape.level_price, tape.level_lots, tape.last_id[one], bids, asks, asks + tape.asks[one]) < 0:
            return TOO_LARGE
    s[HELD] = 0
    s[HELD_FIRST] = 0
    return OK


def lose_to_feed(s: Any) -> None:
    """The feed lost messages: the book is unusable until a new snapshot."""
    _lose(s)
    s[N_LOST_TO_FEED] += 1


def _lose(s: Any) -> None:
    s[N_GAPS] += 1
    s[SYNC] = BUFFERING
    s[HELD] = 0
    s[HELD_FIRST] = 0


def _contained(s: Any, last_id: int) -> bool:
    if s[FUTURES] != 0:
        return bool(last_id < s[UPDATE_ID] or (last_id == s[UPDATE_ID] and s[FRESH] == 0))
    return bool(last_id <= s[UPDATE_ID])


def _chains(s: Any, first_id: int, last_id: int, prev_id: int) -> bool:
    update_id: int = s[UPDATE_ID]
    if s[FUTURES] != 0:
        if s[FRESH] != 0 and first_id <= update_id <= last_id:
            return True
        return prev_id == update_id
    return first_id <= update_id + 1 <= last_id


def _apply(s: Any, book: Any, prices: Any, quantities: Any, last_id: int, bids: int, asks: int, stop: int) -> int:
    for side in range(2):
        first, end = (bids, asks) if side == 0 else (asks, stop)
        if not change_side(s, book, side, prices, quantities, first, end):
            return TOO_LARGE
    s[UPDATE_ID] = last_id
    s[FRESH] = 0
    return OK


def _hold(s: Any, held: Any, level: int) -> None:
    if s[HELD] == MAX_BUFFERED:
        s[HELD_FIRST] = (s[HELD_FIRST] + 1) % MAX_BUFFERED
        s[HELD] -= 1
        s[N_DROPPED] += 1
    at = (s[HELD_FIRST] + s[HELD]) % MAX_BUFFERED
    held[HELD_BOOK, at] = s[BOOK]
    held[HELD_LEVEL, at] = level
    held[HELD_EVENT, at] = s[EVENT]
    s[HELD] += 1

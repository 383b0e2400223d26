"""Comparing the book with the venue's: a small REST snapshot now and then, level by level.

A snapshot is of one moment, the book of another. Levels that a diff touched after that moment, or in the diff that straddles it,
say nothing and are left out; all others must be equal.
"""

from collections.abc import Iterable
from enum import Enum

from flashcrash_binance.market_feed.book_keeper import BookKeeper
from flashcrash_core.api import ASK, BID, BookDelta, BookSnapshot, Level, Side

__all__ = ["Finding", "compare"]


class Finding(Enum):
    """What a comparison says."""

    EQUAL = "equal"
    DIFFERENT = "different"
    TOO_EARLY = "too early"
    """The book has not come to the snapshot's moment yet: ask again after the next diff."""
    NOTHING = "nothing"
    """The snapshot is too old to be placed."""


def compare(keeper: BookKeeper, snapshot: BookSnapshot) -> tuple[Finding, str]:
    """Compare, and say what differs. The snapshot's levels of each side are its best ones without a hole."""
    moment = snapshot.update_id
    if not keeper.usable:
        return Finding.NOTHING, ""
    if keeper.update_id < moment:
        return Finding.TOO_EARLY, ""
    recent = keeper.recent
    if recent and recent[0].first_id > moment + 1 and len(recent) == recent.maxlen:
        return Finding.NOTHING, ""
    if not recent and keeper.update_id > moment:
        return Finding.NOTHING, ""
    later = [delta for delta in recent if delta.last_id > moment]
    if later and keeper.update_id > moment and later[0] is recent[0] and later[0].first_id > moment + 1:
        return Finding.NOTHING, ""  # diffs between the snapshot and the first one that is remembered
    for side, told in ((BID, snapshot.bids), (ASK, snapshot.asks)):
        difference = _difference(side, told, keeper, later)
        if difference:
            return Finding.DIFFERENT, difference
    return Finding.EQUAL, ""


def _difference(side: Side, told: Iterable[Level], keeper: BookKeeper, later: Iterable[BookDelta]) -> str:
    held = keeper.book.bids if side is BID else keeper.book.asks
    wanted = dict(told)
    if not wanted:
        return ""
    touched = {price for delta in later for price, _ in (delta.bids if side is BID else delta.asks)}
    last = min(wanted) if side is BID else max(wanted)
    mine = dict(held.until(last))
    for price in sorted({*wanted, *mine} - touched, reverse=side is BID):
        if wanted.get(price, 0) != mine.get(price, 0):
            name = "bid" if side is BID else "ask"
            return f"{name} {price} ticks: {mine.get(price, 0)} lots in the book, {wanted.get(price, 0)} at the venue"
    return ""

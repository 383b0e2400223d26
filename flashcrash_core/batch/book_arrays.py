"""A limit order book in sorted arrays: :class:`~flashcrash_core.market.book.BookSide` once more, for the compiled pass.

``book`` has six rows: keys of bids, keys of asks, lots of bids, lots of asks, and since when bids and asks are walls (0: they are
none). A key is the price times +1 (bids) or -1 (asks). Keys ascend, so that the best level of either side is its last and what
happens near it moves few others. The first :data:`PAD` places hold keys below all others, so that a search may look at as many of
the last keys at once without asking how many there are.
"""

from typing import Any

from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import (
    ENDS,
    GONE,
    GONE_KEYS,
    GONE_SINCE_US,
    KEYS,
    LIMIT_SMALL,
    LIMIT_UNITS,
    LIMIT_VALUE,
    LOTS,
    PAD,
    SINCE_US,
)
from flashcrash_core.market.book import MAX_LEVELS
from flashcrash_core.market.depth_profile import TOP_LEVELS

__all__ = ["best_ask", "best_bid", "change_side", "fits", "replace_side"]


def fits(price_ticks: int, qty_lots: int) -> bool:
    """Whether sums over such levels stay within 64 bits."""
    if 0 <= price_ticks < LIMIT_SMALL and 0 <= qty_lots < LIMIT_SMALL:
        return True
    if not (-LIMIT_VALUE < price_ticks < LIMIT_VALUE and -LIMIT_VALUE < qty_lots < LIMIT_VALUE):
        return False
    return -LIMIT_UNITS < float(price_ticks) * float(qty_lots) < LIMIT_UNITS


def best_bid(s: Any, book: Any) -> int:
    """Best bid in ticks, 0 on an empty side."""
    end = s[ENDS]
    return book[KEYS, nth(end - 1)] if end > PAD else 0


def best_ask(s: Any, book: Any) -> int:
    """Best ask in ticks, 0 on an empty side."""
    end = s[ENDS + 1]
    return -book[KEYS + 1, nth(end - 1)] if end > PAD else 0


def change_side(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """Set the levels ``start`` to ``stop`` of the tape on side 0 (bids) or 1 (asks); False when a number is too large."""
    sign = 1 - 2 * side
    end = s[nth(ENDS + side)]
    keys, lots = nth(KEYS + side), nth(LOTS + side)
    for i in range(start, stop):
        price, qty = prices[nth(i)], quantities[nth(i)]
        if not fits(price, qty):
            return False
        key = price * sign
        at = _place_of(book, keys, end, key)
        if at < end and book[keys, nth(at)] == key:
            if qty != 0:
                book[lots, nth(at)] = qty
            else:
                end -= 1
                if book[nth(SINCE_US + side), nth(at)] != 0:
                    _remember(s, side, key, book[nth(SINCE_US + side), nth(at)])
                for j in range(at, end):
                    book[keys, nth(j)] = book[keys, nth(j + 1)]
                    book[lots, nth(j)] = book[lots, nth(j + 1)]
                    book[nth(SINCE_US + side), nth(j)] = book[nth(SINCE_US + side), nth(j + 1)]
        elif qty != 0:
            since_us = _recalled(s, side, key) if s[nth(GONE + side)] != 0 else 0
            _insert(book, side, at, end, key, qty, since_us)
            end += 1
    s[nth(ENDS + side)] = _bounded(book, side, end)
    return True


def replace_side(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """Forget a side and take the levels ``start`` to ``stop``; False when a number is too large.

    Of several levels at one price the last that is not 0 counts.
    """
    sign = 1 - 2 * side
    keys, lots = nth(KEYS + side), nth(LOTS + side)
    for j in range(PAD, s[nth(ENDS + side)]):
        if book[nth(SINCE_US + side), nth(j)] != 0:
            _remember(s, side, book[keys, nth(j)], book[nth(SINCE_US + side), nth(j)])
    # Best first, as venues send them: written from the end of the room that they need at most, then moved to their place.
    first = PAD + stop - start
    at = first
    ordered = True
    for i in range(start, stop):
        price, qty = prices[nth(i)], quantities[nth(i)]
        if not fits(price, qty):
            return False
        if qty != 0 and ordered:
            if at < first and price * sign >= book[keys, nth(at)]:
                ordered = False
            else:
                at -= 1
                book[keys, nth(at)] = price * sign
                book[lots, nth(at)] = qty
    if ordered:
        for j in range(first - at):
            book[keys, nth(PAD + j)] = book[keys, nth(at + j)]
            book[lots, nth(PAD + j)] = book[lots, nth(at + j)]
        s[nth(ENDS + side)] = _bounded(book, side, PAD + first - at)
        _recall(s, book, side)
        return True
    end = PAD
    for i in range(start, stop):
        key, qty = prices[nth(i)] * sign, quantities[nth(i)]
        if qty != 0:
            at = _place_of(book, keys, end, key)
            if at < end and book[keys, nth(at)] == key:
                book[lots, nth(at)] = qty
            else:
                _insert(book, side, at, end, key, qty, 0)
                end += 1
    s[nth(ENDS + side)] = _bounded(book, side, end)
    _recall(s, book, side)
    return True


def _remember(s: Any, side: int, key: int, since_us: int) -> None:
    """A wall leaves the book. There are no more of them than one profile finds."""
    gone = s[nth(GONE + side)]
    s[nth(GONE_KEYS + TOP_LEVELS * side + gone)] = key
    s[nth(GONE_SINCE_US + TOP_LEVELS * side + gone)] = since_us
    s[nth(GONE + side)] = gone + 1


def _recalled(s: Any, side: int, key: int) -> int:
    """Since when a level that comes is a wall: one that left since the newest profile has been there all along for it."""
    keys, since = GONE_KEYS + TOP_LEVELS * side, GONE_SINCE_US + TOP_LEVELS * side
    last = s[nth(GONE + side)] - 1
    for i in range(last + 1):
        if s[nth(keys + i)] == key:
            since_us: int = s[nth(since + i)]
            s[nth(keys + i)] = s[nth(keys + last)]
            s[nth(since + i)] = s[nth(since + last)]
            s[nth(GONE + side)] = last
            return since_us
    return 0


def _recall(s: Any, book: Any, side: int) -> None:
    """The side was replaced: what is in it again is a wall for as long as it was."""
    for j in range(PAD, s[nth(ENDS + side)]):
        book[nth(SINCE_US + side), nth(j)] = _recalled(s, side, book[nth(KEYS + side), nth(j)]) if s[nth(GONE + side)] != 0 else 0


def _place_of(book: Any, keys: int, end: int, key: int) -> int:
    """Where the first key that is not less than ``key`` stands: ``bisect_left``, from the best end."""
    above = 0
    # No branch depends on a key, so that none is guessed wrongly. ``reach`` is PAD, but the compiler must not know that: a loop of
    # known length is unrolled before it could be turned into four comparisons of eight keys each.
    reach = min(PAD, end)
    for j in range(reach):
        above += 1 if book[keys, nth(end - reach + j)] >= key else 0
    at = end - above
    if above < PAD:
        return at
    low = PAD
    while low < at:
        middle = (low + at) // 2
        if book[keys, nth(middle)] < key:
            low = middle + 1
        else:
            at = middle
    return at


def _insert(book: Any, side: int, at: int, end: int, key: int, qty: int, since_us: int) -> None:
    keys, lots, since = nth(KEYS + side), nth(LOTS + side), nth(SINCE_US + side)
    for j in range(end, at, -1):
        book[keys, nth(j)] = book[keys, nth(j - 1)]
        book[lots, nth(j)] = book[lots, nth(j - 1)]
        book[since, nth(j)] = book[since, nth(j - 1)]
    book[keys, nth(at)] = key
    book[lots, nth(at)] = qty
    book[since, nth(at)] = since_us


def _bounded(book: Any, side: int, end: int) -> int:
    """Drop the worst levels beyond the bound; where the side ends then."""
    excess = end - PAD - MAX_LEVELS
    if excess <= 0:
        return end
    for j in range(PAD, PAD + MAX_LEVELS):
        book[nth(KEYS + side), nth(j)] = book[nth(KEYS + side), nth(j + excess)]
        book[nth(LOTS + side), nth(j)] = book[nth(LOTS + side), nth(j + excess)]
        book[nth(SINCE_US + side), nth(j)] = book[nth(SINCE_US + side), nth(j + excess)]
    return PAD + MAX_LEVELS

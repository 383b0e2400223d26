"""A limit order book in sorted arrays: :class:`~flashcrash_core.market.book.BookSide` once more, for the compiled pass.

``book`` has four rows: keys of bids, keys of asks, lots of bids, lots of asks. A key is the price times +1 (bids) or -1 (asks).
Keys ascend, so that the best level of either side is its last and what happens near it moves few others. The first :data:`PAD`
places hold keys below all others, so that a search may look at as many of the last keys at once without asking how many there are.
"""

from typing import Any

from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import ENDS, KEYS, LIMIT_SMALL, LIMIT_UNITS, LIMIT_VALUE, LOTS, PAD
from flashcrash_core.market.book import MAX_LEVELS

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
                for j in range(at, end):
                    book[keys, nth(j)] = book[keys, nth(j + 1)]
                    book[lots, nth(j)] = book[lots, nth(j + 1)]
        elif qty != 0:
            _insert(book, side, at, end, key, qty)
            end += 1
    s[nth(ENDS + side)] = _bounded(book, side, end)
    return True


def replace_side(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """Forget a side and take the levels ``start`` to ``stop``; False when a number is too large.

    Of several levels at one price the last that is not 0 counts.
    """
    sign = 1 - 2 * side
    keys, lots = nth(KEYS + side), nth(LOTS + side)
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
        return True
    end = PAD
    for i in range(start, stop):
        key, qty = prices[nth(i)] * sign, quantities[nth(i)]
        if qty != 0:
            at = _place_of(book, keys, end, key)
            if at < end and book[keys, nth(at)] == key:
                book[lots, nth(at)] = qty
            else:
                _insert(book, side, at, end, key, qty)
                end += 1
    s[nth(ENDS + side)] = _bounded(book, side, end)
    return True


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


def _insert(book: Any, side: int, at: int, end: int, key: int, qty: int) -> None:
    keys, lots = nth(KEYS + side), nth(LOTS + side)
    for j in range(end, at, -1):
        book[keys, nth(j)] = book[keys, nth(j - 1)]
        book[lots, nth(j)] = book[lots, nth(j - 1)]
    book[keys, nth(at)] = key
    book[lots, nth(at)] = qty


def _bounded(book: Any, side: int, end: int) -> int:
    """Drop the worst levels beyond the bound; where the side ends then."""
    excess = end - PAD - MAX_LEVELS
    if excess <= 0:
        return end
    for j in range(PAD, PAD + MAX_LEVELS):
        book[nth(KEYS + side), nth(j)] = book[nth(KEYS + side), nth(j + excess)]
        book[nth(LOTS + side), nth(j)] = book[nth(LOTS + side), nth(j + excess)]
    return PAD + MAX_LEVELS

"""A limit order book in sorted arrays: :class:`~flashcrash_core.market.book.BookSide` once more, for the compiled pass.

``book`` has four rows: keys of bids, keys of asks, lots of bids, lots of asks. A key is the price times +1 (bids) or -1 (asks).
Keys ascend, so that the best level of either side is its last and what happens near it moves few others.
"""

from typing import Any

from flashcrash_core.batch.pass_state import KEYS, LEVELS, LIMIT_SMALL, LIMIT_UNITS, LIMIT_VALUE, LOTS
from flashcrash_core.market.book import MAX_LEVELS

__all__ = ["best_ask", "best_bid", "change_side", "fits", "replace_side"]

_NEAR = 24
"""Levels looked at one by one from the best end before the search halves."""


def fits(price_ticks: int, qty_lots: int) -> bool:
    """Whether sums over such levels stay within 64 bits."""
    if 0 <= price_ticks < LIMIT_SMALL and 0 <= qty_lots < LIMIT_SMALL:
        return True
    if not (-LIMIT_VALUE < price_ticks < LIMIT_VALUE and -LIMIT_VALUE < qty_lots < LIMIT_VALUE):
        return False
    return -LIMIT_UNITS < float(price_ticks) * float(qty_lots) < LIMIT_UNITS


def best_bid(s: Any, book: Any) -> int:
    """Best bid in ticks, 0 on an empty side."""
    count = s[LEVELS]
    return book[KEYS, count - 1] if count > 0 else 0


def best_ask(s: Any, book: Any) -> int:
    """Best ask in ticks, 0 on an empty side."""
    count = s[LEVELS + 1]
    return -book[KEYS + 1, count - 1] if count > 0 else 0


def change_side(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """Set the levels ``start`` to ``stop`` of the tape on side 0 (bids) or 1 (asks); False when a number is too large."""
    sign = 1 - 2 * side
    count = s[LEVELS + side]
    keys, lots = KEYS + side, LOTS + side
    for i in range(start, stop):
        price, qty = prices[i], quantities[i]
        if not fits(price, qty):
            return False
        key = price * sign
        at = _place_of(book, keys, count, key)
        if at < count and book[keys, at] == key:
            if qty != 0:
                book[lots, at] = qty
            else:
                count -= 1
                for j in range(at, count):
                    book[keys, j] = book[keys, j + 1]
                    book[lots, j] = book[lots, j + 1]
        elif qty != 0:
            for j in range(count, at, -1):
                book[keys, j] = book[keys, j - 1]
                book[lots, j] = book[lots, j - 1]
            book[keys, at] = key
            book[lots, at] = qty
            count += 1
    s[LEVELS + side] = _bounded(book, side, count)
    return True


def replace_side(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """Forget a side and take the levels ``start`` to ``stop``; False when a number is too large."""
    sign = 1 - 2 * side
    keys, lots = KEYS + side, LOTS + side
    count = 0
    falling = True
    for i in range(start, stop):
        price, qty = prices[i], quantities[i]
        if not fits(price, qty):
            return False
        if qty != 0:
            # Written best first, as venues send them, and turned round at the end: no level is moved more than once.
            if count > 0 and price * sign >= book[keys, count - 1]:
                falling = False
                break
            book[keys, count] = price * sign
            book[lots, count] = qty
            count += 1
    if falling:
        for j in range(count // 2):
            other = count - 1 - j
            key, qty = book[keys, j], book[lots, j]
            book[keys, j] = book[keys, other]
            book[lots, j] = book[lots, other]
            book[keys, other] = key
            book[lots, other] = qty
        s[LEVELS + side] = _bounded(book, side, count)
        return True
    return _replace_unordered(s, book, side, prices, quantities, start, stop)


def _replace_unordered(s: Any, book: Any, side: int, prices: Any, quantities: Any, start: int, stop: int) -> bool:
    """As :func:`replace_side` for levels in any order. Of several at one price the last that is not 0 counts."""
    sign = 1 - 2 * side
    keys, lots = KEYS + side, LOTS + side
    count = 0
    for i in range(start, stop):
        price, qty = prices[i], quantities[i]
        if not fits(price, qty):
            return False
        if qty == 0:
            continue
        key = price * sign
        at = _place_of(book, keys, count, key)
        if at == count or book[keys, at] != key:
            for j in range(count, at, -1):
                book[keys, j] = book[keys, j - 1]
                book[lots, j] = book[lots, j - 1]
            book[keys, at] = key
            count += 1
        book[lots, at] = qty
    s[LEVELS + side] = _bounded(book, side, count)
    return True


def _place_of(book: Any, keys: int, count: int, key: int) -> int:
    """Where the first key that is not less than ``key`` stands: ``bisect_left``, from the best end."""
    at = count
    near = max(count - _NEAR, 0)
    while at > near and book[keys, at - 1] >= key:
        at -= 1
    if at > near or at == 0:
        return at
    low = 0
    while low < at:
        middle = (low + at) // 2
        if book[keys, middle] < key:
            low = middle + 1
        else:
            at = middle
    return at


def _bounded(book: Any, side: int, count: int) -> int:
    """Drop the worst levels beyond the bound; how many stay."""
    excess = count - MAX_LEVELS
    if excess <= 0:
        return count
    for j in range(MAX_LEVELS):
        book[KEYS + side, j] = book[KEYS + side, j + excess]
        book[LOTS + side, j] = book[LOTS + side, j + excess]
    return MAX_LEVELS

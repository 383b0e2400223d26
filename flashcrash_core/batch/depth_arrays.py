"""Depth and walls of a book in arrays: :mod:`flashcrash_core.market.depth_profile` once more, for the compiled pass."""

from typing import Any

from flashcrash_core.batch.book_arrays import best_ask, best_bid
from flashcrash_core.batch.pass_state import (
    AGED,
    AGED_PRICES,
    AGED_SINCE_US,
    BAND_ASK_LOTS,
    BAND_BID_LOTS,
    DEPTH_COLUMNS,
    EXIT_UNITS,
    KEYS,
    LEVELS,
    LIMIT_SUM,
    LOT,
    LOTS,
    SYNC,
    SYNCED,
    TICK,
    TO_QUOTE,
    TOP_ASK_LOTS,
    TOP_ASK_UNITS,
    TOP_BID_LOTS,
    TOP_BID_UNITS,
    TOP_UNITS,
    WALL_PRICES,
    WALLS,
)
from flashcrash_core.market.accumulator import _WALL_AGE_US as WALL_AGE_US
from flashcrash_core.market.depth_profile import _BAND_BP as BAND_BP
from flashcrash_core.market.depth_profile import _EXIT_BP as EXIT_BP
from flashcrash_core.market.depth_profile import _WALL_FACTOR as WALL_FACTOR
from flashcrash_core.market.depth_profile import TOP_LEVELS

__all__ = ["standing_wall", "take_profile"]


def take_profile(s: Any, f: Any, book: Any, t_us: int) -> bool:
    """Measure the book, or nothing while it may not be used, and age the walls; False when a sum grows too large."""
    for i in range(BAND_BID_LOTS, EXIT_UNITS + 1):
        s[i] = 0
    s[WALLS] = 0
    s[WALLS + 1] = 0
    good = True
    if s[SYNC] == SYNCED:
        bid, ask = best_bid(s, book), best_ask(s, book)
        if bid != 0 and ask != 0:
            mid2 = bid + ask
        elif bid != 0:
            mid2 = 2 * bid
        else:
            mid2 = 2 * ask
        if mid2 != 0:
            band_bid_limit = -(-mid2 * (10_000 - BAND_BP) // 20_000)
            band_ask_limit = mid2 * (10_000 + BAND_BP) // 20_000
            exit_limit = -(-mid2 * (10_000 - EXIT_BP) // 20_000)
            _top(s, book, 0, TOP_BID_LOTS, TOP_BID_UNITS)
            _top(s, book, 1, TOP_ASK_LOTS, TOP_ASK_UNITS)
            s[BAND_BID_LOTS] = _lots_until(s, book, 0, band_bid_limit)
            s[BAND_ASK_LOTS] = _lots_until(s, book, 1, -band_ask_limit)
            good = _units_until(s, book, exit_limit)
    lot, to_quote = f[LOT], f[TO_QUOTE]
    f[DEPTH_COLUMNS] = s[BAND_BID_LOTS] * lot
    f[DEPTH_COLUMNS + 1] = s[BAND_ASK_LOTS] * lot
    f[DEPTH_COLUMNS + 2] = s[TOP_BID_LOTS] * lot
    f[DEPTH_COLUMNS + 3] = s[TOP_ASK_LOTS] * lot
    f[DEPTH_COLUMNS + 4] = s[TOP_BID_UNITS] * to_quote
    f[DEPTH_COLUMNS + 5] = s[TOP_ASK_UNITS] * to_quote
    f[DEPTH_COLUMNS + 6] = s[EXIT_UNITS] * to_quote
    _age(s, 0, t_us)
    _age(s, 1, t_us)
    return good


def _top(s: Any, book: Any, side: int, lots_place: int, units_place: int) -> None:
    """Sums of the best levels of a side, and its walls."""
    sign = 1 - 2 * side
    count = s[LEVELS + side]
    known = min(count, TOP_LEVELS)
    lots = 0
    units = 0
    most = 0
    for i in range(known):
        at = count - 1 - i
        qty = book[LOTS + side, at]
        worth = book[KEYS + side, at] * sign * qty
        lots += qty
        units += worth
        s[TOP_UNITS + i] = worth
        if i == 0 or worth > most:
            most = worth
    s[lots_place] = lots
    s[units_place] = units
    if known < 2:
        return
    # Where more than half of the levels are worth a third of the largest, so is the median, and nothing is a wall: no sorting then.
    many = 0
    for i in range(known):
        if WALL_FACTOR * s[TOP_UNITS + i] >= most:
            many += 1
    if many >= known - (known - 1) // 2:
        return
    limit = WALL_FACTOR * _twice_median(s, known)
    if 2 * most <= limit:
        return
    walls = 0
    for i in range(known):
        if 2 * s[TOP_UNITS + i] > limit:
            s[WALL_PRICES + TOP_LEVELS * side + walls] = book[KEYS + side, count - 1 - i] * sign
            walls += 1
    s[WALLS + side] = walls


def _twice_median(s: Any, known: int) -> int:
    """Twice the median of what the best levels are worth: by the rank of each, which needs no order and few branches."""
    lower, upper = (known - 1) // 2, known // 2
    low = 0
    high = 0
    for i in range(known):
        worth = s[TOP_UNITS + i]
        less = 0
        same = 0
        for j in range(known):
            less += 1 if s[TOP_UNITS + j] < worth else 0
            same += 1 if s[TOP_UNITS + j] == worth else 0
        if less <= lower < less + same:
            low = worth
        if less <= upper < less + same:
            high = worth
    return low + high


def _lots_until(s: Any, book: Any, side: int, limit_key: int) -> int:
    total = 0
    at = s[LEVELS + side] - 1
    while at >= 0 and book[KEYS + side, at] >= limit_key:
        total += book[LOTS + side, at]
        at -= 1
    return total


def _units_until(s: Any, book: Any, limit_ticks: int) -> bool:
    """Notional of the bids at the limit or better; False when it grows too large."""
    total = 0
    at = s[LEVELS] - 1
    while at >= 0 and book[KEYS, at] >= limit_ticks:
        total += book[KEYS, at] * book[LOTS, at]
        at -= 1
        if not -LIMIT_SUM < total < LIMIT_SUM:
            return False
    s[EXIT_UNITS] = total
    return True


def _age(s: Any, side: int, t_us: int) -> None:
    """Forget walls that are gone and note the time of those that are new, in the order in which they came up."""
    prices, since = AGED_PRICES + TOP_LEVELS * side, AGED_SINCE_US + TOP_LEVELS * side
    walls = WALL_PRICES + TOP_LEVELS * side
    count = s[WALLS + side]
    kept = 0
    for i in range(s[AGED + side]):
        price = s[prices + i]
        for j in range(count):
            if s[walls + j] == price:
                s[prices + kept] = price
                s[since + kept] = s[since + i]
                kept += 1
                break
    old = kept
    for j in range(count):
        price = s[walls + j]
        known = False
        for i in range(old):
            if s[prices + i] == price:
                known = True
                break
        if not known:
            s[prices + kept] = price
            s[since + kept] = t_us
            kept += 1
    s[AGED + side] = kept


def standing_wall(s: Any, f: Any, side: int, t_us: int) -> float:
    """Price of the nearest wall of a side that stood long enough, 0 if none."""
    prices, since = AGED_PRICES + TOP_LEVELS * side, AGED_SINCE_US + TOP_LEVELS * side
    found = False
    nearest = 0
    for i in range(s[AGED + side]):
        if t_us - s[since + i] >= WALL_AGE_US:
            price = s[prices + i]
            if not found or (price > nearest if side == 0 else price < nearest):
                nearest = price
                found = True
    return float(nearest * f[TICK]) if found else 0.0

"""Depth and walls of a book in arrays: :mod:`flashcrash_core.market.depth_profile` once more, for the compiled pass."""

from typing import Any, Final

from flashcrash_core.batch.book_arrays import best_ask, best_bid
from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import (
    BAND_LOTS,
    DEPTH_COLUMNS,
    ENDS,
    EXIT_UNITS,
    GONE,
    KEYS,
    LIMIT_SUM,
    LOT,
    LOTS,
    MARKED,
    MEDIANS,
    NO_KEY,
    PAD,
    SINCE_US,
    SYNC,
    SYNCED,
    TICK,
    TO_QUOTE,
    TOP_LOTS,
    TOP_UNITS,
    TOP_UNITS_LENGTH,
    TOP_WORTH,
    WALLS,
)
from flashcrash_core.market.accumulator import _WALL_AGE_US as WALL_AGE_US
from flashcrash_core.market.depth_profile import _BAND_BP as BAND_BP
from flashcrash_core.market.depth_profile import _EXIT_BP as EXIT_BP
from flashcrash_core.market.depth_profile import _WALL_FACTOR as WALL_FACTOR
from flashcrash_core.market.depth_profile import TOP_LEVELS

__all__ = ["standing_wall", "take_profile"]

NONE_SMALLER: Final = NO_KEY
NONE_LARGER: Final = -NO_KEY
"""Beyond every key and every notional."""


def take_profile(s: Any, f: Any, book: Any, t_us: int) -> bool:
    """Measure the book, or nothing while it may not be used, and age the walls; False when a sum grows too large."""
    mid2 = 0
    if s[SYNC] == SYNCED:
        bid, ask = best_bid(s, book), best_ask(s, book)
        if bid != 0 and ask != 0:
            mid2 = bid + ask
        elif bid != 0:
            mid2 = 2 * bid
        else:
            mid2 = 2 * ask
    good = True
    if mid2 != 0:
        band_bid_limit = -(-mid2 * (10_000 - BAND_BP) // 20_000)
        band_ask_limit = mid2 * (10_000 + BAND_BP) // 20_000
        exit_limit = -(-mid2 * (10_000 - EXIT_BP) // 20_000)
        for side in range(2):
            band_key, exit_key = (band_bid_limit, exit_limit) if side == 0 else (-band_ask_limit, NONE_SMALLER)
            good = good and _measure(s, book, side, band_key, exit_key, t_us)
    else:
        for i in range(BAND_LOTS, EXIT_UNITS + 1):
            s[i] = 0
        for side in range(2):
            s[WALLS + side] = 0
            s[GONE + side] = 0
            for i in range(PAD, s[ENDS + side]):
                book[SINCE_US + side, nth(i)] = 0
    lot, to_quote = f[LOT], f[TO_QUOTE]
    for i in range(4):
        f[DEPTH_COLUMNS + i] = s[BAND_LOTS + i] * lot
    for i in range(4, 7):
        f[DEPTH_COLUMNS + i] = s[BAND_LOTS + i] * to_quote
    return good


def _measure(s: Any, book: Any, side: int, band_key: int, exit_key: int, t_us: int) -> bool:
    """Sums of one side, of bids also the exit depth, and its walls; False when a sum grows too large."""
    sign = 1 - 2 * side
    keys, lots = nth(KEYS + side), nth(LOTS + side)
    end = s[nth(ENDS + side)]
    start = end - TOP_LEVELS  # of a side with fewer levels this reaches into the padding, whose quantities are 0
    band = 0
    exits = 0
    top_lots = 0
    top_units = 0
    most = NONE_SMALLER
    for i in range(TOP_LEVELS):
        key, qty = book[keys, nth(start + i)], book[lots, nth(start + i)]
        worth = key * sign * qty
        top_lots += qty
        top_units += worth
        band += qty if key >= band_key else 0
        exits += worth if key >= exit_key else 0
        s[nth(TOP_UNITS + i)] = worth if key > NONE_SMALLER else NONE_LARGER
        most = max(most, worth if key > NONE_SMALLER else NONE_SMALLER)
    s[nth(TOP_LOTS + side)] = top_lots
    s[nth(TOP_WORTH + side)] = top_units
    at = start - 1
    while at >= PAD and book[keys, nth(at)] >= band_key:
        band += book[lots, nth(at)]
        at -= 1
    s[nth(BAND_LOTS + side)] = band
    if side == 0:
        at = start - 1
        while at >= PAD and book[keys, nth(at)] >= exit_key:
            exits += book[keys, nth(at)] * book[lots, nth(at)]
            at -= 1
            if not -LIMIT_SUM < exits < LIMIT_SUM:
                return False
        s[EXIT_UNITS] = exits
    _take_walls(s, book, side, min(end - PAD, TOP_LEVELS), most, t_us)
    return True


def _take_walls(s: Any, book: Any, side: int, known: int, most: int, t_us: int) -> None:
    """Mark the best levels that are worth more than three times the median one with since when each of them is."""
    limit = NONE_LARGER
    if known >= 2:
        # Where more than half of the levels are worth a third of the largest, so is the median, and nothing is a wall.
        third = -(-most // WALL_FACTOR)
        many = known - TOP_UNITS_LENGTH
        for i in range(TOP_UNITS_LENGTH):
            many += 1 if s[nth(TOP_UNITS + i)] >= third else 0
        if many < known - (known - 1) // 2:
            limit = WALL_FACTOR * _twice_median(s, side, known)
    keys, since, start = nth(KEYS + side), nth(SINCE_US + side), s[nth(ENDS + side)] - TOP_LEVELS
    count = 0
    if 2 * most > limit or s[nth(WALLS + side)] != 0:
        levels = min(TOP_LEVELS, s[nth(ENDS + side)])  # all 20, but a length that the compiler knows keeps it from vectorising
        for i in range(levels):
            worth = s[nth(TOP_UNITS + i)]
            wall = worth < NONE_LARGER and 2 * worth > limit
            since_us = book[since, nth(start + i)]
            since_us = since_us if since_us != 0 else t_us
            book[since, nth(start + i)] = since_us if wall else 0
            count += 1 if wall else 0
        # Walls of the profile before this one that are not among the best any more.
        at = start - 1
        while at >= PAD and book[keys, nth(at)] >= s[nth(MARKED + side)]:
            book[since, nth(at)] = 0
            at -= 1
    s[nth(GONE + side)] = 0
    s[nth(MARKED + side)] = book[keys, nth(max(start, PAD))]
    s[nth(WALLS + side)] = count


def _twice_median(s: Any, side: int, known: int) -> int:
    """Twice the median of what the best levels are worth.

    Few of them change from row to row, so the search walks from the value where it last ended to the next smaller or larger one.
    """
    lower, upper = (known - 1) // 2, known // 2
    low: int = s[nth(MEDIANS + side)]
    while True:
        less = 0
        most_below = NONE_SMALLER
        not_above = 0
        least_above = NONE_LARGER
        for i in range(TOP_UNITS_LENGTH):
            worth = s[nth(TOP_UNITS + i)]
            below, above = worth < low, worth > low
            less += 1 if below else 0
            not_above += 0 if above else 1
            most_below = max(most_below, worth if below else NONE_SMALLER)
            least_above = min(least_above, worth if above else NONE_LARGER)
        if less > lower:
            low = most_below
        elif not_above <= lower:
            low = least_above
        else:
            s[nth(MEDIANS + side)] = low
            return low + (low if not_above > upper else least_above)


def standing_wall(s: Any, f: Any, book: Any, side: int, t_us: int) -> float:
    """Price of the nearest wall of a side that stood long enough, 0 if none."""
    start = s[nth(ENDS + side)] - TOP_LEVELS
    nearest = -1
    levels = min(TOP_LEVELS, start + TOP_LEVELS)
    for i in range(levels):
        since_us = book[nth(SINCE_US + side), nth(start + i)]
        nearest = max(nearest, i if since_us != 0 and since_us <= t_us - WALL_AGE_US else -1)
    if nearest < 0:
        return 0.0
    return float(book[nth(KEYS + side), nth(start + nearest)] * (1 - 2 * side) * f[TICK])

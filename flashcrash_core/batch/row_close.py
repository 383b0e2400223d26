"""Closing a row of the grid: :meth:`~flashcrash_core.market.accumulator.FeatureAccumulator.close_row` once more, for the pass."""

from typing import Any

from flashcrash_core.batch.bar_arrays import close_bar, mark_second
from flashcrash_core.batch.book_arrays import best_ask, best_bid
from flashcrash_core.batch.depth_arrays import standing_wall, take_profile
from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import (
    ASK,
    BAR_COLUMNS,
    BAR_EMPTY,
    BAR_GAP,
    BAR_PRICE,
    BAR_START_US,
    BAR_TRADES,
    BARS,
    BID,
    BOOK_CHANGED,
    BOOK_US,
    BUY_UNITS,
    COVERED_US,
    DEPTH_COLUMNS,
    GAP,
    HAS_BOOK,
    HIGH,
    LAST,
    LATENCIES,
    LATENCY_FIRST,
    LATENCY_ROWS,
    LOW,
    NEXT_ROW_US,
    QUOTES,
    ROWS,
    SELL_UNITS,
    SLOW,
    SLOW_RING,
    SLOW_ROWS,
    SLOW_SUM,
    SOURCE_IS_MID,
    SPREAD_SUM,
    SYNC,
    SYNCED,
    TICK,
    TIMED,
    TIMED_RING,
    TIMED_SUM,
    TO_QUOTE,
    TRADES,
    UPDATES,
    WALLS,
)
from flashcrash_core.batch.quote_arrays import cover
from flashcrash_core.batch.row_table import (
    ROW_ASK,
    ROW_ASK_WALL,
    ROW_BAR,
    ROW_BAR_EMPTY,
    ROW_BAR_GAP,
    ROW_BAR_NEW,
    ROW_BAR_START_US,
    ROW_BAR_TRADES,
    ROW_BID,
    ROW_BID_WALL,
    ROW_BOOK_USABLE,
    ROW_BUY,
    ROW_COVERED_US,
    ROW_DEPTH,
    ROW_EVENT,
    ROW_FLAGS,
    ROW_HIGH,
    ROW_LAST_TRADE,
    ROW_LOW,
    ROW_PRICE,
    ROW_QUOTES,
    ROW_SELL,
    ROW_SPREAD_END,
    ROW_SPREAD_TW,
    ROW_T_US,
    ROW_TRADES,
    ROW_UNHEALTHY,
    ROW_UPDATES,
)
from flashcrash_core.market.accumulator import BOOK_MAX_AGE_US
from flashcrash_core.market.bars import BAR_US, BAR_VISIBLE_AFTER_US
from flashcrash_core.market.features import (
    GRID_US,
    UNHEALTHY_BOOK_CROSSED,
    UNHEALTHY_BOOK_STALE,
    UNHEALTHY_BOOK_UNSYNCED,
    UNHEALTHY_GAP,
    UNHEALTHY_LATENCY,
)

__all__ = ["close_row"]

NAN = float("nan")


def close_row(
    s: Any,
    f: Any,
    book: Any,
    mark_seconds: Any,
    mark_prices: Any,
    integers: Any,
    floats: Any,
    bars: Any,
    bar_prices: Any,
    event: int,
    flags: int,
) -> bool:
    """Close the row at ``next_row_us`` and open the next one; False when a sum of the book grows too large."""
    t_us = s[NEXT_ROW_US]
    s[NEXT_ROW_US] = t_us + GRID_US
    cover(s, f, t_us)
    _take_latencies(s)
    bid, ask, tick = s[BID], s[ASK], f[TICK]
    unhealthy = _health(s, book, t_us)
    good = True
    book_usable = 0
    if s[HAS_BOOK] != 0:
        if unhealthy & (UNHEALTHY_BOOK_UNSYNCED | UNHEALTHY_BOOK_STALE | UNHEALTHY_BOOK_CROSSED) == 0:
            book_usable = 1
        if s[BOOK_CHANGED] != 0:
            s[BOOK_CHANGED] = 0
            good = take_profile(s, f, book, t_us)
    quoted = 0 < bid < ask and book_usable != 0
    last = s[LAST] * tick if s[LAST] != 0 else NAN
    if s[SOURCE_IS_MID] == 0:
        price = last
    elif quoted:
        price = (bid + ask) * 0.5 * tick
    else:
        price = NAN
    if t_us % BAR_US == 0:
        mark_second(s, mark_seconds, mark_prices, t_us, price)
    n = s[ROWS]
    at = nth(n)
    bar_new = 0
    if (t_us - BAR_VISIBLE_AFTER_US) % BAR_US == 0 and close_bar(s, f, mark_seconds, mark_prices, t_us):
        bar_new = 1
        bar = s[BARS]
        bars[bar, 0] = n
        for i in range(9):
            bars[bar, 1 + i] = s[BAR_START_US + i]
        bar_prices[bar] = f[BAR_PRICE]
        s[BARS] = bar + 1
    integers[ROW_EVENT, at] = event
    integers[ROW_FLAGS, at] = flags
    integers[ROW_T_US, at] = t_us
    integers[ROW_UNHEALTHY, at] = unhealthy
    integers[ROW_BOOK_USABLE, at] = book_usable
    integers[ROW_COVERED_US, at] = s[COVERED_US]
    integers[ROW_TRADES, at] = s[TRADES]
    integers[ROW_QUOTES, at] = s[QUOTES]
    integers[ROW_UPDATES, at] = s[UPDATES]
    integers[ROW_BAR_NEW, at] = bar_new
    integers[ROW_BAR_START_US, at] = s[BAR_START_US]
    integers[ROW_BAR_TRADES, at] = s[BAR_TRADES]
    integers[ROW_BAR_EMPTY, at] = s[BAR_EMPTY]
    integers[ROW_BAR_GAP, at] = s[BAR_GAP]
    floats[ROW_PRICE, at] = price
    floats[ROW_LOW, at] = f[LOW]
    floats[ROW_HIGH, at] = f[HIGH]
    floats[ROW_LAST_TRADE, at] = last
    floats[ROW_BID, at] = bid * tick if book_usable != 0 and bid != 0 else NAN
    floats[ROW_ASK, at] = ask * tick if book_usable != 0 and ask != 0 else NAN
    floats[ROW_SPREAD_TW, at] = f[SPREAD_SUM] / s[COVERED_US] if s[COVERED_US] != 0 else NAN
    floats[ROW_SPREAD_END, at] = (ask - bid) * 2.0 / (ask + bid) if quoted else NAN
    for i in range(7):
        floats[nth(ROW_DEPTH + i), at] = f[nth(DEPTH_COLUMNS + i)]
    floats[ROW_BID_WALL, at] = standing_wall(s, f, book, 0, t_us) if s[WALLS] != 0 else 0.0
    floats[ROW_ASK_WALL, at] = standing_wall(s, f, book, 1, t_us) if s[WALLS + 1] != 0 else 0.0
    floats[ROW_BUY, at] = s[BUY_UNITS] * f[TO_QUOTE]
    floats[ROW_SELL, at] = s[SELL_UNITS] * f[TO_QUOTE]
    for i in range(6):
        floats[nth(ROW_BAR + i), at] = f[nth(BAR_COLUMNS + i)]
    s[ROWS] = n + 1
    _clear_row(s, f)
    return good


def _clear_row(s: Any, f: Any) -> None:
    f[SPREAD_SUM] = 0.0
    f[LOW] = NAN
    f[HIGH] = NAN
    s[COVERED_US] = 0
    s[BUY_UNITS] = 0
    s[SELL_UNITS] = 0
    s[TRADES] = 0
    s[QUOTES] = 0
    s[UPDATES] = 0
    s[GAP] = 0
    s[TIMED] = 0
    s[SLOW] = 0


def _take_latencies(s: Any) -> None:
    """The row's timed and slow events join those of the last ten."""
    if s[SLOW] != 0:
        s[SLOW_ROWS] = LATENCY_ROWS
    elif s[SLOW_ROWS] != 0:
        s[SLOW_ROWS] -= 1
    at = s[LATENCY_FIRST]
    if s[LATENCIES] == LATENCY_ROWS:
        s[TIMED_SUM] -= s[nth(TIMED_RING + at)]
        s[SLOW_SUM] -= s[nth(SLOW_RING + at)]
    else:
        s[LATENCIES] += 1
    s[nth(TIMED_RING + at)] = s[TIMED]
    s[nth(SLOW_RING + at)] = s[SLOW]
    s[TIMED_SUM] += s[TIMED]
    s[SLOW_SUM] += s[SLOW]
    s[LATENCY_FIRST] = at + 1 if at + 1 < LATENCY_ROWS else 0


def _health(s: Any, book: Any, t_us: int) -> int:
    mask = UNHEALTHY_GAP if s[GAP] != 0 else 0
    if s[HAS_BOOK] != 0:
        if s[SYNC] != SYNCED:
            mask |= UNHEALTHY_BOOK_UNSYNCED
        else:
            bid, ask = best_bid(s, book), best_ask(s, book)
            if bid != 0 and ask != 0 and bid >= ask:
                mask |= UNHEALTHY_BOOK_CROSSED
        if t_us - s[BOOK_US] > BOOK_MAX_AGE_US:
            mask |= UNHEALTHY_BOOK_STALE
    if s[SLOW_ROWS] != 0 and 2 * s[SLOW_SUM] > s[TIMED_SUM]:
        mask |= UNHEALTHY_LATENCY
    return mask

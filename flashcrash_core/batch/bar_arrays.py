"""One-second bars over arrays: :class:`~flashcrash_core.market.bars.BarBuilder` once more, for the compiled pass."""

from typing import Any

from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import (
    BAR_CLOSE,
    BAR_COLUMNS,
    BAR_EMPTY,
    BAR_FIELDS,
    BAR_GAP,
    BAR_HIGH,
    BAR_KNOWN,
    BAR_LOW,
    BAR_OPEN,
    BAR_PRICE,
    BAR_START_US,
    BAR_TRADES,
    BAR_UNITS,
    CLOSE,
    EMPTY_RUN,
    GAP_SECOND,
    GAP_SECONDS,
    GAP_SEEN,
    LIMIT_SUM,
    MARKS,
    OPEN_BAR,
    OPEN_BARS,
    OPEN_LIMIT,
    SOURCE_IS_MID,
    TICK,
    TO_QUOTE,
)
from flashcrash_core.market.bars import _EMPTY_WITH_GAP_LIMIT as EMPTY_WITH_GAP_LIMIT
from flashcrash_core.market.bars import BAR_US, BAR_VISIBLE_AFTER_US

__all__ = ["add_trade", "close_bar", "flag_gap", "mark_second"]

NAN = float("nan")


def add_trade(s: Any, own_us: int, price_ticks: int, units: int) -> bool:
    """Add a trade by its own time; False when a bar can hold no more, or too many are open."""
    second = own_us // BAR_US
    at = OPEN_BAR + (s[OPEN_BARS] - 1) * BAR_FIELDS
    while at >= OPEN_BAR and s[nth(at)] != second:
        at -= BAR_FIELDS
    if at < OPEN_BAR:
        if s[OPEN_BARS] == OPEN_LIMIT:
            return False
        at = OPEN_BAR + s[OPEN_BARS] * BAR_FIELDS
        s[OPEN_BARS] += 1
        s[nth(at)] = second
        s[nth(at + 1)] = price_ticks
        s[nth(at + 2)] = price_ticks
        s[nth(at + 3)] = price_ticks
        s[nth(at + 5)] = 0
        s[nth(at + 6)] = 0
    elif price_ticks > s[nth(at + 2)]:
        s[nth(at + 2)] = price_ticks
    elif price_ticks < s[nth(at + 3)]:
        s[nth(at + 3)] = price_ticks
    s[nth(at + 4)] = price_ticks
    s[nth(at + 5)] += units
    s[nth(at + 6)] += 1
    return bool(s[nth(at + 5)] < LIMIT_SUM)


def flag_gap(s: Any, at_us: int) -> bool:
    """Flag the second that contains ``at_us``; False when too many are flagged."""
    second = at_us // BAR_US
    count = s[GAP_SECONDS]
    for i in range(GAP_SECOND, GAP_SECOND + count):
        if s[i] == second:
            return True
    if count == OPEN_LIMIT:
        return False
    s[GAP_SECOND + count] = second
    s[GAP_SECONDS] += 1
    return True


def mark_second(s: Any, mark_seconds: Any, mark_prices: Any, second_end_us: int, price: float) -> None:
    """Record the price source at a second's end."""
    second = second_end_us // BAR_US - 1
    at = s[MARKS] - 1
    while at >= 0 and mark_seconds[at] != second:
        at -= 1
    if at < 0:
        at = s[MARKS]
        s[MARKS] += 1
        mark_seconds[at] = second
    mark_prices[at] = price


def close_bar(s: Any, f: Any, mark_seconds: Any, mark_prices: Any, row_us: int) -> bool:
    """Close the bar that the row at ``row_us``, 300 ms after a second, is the first to see; False when there is none."""
    second = (row_us - BAR_VISIBLE_AFTER_US) // BAR_US - 1
    mark = _pop_mark(s, mark_seconds, mark_prices, second)
    gap = _pop_gap(s, second)
    at = OPEN_BAR
    end = OPEN_BAR + s[OPEN_BARS] * BAR_FIELDS
    while at < end and s[at] != second:
        at += BAR_FIELDS
    if at == end:
        if s[CLOSE] == 0:
            return False
        s[EMPTY_RUN] += 1
        s[GAP_SEEN] |= gap
        close = s[CLOSE]
        s[BAR_OPEN] = close
        s[BAR_HIGH] = close
        s[BAR_LOW] = close
        s[BAR_CLOSE] = close
        s[BAR_UNITS] = 0
        s[BAR_TRADES] = 0
    else:
        s[EMPTY_RUN] = 0
        s[GAP_SEEN] = gap
        s[CLOSE] = s[at + 4]
        s[BAR_OPEN] = s[at + 1]
        s[BAR_HIGH] = s[at + 2]
        s[BAR_LOW] = s[at + 3]
        s[BAR_CLOSE] = s[at + 4]
        s[BAR_UNITS] = s[at + 5]
        s[BAR_TRADES] = s[at + 6]
        for i in range(at, end - BAR_FIELDS):
            s[i] = s[i + BAR_FIELDS]
        s[OPEN_BARS] -= 1
    tick = f[TICK]
    price = mark if s[SOURCE_IS_MID] != 0 else s[BAR_CLOSE] * tick
    if s[GAP_SEEN] != 0 and s[EMPTY_RUN] >= EMPTY_WITH_GAP_LIMIT:
        price = NAN
    s[BAR_KNOWN] = 1
    s[BAR_START_US] = second * BAR_US
    s[BAR_EMPTY] = 1 if s[BAR_TRADES] == 0 else 0
    s[BAR_GAP] = gap
    f[BAR_PRICE] = price
    f[BAR_COLUMNS] = s[BAR_OPEN] * tick
    f[BAR_COLUMNS + 1] = s[BAR_HIGH] * tick
    f[BAR_COLUMNS + 2] = s[BAR_LOW] * tick
    f[BAR_COLUMNS + 3] = s[BAR_CLOSE] * tick
    f[BAR_COLUMNS + 4] = price
    f[BAR_COLUMNS + 5] = s[BAR_UNITS] * f[TO_QUOTE]
    return True


def _pop_mark(s: Any, mark_seconds: Any, mark_prices: Any, second: int) -> Any:
    at = s[MARKS] - 1
    while at >= 0 and mark_seconds[at] != second:
        at -= 1
    if at < 0:
        return NAN
    price = mark_prices[at]
    for i in range(at, s[MARKS] - 1):
        mark_seconds[i] = mark_seconds[i + 1]
        mark_prices[i] = mark_prices[i + 1]
    s[MARKS] -= 1
    return price


def _pop_gap(s: Any, second: int) -> int:
    count = s[GAP_SECONDS]
    for i in range(GAP_SECOND, GAP_SECOND + count):
        if s[i] == second:
            for j in range(i, GAP_SECOND + count - 1):
                s[j] = s[j + 1]
            s[GAP_SECONDS] -= 1
            return 1
    return 0

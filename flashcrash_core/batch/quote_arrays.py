"""Best quote, spread and price range of the open row: the quote part of the accumulator once more, for the compiled pass."""

from typing import Any

from flashcrash_core.batch.bar_arrays import flag_gap
from flashcrash_core.batch.book_arrays import best_ask, best_bid
from flashcrash_core.batch.pass_state import (
    ASK,
    BID,
    BOOK_CHANGED,
    COVERED_US,
    GAP,
    HAS_BOOK,
    HIGH,
    LOW,
    N_CROSSED,
    N_QUOTE_CHECKS,
    N_QUOTE_MISMATCHES,
    QUOTE_ID,
    QUOTE_SINCE_US,
    SOURCE_IS_MID,
    SPREAD_SUM,
    SYNC,
    SYNCED,
    TICK,
    TICKER_ASK,
    TICKER_BID,
    TICKER_KNOWN,
    UPDATE_ID,
)

__all__ = ["check_against_ticker", "cover", "lose_book", "note_price", "set_quote", "take_book_quote"]


def cover(s: Any, f: Any, until_us: int) -> None:
    """Weigh the standing spread by the time it stood."""
    stood_us = until_us - s[QUOTE_SINCE_US]
    if stood_us > 0:
        bid, ask = s[BID], s[ASK]
        if 0 < bid < ask:
            f[SPREAD_SUM] += (ask - bid) * 2.0 / (ask + bid) * stood_us
            s[COVERED_US] += stood_us
        s[QUOTE_SINCE_US] = until_us


def note_price(f: Any, price: float) -> None:
    """Widen the row's range; written so that it also holds while the range is NaN."""
    if not price >= f[LOW]:
        f[LOW] = price
    if not price <= f[HIGH]:
        f[HIGH] = price


def set_quote(s: Any, f: Any, bid: int, ask: int, update_id: int, act_us: int) -> None:
    """Take a best quote that is not older than the one held."""
    s[QUOTE_ID] = update_id
    if bid == s[BID] and ask == s[ASK]:
        return
    cover(s, f, act_us)
    s[BID] = bid
    s[ASK] = ask
    if s[SOURCE_IS_MID] != 0 and 0 < bid < ask and s[SYNC] == SYNCED:
        note_price(f, (bid + ask) * 0.5 * f[TICK])


def take_book_quote(s: Any, f: Any, book: Any, act_us: int) -> None:
    """Take the book's own best quote, while the book may be used."""
    if s[SYNC] != SYNCED:
        return
    bid, ask = best_bid(s, book), best_ask(s, book)
    if bid >= ask > 0:
        s[N_CROSSED] += 1
    if s[UPDATE_ID] >= s[QUOTE_ID]:
        set_quote(s, f, bid, ask, s[UPDATE_ID], act_us)


def check_against_ticker(s: Any, book: Any) -> None:
    """Count whether the book shows what the newest ticker showed."""
    if s[TICKER_KNOWN] != 0 and s[SYNC] == SYNCED:
        s[N_QUOTE_CHECKS] += 1
        if s[TICKER_BID] != best_bid(s, book) or s[TICKER_ASK] != best_ask(s, book):
            s[N_QUOTE_MISMATCHES] += 1


def lose_book(s: Any, f: Any, act_us: int) -> bool:
    """A gap: the second is flagged, and a book of its own is not to be quoted from. False when too many seconds are flagged."""
    s[GAP] = 1
    room = flag_gap(s, act_us)
    if s[HAS_BOOK] != 0:
        s[BOOK_CHANGED] = 1
        cover(s, f, act_us)
        s[BID] = 0
        s[ASK] = 0
        s[QUOTE_ID] = -1
    return room

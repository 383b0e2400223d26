"""The pass over a tape's events: clock, book, bars, rows, in one loop that numba compiles.

It does to arrays what ``Lane.on_market`` (runtime/lane.py) does to a
:class:`~flashcrash_core.market.accumulator.FeatureAccumulator`: an event first closes the rows before it, then acts. Tests hold the
two equal to the bit, after any event.
"""

from typing import Any, Final

from flashcrash_core.batch.bar_arrays import add_trade
from flashcrash_core.batch.book_arrays import fits
from flashcrash_core.batch.book_chain import BROKEN, TOO_LARGE, lose_to_feed, take_delta, take_snapshot
from flashcrash_core.batch.event_clock import admit, start_grid
from flashcrash_core.batch.indexing import nth
from flashcrash_core.batch.pass_state import (
    ACT_US,
    ADMITTED,
    BOOK,
    BOOK_CHANGED,
    BOOK_US,
    BUY_UNITS,
    EVENT,
    FUTURES,
    HAS_BOOK,
    LAST,
    LATENCY_US,
    LEVEL,
    LIMIT_ID,
    LIMIT_STAMP,
    LIMIT_SUM,
    LIMIT_VALUE,
    MARKS,
    MAX_SILENCE_US,
    N_DELTAS,
    N_FEED_GAPS,
    N_NOT_POSITIVE,
    N_QUOTES,
    N_SNAPSHOTS,
    N_TRADES,
    NEXT_ROW_US,
    NOTE,
    NOW_US,
    QUOTE,
    QUOTE_ID,
    QUOTES,
    REASON_GAP,
    REASON_REJECTED,
    ROOM,
    ROWS,
    SELL_UNITS,
    SLOW,
    SOURCE_IS_MID,
    SYNC,
    SYNCED,
    TICK,
    TICKER_ASK,
    TICKER_BID,
    TICKER_EVENT,
    TICKER_KNOWN,
    TICKER_ROW,
    TIMED,
    TRADE,
    TRADES,
    UPDATE_ID,
    UPDATES,
    PassState,
    TapeArrays,
)
from flashcrash_core.batch.quote_arrays import check_against_ticker, lose_book, note_price, set_quote, take_book_quote
from flashcrash_core.batch.row_close import close_row
from flashcrash_core.batch.row_table import RESTARTS, SETTLES, RowTable
from flashcrash_core.market.accumulator import LATENCY_LIMIT_US
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.tape.columns import NONE, Kind

__all__ = ["DONE", "NEEDS_ROOM", "NOT_A_TAPE", "NUMBER_TOO_LARGE", "run_events"]

DONE: Final = 0
NEEDS_ROOM: Final = 1
"""The event at the cursor closes more rows than there is room for: call again with more."""
NUMBER_TOO_LARGE: Final = 2
"""The event at the cursor holds a number, or completes a sum, that 64 bits could not hold with certainty."""
NOT_A_TAPE: Final = 3
"""The tables do not belong together at the event at the cursor."""

KIND_TRADE: Final = int(Kind.TRADE)
KIND_QUOTE: Final = int(Kind.QUOTE)
KIND_DELTA: Final = int(Kind.DELTA)
KIND_SNAPSHOT: Final = int(Kind.SNAPSHOT)
KIND_GAP: Final = int(Kind.GAP)
KIND_REJECTED: Final = int(Kind.REJECTED)
KIND_TIMER: Final = int(Kind.TIMER)

SETTLE_US: Final = 6_000_000
"""``runtime.lane._SETTLE_US``; a test holds them equal."""


def run_events(state: PassState, tape: TapeArrays, table: RowTable, until_event: int, max_rows: int) -> int:
    """Take the events from the cursor to ``until_event``, or until ``max_rows`` rows were closed; what ended it."""
    # Every array by its own name: taking one out of a tuple inside the loop counts references.
    s, f, book, held = state.numbers, state.floats, state.book, state.held
    mark_seconds, mark_prices, reasons = state.mark_seconds, state.mark_prices, state.reasons
    kinds, exchange_us, received_us = tape.kind, tape.exchange_us, tape.receive_us
    trade_price, trade_lots, trade_side = tape.trade_price, tape.trade_lots, tape.trade_side
    quote_id, bid_ticks, bid_lots, ask_ticks, ask_lots = tape.quote_id, tape.bid_ticks, tape.bid_lots, tape.ask_ticks, tape.ask_lots
    first_ids, last_ids, prev_ids, bids, asks = tape.first_id, tape.last_id, tape.prev_id, tape.bids, tape.asks
    prices, quantities, texts = tape.level_price, tape.level_lots, tape.text
    integers, floats, bars, bar_prices = table.integers, table.floats, table.bars, table.bar_prices
    room, marks_room = integers.shape[1], mark_seconds.shape[0]
    for event in range(s[EVENT], until_event):
        if s[ROWS] >= max_rows:
            return DONE
        kind, own_us, receive_us = kinds[nth(event)], exchange_us[nth(event)], received_us[nth(event)]
        if s[ADMITTED] != 0:
            s[ADMITTED] = 0
            act_us = s[ACT_US]
        else:
            if not (-LIMIT_STAMP < receive_us < LIMIT_STAMP and (own_us == NONE or -LIMIT_STAMP < own_us < LIMIT_STAMP)):
                return NUMBER_TOO_LARGE
            act_us = admit(s, own_us, receive_us)
        if act_us >= 0 and 0 < s[NEXT_ROW_US] <= act_us:
            settles = act_us - s[NEXT_ROW_US] > s[MAX_SILENCE_US]
            until_us = min(act_us, s[NEXT_ROW_US] + SETTLE_US) if settles else act_us
            rows = (until_us - s[NEXT_ROW_US]) // GRID_US + 1
            if s[ROWS] + rows > room or s[MARKS] + rows // 10 + 2 > marks_room:
                s[ADMITTED] = 1
                s[ACT_US] = act_us
                s[ROOM] = rows
                return NEEDS_ROOM
            flags = SETTLES | RESTARTS if settles else 0
            while s[NEXT_ROW_US] <= until_us:
                if not close_row(s, f, book, mark_seconds, mark_prices, integers, floats, bars, bar_prices, event, flags):
                    return NUMBER_TOO_LARGE
                flags &= SETTLES
            if settles:
                start_grid(s, act_us)
        if act_us >= 0 and s[LATENCY_US] >= 0 and kind != KIND_TIMER:
            s[TIMED] += 1
            if s[LATENCY_US] > LATENCY_LIMIT_US:
                s[SLOW] += 1
        if kind == KIND_TRADE:
            at = s[TRADE]
            if at >= trade_price.shape[0]:
                return NOT_A_TAPE
            s[TRADE] = at + 1
            if act_us >= 0:
                traded_us = act_us if own_us == NONE else own_us
                if not _on_trade(s, f, trade_price[nth(at)], trade_lots[nth(at)], trade_side[nth(at)], traded_us):
                    return NUMBER_TOO_LARGE
        elif kind == KIND_DELTA or kind == KIND_SNAPSHOT:  # noqa: SIM109 - a tuple is a loop once compiled
            row, level = s[BOOK], s[LEVEL]
            if row >= bids.shape[0]:
                return NOT_A_TAPE
            first_ask = level + bids[nth(row)]
            stop = first_ask + asks[nth(row)]
            if not level <= first_ask <= stop <= prices.shape[0]:
                return NOT_A_TAPE
            first_id, last_id = first_ids[nth(row)], last_ids[nth(row)]
            if not (-LIMIT_ID < first_id < LIMIT_ID and -LIMIT_ID < last_id < LIMIT_ID):
                return NUMBER_TOO_LARGE
            if kind == KIND_DELTA:
                good = _count_updates(s, first_id, last_id, stop - level) if act_us >= 0 else True
                before_id = s[UPDATE_ID]
                taken = take_delta(s, book, held, prices, quantities, first_id, last_id, prev_ids[nth(row)], level, first_ask, stop)
                good = good and _after_delta(s, f, book, taken, before_id, act_us)
            else:
                good = take_snapshot(s, book, held, tape, row, level) != TOO_LARGE
                _after_snapshot(s, f, book, act_us)
            if not good:
                return NUMBER_TOO_LARGE
            s[BOOK] = row + 1
            s[LEVEL] = stop
        elif kind == KIND_QUOTE:
            at = s[QUOTE]
            if at >= quote_id.shape[0]:
                return NOT_A_TAPE
            s[QUOTE] = at + 1
            if act_us >= 0:
                sizes_good = bid_lots[nth(at)] >= 0 and ask_lots[nth(at)] >= 0
                if not _on_quote(s, f, quote_id[nth(at)], bid_ticks[nth(at)], ask_ticks[nth(at)], sizes_good, act_us):
                    return NUMBER_TOO_LARGE
        elif kind == KIND_GAP or kind == KIND_REJECTED:  # noqa: SIM109
            at = s[NOTE]
            if at >= texts.shape[0]:
                return NOT_A_TAPE
            text = texts[at]
            if not 0 <= text < reasons.shape[1]:
                return NOT_A_TAPE
            s[NOTE] = at + 1
            if act_us >= 0:
                if kind == KIND_REJECTED:
                    reasons[REASON_REJECTED, text] += 1
                else:
                    reasons[REASON_GAP, text] += 1
                    if not _on_gap(s, f, act_us):
                        return NUMBER_TOO_LARGE
        elif kind != KIND_TIMER:
            return NOT_A_TAPE
        s[EVENT] = event + 1
    return DONE


def _on_trade(s: Any, f: Any, ticks: int, lots: int, side: int, traded_us: int) -> bool:
    if ticks <= 0 or lots <= 0:
        s[N_NOT_POSITIVE] += 1
        return True
    if not fits(ticks, lots):
        return False
    s[N_TRADES] += 1
    s[TRADES] += 1
    units = ticks * lots
    place = BUY_UNITS if side > 0 else SELL_UNITS
    s[nth(place)] += units
    s[LAST] = ticks
    if s[SOURCE_IS_MID] == 0:
        note_price(f, ticks * f[TICK])
    return add_trade(s, traded_us, ticks, units) and s[nth(place)] < LIMIT_SUM


def _on_quote(s: Any, f: Any, update_id: int, bid: int, ask: int, sizes_good: bool, act_us: int) -> bool:
    if bid <= 0 or ask <= 0 or not sizes_good:
        s[N_NOT_POSITIVE] += 1
        return True
    if bid >= LIMIT_VALUE or ask >= LIMIT_VALUE or not -LIMIT_ID < update_id < LIMIT_ID:
        return False
    s[N_QUOTES] += 1
    s[QUOTES] += 1
    s[TICKER_KNOWN] = 1
    s[TICKER_ROW] = s[QUOTE] - 1
    s[TICKER_EVENT] = s[EVENT]
    s[TICKER_BID] = bid
    s[TICKER_ASK] = ask
    if update_id >= s[QUOTE_ID]:
        set_quote(s, f, bid, ask, update_id, act_us)
    return True


def _count_updates(s: Any, first_id: int, last_id: int, levels: int) -> bool:
    s[N_DELTAS] += 1
    if s[FUTURES] != 0:
        s[UPDATES] += levels
    else:
        s[UPDATES] += max(last_id - first_id + 1, 0)
    return bool(s[UPDATES] < LIMIT_SUM)


def _after_delta(s: Any, f: Any, book: Any, taken: int, before_id: int, act_us: int) -> bool:
    """A late diff (``act_us`` below 0) still belongs in the book; nothing else of it is used."""
    if taken == TOO_LARGE:
        return False
    if act_us < 0 or taken != BROKEN:
        s[BOOK_CHANGED] = 1
    if taken == BROKEN:
        return lose_book(s, f, act_us if act_us >= 0 else s[NOW_US])
    if act_us >= 0:
        s[BOOK_US] = act_us
        if s[UPDATE_ID] != before_id:
            check_against_ticker(s, book)
    take_book_quote(s, f, book, act_us if act_us >= 0 else s[NOW_US])
    return True


def _after_snapshot(s: Any, f: Any, book: Any, act_us: int) -> None:
    s[BOOK_CHANGED] = 1
    if act_us >= 0:
        s[N_SNAPSHOTS] += 1
        s[BOOK_US] = act_us
    take_book_quote(s, f, book, act_us if act_us >= 0 else s[NOW_US])


def _on_gap(s: Any, f: Any, act_us: int) -> bool:
    s[N_FEED_GAPS] += 1
    if s[HAS_BOOK] != 0 and s[SYNC] == SYNCED:
        lose_to_feed(s)
    return lose_book(s, f, act_us)

"""The pass over a tape's events: clock, book, bars, rows, in one loop that numba compiles.

It does to arrays what ``Lane.on_market`` (runtime/lane.py) does to a
:class:`~flashcrash_core.market.accumulator.FeatureAccumulator`: an event first closes the rows before it, then acts. Tests hold the
two equal to the bit, after any event.
"""

from typing import Any, Final

from flashcrash_core.batch.bar_arrays import add_trade
from flashcrash_core.batch.book_arrays import fits
from flashcrash_core.batch.book_chain import BROKEN, OK, TOO_LARGE, lose_to_feed, take_delta, take_snapshot
from flashcrash_core.batch.event_clock import admit, start_grid
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
    s, f, book, held = state.numbers, state.floats, state.book, state.held
    mark_seconds, mark_prices, reasons = state.mark_seconds, state.mark_prices, state.reasons
    kinds, exchange_us, received_us = tape.kind, tape.exchange_us, tape.receive_us
    room = table.event.shape[0]
    for event in range(s[EVENT], until_event):
        if table.counts[0] >= max_rows:
            return DONE
        kind, own_us, receive_us = kinds[event], exchange_us[event], received_us[event]
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
            if table.counts[0] + rows > room or s[MARKS] + rows // 10 + 2 > mark_seconds.shape[0]:
                s[ADMITTED] = 1
                s[ACT_US] = act_us
                s[ROOM] = rows
                return NEEDS_ROOM
            flag = 0
            if settles:
                flag = SETTLES | RESTARTS
            while s[NEXT_ROW_US] <= until_us:
                if not close_row(s, f, book, mark_seconds, mark_prices, table, flag):
                    return NUMBER_TOO_LARGE
                flag &= SETTLES
            if settles:
                start_grid(s, act_us)
        if act_us >= 0 and s[LATENCY_US] >= 0 and kind != KIND_TIMER:
            s[TIMED] += 1
            if s[LATENCY_US] > LATENCY_LIMIT_US:
                s[SLOW] += 1
        if kind == KIND_TRADE:
            at = s[TRADE]
            if at >= tape.trade_price.shape[0]:
                return NOT_A_TAPE
            s[TRADE] = at + 1
            if act_us >= 0 and not _on_trade(s, f, tape, at, own_us, act_us):
                return NUMBER_TOO_LARGE
        elif kind == KIND_DELTA or kind == KIND_SNAPSHOT:  # noqa: SIM109 - a tuple is a loop once compiled
            row, level = s[BOOK], s[LEVEL]
            if row >= tape.bids.shape[0]:
                return NOT_A_TAPE
            bids, asks = tape.bids[row], tape.asks[row]
            if bids < 0 or asks < 0 or level + bids + asks > tape.level_price.shape[0]:
                return NOT_A_TAPE
            s[BOOK] = row + 1
            s[LEVEL] = level + bids + asks
            if not (-LIMIT_ID < tape.first_id[row] < LIMIT_ID and -LIMIT_ID < tape.last_id[row] < LIMIT_ID):
                return NUMBER_TOO_LARGE
            if kind == KIND_DELTA:
                good = _on_delta(s, f, book, held, tape, row, level, act_us)
            else:
                good = _on_snapshot(s, f, book, held, tape, row, level, act_us)
            if not good:
                return NUMBER_TOO_LARGE
        elif kind == KIND_QUOTE:
            at = s[QUOTE]
            if at >= tape.quote_id.shape[0]:
                return NOT_A_TAPE
            s[QUOTE] = at + 1
            if act_us >= 0 and not _on_quote(s, f, tape, at, event, act_us):
                return NUMBER_TOO_LARGE
        elif kind == KIND_GAP or kind == KIND_REJECTED:  # noqa: SIM109
            at = s[NOTE]
            if at >= tape.text.shape[0]:
                return NOT_A_TAPE
            text = tape.text[at]
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


def _on_trade(s: Any, f: Any, tape: TapeArrays, at: int, own_us: int, act_us: int) -> bool:
    ticks, lots = tape.trade_price[at], tape.trade_lots[at]
    if ticks <= 0 or lots <= 0:
        s[N_NOT_POSITIVE] += 1
        return True
    if not fits(ticks, lots):
        return False
    s[N_TRADES] += 1
    s[TRADES] += 1
    units = ticks * lots
    side = BUY_UNITS if tape.trade_side[at] > 0 else SELL_UNITS
    s[side] += units
    s[LAST] = ticks
    if s[SOURCE_IS_MID] == 0:
        note_price(f, ticks * f[TICK])
    return add_trade(s, act_us if own_us == NONE else own_us, ticks, units) and s[side] < LIMIT_SUM


def _on_quote(s: Any, f: Any, tape: TapeArrays, at: int, event: int, act_us: int) -> bool:
    bid, ask = tape.bid_ticks[at], tape.ask_ticks[at]
    if bid <= 0 or ask <= 0 or tape.bid_lots[at] < 0 or tape.ask_lots[at] < 0:
        s[N_NOT_POSITIVE] += 1
        return True
    update_id = tape.quote_id[at]
    if bid >= LIMIT_VALUE or ask >= LIMIT_VALUE or not -LIMIT_ID < update_id < LIMIT_ID:
        return False
    s[N_QUOTES] += 1
    s[QUOTES] += 1
    s[TICKER_KNOWN] = 1
    s[TICKER_ROW] = at
    s[TICKER_EVENT] = event
    s[TICKER_BID] = bid
    s[TICKER_ASK] = ask
    if update_id >= s[QUOTE_ID]:
        set_quote(s, f, bid, ask, update_id, act_us)
    return True


def _on_delta(s: Any, f: Any, book: Any, held: Any, tape: TapeArrays, row: int, level: int, act_us: int) -> bool:
    """A diff; a late one still belongs in the book, and nothing else of it is used."""
    if act_us < 0:
        s[BOOK_CHANGED] = 1
        taken = take_delta(s, book, held, tape, row, level)
        if taken == OK:
            take_book_quote(s, f, book, s[NOW_US])
            return True
        return taken == BROKEN and lose_book(s, f, s[NOW_US])
    s[N_DELTAS] += 1
    if s[FUTURES] != 0:
        s[UPDATES] += tape.bids[row] + tape.asks[row]
    else:
        s[UPDATES] += max(tape.last_id[row] - tape.first_id[row] + 1, 0)
        if s[UPDATES] >= LIMIT_SUM:
            return False
    before_id = s[UPDATE_ID]
    taken = take_delta(s, book, held, tape, row, level)
    if taken == TOO_LARGE:
        return False
    if taken == BROKEN:
        return lose_book(s, f, act_us)
    s[BOOK_US] = act_us
    s[BOOK_CHANGED] = 1
    if s[UPDATE_ID] != before_id:
        check_against_ticker(s, book)
    take_book_quote(s, f, book, act_us)
    return True


def _on_snapshot(s: Any, f: Any, book: Any, held: Any, tape: TapeArrays, row: int, level: int, act_us: int) -> bool:
    s[BOOK_CHANGED] = 1
    if take_snapshot(s, book, held, tape, row, level) == TOO_LARGE:
        return False
    if act_us < 0:
        take_book_quote(s, f, book, s[NOW_US])
        return True
    s[N_SNAPSHOTS] += 1
    s[BOOK_US] = act_us
    take_book_quote(s, f, book, act_us)
    return True


def _on_gap(s: Any, f: Any, act_us: int) -> bool:
    s[N_FEED_GAPS] += 1
    if s[HAS_BOOK] != 0 and s[SYNC] == SYNCED:
        lose_to_feed(s)
    return lose_book(s, f, act_us)

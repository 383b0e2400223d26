"""The state of the compiled pass: what :class:`~flashcrash_core.market.accumulator.FeatureAccumulator` holds, as flat arrays.

Whole numbers stand in one int64 array, ``numbers``, at the places named here; floats in ``floats``. Places are constants, so that
compiled code reads them as it would a field, and a checkpoint is a copy of a few small arrays. Small collections (open bars, gap
seconds, walls, latencies) are regions of ``numbers``: a place, and a count beside it.

Numbers are int64 where the accumulator has Python's, which never overflow. Every price, quantity, id and stamp is checked against
the limits below before it is used; what is larger ends the pass with an error, never with a wrapped sum.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from flashcrash_core.market.book import MAX_LEVELS
from flashcrash_core.market.book_sync import MAX_BUFFERED, SyncState
from flashcrash_core.market.depth_profile import TOP_LEVELS

__all__ = ["PassState", "TapeArrays", "copied", "new_state", "number_names"]

# -- limits ----------------------------------------------------------------------------------------------------------------

LIMIT_SMALL: Final = 2**29
"""A price and a quantity both in 0 .. 2^29 need no further check."""
LIMIT_VALUE: Final = 2**46
"""Prices in ticks and quantities in lots: 10,025 times twice the one and 2^15 times the other stay below 2^63."""
LIMIT_UNITS: Final = 2.0**58
"""Price times quantity: the sums of 20 levels, three times doubled, stay below 2^63."""
LIMIT_SUM: Final = 2**61
"""Running sums of price times quantity; one more summand cannot reach 2^63."""
LIMIT_STAMP: Final = 2**60
"""Exchange and receive times; four of them are added and subtracted."""
LIMIT_ID: Final = 2**61
"""Update ids."""

# -- places of whole numbers -----------------------------------------------------------------------------------------------

_names: Final[list[str]] = []
_next: Final[list[int]] = [0]


def _place(name: str, length: int = 1) -> int:
    """Give ``length`` numbers a place; the name is what errors and tests show."""
    at = _next[0]
    _names.extend([name] * length)
    _next[0] = at + length
    return at


# how the pass was set up
HAS_BOOK: Final = _place("has_book")
SOURCE_IS_MID: Final = _place("source_is_mid")
FUTURES: Final = _place("futures")
MAX_SILENCE_US: Final = _place("max_silence_us")
# cursors: rows of each table that were consumed
EVENT: Final = _place("event")
TRADE: Final = _place("trade")
QUOTE: Final = _place("quote")
BOOK: Final = _place("book")
LEVEL: Final = _place("level")
NOTE: Final = _place("note")
ADMITTED: Final = _place("admitted")
"""1 while the event at the cursor went through the clock but waits for room for its rows."""
ROOM: Final = _place("room")
"""Rows that the event at the cursor closes, when it waits for room."""
ROWS: Final = _place("rows")
BARS: Final = _place("bars")
"""Rows and bars written since the pass was last called."""
# clock
NOW_US: Final = _place("now_us")
ACT_US: Final = _place("act_us")
LATENCY_US: Final = _place("latency_us")
LEAST_KNOWN: Final = _place("least_known")
LEAST_US: Final = _place("least_us")
RECEIVE_US: Final = _place("receive_us")
AGREEING: Final = _place("agreeing")
LEAP_US: Final = _place("leap_us")
LEAP_RECEIVE_US: Final = _place("leap_receive_us")
STEPS: Final = _place("steps")
# book and its chain
SYNC: Final = _place("sync_state")
UPDATE_ID: Final = _place("update_id")
EVER_SYNCED: Final = _place("ever_synced")
FRESH: Final = _place("fresh")
ENDS: Final = _place("ends", 2)
"""One past the best level of bids and of asks in ``book``; :data:`PAD` for an empty side."""
HELD: Final = _place("held")
HELD_FIRST: Final = _place("held_first")
"""The ring of diffs held back: how many, and where the oldest is."""
# best quote
BID: Final = _place("bid_ticks")
ASK: Final = _place("ask_ticks")
LAST: Final = _place("last_ticks")
QUOTE_ID: Final = _place("quote_id")
QUOTE_SINCE_US: Final = _place("quote_since_us")
TICKER_KNOWN: Final = _place("ticker_known")
TICKER_ROW: Final = _place("ticker_row")
TICKER_EVENT: Final = _place("ticker_event")
TICKER_BID: Final = _place("ticker_bid")
TICKER_ASK: Final = _place("ticker_ask")
BOOK_US: Final = _place("book_us")
BOOK_CHANGED: Final = _place("book_changed")
# the open row
NEXT_ROW_US: Final = _place("next_row_us")
COVERED_US: Final = _place("covered_us")
BUY_UNITS: Final = _place("buy_units")
SELL_UNITS: Final = _place("sell_units")
TRADES: Final = _place("trades")
QUOTES: Final = _place("quotes")
UPDATES: Final = _place("updates")
GAP: Final = _place("gap")
TIMED: Final = _place("timed")
SLOW: Final = _place("slow")
SLOW_ROWS: Final = _place("slow_rows")
# latencies of the last rows: a ring of counts of timed and of slow events, and its sums
LATENCY_ROWS: Final = 10
LATENCIES: Final = _place("latencies")
LATENCY_FIRST: Final = _place("latency_first")
TIMED_SUM: Final = _place("timed_sum")
SLOW_SUM: Final = _place("slow_sum")
TIMED_RING: Final = _place("timed_ring", LATENCY_ROWS)
SLOW_RING: Final = _place("slow_ring", LATENCY_ROWS)
# depth profile
BAND_LOTS: Final = _place("band_lots", 2)
TOP_LOTS: Final = _place("top_lots", 2)
TOP_WORTH: Final = _place("top_worth", 2)
EXIT_UNITS: Final = _place("exit_units")
WALLS: Final = _place("walls", 2)
"""Depth in the order of ``DepthProfile``; then how many levels of bids and of asks the newest profile found to be walls."""
MARKED: Final = _place("marked", 2)
"""Key of the worst level of either side in the newest profile: none beyond it was a wall."""
GONE: Final = _place("gone", 2)
GONE_KEYS: Final = _place("gone_keys", 2 * TOP_LEVELS)
GONE_SINCE_US: Final = _place("gone_since_us", 2 * TOP_LEVELS)
"""Walls of the newest profile that are not in the book any more: one that comes back before the next was there all along."""
TOP_UNITS_LENGTH: Final = 24
TOP_UNITS: Final = _place("top_units", TOP_UNITS_LENGTH)
"""Scratch: what the best levels of a side are worth, best last; then, and for levels that are not there, what no level is worth."""
MEDIANS: Final = _place("medians", 2)
"""The lower middle one of those of either side, when it was last looked for: where the search begins. It decides nothing."""
# bars
BAR_FIELDS: Final = 7
OPEN_LIMIT: Final = 16
"""Bars of at most three seconds are open, and one or two of trades before the first exchange time; see market/bars.py."""
OPEN_BARS: Final = _place("open_bars_held")
OPEN_BAR: Final = _place("open_bars", OPEN_LIMIT * BAR_FIELDS)
"""By bar: second, open, high, low, close, units, trades."""
MARKS: Final = _place("marks")
GAP_SECONDS: Final = _place("gap_seconds_held")
GAP_SECOND: Final = _place("gap_seconds", OPEN_LIMIT)
CLOSE: Final = _place("close_ticks")
EMPTY_RUN: Final = _place("empty_run")
GAP_SEEN: Final = _place("gap_seen")
# the newest closed bar
BAR_KNOWN: Final = _place("bar_known")
BAR_START_US: Final = _place("bar_start_us")
BAR_OPEN: Final = _place("bar_open")
BAR_HIGH: Final = _place("bar_high")
BAR_LOW: Final = _place("bar_low")
BAR_CLOSE: Final = _place("bar_close")
BAR_UNITS: Final = _place("bar_units")
BAR_TRADES: Final = _place("bar_trades")
BAR_EMPTY: Final = _place("bar_empty")
BAR_GAP: Final = _place("bar_gap")
# what was counted: by the accumulator, then by the book's chain
N_LATE: Final = _place("count:late")
N_TIME_LEAP: Final = _place("count:rejected.time_leap")
N_NOT_POSITIVE: Final = _place("count:rejected.not_positive")
N_TRADES: Final = _place("count:trades")
N_QUOTES: Final = _place("count:quotes")
N_DELTAS: Final = _place("count:deltas")
N_SNAPSHOTS: Final = _place("count:snapshots")
N_FEED_GAPS: Final = _place("count:feed_gaps")
N_CROSSED: Final = _place("count:book_crossed")
N_QUOTE_CHECKS: Final = _place("count:quote_checks")
N_QUOTE_MISMATCHES: Final = _place("count:quote_mismatches")
N_GAPS: Final = _place("sync:gaps")
N_LOST_TO_FEED: Final = _place("sync:feed_gap")
N_RESYNCS: Final = _place("sync:resyncs")
N_STALE: Final = _place("sync:stale_snapshots")
N_OLD: Final = _place("sync:old_deltas")
N_DROPPED: Final = _place("sync:dropped_buffer")
NUMBERS: Final = _next[0]

# -- places of floats ------------------------------------------------------------------------------------------------------

TICK: Final = 0
LOT: Final = 1
TO_QUOTE: Final = 2
SPREAD_SUM: Final = 3
LOW: Final = 4
HIGH: Final = 5
BAR_PRICE: Final = 6
DEPTH_COLUMNS: Final = 7
"""Seven: band bid and ask quantity, top bid and ask quantity, top bid and ask notional, exit notional."""
BAR_COLUMNS: Final = 14
"""Six: open, high, low, close, price, notional of the newest bar."""
FLOATS: Final = 20

# -- rows of the other arrays ----------------------------------------------------------------------------------------------

KEYS: Final = 0
LOTS: Final = 2
SINCE_US: Final = 4
PAD: Final = 32
NO_KEY: Final = -(2**62)
"""Rows of ``book``: keys (price x sign) of bids and asks, their lots, and since when each is a wall (0: it is none). The best level
of a side is its last, the first PAD places hold no levels; see book_arrays.py."""
HELD_BOOK: Final = 0
HELD_LEVEL: Final = 1
HELD_EVENT: Final = 2
"""Rows of ``held``: a diff held back as its row in ``books``, its first row in ``levels``, and its event."""
REASON_GAP: Final = 0
REASON_REJECTED: Final = 1
"""Rows of ``reasons``: feed gaps and rejected messages by text of the tape."""

SYNCED: Final = int(SyncState.SYNCED)
BUFFERING: Final = int(SyncState.BUFFERING)


class PassState(NamedTuple):
    """Everything that the pass remembers between two events."""

    numbers: Any
    """int64, by the places above."""
    floats: Any
    book: Any
    """int64, six rows."""
    held: Any
    """int64, three rows."""
    mark_seconds: Any
    mark_prices: Any
    """Price of the source at seconds' ends; a mark that a restart left unread stays, as in the accumulator, so these two grow."""
    reasons: Any
    """int64, two rows."""


class TapeArrays(NamedTuple):
    """The columns that the pass reads, read-only and contiguous, so that there is one compiled form."""

    kind: Any
    exchange_us: Any
    receive_us: Any
    trade_price: Any
    trade_lots: Any
    trade_side: Any
    quote_id: Any
    bid_ticks: Any
    bid_lots: Any
    ask_ticks: Any
    ask_lots: Any
    first_id: Any
    last_id: Any
    prev_id: Any
    bids: Any
    asks: Any
    level_price: Any
    level_lots: Any
    text: Any


def number_names() -> tuple[str, ...]:
    """What stands at each place of ``numbers``."""
    return tuple(_names)


def new_state(texts: int, largest_message: int) -> PassState:
    """An empty market. ``largest_message`` is the most levels of a side in one message: a side exceeds its bound by so many."""
    numbers = np.zeros(NUMBERS, np.int64)
    numbers[QUOTE_ID] = -1
    numbers[LATENCY_US] = -1
    numbers[BAR_EMPTY] = 1
    numbers[ENDS : ENDS + 2] = PAD
    book = np.zeros((6, PAD + MAX_LEVELS + largest_message + 1), np.int64)
    numbers[TOP_UNITS : TOP_UNITS + TOP_UNITS_LENGTH] = -NO_KEY
    book[KEYS : KEYS + 2, :PAD] = NO_KEY
    floats = np.zeros(FLOATS, np.float64)
    floats[LOW] = floats[HIGH] = floats[BAR_PRICE] = np.nan
    floats[BAR_COLUMNS : BAR_COLUMNS + 6] = np.nan
    return PassState(
        numbers,
        floats,
        book,
        np.zeros((3, MAX_BUFFERED), np.int64),
        np.zeros(64, np.int64),
        np.zeros(64, np.float64),
        np.zeros((2, max(texts, 1)), np.int64),
    )


def copied(state: PassState) -> PassState:
    """A copy of what is in use; the rest of the large arrays is left out."""
    numbers = state.numbers
    end, held, marks = max(numbers[ENDS : ENDS + 2]), numbers[HELD], numbers[MARKS]
    ring = state.held if numbers[HELD_FIRST] else state.held[:, :held]
    return PassState(
        numbers.copy(),
        state.floats.copy(),
        state.book[:, :end].copy(),
        ring.copy(),
        state.mark_seconds[:marks].copy(),
        state.mark_prices[:marks].copy(),
        state.reasons.copy(),
    )

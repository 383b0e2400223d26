"""The state of the compiled pass as :meth:`~flashcrash_core.market.accumulator.FeatureAccumulator.snapshot` would give it.

So the streaming engine can take over after any event: ``FeatureAccumulator.restore`` reads it.
"""

from collections import Counter
from typing import Any, Final

import numpy as np

from flashcrash_core.batch import pass_state as at
from flashcrash_core.batch.pass_state import PassState
from flashcrash_core.market.book_sync import MAX_BUFFERED
from flashcrash_core.market.depth_profile import TOP_LEVELS
from flashcrash_core.market.tape.columns import NONE, TapeColumns

__all__ = ["accumulator_snapshot", "counts_of", "sync_counts_of"]


def _places(kind: str) -> tuple[tuple[int, str], ...]:
    """Where the counts of that kind stand, and what they count."""
    parted = ((i, *name.partition(":")) for i, name in enumerate(at.number_names()))
    return tuple((i, name) for i, known, _, name in parted if known == kind)


_COUNTS: Final = _places("count")
_SYNC_COUNTS: Final = _places("sync")


def counts_of(state: PassState, texts: tuple[tuple[str, str], ...]) -> Counter[str]:
    """``FeatureAccumulator.counts``."""
    counts = _counted(state, _COUNTS)
    for row, prefix in ((at.REASON_GAP, "feed_gap"), (at.REASON_REJECTED, "rejected")):
        for text in np.flatnonzero(state.reasons[row]).tolist():
            counts[f"{prefix}.{texts[text][0]}"] += int(state.reasons[row, text])
    return counts


def sync_counts_of(state: PassState) -> Counter[str]:
    """``BookSync.counts``."""
    return _counted(state, _SYNC_COUNTS)


def _counted(state: PassState, places: tuple[tuple[int, str], ...]) -> Counter[str]:
    return Counter({name: int(state.numbers[i]) for i, name in places if state.numbers[i]})


def accumulator_snapshot(state: PassState, columns: TapeColumns, first_seq: int) -> dict[str, Any]:
    """What ``FeatureAccumulator.snapshot()`` holds after the events consumed; the tape's first event has ``first_seq``."""
    s, f = state.numbers.tolist(), state.floats.tolist()
    return {
        "plain": {
            "bid_ticks": s[at.BID],
            "ask_ticks": s[at.ASK],
            "last_ticks": s[at.LAST],
            "next_row_us": s[at.NEXT_ROW_US],
            "_quote_id": s[at.QUOTE_ID],
            "_book_us": s[at.BOOK_US],
            "_book_changed": bool(s[at.BOOK_CHANGED]),
            "_quote_since_us": s[at.QUOTE_SINCE_US],
            "_spread_sum": f[at.SPREAD_SUM],
            "_covered_us": s[at.COVERED_US],
            "_low": f[at.LOW],
            "_high": f[at.HIGH],
            "_buy_units": s[at.BUY_UNITS],
            "_sell_units": s[at.SELL_UNITS],
            "_trades": s[at.TRADES],
            "_quotes": s[at.QUOTES],
            "_updates": s[at.UPDATES],
            "_gap": bool(s[at.GAP]),
            "_timed": s[at.TIMED],
            "_slow": s[at.SLOW],
            "_slow_rows": s[at.SLOW_ROWS],
        },
        "clock": [
            s[at.NOW_US],
            s[at.LEAST_US] if s[at.LEAST_KNOWN] else None,
            s[at.RECEIVE_US],
            s[at.AGREEING],
            s[at.LEAP_US],
            s[at.LEAP_RECEIVE_US],
            s[at.STEPS],
        ],
        "sync": {
            "state": s[at.SYNC],
            "update_id": s[at.UPDATE_ID],
            "ever_synced": bool(s[at.EVER_SYNCED]),
            "fresh": bool(s[at.FRESH]),
            "counts": dict(sync_counts_of(state)),
            "bids": _levels(state, 0),
            "asks": _levels(state, 1),
            "buffer": _held(state, columns, first_seq),
        },
        "bars": _bars(state),
        "bar": _bar(s, f),
        "counts": dict(counts_of(state, columns.texts)),
        "ticker": _ticker(s, columns, first_seq),
        "profile": [*s[at.BAND_LOTS : at.EXIT_UNITS + 1], _walls(state, 0), _walls(state, 1)],
        "walls": [_aged(state, 0), _aged(state, 1)],
        "latencies": _latencies(s),
    }


def _levels(state: PassState, side: int) -> list[tuple[int, int]]:
    """Best first."""
    held = slice(at.PAD, int(state.numbers[at.ENDS + side]))
    prices = state.book[at.KEYS + side, held] * (1 - 2 * side)
    return list(zip(prices[::-1].tolist(), state.book[at.LOTS + side, held][::-1].tolist(), strict=True))


def _held(state: PassState, columns: TapeColumns, first_seq: int) -> list[list[Any]]:
    books, levels = columns.tables["books"], columns.tables["levels"]
    ring = (np.arange(state.numbers[at.HELD]) + state.numbers[at.HELD_FIRST]) % MAX_BUFFERED
    buffer = []
    for row, level, event in state.held[:, ring].T.tolist():
        bids = level + int(books["bids"][row])
        asks = bids + int(books["asks"][row])
        prev_id = int(books["prev_id"][row])
        pairs = [
            list(zip(levels["price_ticks"][a:b].tolist(), levels["qty_lots"][a:b].tolist(), strict=True))
            for a, b in ((level, bids), (bids, asks))
        ]
        buffer.append([
            *_head(columns, event, first_seq), int(books["first_id"][row]), int(books["last_id"][row]), *pairs,
            None if prev_id == NONE else prev_id, int(columns.continuity),
        ])  # fmt: skip
    return buffer


def _head(columns: TapeColumns, event: int, first_seq: int) -> tuple[str, int, int | None, int]:
    """What every event begins with."""
    events = columns.tables["events"]
    own_us = int(events["exchange_us"][event])
    return columns.symbol, first_seq + event, None if own_us == NONE else own_us, int(events["receive_us"][event])


def _bars(state: PassState) -> dict[str, Any]:
    s, marks = state.numbers, state.numbers[at.MARKS]
    opened = s[at.OPEN_BAR : at.OPEN_BAR + s[at.OPEN_BARS] * at.BAR_FIELDS].reshape(-1, at.BAR_FIELDS)
    return {
        "open": opened.tolist(),
        "marks": [[k, p] for k, p in zip(state.mark_seconds[:marks].tolist(), state.mark_prices[:marks].tolist(), strict=True)],
        "gaps": sorted(s[at.GAP_SECOND : at.GAP_SECOND + s[at.GAP_SECONDS]].tolist()),
        "tail": [int(s[at.CLOSE]), int(s[at.EMPTY_RUN]), bool(s[at.GAP_SEEN])],
    }


def _bar(s: list[int], f: list[float]) -> list[Any] | None:
    if not s[at.BAR_KNOWN]:
        return None
    return [*s[at.BAR_START_US : at.BAR_TRADES + 1], bool(s[at.BAR_EMPTY]), bool(s[at.BAR_GAP]), f[at.BAR_PRICE]]


def _ticker(s: list[int], columns: TapeColumns, first_seq: int) -> list[Any] | None:
    if not s[at.TICKER_KNOWN]:
        return None
    row, quotes = s[at.TICKER_ROW], columns.tables["quotes"]
    told = (int(quotes[name][row]) for name in ("update_id", "bid_ticks", "bid_lots", "ask_ticks", "ask_lots"))
    return [*_head(columns, s[at.TICKER_EVENT], first_seq), *told]


def _walls(state: PassState, side: int) -> list[int]:
    """Best first."""
    return [price for price, _ in _walls_since(state, side)]


def _aged(state: PassState, side: int) -> list[list[int]]:
    """In the order in which they came up: those of one row came best first."""
    return sorted(_walls_since(state, side), key=lambda wall: wall[1])


def _walls_since(state: PassState, side: int) -> list[list[int]]:
    """Those of the newest profile, best first, whether they are still in the book or not."""
    s, book = state.numbers, state.book[:, at.PAD : int(state.numbers[at.ENDS + side])]
    keys, since, gone = at.GONE_KEYS + TOP_LEVELS * side, at.GONE_SINCE_US + TOP_LEVELS * side, int(s[at.GONE + side])
    held = np.flatnonzero(book[at.SINCE_US + side])
    walls = list(zip(book[at.KEYS + side, held].tolist(), book[at.SINCE_US + side, held].tolist(), strict=True))
    walls += zip(s[keys : keys + gone].tolist(), s[since : since + gone].tolist(), strict=True)
    return [[key * (1 - 2 * side), since_us] for key, since_us in sorted(walls, reverse=True)]


def _latencies(s: list[int]) -> list[list[int]]:
    """Oldest first."""
    count = s[at.LATENCIES]
    first = s[at.LATENCY_FIRST] if count == at.LATENCY_ROWS else 0
    places = [(first + i) % at.LATENCY_ROWS for i in range(count)]
    return [[s[at.TIMED_RING + i], s[at.SLOW_RING + i]] for i in places]

"""A SYNTHETIC trading day as arrays: trades and top-20 book messages of one spot symbol, a function of its plan and seed.

The book is dense on a tick of 0.01: 20 bids below and 20 asks above a mid that wanders and ends where it began, so that days join.
A message sets one to a few quantities, and adds and removes what a move of the mid asks for; update ids count changed levels and
chain (U = previous u + 1). In a share of the day there are crash-like waves: the price falls by 3.4 % in two legs and comes back,
messages and trades come six times as fast, sellers take, the spread opens and the bids vanish. The book is never crossed.
"""

from typing import Final

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

__all__ = ["BASE_TICKS", "DAY_START_US", "LOT_SIZE", "SYMBOL", "TICK_SIZE", "Day", "DayPlan", "make_day"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SYMBOL: Final = "SYNUSDT"
TICK_SIZE: Final = "0.01"
LOT_SIZE: Final = "0.001"
BASE_TICKS: Final = 15_000
DAY_START_US: Final = 1_750_032_000_000_000  # 2025-06-16T00:00:00Z
_SIDE_LEVELS: Final = 20
_WAVE_S: Final = 30.0
_WARM_S: Final = 1_500.0
_FALL: Final = ((0.0, 0.0), (0.22, -0.024), (0.27, -0.014), (0.42, -0.034), (0.48, -0.014), (0.7, -0.01), (1.0, 0.0))
"""Share of the wave and of the price: two legs down, each with a bounce sharp enough for an entry, and back."""
_SURGE: Final = ((0.0, 0.0), (0.1, 6.0), (0.41, 6.0), (0.43, 30.0), (0.48, 30.0), (0.6, 3.0), (1.0, 0.0))
"""By how many times trades grow: most in the second bounce, where the bids come back."""
_RUSH: Final = 6.0
_MOVE: Final = 0.04
"""Chance of a one-tick step of the mid at a message: about 1 tick, or 0.6 bp, per sqrt(second) at 23 messages a second."""
_FLIP: Final = 0.02
_LEVEL_LOTS: Final = 40_000.0
_TRADE_LOTS: Final = 1_500.0
_CHUNK: Final = 200_000
_ID_STRIDE: Final = 10_000_000_000
_KEY_BITS: Final = 20
_KEY_HALF: Final = 1 << (_KEY_BITS - 1)


@frozen(kw_only=True)
class DayPlan:
    """What to make. ``day`` counts from 0 and moves times, ids and the random numbers."""

    trades: int = field(default=2_000_000, validator=validators.ge(1))
    books: int = field(default=2_000_000, validator=validators.ge(1))
    span_s: float = field(default=86_400.0, validator=[validators.gt(0), validators.le(86_400)])
    awake: float = field(default=0.0001, validator=[validators.ge(0), validators.le(0.2)])
    """Share of the span that lies in crash-like waves."""
    changes: float = field(default=3.0, validator=[validators.ge(1), validators.le(8)])
    """Mean number of quantities that a message sets where the mid does not move."""
    seed: int = 1
    day: int = field(default=0, validator=[validators.ge(0), validators.le(300)])


@frozen(eq=False)
class Day:
    """The arrays. Times in microseconds UTC, prices in ticks, quantities in lots; messages and trades each in order of time."""

    plan: DayPlan
    waves: Floats
    """Start and length of each wave, seconds from the day's start."""
    snapshot_id: int
    snapshot_levels: Ints
    """Rows ``(price_ticks, qty_lots)``: 20 bids, then 20 asks, best first."""
    book_us: Ints
    first_id: Ints
    last_id: Ints
    bids: Ints
    asks: Ints
    """Changed levels of each message."""
    level_ticks: Ints
    level_lots: Ints
    """Changed levels of all messages, bids before asks in each."""
    trade_us: Ints
    trade_id: Ints
    trade_ticks: Ints
    trade_lots: Ints
    trade_side: Ints

    @property
    def start_us(self) -> int:
        """Midnight of the day; time of the snapshot."""
        return DAY_START_US + self.plan.day * 86_400_000_000

    @property
    def levels_per_message(self) -> float:
        """Mean number of changed levels of a message."""
        return len(self.level_ticks) / len(self.book_us)

    def order(self) -> Ints:
        """Arrival order of all events but the snapshot: index below ``len(book_us)`` for a message, from there on for a trade."""
        return np.argsort(np.concatenate((self.book_us, self.trade_us)), kind="stable")


def make_day(plan: DayPlan) -> Day:
    """Make the day. The same plan gives the same arrays."""
    streams = np.random.SeedSequence([plan.seed, plan.day]).spawn(4)
    path, flow, levels, placing = (np.random.default_rng(stream) for stream in streams)
    waves = _waves(plan, placing)
    start_us = DAY_START_US + plan.day * 86_400_000_000
    book_s = _times(plan, waves, plan.books, path)
    panic = _panic(waves, book_s)
    bid = _mid_path(plan, waves, book_s, path)
    flips = np.cumsum(path.random(plan.books) < _FLIP) % 2
    ask = bid + 1 + flips + (panic * 10).astype(np.int64)
    bid_count = _SIDE_LEVELS - (panic * 18).astype(np.int64)
    snapshot = _opening_levels(int(bid[0]), int(ask[0]), int(bid_count[0]), levels)
    number, ticks, lots, is_ask = _changed_levels(plan, bid, ask, bid_count, panic, levels)
    asks = np.bincount(number[is_ask], minlength=plan.books)
    total = np.bincount(number, minlength=plan.books)
    snapshot_id = plan.day * _ID_STRIDE + 1_000
    last_id = snapshot_id + np.cumsum(total)

    trade_s = _times(plan, waves, plan.trades, flow)
    heat = _panic(waves, trade_s)
    sells = flow.random(plan.trades) < 0.5 + 0.42 * heat
    at = np.maximum(np.searchsorted(book_s, trade_s, side="right") - 1, 0)
    return Day(
        plan=plan,
        waves=waves,
        snapshot_id=snapshot_id,
        snapshot_levels=snapshot,
        book_us=start_us + _microseconds(book_s),
        first_id=last_id - total + 1,
        last_id=last_id,
        bids=total - asks,
        asks=asks,
        level_ticks=ticks,
        level_lots=lots,
        trade_us=start_us + _microseconds(trade_s),
        trade_id=plan.day * _ID_STRIDE + 1 + np.arange(plan.trades),
        trade_ticks=np.where(sells, bid[at], ask[at]),
        trade_lots=1 + flow.exponential(_TRADE_LOTS * (1 + _through(waves, _SURGE, trade_s))).astype(np.int64),
        trade_side=np.where(sells, -1, 1),
    )


def _waves(plan: DayPlan, random: np.random.Generator) -> Floats:
    seconds = plan.awake * plan.span_s
    if not seconds:
        return np.empty((0, 2))
    count = max(1, round(seconds / _WAVE_S))
    length = seconds / count
    first = min(_WARM_S, plan.span_s / 4)
    room = (plan.span_s - first) / count
    starts = first + (np.arange(count) + random.random(count) * 0.2) * room
    return np.column_stack((starts, np.full(count, length)))


def _through(waves: Floats, shape: tuple[tuple[float, float], ...], at_s: Floats) -> Floats:
    """A shape of ``(part of the wave, value)`` laid over every wave, 0 between them."""
    if not len(waves):
        return np.zeros(len(at_s))
    parts, values = np.array(shape).T
    knots = (waves[:, :1] + waves[:, 1:] * parts).ravel()
    return np.interp(at_s, knots, np.tile(values, len(waves)))


def _panic(waves: Floats, at_s: Floats) -> Floats:
    """0 in calm, 1 in the middle of a fall."""
    return _through(waves, ((0.0, 0.0), (0.1, 1.0), (0.41, 1.0), (0.44, 0.2), (0.8, 0.0), (1.0, 0.0)), at_s)


def _times(plan: DayPlan, waves: Floats, count: int, random: np.random.Generator) -> Floats:
    """Ordered times in seconds, one in each of ``count`` equal parts of the flow: no silence longer than twice the mean."""
    edges, rates = [0.0], []
    for start, length in waves:
        edges += [start, start + length]
        rates += [1.0, _RUSH]
    edges.append(plan.span_s)
    rates.append(1.0)
    passed = np.concatenate(([0.0], np.cumsum(np.diff(edges) * rates)))
    parts = (np.arange(count) + random.random(count)) / count
    return np.interp(parts * passed[-1], passed, edges)


def _microseconds(seconds: Floats) -> Ints:
    return (seconds * 1e6).astype(np.int64)


def _mid_path(plan: DayPlan, waves: Floats, at_s: Floats, random: np.random.Generator) -> Ints:
    """Best bid at every message: a walk tied to its start at the end, and the waves."""
    drawn = random.random(plan.books)
    walk = np.cumsum((drawn < _MOVE / 2).astype(np.int64) - (drawn > 1 - _MOVE / 2))
    tied = walk - np.arange(1, plan.books + 1) / plan.books * walk[-1]
    return np.rint(BASE_TICKS * (1 + _through(waves, _FALL, at_s)) + tied).astype(np.int64)


def _opening_levels(bid: int, ask: int, bid_count: int, random: np.random.Generator) -> Ints:
    ticks = np.concatenate((bid - np.arange(bid_count), ask + np.arange(_SIDE_LEVELS)))
    return np.column_stack((ticks, 1 + random.exponential(_LEVEL_LOTS, len(ticks)).astype(np.int64)))


def _changed_levels(
    plan: DayPlan, bid: Ints, ask: Ints, bid_count: Ints, panic: Floats, random: np.random.Generator
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    """Number of the message, price, quantity and side of every changed level, in the order of the file."""
    parts = []
    for start in range(0, plan.books, _CHUNK):
        until = min(start + _CHUNK, plan.books)
        parts.append(_changed_in(plan, start, until, bid, ask, bid_count, panic, random))
    number, ticks, lots, is_ask = (np.concatenate(column) for column in zip(*parts, strict=True))
    return number, ticks, lots, is_ask


def _changed_in(
    plan: DayPlan, start: int, until: int, bid: Ints, ask: Ints, bid_count: Ints, panic: Floats, random: np.random.Generator
) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
    here, before = np.arange(start, until), np.maximum(np.arange(start, until) - 1, 0)
    low, high = bid[here] - bid_count[here] + 1, bid[here]
    old_low, old_high = bid[before] - bid_count[before] + 1, bid[before]
    sides = ((low, high, old_low, old_high), (ask[here], ask[here] + _SIDE_LEVELS - 1, ask[before], ask[before] + _SIDE_LEVELS - 1))
    keys, gone = [], []
    for is_ask, (new_low, new_high, was_low, was_high) in enumerate(sides):
        added = (np.maximum(new_low, was_high + 1), new_high), (new_low, np.minimum(new_high, was_low - 1))
        removed = (np.maximum(was_low, new_high + 1), was_high), (was_low, np.minimum(was_high, new_low - 1))
        for flag, (first, last) in ((0, added[0]), (0, added[1]), (1, removed[0]), (1, removed[1])):
            number, ticks = _expanded(first, last)
            keys.append(_key(number, is_ask, ticks))
            gone.append(np.full(len(number), flag, dtype=np.int8))
    count = 1 + random.poisson(plan.changes - 1, until - start)
    number = np.repeat(np.arange(until - start), count)
    drawn_ask = random.integers(0, 2, len(number))
    width = np.where(drawn_ask, _SIDE_LEVELS, bid_count[here][number])
    offset = (width * random.random(len(number)) ** 2).astype(np.int64)
    ticks = np.where(drawn_ask, ask[here][number] + offset, bid[here][number] - offset)
    keys.append(_key(number, drawn_ask, ticks))
    gone.append(np.zeros(len(number), dtype=np.int8))

    key, first_at = np.unique(np.concatenate(keys), return_index=True)  # a level drawn twice, or drawn and added, counts once
    removed_here = np.concatenate(gone)[first_at].astype(bool)
    number, ask_side = key >> (_KEY_BITS + 1), (key >> _KEY_BITS & 1).astype(bool)
    distance = (key & ((1 << _KEY_BITS) - 1)) - _KEY_HALF
    thin = np.where(ask_side, 1.0, 1.0 - 0.85 * panic[here][number])
    lots = 1 + random.exponential(_LEVEL_LOTS * thin).astype(np.int64)
    ticks = BASE_TICKS + np.where(ask_side, distance, -distance)
    return number + start, ticks, np.where(removed_here, 0, lots), ask_side


def _key(number: Ints, is_ask: Ints | int, ticks: Ints) -> Ints:
    """Sorts by message, bids before asks, best price first."""
    distance = np.where(is_ask, ticks - BASE_TICKS, BASE_TICKS - ticks)
    return (number << 1 | is_ask) << _KEY_BITS | (distance + _KEY_HALF)


def _expanded(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """All prices of the ranges ``first..last`` with the number of their range; a range may be empty."""
    lengths = np.maximum(last - first + 1, 0)
    number = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(len(number)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return number, first[number] + within

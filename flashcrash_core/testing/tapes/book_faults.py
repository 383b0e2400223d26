"""Tapes whose book is not what it should be: one venue's wick, and a book that runs empty.

Both take a calm market and tell another story in the deltas of a few seconds. Update ids, times and arrival stay those of the calm,
so that the chain of ids is unbroken; the first delta after the story says what it takes to be true to the market again.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import evolve

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, Level, MarketEvent, Side, Trade
from flashcrash_core.simulation.seeds import fast_stream
from flashcrash_core.testing.tapes.arrival import trades_renumbered
from flashcrash_core.testing.tapes.contents import Facts, Tape
from flashcrash_core.testing.tapes.markets import CALM_S, calm, length_s

__all__ = ["empty_book", "single_venue_wick"]

Levels = dict[int, int]
"""Price in ticks to quantity in lots, of one side."""
Picture = Callable[[int, OrderBook], tuple[Levels, Levels]]
"""``picture(step, truth) -> (bids, asks)``: what the reader is to see after the story's delta ``step``."""
Around = Callable[[int, BookDelta, OrderBook], list[MarketEvent]]
"""``around(step, delta, truth)``: what happens in the 100 ms before the story's delta ``step``."""

_TAIL_S: Final = 40


def retold(
    events: Sequence[MarketEvent], begin_us: int, steps: int, picture: Picture, around: Around, keep: Callable[[int, Trade], bool]
) -> tuple[list[MarketEvent], int, int]:
    """``events`` with another book during ``steps`` deltas from exchange time ``begin_us`` on.

    ``keep(step, trade)`` says which trades of the original still happen; its quotes do not. Also returns the exchange times of the
    first retold delta and of the one that makes the book true again.
    """
    out: list[MarketEvent] = []
    truth = OrderBook()
    shown: tuple[Levels, Levels] = ({}, {})
    step = -1  # of the story; `steps` while the book is still untrue, steps + 1 afterwards
    first_us = last_us = 0
    for event in events:
        if isinstance(event, BookSnapshot):
            truth.replace(event.bids, event.asks)
        elif isinstance(event, BookDelta):
            if step < 0 and event.exchange_us is not None and event.exchange_us >= begin_us:
                step, first_us = 0, event.exchange_us
                shown = dict(truth.bids), dict(truth.asks)
            truth.apply(event.bids, event.asks)
            if 0 <= step <= steps:
                if step < steps:
                    out += around(step, event, truth)
                wanted = picture(step, truth) if step < steps else (dict(truth.bids), dict(truth.asks))
                event = BookDelta(
                    event.symbol, 0, event.exchange_us, event.receive_us, event.first_id, event.last_id,
                    _changes(shown[0], wanted[0], falling=True), _changes(shown[1], wanted[1], falling=False),
                )  # fmt: skip
                shown = wanted
                last_us = event.exchange_us or 0
                step += 1
        elif 0 <= step <= steps and (isinstance(event, BestQuote) or (isinstance(event, Trade) and not keep(step, event))):
            continue
        out.append(event)
    return out, first_us, last_us


def _changes(have: Levels, want: Levels, *, falling: bool) -> tuple[Level, ...]:
    gone = [(price, 0) for price in have if price not in want]
    new = [(price, lots) for price, lots in want.items() if have.get(price) != lots]
    return tuple(sorted(gone + new, reverse=falling))


_WICK: Final = (0.004, 0.012, 0.026, 0.045, 0.06, 0.06, 0.052, 0.038, 0.024, 0.012, 0.005)
"""How far the price is below its calm after each 100 ms of the wick: down in half a second, back within 1.1 s."""
_WICK_TRADES: Final = 8
_WICK_SPREAD: Final = 0.002
_THIN_LEVELS: Final = 5
_THIN_LOTS: Final = 400


def single_venue_wick(seed: int, seconds: int | None) -> Tape:
    """One venue's price falls by about 6 % and is back within two seconds; its depth vanishes meanwhile."""
    base = calm(seed, length_s("single_venue_wick", seconds, CALM_S + _TAIL_S, _TAIL_S))
    rng = fast_stream(seed, "tape:wick")
    begin_us = base.facts.end_us - _TAIL_S * 500_000 + rng.randrange(1_000_000)
    deepest = 1 + 0.2 * (rng.random() - 0.5)

    def bid_at(step: int, truth: OrderBook) -> int:
        return int(truth.bids.best() * (1 - _WICK[step] * deepest)) if step >= 0 else truth.bids.best()

    def picture(step: int, truth: OrderBook) -> tuple[Levels, Levels]:
        bid = bid_at(step, truth)
        gap = max(1, bid // 2_000)
        ask = int(bid * (1 + _WICK_SPREAD))
        return {bid - i * gap: _THIN_LOTS for i in range(_THIN_LEVELS)}, {ask + i * gap: _THIN_LOTS for i in range(_THIN_LEVELS)}

    def around(step: int, delta: BookDelta, truth: OrderBook) -> list[MarketEvent]:
        at_us = delta.exchange_us or 0
        before, after = bid_at(step - 1, truth), bid_at(step, truth)
        side = Side.SELL if after <= before else Side.BUY
        told: list[MarketEvent] = []
        for number in range(1, _WICK_TRADES + 1):
            own_us = at_us - (_WICK_TRADES + 1 - number) * 10_000
            price = before + (after - before) * number // _WICK_TRADES
            lots = rng.randrange(200, 900)
            told.append(Trade(delta.symbol, 0, own_us, delta.receive_us, 0, price, lots, side))
        return told

    events, first_us, last_us = retold(base.events, begin_us, len(_WICK), picture, around, lambda _step, _trade: False)
    fall_us = first_us - _WICK_TRADES * 10_000
    trough_us = first_us + (_WICK.index(max(_WICK)) + 1) * 100_000
    facts = evolve(base.facts, calm_until_us=first_us - 100_000, fall_us=fall_us, trough_us=trough_us, rebound_us=last_us)
    return evolve(base, name="single_venue_wick", events=trades_renumbered(events), facts=facts)


_ONE_SIDED_STEPS: Final = 20
_EMPTY_STEPS: Final = 20


def empty_book(seed: int, seconds: int | None) -> Tape:
    """The bids are withdrawn; 2 s later the asks too; after 2 s more the book is back. Nothing can trade against an empty side."""
    base = calm(seed, length_s("empty_book", seconds, CALM_S + _TAIL_S, _TAIL_S))
    rng = fast_stream(seed, "tape:empty_book")
    begin_us = base.facts.end_us - _TAIL_S * 500_000 + rng.randrange(1_000_000)
    steps = _ONE_SIDED_STEPS + _EMPTY_STEPS
    times: list[int] = []

    def picture(step: int, truth: OrderBook) -> tuple[Levels, Levels]:
        return {}, dict(truth.asks) if step < _ONE_SIDED_STEPS else {}

    def around(_step: int, delta: BookDelta, _truth: OrderBook) -> list[MarketEvent]:
        times.append(delta.exchange_us or 0)
        return []

    def keep(step: int, trade: Trade) -> bool:
        return step <= _ONE_SIDED_STEPS and trade.aggressor is Side.BUY

    events, first_us, last_us = retold(base.events, begin_us, steps, picture, around, keep)
    none_us = times[_ONE_SIDED_STEPS]
    facts: Facts = evolve(base.facts, calm_until_us=first_us - 100_000, one_sided=(first_us, none_us), empty=(none_us, last_us))
    return evolve(base, name="empty_book", events=trades_renumbered(events), facts=facts)

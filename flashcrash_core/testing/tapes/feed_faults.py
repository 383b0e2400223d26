"""Tapes of a sound market on an unsound feed: a bad print, lost messages, shared timestamps, silence and a burst."""

from collections.abc import Sequence
from typing import Final

import msgspec
from attrs import evolve

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import BookDelta, BookSnapshot, FeedGap, MarketEvent, Side, Timer, Trade
from flashcrash_core.simulation.seeds import fast_stream
from flashcrash_core.testing.tapes.arrival import in_arrival_order, renumbered, trades_renumbered
from flashcrash_core.testing.tapes.contents import Span, Tape
from flashcrash_core.testing.tapes.markets import CALM_S, calm, crash_and_bounce, length_s

__all__ = ["bad_print", "duplicate_timestamps", "feed_freeze", "gap"]

_TAIL_S: Final = 40

_BAD_PRINT_AT: Final = 0.85
"""Price of the bad print as a fraction of the price before."""


def bad_print(seed: int, seconds: int | None) -> Tape:
    """One trade about 15 % below the book; no quote moves, nothing follows."""
    base = calm(seed, length_s("bad_print", seconds, CALM_S + _TAIL_S, _TAIL_S))
    rng = fast_stream(seed, "tape:bad_print")
    at_us = base.facts.end_us - _TAIL_S * 500_000 + rng.randrange(1_000_000)
    index = next(
        i for i, e in enumerate(base.events) if isinstance(e, Trade) and e.exchange_us is not None and e.exchange_us >= at_us
    )
    before = base.events[index]
    assert isinstance(before, Trade)
    bad_ticks = int(before.price_ticks * _BAD_PRINT_AT)
    bad = Trade(before.symbol, 0, before.exchange_us, before.receive_us, 0, bad_ticks, rng.randrange(50, 500), Side.SELL)
    bad_us = before.exchange_us or 0
    facts = evolve(base.facts, calm_until_us=bad_us, bad_print_us=bad_us)
    return evolve(
        base, name="bad_print", events=trades_renumbered([*base.events[: index + 1], bad, *base.events[index + 1 :]]), facts=facts
    )


_HOLE_TO_SNAPSHOT_US: Final = 2_000_000
_OUTAGE_US: Final = 4_000_000
_RECONNECT_TO_SNAPSHOT_US: Final = 500_000
_BETWEEN_US: Final = 12_000_000


def gap(seed: int, seconds: int | None) -> Tape:
    """Two losses. First one delta is missing and nobody says so; the chain of ids shows it, and a snapshot follows after 2 s.

    Then the connection is lost for 4 s: the feed marks the gap when it is back, and half a second later gives a snapshot.
    """
    base = calm(seed, length_s("gap", seconds, CALM_S + _TAIL_S, _TAIL_S))
    rng = fast_stream(seed, "tape:gap")
    hole_us = base.facts.end_us - _TAIL_S * 700_000 + rng.randrange(1_000_000)
    outage_us = hole_us + _BETWEEN_US
    back_us = outage_us + _OUTAGE_US
    snapshots = [hole_us + _HOLE_TO_SNAPSHOT_US, back_us + _RECONNECT_TO_SNAPSHOT_US]
    out: list[MarketEvent] = []
    truth = OrderBook()
    begun: list[int] = []
    gaps: list[Span] = []
    told_us = 0  # exchange time of the newest delta that arrived
    marked = False
    for event in base.events:
        if isinstance(event, BookSnapshot):
            truth.replace(event.bids, event.asks)
        elif isinstance(event, BookDelta):
            truth.apply(event.bids, event.asks)
        at_us = event.receive_us
        if not begun and isinstance(event, BookDelta) and at_us >= hole_us:
            begun.append(told_us)
            continue
        if outage_us <= at_us < back_us:
            if len(begun) == 1:
                begun.append(told_us)
            continue
        if at_us >= back_us and not marked:
            marked = True
            out.append(FeedGap(event.symbol, 0, None, at_us, "reconnect"))
        out.append(event)
        if isinstance(event, BookDelta):
            told_us = event.exchange_us or 0
            if len(gaps) < len(begun) and at_us >= snapshots[len(gaps)]:
                out.append(BookSnapshot(event.symbol, 0, None, at_us, event.last_id, tuple(truth.bids), tuple(truth.asks)))
                gaps.append((begun[len(gaps)], told_us))
    facts = evolve(base.facts, calm_until_us=gaps[0][0], gaps=tuple(gaps))
    return evolve(base, name="gap", events=renumbered(out), facts=facts)


_BURSTS: Final = 12
_BURST_US: Final = 200_000


def duplicate_timestamps(seed: int, seconds: int | None) -> Tape:
    """A crash in whose last minute whatever happens within 200 ms bears one exchange time, twelve times over."""
    base = crash_and_bounce(seed, seconds)
    rng = fast_stream(seed, "tape:duplicate_timestamps")
    first_us = base.facts.calm_until_us - 5_000_000
    apart_us = (base.facts.end_us - first_us) // _BURSTS
    starts = [first_us + i * apart_us + rng.randrange(apart_us - 2 * _BURST_US) for i in range(_BURSTS)]
    out: list[MarketEvent] = []
    bursts: list[int] = []
    for event in base.events:
        own_us = event.exchange_us
        if own_us is not None and not isinstance(event, Timer):
            inside = next((i for i, start in enumerate(starts) if start <= own_us < start + _BURST_US), None)
            if inside is not None:
                if inside == len(bursts):
                    bursts.append(own_us)
                event = msgspec.structs.replace(event, exchange_us=bursts[inside])
        out.append(event)
    facts = evolve(base.facts, calm_until_us=bursts[0], bursts=tuple(bursts))
    return evolve(base, name="duplicate_timestamps", events=renumbered(out), facts=facts)


_FREEZE_US: Final = 8_000_000
_BURST_STEP_US: Final = 20


def feed_freeze(seed: int, seconds: int | None) -> Tape:
    """Nothing arrives for 8 s of calm; then all of it arrives at once, with its true exchange times."""
    base = calm(seed, length_s("feed_freeze", seconds, CALM_S + _TAIL_S, _TAIL_S))
    rng = fast_stream(seed, "tape:feed_freeze")
    begin_us = base.facts.end_us - _TAIL_S * 600_000 + rng.randrange(1_000_000)
    end_us = begin_us + _FREEZE_US
    out: list[MarketEvent] = []
    held = 0
    for event in base.events:
        if begin_us <= event.receive_us < end_us:
            event = msgspec.structs.replace(event, receive_us=end_us + held * _BURST_STEP_US)
            held += 1
        out.append(event)
    facts = evolve(base.facts, calm_until_us=begin_us, freeze=(begin_us, end_us))
    return evolve(base, name="feed_freeze", events=_behind_the_burst(out), facts=facts)


def _behind_the_burst(events: Sequence[MarketEvent]) -> tuple[MarketEvent, ...]:
    """Events right after the burst wait for it: one connection keeps its order."""
    out: list[MarketEvent] = []
    received = 0
    for event in events:
        if event.receive_us < received:
            event = msgspec.structs.replace(event, receive_us=received)
        received = event.receive_us
        out.append(event)
    return in_arrival_order(out)

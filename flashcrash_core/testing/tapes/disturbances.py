"""What a network does to a tape: delay, duplicates, another order of arrival, shared timestamps.

Each is a pure function of events and seed. ``seq`` is counted anew, ``receive_us`` never goes back, and a closing timer stays last.
Book snapshots and deltas keep their order among themselves, because they travel on one connection: a delta that overtakes another
is a lost one, and the tape ``gap`` is about that. What the kernel does with the result is in flashcrash_core/market/clock.py: an
event more than 250 ms behind the newest exchange time is late, counted, and kept from the indicators.
"""

import random
from collections.abc import Sequence
from typing import Final

import msgspec

from flashcrash_core.market.clock import LATE_TOLERANCE_US
from flashcrash_core.market.events import BestQuote, BookDelta, MarketEvent, Timer, Trade
from flashcrash_core.simulation.seeds import fast_stream
from flashcrash_core.testing.tapes.arrival import in_arrival_order, renumbered

__all__ = ["delayed", "duplicated", "reordered", "same_timestamps"]

_INSIDE_US: Final = 200_000
"""Less than the 250 ms at which an event is late, with room for the latency itself."""
_BEYOND_US: Final = 900_000
_ALONE: Final = (Trade, BestQuote)
"""Events that may change places: nothing is chained to them."""


def delayed(
    events: Sequence[MarketEvent], seed: int, *, share: float = 0.04, inside_us: int = _INSIDE_US, beyond_us: int = _BEYOND_US
) -> tuple[MarketEvent, ...]:
    """A ``share`` of trades and quotes arrives later, half of them up to ``inside_us``, half 300 ms to ``beyond_us``.

    The receiver notices: ``receive_us`` is later too. ``beyond_us`` 0 leaves all of them inside the tolerance.
    """
    rng = fast_stream(seed, "disturbance:delayed")
    body, closing = _body(events)
    late: list[MarketEvent] = []
    for event in body:
        if shift_us := _shift(event, rng, share, inside_us, beyond_us):
            event = msgspec.structs.replace(event, receive_us=event.receive_us + shift_us)
        late.append(event)
    return _closed_again(in_arrival_order(late), closing)


def reordered(
    events: Sequence[MarketEvent], seed: int, *, share: float = 0.1, inside_us: int = _INSIDE_US, beyond_us: int = _BEYOND_US
) -> tuple[MarketEvent, ...]:
    """A ``share`` of trades and quotes changes places with later events, as in :func:`delayed`, without a sign of it.

    The times of arrival are those of the original, in order; only what arrives at them differs.
    """
    rng = fast_stream(seed, "disturbance:reordered")
    body, closing = _body(events)
    times = [event.receive_us for event in body]
    shifted = [(event.receive_us + _shift(event, rng, share, inside_us, beyond_us), event) for event in body]
    shifted.sort(key=lambda pair: pair[0])
    moved: list[MarketEvent] = []
    for at_us, (_, event) in zip(times, shifted, strict=True):
        moved.append(event if event.receive_us == at_us else msgspec.structs.replace(event, receive_us=at_us))
    return _closed_again(moved, closing)


def duplicated(events: Sequence[MarketEvent], seed: int, *, share: float = 0.05) -> tuple[MarketEvent, ...]:
    """A ``share`` of trades, quotes and deltas arrives twice, one right behind the other, with the same ids and times."""
    rng = fast_stream(seed, "disturbance:duplicated")
    twice: list[MarketEvent] = []
    for event in events:
        twice.append(event)
        if isinstance(event, Trade | BestQuote | BookDelta) and rng.random() < share:
            twice.append(event)
    return renumbered(twice)


def same_timestamps(
    events: Sequence[MarketEvent], seed: int, *, share: float = 0.3, within_us: int = _INSIDE_US
) -> tuple[MarketEvent, ...]:
    """In a ``share`` of the windows of ``within_us``, all events take the exchange time of the first one in it."""
    rng = fast_stream(seed, "disturbance:same_timestamps")
    out: list[MarketEvent] = []
    window, shared_us = -1, 0
    for event in events:
        own_us = event.exchange_us
        if own_us is not None and not isinstance(event, Timer):
            if own_us // within_us > window:  # an event that came late does not open its window again
                window = own_us // within_us
                shared_us = own_us if rng.random() < share else 0
            if shared_us and own_us // within_us == window and own_us != shared_us:
                event = msgspec.structs.replace(event, exchange_us=shared_us)
        out.append(event)
    return renumbered(out)


def _shift(event: MarketEvent, rng: random.Random, share: float, inside_us: int, beyond_us: int) -> int:
    """By how much an event is moved, us; 0 for most."""
    if not isinstance(event, _ALONE) or rng.random() >= share:
        return 0
    least_us = LATE_TOLERANCE_US + 50_000
    if beyond_us > least_us and rng.random() < 0.5:
        return rng.randrange(least_us, beyond_us)
    return rng.randrange(1, inside_us)


def _body(events: Sequence[MarketEvent]) -> tuple[Sequence[MarketEvent], Timer | None]:
    last = events[-1] if events else None
    return (events[:-1], last) if isinstance(last, Timer) else (events, None)


def _closed_again(events: Sequence[MarketEvent], closing: Timer | None) -> tuple[MarketEvent, ...]:
    if closing is None:
        return renumbered(events)
    last_us = max(events[-1].receive_us, closing.receive_us)
    return renumbered([*events, msgspec.structs.replace(closing, receive_us=last_us)])

"""The order in which a tape's events arrive: numbering, sorting, the closing timer, and the check of all three."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import BestQuote, BookDelta, FeedGap, MarketEvent, Rejected, Timer, Trade

__all__ = ["CLOSING_US", "check_arrival", "closed", "in_arrival_order", "renumbered", "trades_only", "trades_renumbered"]

CLOSING_US: Final = 400_000
"""The closing timer comes so long after the market's end: bars become visible 300 ms after theirs."""


def renumbered(events: Iterable[MarketEvent]) -> tuple[MarketEvent, ...]:
    """The events with ``seq`` 1, 2, 3 ... in the order given."""
    replace = msgspec.structs.replace
    return tuple([event if event.seq == seq else replace(event, seq=seq) for seq, event in enumerate(events, start=1)])


def trades_renumbered(events: Iterable[MarketEvent]) -> tuple[MarketEvent, ...]:
    """:func:`renumbered`, and the trades numbered 1, 2, 3 ... too: a venue numbers its trades without holes."""
    replace = msgspec.structs.replace
    out: list[MarketEvent] = []
    trade_id = 0
    for event in events:
        if isinstance(event, Trade):
            trade_id += 1
            if event.trade_id != trade_id:
                event = replace(event, trade_id=trade_id)
        out.append(event)
    return renumbered(out)


def in_arrival_order(events: Iterable[MarketEvent]) -> tuple[MarketEvent, ...]:
    """The events sorted by ``receive_us`` (equal ones as given) and renumbered."""
    return renumbered(sorted(events, key=lambda event: event.receive_us))


def closed(events: Sequence[MarketEvent], end_us: int) -> tuple[MarketEvent, ...]:
    """The events, renumbered, with a timer behind them that closes every row of a market that ends at ``end_us``."""
    timer_us = end_us + CLOSING_US
    last = events[-1]
    return renumbered([*events, Timer(last.symbol, 0, timer_us, max(timer_us, last.receive_us))])


def trades_only(events: Iterable[MarketEvent]) -> list[MarketEvent]:
    """The events without book and quotes, as a file of trades would have them; gaps and timers stay."""
    return [event for event in events if isinstance(event, Trade | FeedGap | Timer | Rejected)]


def check_arrival(events: Sequence[MarketEvent]) -> None:
    """Assert that ``seq`` counts from 1 without holes and that ``receive_us`` never goes back; raises InvariantError."""
    received_us = 0
    for seq, event in enumerate(events, start=1):
        if event.seq != seq:
            raise InvariantError(f"tape: event {seq} bears seq {event.seq}; renumber the events after changing their order")
        if event.receive_us < received_us:
            raise InvariantError(f"tape: event {seq} was received {received_us - event.receive_us} us before the one before it")
        if isinstance(event, BookDelta) and event.first_id > event.last_id + 1:
            raise InvariantError(f"tape: delta {seq} runs from id {event.first_id} back to {event.last_id}")
        if isinstance(event, BestQuote) and event.bid_ticks >= event.ask_ticks:
            raise InvariantError(f"tape: quote {seq} is crossed: bid {event.bid_ticks}, ask {event.ask_ticks} ticks")
        received_us = event.receive_us
    if not events or not isinstance(events[-1], Timer):
        raise InvariantError("tape: does not end with a timer, so that its last rows would never be closed")

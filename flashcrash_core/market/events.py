"""What happens on a market, as immutable records with two timestamps and an arrival sequence.

Every event carries

* ``symbol``       the instrument's symbol, upper case;
* ``seq``          the arrival sequence, one counter for all feeds of a run: decisions follow it;
* ``exchange_us``  the exchange's own time in microseconds UTC, or ``None`` where the venue sends none
  (a spot ``bookTicker``, a REST snapshot);
* ``receive_us``   when the message reached the recorder or this process, microseconds UTC; used for latency only.

Prices are integer ticks and quantities integer lots of the symbol's :class:`~flashcrash_core.market.instruments.Instrument`.
The records are msgspec structs: immutable, built in C, and msgpack-able, which the journal relies on
(docs/adr/0001-events-are-msgspec-structs.md).
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

__all__ = [
    "ASK",
    "BID",
    "BestQuote",
    "BookDelta",
    "BookSnapshot",
    "Continuity",
    "Event",
    "FeedGap",
    "Level",
    "MarketEvent",
    "Rejected",
    "Side",
    "Timer",
    "Trade",
]


class Side(IntEnum):
    """Side of an order, or of the aggressor of a trade. The value is the sign of the position it builds."""

    BUY = 1
    SELL = -1


BID: Final = Side.BUY
ASK: Final = Side.SELL

Level = tuple[int, int]
"""``(price_ticks, qty_lots)``: an absolute quantity, 0 removes the level."""


class Continuity(IntEnum):
    """How the update ids of successive :class:`BookDelta` records chain (reference/binance.md section 3)."""

    SPOT = 0
    """``U == previous u + 1``."""
    FUTURES = 1
    """``pu == previous u``; ids are not consecutive."""


class Event(msgspec.Struct, frozen=True, gc=False, tag=True, array_like=True):
    """Base of all events."""

    symbol: str
    seq: int
    exchange_us: int | None
    receive_us: int


class Trade(Event, frozen=True, gc=False, tag=True, array_like=True):
    """A trade print. ``aggressor`` is the taker's side (Binance ``m=true``, the buyer was maker: SELL)."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    aggressor: Side


class BookSnapshot(Event, frozen=True, gc=False, tag=True, array_like=True):
    """A full picture of the book, best levels first. Levels beyond its last ones are unknown until they change."""

    update_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]


class BookDelta(Event, frozen=True, gc=False, tag=True, array_like=True):
    """Changed levels between update ids ``first_id`` and ``last_id``; ``prev_id`` is futures' ``pu``."""

    first_id: int
    last_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    prev_id: int | None = None
    continuity: Continuity = Continuity.SPOT


class BestQuote(Event, frozen=True, gc=False, tag=True, array_like=True):
    """Best bid and ask (``bookTicker``). ``update_id`` shares its numbering with the book's."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class FeedGap(Event, frozen=True, gc=False, tag=True, array_like=True):
    """The feed knows that it missed messages: the book is unusable until a new snapshot."""

    reason: str


class Timer(Event, frozen=True, gc=False, tag=True, array_like=True):
    """Time passes without market data. ``exchange_us`` is the receive time less the smallest latency seen."""


class Rejected(Event, frozen=True, gc=False, tag=True, array_like=True):
    """A message that the feed could not use. It never reaches book, bars or indicators; it is counted by ``reason``.

    ``reason`` is a short identifier (``nan``, ``off_tick``, ``negative``, ``zero``, ``not_json``, ``missing_field`` ...),
    ``detail`` says where (file and line) and what.
    """

    reason: str
    detail: str


MarketEvent = Trade | BookSnapshot | BookDelta | BestQuote | FeedGap | Timer | Rejected
"""All that a feed may deliver."""

"""One symbol of the exchange: its source played event by event, its book, its trades and their ids.

Times here are of two kinds. *Play* time is microseconds since the market's beginning, as the source has it; the exchange's clock is
what clients see. :mod:`flashcrash_binance.exchange.core` joins them.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

from flashcrash_binance.exchange.book import TrueBook, VenueBook
from flashcrash_binance.exchange.klines import INTERVALS_US, KlineBook
from flashcrash_binance.exchange.messages import MessageWriter, TradePrint
from flashcrash_binance.exchange.sources import MarketSource, TimedEvent
from flashcrash_core.api import BestQuote, BookDelta, BookSnapshot, DataError, MarketKind, Side, Trade

__all__ = ["DIFF_PACES_US", "QuoteChange", "SymbolMarket"]

DIFF_PACES_US: Final = {
    MarketKind.SPOT: {"100ms": 100_000, "1000ms": 1_000_000},
    MarketKind.USDM: {"100ms": 100_000, "250ms": 250_000, "500ms": 500_000},
}
"""How often diffs leave, by the name of the pace (reference/binance.md sections 2 and 3)."""

_TRADES_KEPT: Final = 20_000
_DIFFS_HELD: Final = 10_000
_STRETCH: Final = 3


@frozen
class QuoteChange:
    """The best quote is another one now: bid, its lots, ask, its lots."""

    update_id: int
    best: tuple[int, int, int, int]


Told = TradePrint | QuoteChange


class SymbolMarket:
    """What is left of the source is :attr:`next_play_us`; :meth:`step` takes one event of it."""

    def __init__(self, source: MarketSource, kind: MarketKind) -> None:
        self.source = source
        self.instrument = evolve(source.instrument, kind=kind)
        self.symbol = self.instrument.symbol
        self.kind = kind
        self.writer = MessageWriter(self.instrument)
        consecutive = kind is MarketKind.SPOT
        stretch = _STRETCH if source.consecutive_ids and not consecutive else 1
        self.book = VenueBook(DIFF_PACES_US[kind], consecutive=consecutive, stretch=stretch)
        self.paces = [(pace, pace_us, self.book.windows[pace]) for pace, pace_us in DIFF_PACES_US[kind].items()]
        """Of the diffs: name, microseconds of play time, and what changed."""
        self.trades: deque[TradePrint] = deque(maxlen=_TRADES_KEPT)
        self.aggregates: deque[TradePrint] = deque(maxlen=_TRADES_KEPT)
        self.klines = {interval: KlineBook(interval) for interval in INTERVALS_US}
        self.holes = 0
        """Diffs of the source that did not follow the one before; the book went on from what it knew."""
        self.straddled_id = 0
        """Id of a snapshot that is to lie within the next diff."""
        self.rounds = 0
        self.fault = ""
        """Why the source broke off."""
        self.quote: QuoteChange | None = None
        self.next_play_us: int | None = None
        """Play time of the next event; None when the source has ended."""
        self.origin_us: int | None = None
        """The source's own time at play time 0."""
        self._told = QuoteChange(0, (0, 0, 0, 0))
        self._events: Iterator[TimedEvent] = iter(())
        self._next: TimedEvent | None = None
        self._early: list[BookDelta] = []
        self._trade_offset = self._last_trade_id = self._last_aggregate_id = 0
        self._last_trade_source_us = 0
        self._open_aggregate: TradePrint | None = None
        self._round_play_us = 0

    def open(self) -> int | None:
        """Begin (again) with the source; returns its own time of the first event, or None if it has none."""
        self._events = iter(self.source.events())
        self._next = self._following()
        self.rounds += 1
        if self.rounds > 1:
            self.book.restart_ids()
            self._trade_offset = self._last_trade_id
        return None if self._next is None else self._next[0]

    def start(self, origin_us: int, play_us: int) -> None:
        """The source's time ``origin_us`` is play time ``play_us``."""
        self.origin_us, self._round_play_us = origin_us, play_us
        self._schedule()

    def close(self) -> None:
        """Let go of the source."""
        close = getattr(self._events, "close", None)
        if close is not None:
            close()

    def truth(self) -> TrueBook:
        """The exchange's own book."""
        return self.book.truth()

    # -- the source --------------------------------------------------------------------------------------------------

    def step(self, stamp_us: int) -> list[Told]:
        """Take the next event at this time of the exchange's clock; returns what became of it, aggregates apart."""
        assert self._next is not None
        source_us, event = self._next
        self._next = self._following()
        self._schedule()
        if isinstance(event, Trade):
            self._last_trade_source_us = source_us
            return [self._trade(event, stamp_us)]
        if isinstance(event, BestQuote):
            book = self.book
            if not book.started or event.update_id <= book.source_id:
                return []
            book.quote(event.update_id, (event.bid_ticks, event.bid_lots), (event.ask_ticks, event.ask_lots))
        elif isinstance(event, BookDelta):
            self._delta(event)
        else:
            self._snapshot(event)
        return self._quote_change()

    def aggregate_due(self) -> TradePrint | None:
        """The aggregate that the last trade completed: the next event is not one more fill of the same order."""
        one = self._open_aggregate
        if one is None:
            return None
        following = self._next[1] if self._next is not None and self._next[0] <= self._last_trade_source_us else None
        if (
            isinstance(following, Trade)
            and following.price_ticks == one.price_ticks
            and (following.aggressor is Side.SELL) is one.buyer_is_maker
        ):
            return None
        self._open_aggregate = None
        self.aggregates.append(one)
        return one

    def _following(self) -> TimedEvent | None:
        try:
            return next(self._events, None)
        except DataError as error:
            self.fault = str(error)  # told by the server; the market stands still from here
            return None

    def _schedule(self) -> None:
        if self._next is None or self.origin_us is None:
            self.next_play_us = None
        else:
            self.next_play_us = self._round_play_us + max(0, self._next[0] - self.origin_us)

    def _trade(self, event: Trade, stamp_us: int) -> TradePrint:
        trade_id = event.trade_id + self._trade_offset
        self._last_trade_id = max(self._last_trade_id, trade_id)
        sold = event.aggressor is Side.SELL
        one = TradePrint(trade_id, event.price_ticks, event.qty_lots, stamp_us, sold, trade_id, trade_id)
        self.trades.append(one)
        for book in self.klines.values():
            book.add(one)
        whole = self._open_aggregate
        if whole is None:
            self._last_aggregate_id += 1
            self._open_aggregate = TradePrint(
                self._last_aggregate_id, one.price_ticks, one.qty_lots, stamp_us, sold, trade_id, trade_id
            )
        else:
            whole.qty_lots += one.qty_lots
            whole.last_id = trade_id
        return one

    def _snapshot(self, event: BookSnapshot) -> None:
        book = self.book
        if not book.started:
            book.begin(event.update_id, event.bids, event.asks)
            early, self._early = self._early, []
            for delta in early:
                self._delta(delta)
        elif event.update_id > book.source_id:
            book.replace(event.update_id, event.bids, event.asks)

    def _delta(self, event: BookDelta) -> None:
        book = self.book
        if not book.started:
            if self.source.has_snapshot:
                self._early.append(event)
                del self._early[:-_DIFFS_HELD]
                return
            book.begin(event.first_id - 1, (), ())
        if event.last_id <= book.source_id:
            return
        if self._told_hole(event):
            self.holes += 1
        book.apply(event.last_id, event.bids, event.asks)

    def _told_hole(self, event: BookDelta) -> bool:
        # A quote may have moved the id ahead within the range of the next diff.
        if event.prev_id is not None:
            return event.prev_id > self.book.source_id
        return event.first_id > self.book.source_id + 1

    def _quote_change(self) -> list[Told]:
        book = self.book
        best = book.best()
        if best == self._told.best or not best[0] or not best[2] or best[0] >= best[2]:
            return []
        self.quote = self._told = QuoteChange(book.update_id, best)
        return [self._told]

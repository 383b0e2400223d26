"""A book invented from trades: for looking at what the book-based parts do on data that has no book, never for evidence.

After each trade the best prices follow it: a buyer took the ask, so the ask is at his price; a seller took the bid. Below and above
stand 20 levels a side on a fixed raster of one basis point, whose size is the recent trade size rounded down to a power of two, so
that the ladder changes only when there is a reason. There is no chance in it, and nothing but the trades so far: a prefix of the
events gives the same prefix of the book. Whatever is made with it is of the grade ``synthetic``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import attrs
from attrs import define, field, frozen, validators

from flashcrash_core.errors import DataError
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, FeedGap, Level, MarketEvent, Side, Trade
from flashcrash_core.market.feed import DataTier, SourceInfo

__all__ = ["BookInventor", "InventedLadder", "invented_info", "with_invented_book"]

_BPS: Final = 10_000
_DAY_US: Final = 86_400_000_000
_INVENTED: Final = "the book is invented from the trades. SYNTHETIC BOOK - not evidence of detection or profit"
_POSITIVE: Final = validators.ge(1)


@frozen
class InventedLadder:
    """Shape of the invented book. All of it is assumption; none of it is measured."""

    levels: int = field(default=20, validator=_POSITIVE)
    """Levels a side."""
    step_bps: int = field(default=1, validator=_POSITIVE)
    """Distance of levels in basis points of the first trade's price, one tick at least."""
    max_spread_bps: int = field(default=10, validator=_POSITIVE)
    """The untraded side follows a moving price at this distance at most, in basis points of that price."""
    memory_trades: int = field(default=64, validator=_POSITIVE)
    """Trades over which the trade size is averaged, exponentially."""


@define
class BookInventor:
    """Invents the books of some symbols. Files that follow one another take the same one, so that update ids go on."""

    ladder: InventedLadder = field(factory=InventedLadder)
    _books: dict[str, "_InventedBook"] = field(factory=dict)

    def around(self, events: Iterable[MarketEvent], next_seq: Callable[[], int]) -> Iterator[MarketEvent]:
        """The events with an invented book of each symbol between them.

        A trade is followed by a :class:`BookSnapshot` (the first one of a UTC day or after a :class:`FeedGap`), or by a
        :class:`BookDelta` when the ladder changed, and then a :class:`BestQuote`; all at the trade's own times. Update ids count up
        by one. Everything else is passed on. ``next_seq`` numbers what is invented; it must be the counter that the events are
        numbered from while they are read. Raises DataError for events that have a book or quotes.
        """
        books = self._books
        for event in events:
            if isinstance(event, BookSnapshot | BookDelta | BestQuote):
                raise DataError(
                    f"{event.symbol}: the data has a book or quotes of its own (a {type(event).__name__} at event {event.seq}); "
                    f"a book is invented only for trades. Leave out --book synthetic"
                )
            yield event
            if isinstance(event, Trade):
                book = books.get(event.symbol)
                if book is None:
                    book = books[event.symbol] = _InventedBook(self.ladder)
                yield from book.follow(event, next_seq)
            elif isinstance(event, FeedGap) and event.symbol in books:
                books[event.symbol].lost = True


def with_invented_book(
    events: Iterable[MarketEvent], next_seq: Callable[[], int], ladder: InventedLadder | None = None
) -> Iterator[MarketEvent]:
    """:meth:`BookInventor.around` for one source."""
    return BookInventor(ladder or InventedLadder()).around(events, next_seq)


def invented_info(info: SourceInfo) -> SourceInfo:
    """What is known of a source once a book was invented for it. Raises DataError if it has one of its own."""
    if info.has_book:
        raise DataError(f"{info.description}: has a book of its own; leave out --book synthetic")
    return attrs.evolve(
        info,
        has_book=True,
        synthetic_book=True,
        data_tier=DataTier.SYNTHETIC,
        description=f"{info.description}, book invented from trades",
        warnings=(*info.warnings, f"{info.description}: {_INVENTED}"),
    )


@define
class _InventedBook:
    """The ladder of one symbol."""

    shape: InventedLadder
    lost: bool = True
    """Whether the next trade must be followed by a snapshot."""
    _day: int = -1
    _bid: int = 0
    _ask: int = 0
    _step: int = 0
    _size: int = 0  # average trade in lots, scaled by memory_trades
    _base: int = 0
    _update_id: int = 0
    _bids: Mapping[int, int] = field(factory=dict)
    _asks: Mapping[int, int] = field(factory=dict)

    def follow(self, trade: Trade, next_seq: Callable[[], int]) -> Iterator[MarketEvent]:
        """The events that bring the book to where the trade puts it; none when nothing changed."""
        day = (trade.receive_us if trade.exchange_us is None else trade.exchange_us) // _DAY_US
        if day != self._day:  # each day of a tape begins with a whole book, so that it can be read alone
            self._day, self.lost = day, True
        before = self._bid, self._ask, self._base
        self._move(trade)
        now = self._bid, self._ask, self._base
        if now == before and not self.lost:
            return
        bids, asks = self._side(self._bid, -1), self._side(self._ask, 1)
        old_bids, old_asks, self._bids, self._asks = self._bids, self._asks, bids, asks
        symbol, own_us, receive_us = trade.symbol, trade.exchange_us, trade.receive_us
        self._update_id = update_id = self._update_id + 1
        if self.lost:
            self.lost = False
            yield BookSnapshot(symbol, next_seq(), own_us, receive_us, update_id, tuple(bids.items()), tuple(asks.items()))
        else:
            changed = _changes(old_bids, bids), _changes(old_asks, asks)
            yield BookDelta(symbol, next_seq(), own_us, receive_us, update_id, update_id, *changed)
        if now != before:
            best = self._bid, bids[self._bid], self._ask, asks[self._ask]
            yield BestQuote(symbol, next_seq(), own_us, receive_us, update_id, *best)

    def _move(self, trade: Trade) -> None:
        price, memory = trade.price_ticks, self.shape.memory_trades
        if not self._step:
            self._step = max(1, price * self.shape.step_bps // _BPS)
            self._size = trade.qty_lots * memory
            self._bid, self._ask = price, price
        widest = max(1, price * self.shape.max_spread_bps // _BPS)
        if trade.aggressor is Side.BUY:
            # A buyer took the ask. At one tick there is no price below, so the ask gives way.
            self._ask = max(price, 2)
            self._bid = max(1, self._ask - widest, min(self._bid, self._ask - 1))
        else:
            self._bid = price
            self._ask = min(price + widest, max(self._ask, price + 1))
        self._size += trade.qty_lots - self._size // memory
        self._base = 1 << max(self._size // memory, 1).bit_length() - 1

    def _side(self, best: int, direction: int) -> dict[int, int]:
        """The best price, then the raster beyond it; deeper levels hold more, in proportion to their number."""
        step, base = self._step, self._base
        levels = {best: base}
        first = (best // step) * step
        if direction > 0 or first == best:
            first += direction * step
        for number in range(1, self.shape.levels):
            price = first + direction * step * (number - 1)
            if price < 1:
                break
            levels[price] = base * (1 + number)
        return levels


def _changes(old: Mapping[int, int], new: Mapping[int, int]) -> tuple[Level, ...]:
    """Levels that came, went or changed, removals first."""
    gone = [(price, 0) for price in old if price not in new]
    return (*gone, *[(price, lots) for price, lots in new.items() if old.get(price) != lots])

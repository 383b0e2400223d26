"""One symbol's book, with ids that name every state it was ever in. The exchange's truth.

A source tells of its book every 100 ms and of its best quotes in between. Both change this book at once, so that a book ticker,
a REST snapshot and a diff that bear the same update id always agree, and a snapshot taken between two diffs lies within the next.

**Where trading comes in.** What the source shows is the others' liquidity (``_source``). Orders of our account belong between it
and ``shown``: a matching engine is given the source's changes after they were applied to ``_source``, fills what they cross, and
puts what rests of our orders on top in :meth:`VenueBook._show`, the one place where a level of the shown book changes. Every such
change takes an id of its own from :meth:`VenueBook.next_id`.
"""

from collections.abc import Iterable, Iterator

from attrs import define, field

from flashcrash_core.api import BID, BookSide, Level, OrderBook

__all__ = ["DiffWindow", "TrueBook", "VenueBook"]


@define(eq=False)
class TrueBook:
    """The exchange's own book at an id: bids and asks as (ticks, lots), best first."""

    update_id: int
    bids: list[Level]
    asks: list[Level]


@define(eq=False)
class DiffWindow:
    """What changed since the last diff of one pace. ``last_id`` is that diff's ``u``."""

    last_id: int = 0
    first_change_id: int = 0
    """Id of the first change since, 0 before there is one."""
    bids: dict[int, int] = field(factory=dict)
    """Price to the quantity that the last diff left there."""
    asks: dict[int, int] = field(factory=dict)


class VenueBook:
    """The shown book, the source's book beneath it, and the windows of the diff streams.

    ``consecutive`` is spot's rule: a diff begins at the id after the last one's end. On USD-M it begins at its first change, and
    ``stretch`` multiplies the ids of a source that has consecutive ones. Ids of the shown book never fall.
    """

    def __init__(self, paces: Iterable[str], *, consecutive: bool = True, stretch: int = 1) -> None:
        self.shown = OrderBook()
        self.update_id = 0
        self.windows = {pace: DiffWindow() for pace in paces}
        self.started = False
        self._source = OrderBook()
        self._source_id = 0
        self._overlaid: tuple[set[int], set[int]] = (set(), set())
        self._consecutive = consecutive
        self._stretch = stretch
        self._offset = 0

    @property
    def source_id(self) -> int:
        """Last id of the source that is contained, in the source's own numbering."""
        return self._source_id

    def next_id(self) -> int:
        """Take an id for a change that the source knows nothing of; all later ids move up by one."""
        self._offset += 1
        self._set_id(self.update_id + 1)
        return self.update_id

    def restart_ids(self) -> None:
        """The source begins anew: its next ids continue from here."""
        self._offset = self.update_id
        self._source_id = 0

    # -- what the source tells ---------------------------------------------------------------------------------------

    def begin(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """The first picture: nothing was told before it."""
        self._source.replace(bids, asks)
        self.shown.replace(bids, asks)
        self._source_id = update_id
        self.update_id = update_id * self._stretch + self._offset
        for window in self.windows.values():
            window.last_id = self.update_id
        self.started = True

    def replace(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """A later picture (a capture's resync, a new round): whatever differs from it changes."""
        wanted = OrderBook()
        wanted.replace(bids, asks)
        changes: list[list[Level]] = []
        for was, now in ((self._source.bids, wanted.bids), (self._source.asks, wanted.asks)):
            held = dict(now)
            changes.append([(price, 0) for price, _ in was if price not in held] + list(held.items()))
        self.apply(update_id, changes[0], changes[1])

    def apply(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """A diff of the source, which ends at ``update_id``."""
        self._advance(update_id)
        source = self._source
        source.apply(bids, asks)
        for side, levels, overlaid in ((source.bids, bids, self._overlaid[0]), (source.asks, asks, self._overlaid[1])):
            for price, lots in levels:
                overlaid.discard(price)
                self._show(side.sign, price, lots)
            # What quotes had changed ahead of the diff, and the diff says nothing of, is as it was.
            for price in overlaid:
                self._show(side.sign, price, side.lots_at(price))
            overlaid.clear()

    def quote(self, update_id: int, bid: Level, ask: Level) -> None:
        """A best quote of the source: nothing stands before it, and these quantities at it."""
        self._advance(update_id)
        for side, (price, lots), overlaid in (
            (self.shown.bids, bid, self._overlaid[0]),
            (self.shown.asks, ask, self._overlaid[1]),
        ):
            if not price:
                continue
            better = [(one, 0) for one in _before(side, price)]
            for one, quantity in (*better, (price, lots)):
                overlaid.add(one)
                self._show(side.sign, one, quantity)

    # -- what clients are told ---------------------------------------------------------------------------------------

    def truth(self) -> TrueBook:
        """All of the shown book."""
        return TrueBook(self.update_id, list(self.shown.bids), list(self.shown.asks))

    def best(self) -> tuple[int, int, int, int]:
        """Best bid and its quantity, best ask and its quantity; zeros for an empty side."""
        bid, ask = self.shown.bids, self.shown.asks
        at_bid, at_ask = bid.best(), ask.best()
        return at_bid, bid.lots_at(at_bid), at_ask, ask.lots_at(at_ask)

    def pending(self, pace: str) -> bool:
        """Whether something happened since the last diff of that pace."""
        return self.windows[pace].last_id != self.update_id

    def take_diff(self, pace: str) -> tuple[int, int, int, list[Level], list[Level]]:
        """``(U, u, pu, bids, asks)`` since the last diff of that pace, best levels first, and begin a new window."""
        window = self.windows[pace]
        previous = window.last_id
        first = previous + 1 if self._consecutive else window.first_change_id
        changes = _changed(self.shown.bids, window.bids), _changed(self.shown.asks, window.asks)
        window.last_id, window.first_change_id = self.update_id, 0
        window.bids.clear()
        window.asks.clear()
        return first, self.update_id, previous, changes[0], changes[1]

    def as_of_last_diff(self, pace: str) -> TrueBook:
        """The shown book as it was when the last diff of that pace left."""
        window = self.windows[pace]
        book = OrderBook()
        book.replace(self.shown.bids, self.shown.asks)
        book.apply(window.bids.items(), window.asks.items())
        return TrueBook(window.last_id, list(book.bids), list(book.asks))

    # -- every change ------------------------------------------------------------------------------------------------

    def _advance(self, source_id: int) -> None:
        self._source_id = source_id
        self._set_id(source_id * self._stretch + self._offset)

    def _set_id(self, update_id: int) -> None:
        if update_id <= self.update_id:
            return
        self.update_id = update_id
        for window in self.windows.values():
            window.first_change_id = window.first_change_id or update_id

    def _show(self, sign: int, price_ticks: int, qty_lots: int) -> None:
        side = self.shown.bids if sign == BID else self.shown.asks
        was = side.lots_at(price_ticks)
        if was == qty_lots:
            return
        for window in self.windows.values():
            (window.bids if sign == BID else window.asks).setdefault(price_ticks, was)
        side.set_level(price_ticks, qty_lots)


def _before(side: BookSide, price_ticks: int) -> Iterator[int]:
    """Prices of a side that are better than ``price_ticks``."""
    return (price for price, _ in side.until(price_ticks) if price != price_ticks)


def _changed(side: BookSide, before: dict[int, int]) -> list[Level]:
    """Levels that were touched, best first. Those that are again what they were too: a snapshot may hold what was between."""
    return [(price, side.lots_at(price)) for price in sorted(before, reverse=side.sign == BID)]

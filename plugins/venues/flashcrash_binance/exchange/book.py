"""One symbol's book, with ids that name every state it was ever in. The exchange's truth.

A source tells of its book every 100 ms and of its best quotes in between. Both change this book at once, so that a book ticker,
a REST snapshot and a diff that bear the same update id always agree, and a snapshot taken between two diffs lies within the next.

**Where trading comes in.** What the source shows is the others' liquidity (``_source``). Orders of our account belong between it
and what is shown: a matching engine is given the source's changes after they were applied to ``_source``, fills what they cross,
and puts what rests of our orders on top in :meth:`VenueBook._show`, the one place where a level of the shown book changes. Every
such change takes an id of its own from :meth:`VenueBook.next_id`.
"""

from collections.abc import Iterable

from attrs import define, field

from flashcrash_binance.exchange.ladder import Ladder
from flashcrash_core.api import Level

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
    before: tuple[dict[int, int], dict[int, int]] = field(factory=lambda: ({}, {}))
    """Bids and asks: price to the quantity that the last diff left there."""


class VenueBook:
    """The shown book, the source's book beneath it, and the windows of the diff streams.

    ``consecutive`` is spot's rule: a diff begins at the id after the last one's end. On USD-M it begins at its first change, and
    ``stretch`` multiplies the ids of a source that has consecutive ones. Ids of the shown book never fall.
    """

    def __init__(self, paces: Iterable[str], *, consecutive: bool = True, stretch: int = 1) -> None:
        self.bids, self.asks = Ladder(1), Ladder(-1)
        """What clients are shown."""
        self.update_id = 0
        self.windows = {pace: DiffWindow() for pace in paces}
        self._windows = tuple(self.windows.values())
        self.started = False
        self._source: tuple[dict[int, int], dict[int, int]] = ({}, {})
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
        self.bids, self.asks = Ladder(1, bids), Ladder(-1, asks)
        self._source = dict(self.bids.lots), dict(self.asks.lots)
        self._source_id = update_id
        self.update_id = update_id * self._stretch + self._offset
        for window in self._windows:
            window.last_id = self.update_id
        self.started = True

    def replace(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """A later picture (a capture's resync, a new round): whatever differs from it changes."""
        changes: list[list[Level]] = []
        for was, levels in zip(self._source, (bids, asks), strict=True):
            now = {price: lots for price, lots in levels if lots}
            changes.append([(price, 0) for price in was if price not in now] + list(now.items()))
        self.apply(update_id, changes[0], changes[1])

    def apply(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """A diff of the source, which ends at ``update_id``."""
        self._advance(update_id)
        for which, (ladder, levels) in enumerate(((self.bids, bids), (self.asks, asks))):
            source, overlaid = self._source[which], self._overlaid[which]
            for price, lots in levels:
                if lots:
                    source[price] = lots
                else:
                    source.pop(price, None)
                self._show(which, ladder, price, lots)
            # What quotes had changed ahead of the diff, and the diff says nothing of, is as it was.
            for price in overlaid:
                self._show(which, ladder, price, source.get(price, 0))
            overlaid.clear()

    def quote(self, update_id: int, bid: Level, ask: Level) -> None:
        """A best quote of the source: nothing stands before it, and these quantities at it."""
        self._advance(update_id)
        for which, (ladder, (price, lots)) in enumerate(((self.bids, bid), (self.asks, ask))):
            if not price:
                continue
            overlaid = self._overlaid[which]
            for better in ladder.better(price):
                overlaid.add(better)
                self._show(which, ladder, better, 0)
            overlaid.add(price)
            self._show(which, ladder, price, lots)

    # -- what clients are told ---------------------------------------------------------------------------------------

    def truth(self) -> TrueBook:
        """All of the shown book."""
        return TrueBook(self.update_id, list(self.bids), list(self.asks))

    def best(self) -> tuple[int, int, int, int]:
        """Best bid and its quantity, best ask and its quantity; zeros for an empty side."""
        bids, asks = self.bids, self.asks
        bid, ask = bids.best(), asks.best()
        return bid, bids.lots.get(bid, 0), ask, asks.lots.get(ask, 0)

    def pending(self, pace: str) -> bool:
        """Whether something happened since the last diff of that pace."""
        return self.windows[pace].last_id != self.update_id

    def take_diff(self, pace: str) -> tuple[int, int, int, list[Level], list[Level]]:
        """``(U, u, pu, bids, asks)`` since the last diff of that pace, best levels first, and begin a new window."""
        window = self.windows[pace]
        previous = window.last_id
        first = previous + 1 if self._consecutive else window.first_change_id
        changes = _changed(self.bids, window.before[0]), _changed(self.asks, window.before[1])
        window.last_id, window.first_change_id = self.update_id, 0
        window.before[0].clear()
        window.before[1].clear()
        return first, self.update_id, previous, changes[0], changes[1]

    def as_of_last_diff(self, pace: str) -> TrueBook:
        """The shown book as it was when the last diff of that pace left."""
        window = self.windows[pace]
        bids, asks = self.bids.lots | window.before[0], self.asks.lots | window.before[1]
        return TrueBook(window.last_id, list(Ladder(1, bids.items())), list(Ladder(-1, asks.items())))

    # -- every change ------------------------------------------------------------------------------------------------

    def _advance(self, source_id: int) -> None:
        self._source_id = source_id
        self._set_id(source_id * self._stretch + self._offset)

    def _set_id(self, update_id: int) -> None:
        if update_id <= self.update_id:
            return
        self.update_id = update_id
        for window in self._windows:
            window.first_change_id = window.first_change_id or update_id

    def _show(self, which: int, ladder: Ladder, price_ticks: int, qty_lots: int) -> None:
        was = ladder.set(price_ticks, qty_lots)
        if was != qty_lots:
            for window in self._windows:
                window.before[which].setdefault(price_ticks, was)


def _changed(ladder: Ladder, before: dict[int, int]) -> list[Level]:
    """Levels that were touched, best first. Those that are again what they were too: a snapshot may hold what was between."""
    get = ladder.lots.get
    return [(price, get(price, 0)) for price in sorted(before, reverse=ladder.sign > 0)]

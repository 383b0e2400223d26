"""One symbol's book: the documented procedure of snapshot and diffs, with a second connection that may fill a hole first.

The keeper's book only ever advances along an unbroken chain of update ids (reference/binance.md section 3). A diff that does not
continue it is kept aside, and the hole is told at once; nothing more of the book is told until the chain is whole again: by the
missing diff, from the other connection, or by a REST snapshot. Then the whole book is told anew. So whoever follows never holds a
diff back, and never sees an order of diffs that is not the venue's.
"""

from collections import deque
from enum import Enum
from typing import Final

from attrs import define, field

from flashcrash_core.api import ASK, BID, BookDelta, BookSnapshot, BookSync, Continuity, Level, OrderBook, SyncState

__all__ = ["ID_LEAP", "BookKeeper", "Verdict"]

MAX_ASIDE: Final = 10_000
"""Diffs kept aside: 1,000 s of them. Beyond it the oldest are let go, which only a newer snapshot can mend."""
RECENT: Final = 256
"""Applied diffs that are remembered, to place a snapshot that is a little older than the book: 25 s of them."""
ID_LEAP: Final = 10_000_000
"""Ids may run ahead of the book by so many, and by a million a second since it changed: USD-M, the quickest, counts 70,000."""
SNAPSHOT_LEAP: Final = 100_000_000
"""The same for diffs that waited for a snapshot: it is a minute older at most."""
BACKWARDS_US: Final = 60_000_000
"""Snapshots that are older than what was seen for so long say that the venue's ids began anew; until then they are stale."""
EDGE_SHARE: Final = 0.25
"""A price that has come within this share of the way to the snapshot's last level asks for a deeper look."""


class Verdict(Enum):
    """What became of a diff or a snapshot."""

    TOLD = "told"
    """It continues the book: tell it."""
    KNOWN = "known"
    """The book contains it."""
    ASIDE = "aside"
    """It does not continue the book, which was not whole already; it waits."""
    HOLE = "hole"
    """It does not continue the book, which was whole until now."""
    WHOLE = "whole"
    """The book is whole again, and is to be told as a whole."""
    TOO_OLD = "too old"
    """The snapshot does not reach the diffs."""


@define(eq=False)
class BookKeeper:
    """The book of one symbol. ``usable`` says whether what was told last is whole."""

    symbol: str
    continuity: Continuity
    sync: BookSync = field(factory=BookSync)
    usable: bool = False
    recent: deque[BookDelta] = field(factory=lambda: deque(maxlen=RECENT))
    """Diffs applied last, oldest first."""
    snapshot_us: int = 0
    """When the last REST snapshot came."""
    changed_us: int = 0
    duplicates: int = 0
    holes: int = 0
    healed: int = 0
    resyncs: int = 0
    stale_snapshots: int = 0
    implausible: int = 0
    """Diffs that waited for a book with ids that no snapshot will ever reach: damaged ones."""
    _aside: list[BookDelta] = field(factory=list)
    _seen_id: int = 0
    """Largest id that the book had, also after it was forgotten."""
    _backwards_us: int = 0
    """Since when snapshots are older than that."""
    _fresh: bool = False
    _edges: tuple[int, int] = (0, 0)
    _middle: int = 0

    @property
    def update_id(self) -> int:
        """Last id in the book."""
        return self.sync.update_id

    @property
    def book(self) -> OrderBook:
        """The levels."""
        return self.sync.book

    @property
    def waiting(self) -> int:
        """Diffs kept aside."""
        return len(self._aside)

    def is_plausible(self, update_id: int, now_us: int) -> bool:
        """Whether the venue can have come to that id by now. Anything goes before the first book."""
        known_id = self.sync.update_id
        return not known_id or update_id - known_id <= ID_LEAP + now_us - self.changed_us

    def on_delta(self, delta: BookDelta, now_us: int) -> Verdict:
        """Take a diff, from whichever connection."""
        if self.usable:
            if delta.prev_id is None and delta.first_id == self.sync.update_id + 1:
                self._apply(delta, now_us)  # the usual case on spot
                return Verdict.TOLD
            if self._contained(delta):
                self.duplicates += 1
                return Verdict.KNOWN
            if self._chains(delta):
                self._apply(delta, now_us)
                return Verdict.TOLD
            self.lose()
            self._put_aside(delta)
            return Verdict.HOLE
        if self.sync.state is SyncState.SYNCED and self._contained(delta):
            self.duplicates += 1
            return Verdict.KNOWN
        self._put_aside(delta)
        if self.sync.state is SyncState.SYNCED and self._chains(delta) and self._catch_up(now_us):
            self.healed += 1
            self.usable = True
            return Verdict.WHOLE
        return Verdict.ASIDE

    def on_snapshot(self, snapshot: BookSnapshot, limit: int, now_us: int) -> Verdict:
        """Take a REST snapshot of up to ``limit`` levels a side, whenever it was asked for."""
        if self._is_from_before(snapshot, now_us):
            self.stale_snapshots += 1
            return Verdict.TOO_OLD
        plausible = [delta for delta in self._aside if delta.first_id <= snapshot.update_id + SNAPSHOT_LEAP]
        self.implausible += len(self._aside) - len(plausible)
        self._aside = plausible
        later = [*self.recent, *self._aside] if self.usable else self._aside
        fresh = BookSync()
        fresh.on_snapshot(snapshot)
        before = (self.sync, self._fresh, self.recent.copy(), self._aside)
        self.sync, self._fresh, self._aside = fresh, True, sorted(later, key=_place)
        self.recent.clear()
        if not self._catch_up(now_us):
            # Kept for the next one: what it lacks may be in it.
            self.sync, self._fresh, self.recent, self._aside = before
            self.stale_snapshots += 1
            return Verdict.TOO_OLD
        if self.usable and self.sync.update_id < before[0].update_id:
            # Older than the book, and what lies between is not remembered.
            self.sync, self._fresh, self.recent, self._aside = before
            self.stale_snapshots += 1
            return Verdict.TOO_OLD
        bids, asks = snapshot.bids, snapshot.asks
        self._edges = (bids[-1][0] if len(bids) >= limit else 0, asks[-1][0] if len(asks) >= limit else 0)
        self._middle = (bids[0][0] + asks[0][0]) // 2 if bids and asks else 0
        self.snapshot_us = self.changed_us = now_us
        self.usable = True
        self.resyncs += 1
        self._seen_id = self._backwards_us = 0
        return Verdict.WHOLE

    def lose(self) -> None:
        """The book may not be used from now on; the chain up to here stays, for the diff that may still come."""
        self.usable = False
        self.holes += 1

    def forget(self) -> None:
        """The book itself is wrong, or nobody hears how it goes on: only a new snapshot can mend it."""
        if self.usable:
            self.lose()
        self._seen_id = max(self._seen_id, self.update_id, *(delta.last_id for delta in self._aside))
        self._aside.clear()
        self.sync, self._fresh = BookSync(), False
        self.recent.clear()

    @property
    def near_edge(self) -> bool:
        """Whether prices have come close to the last level that the snapshot knew: what lies beyond is unknown."""
        best = (self.book.bids.best(), self.book.asks.best())
        for place, edge, sign in zip(best, self._edges, (BID, ASK), strict=True):
            if edge and place and (place - edge) * sign < EDGE_SHARE * (self._middle - edge) * sign:
                return True
        return False

    def picture(self, seq: int, receive_us: int) -> BookSnapshot:
        """The whole book as an event."""
        levels: tuple[list[Level], list[Level]] = (list(self.book.bids), list(self.book.asks))
        return BookSnapshot(self.symbol, seq, None, receive_us, self.update_id, *levels)

    # -- the chain ---------------------------------------------------------------------------------------------------

    def _is_from_before(self, snapshot: BookSnapshot, now_us: int) -> bool:
        """A snapshot from before the book was forgotten, with no diff to hold it against (a cache's, or a slow server's)."""
        if self._aside or snapshot.update_id >= self._seen_id:
            return False
        self._backwards_us = self._backwards_us or now_us
        return now_us - self._backwards_us < BACKWARDS_US

    def _contained(self, delta: BookDelta) -> bool:
        if self.continuity is Continuity.FUTURES:
            return delta.last_id < self.update_id or (delta.last_id == self.update_id and not self._fresh)
        return delta.last_id <= self.update_id

    def _chains(self, delta: BookDelta) -> bool:
        if self.continuity is Continuity.FUTURES:
            if self._fresh and delta.first_id <= self.update_id <= delta.last_id:
                return True
            return delta.prev_id == self.update_id
        return delta.first_id <= self.update_id + 1 <= delta.last_id

    def _apply(self, delta: BookDelta, now_us: int) -> None:
        self.sync.on_delta(delta)
        self._fresh = False
        self.changed_us = now_us
        self.recent.append(delta)

    def _put_aside(self, delta: BookDelta) -> None:
        self._aside.append(delta)
        self._aside.sort(key=_place)
        if len(self._aside) > MAX_ASIDE:
            del self._aside[0]

    def _catch_up(self, now_us: int) -> bool:
        """Apply what was kept aside, as far as it chains; whether nothing is left."""
        aside = self._aside
        taken = 0
        for delta in aside:
            if not self._contained(delta):
                if not self._chains(delta):
                    break
                self._apply(delta, now_us)
            taken += 1
        del aside[:taken]
        return not aside

    def _check(self) -> None:
        """Assert what must hold at any time; for tests."""
        self.book.bids._check()
        self.book.asks._check()
        assert not self.usable or self.sync.state is SyncState.SYNCED, "a usable book that is not synced"
        assert not self.usable or not self._aside, "a whole book with diffs aside"
        assert self._aside == sorted(self._aside, key=_place), "diffs aside out of order"


def _place(delta: BookDelta) -> tuple[int, int]:
    return delta.last_id, delta.first_id

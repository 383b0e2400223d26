"""Keeping a local book true to the exchange's: snapshot plus diffs, or not usable at all.

The procedure is Binance's (reference/binance.md section 3): buffer diffs until a snapshot, drop those it contains, demand an
unbroken chain of update ids from then on. A hole makes the book unusable at once, and it stays so until a new snapshot.

States: ``EMPTY`` (nothing yet) and ``BUFFERING`` (diffs held, snapshot awaited) and ``SYNCED``.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import BookDelta, BookSnapshot, Continuity, Level

__all__ = ["BookSync", "SyncState"]

MAX_BUFFERED: Final = 10_000
"""Diffs held while a snapshot is awaited: 1,000 s at 100 ms. The oldest are dropped beyond it; sync then needs a newer snapshot."""


class SyncState(IntEnum):
    """Where the book stands."""

    EMPTY = 0
    BUFFERING = 1
    SYNCED = 2


class BookSync:
    """Owns the :class:`OrderBook` of one symbol and decides whether it may be used.

    ``update_id`` is the last id that the book contains. ``counts`` holds ``gaps``, ``resyncs``, ``stale_snapshots``,
    ``old_deltas`` and ``dropped_buffer``.
    """

    __slots__ = (
        "_buffer",
        "_fresh",
        "book",
        "counts",
        "ever_synced",
        "state",
        "update_id",
    )

    def __init__(self) -> None:
        self.book = OrderBook()
        self.state = SyncState.EMPTY
        self.update_id = 0
        self.ever_synced = False
        self.counts: Counter[str] = Counter()
        self._buffer: list[BookDelta] = []
        self._fresh = False  # no diff applied since the snapshot: the next one may straddle it

    def on_snapshot(self, snapshot: BookSnapshot) -> bool:
        """Take a snapshot; returns whether the book is synced afterwards."""
        if self.state is SyncState.SYNCED and snapshot.update_id < self.update_id:
            self.counts["stale_snapshots"] += 1  # the book is already ahead of it
            return True
        self.book.replace(snapshot.bids, snapshot.asks)
        self.update_id = snapshot.update_id
        if self.ever_synced:
            self.counts["resyncs"] += 1
        self.state = SyncState.SYNCED
        self.ever_synced = True
        self._fresh = True
        held, self._buffer = self._buffer, []
        for delta in held:
            if self._contained(delta):
                continue
            if not self._chains(delta):
                # Too old for what is buffered (L < U0): keep the diffs, wait for a newer snapshot.
                self.counts["stale_snapshots"] += 1
                self.state = SyncState.BUFFERING
                self._buffer = held
                return False
            self._take(delta)
        return True

    def on_delta(self, delta: BookDelta) -> bool:
        """Apply a diff; returns False when it revealed a gap."""
        if self.state is not SyncState.SYNCED:
            self.state = SyncState.BUFFERING
            self._hold(delta)
            return True
        if self._contained(delta):
            self.counts["old_deltas"] += 1
            return True
        if not self._chains(delta):
            self.lose("gap")
            self._hold(delta)
            return False
        self._take(delta)
        return True

    def lose(self, reason: str) -> None:
        """Declare the book unusable until a new snapshot; ``reason`` is counted (``gap``, ``feed_gap``)."""
        self.counts["gaps"] += 1
        if reason != "gap":
            self.counts[reason] += 1
        self.state = SyncState.BUFFERING
        self._buffer.clear()

    # -- continuity --------------------------------------------------------------------------------------------------

    def _contained(self, delta: BookDelta) -> bool:
        if delta.continuity is Continuity.FUTURES:
            # u == L may still be the diff that straddles a snapshot; after that it is one told twice.
            return delta.last_id < self.update_id or (delta.last_id == self.update_id and not self._fresh)
        return delta.last_id <= self.update_id

    def _chains(self, delta: BookDelta) -> bool:
        """Whether ``delta`` continues the book. The first diff after a snapshot with id L may straddle it:
        spot ``U <= L+1 <= u``, futures ``U <= L <= u``. Later ones: spot ``U <= id+1``, futures ``pu == id``."""
        if delta.continuity is Continuity.FUTURES:
            if self._fresh and delta.first_id <= self.update_id <= delta.last_id:
                return True
            return delta.prev_id == self.update_id
        return delta.first_id <= self.update_id + 1 <= delta.last_id

    def _take(self, delta: BookDelta) -> None:
        self.book.apply(delta.bids, delta.asks)
        self.update_id = delta.last_id
        self._fresh = False

    def _hold(self, delta: BookDelta) -> None:
        self._buffer.append(delta)
        if len(self._buffer) > MAX_BUFFERED:
            del self._buffer[0]
            self.counts["dropped_buffer"] += 1

    # -- snapshot for resume -----------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """State as plain data, msgpack-able."""
        return {
            "state": int(self.state),
            "update_id": self.update_id,
            "ever_synced": self.ever_synced,
            "fresh": self._fresh,
            "counts": dict(self.counts),
            "bids": list(self.book.bids),
            "asks": list(self.book.asks),
            "buffer": [
                [
                    d.symbol,
                    d.seq,
                    d.exchange_us,
                    d.receive_us,
                    d.first_id,
                    d.last_id,
                    list(d.bids),
                    list(d.asks),
                    d.prev_id,
                    int(d.continuity),
                ]
                for d in self._buffer
            ],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.state = SyncState(data["state"])
        self.update_id = data["update_id"]
        self.ever_synced = data["ever_synced"]
        self._fresh = data["fresh"]
        self.counts = Counter(data["counts"])
        self.book.replace(data["bids"], data["asks"])
        self._buffer = [
            BookDelta(
                symbol, seq, exchange_us, receive_us, first_id, last_id, _pairs(bids), _pairs(asks), prev_id, Continuity(continuity)
            )
            for symbol, seq, exchange_us, receive_us, first_id, last_id, bids, asks, prev_id, continuity in data["buffer"]
        ]


def _pairs(levels: Iterable[Sequence[int]]) -> list[Level]:
    """Levels as tuples again: msgpack gives lists back."""
    return [(price, lots) for price, lots in levels]

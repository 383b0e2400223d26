"""Two connections tell the same: who comes first wins, the second is dropped, and each may fill the other's holes.

Trade ids of a symbol are consecutive, so a hole is known as soon as a later id comes, and what fills it late is still news. Best
quotes only count when they are newer than the last one.
"""

from typing import Final

from attrs import define, field

__all__ = ["QuoteMerge", "RecentPayloads", "TradeMerge"]

MAX_MISSING: Final = 1_000
"""Missing ids that are remembered; a longer hole is counted as lost at once."""
RECENT: Final = 4_096
"""Messages of a generation; this one and the one before are remembered."""
_CONTRADICTIONS: Final = 3


@define(eq=False)
class TradeMerge:
    """Ids of one symbol's trades. ``lost`` counts those that can no longer come: beyond what is remembered.

    A trade with a lower id than the highest and a later time cannot be a copy. Some of them in a row say that the highest id was
    damaged, or that the venue began anew; ids then go on from there (``restarts``).
    """

    last_id: int = 0
    missing: dict[int, None] = field(factory=dict)
    duplicates: int = 0
    filled: int = 0
    lost: int = 0
    restarts: int = 0
    told_us: int = 0
    """When the trade with the highest id came."""
    _last_us: int = 0
    """The venue's time of it."""
    _contradictions: int = 0

    def accept(self, trade_id: int, exchange_us: int, now_us: int) -> bool:
        """Whether this trade is news. ``exchange_us`` is the venue's time of it."""
        expected = self.last_id + 1
        if trade_id == expected or not self.last_id:
            self.last_id, self._last_us, self.told_us = trade_id, exchange_us, now_us
            self._contradictions = 0
            return True
        if trade_id < expected:
            if trade_id in self.missing:
                del self.missing[trade_id]
                self.filled += 1
                return True
            if exchange_us > self._last_us:
                return self._contradicts(trade_id, exchange_us, now_us)
            self.duplicates += 1
            return False
        hole = trade_id - expected
        if hole > MAX_MISSING:
            self.lost += hole
        else:
            self.missing.update(dict.fromkeys(range(expected, trade_id)))
            while len(self.missing) > MAX_MISSING:
                del self.missing[next(iter(self.missing))]
                self.lost += 1
        self.last_id, self._last_us, self.told_us = trade_id, exchange_us, now_us
        self._contradictions = 0
        return True

    def _contradicts(self, trade_id: int, exchange_us: int, now_us: int) -> bool:
        """One more trade that cannot be a copy; whether ids go on from it."""
        self._contradictions += 1
        if self._contradictions < _CONTRADICTIONS:
            return False
        self.restarts += 1
        self._contradictions = 0
        self.lost += len(self.missing) + _CONTRADICTIONS - 1
        self.missing.clear()
        self.last_id, self._last_us, self.told_us = trade_id, exchange_us, now_us
        return True


@define(eq=False)
class QuoteMerge:
    """Update ids of one symbol's best quotes."""

    last_id: int = 0
    old: int = 0
    told_us: int = 0
    """When the last one was news."""

    def accept(self, update_id: int, now_us: int) -> bool:
        """Whether this quote is newer than all before it."""
        if update_id <= self.last_id:
            self.old += 1
            return False
        self.last_id = update_id
        self.told_us = now_us
        return True


@define(eq=False)
class RecentPayloads:
    """Messages seen lately, byte for byte: the other connection's copy is known without decoding it, and how late it is.

    Only a shortcut. What differs in a byte is told apart by its ids.
    """

    late_us: int = 0
    """How long after the first one the latest copy came."""
    _newest: dict[int, int] = field(factory=dict)
    _older: dict[int, int] = field(factory=dict)
    """The generation before: taking single entries off the front of one large dict is slow."""

    def forget(self, payload: bytes) -> None:
        """It could not be used: the other connection's copy is to be looked at as well."""
        key = hash(payload)
        self._newest.pop(key, None)
        self._older.pop(key, None)

    def is_new(self, payload: bytes, now_us: int) -> bool:
        """Remember a message; False when it was here already, ``late_us`` ago."""
        key, newest = hash(payload), self._newest
        first_us = newest.get(key) or self._older.get(key)
        if first_us is not None:
            self.late_us = now_us - first_us
            return False
        if len(newest) >= RECENT:
            self._older, self._newest = newest, {}
            newest = self._newest
        newest[key] = now_us
        return True

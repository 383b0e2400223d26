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


@define(eq=False)
class TradeMerge:
    """Ids of one symbol's trades. ``lost`` counts those that can no longer come: beyond what is remembered."""

    last_id: int = 0
    missing: dict[int, None] = field(factory=dict)
    duplicates: int = 0
    filled: int = 0
    lost: int = 0
    restarts: int = 0

    def accept(self, trade_id: int) -> bool:
        """Whether this trade is news."""
        expected = self.last_id + 1
        if trade_id == expected or not self.last_id:
            self.last_id = trade_id
            return True
        if trade_id < expected:
            if trade_id in self.missing:
                del self.missing[trade_id]
                self.filled += 1
                return True
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
        self.last_id = trade_id
        return True


@define(eq=False)
class QuoteMerge:
    """Update ids of one symbol's best quotes."""

    last_id: int = 0
    old: int = 0

    def accept(self, update_id: int) -> bool:
        """Whether this quote is newer than all before it."""
        if update_id <= self.last_id:
            self.old += 1
            return False
        self.last_id = update_id
        return True


@define(eq=False)
class RecentPayloads:
    """Messages seen lately, byte for byte: the other connection's copy is known without decoding it.

    Only a shortcut. What differs in a byte is told apart by its ids.
    """

    _held: dict[int, None] = field(factory=dict)

    def forget(self, payload: bytes) -> None:
        """It could not be used: the other connection's copy is to be looked at as well."""
        self._held.pop(hash(payload), None)

    def is_new(self, payload: bytes) -> bool:
        """Remember a message; False when it was here already."""
        held, key = self._held, hash(payload)
        if key in held:
            return False
        held[key] = None
        if len(held) > RECENT:
            del held[next(iter(held))]
        return True

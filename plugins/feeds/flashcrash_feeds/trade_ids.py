"""Trade ids count up by one on Binance: a jump means missing trades, a repeat means a trade told twice."""

from collections import deque
from enum import Enum
from typing import Final

__all__ = ["Link", "TradeIds"]

_REMEMBERED_HOLES: Final = 256


class Link(Enum):
    """How a trade continues the ids before it."""

    NEXT = "next"
    GAP = "gap"
    LATE = "late"
    DUPLICATE = "duplicate"


class TradeIds:
    """The chain of one symbol's trade ids. ``next_id`` is the id that would continue it; -1 before the first trade.

    A trade from inside an earlier hole is late, not repeated; the newest 256 holes are remembered.
    """

    __slots__ = ("_holes", "next_id")

    def __init__(self) -> None:
        self.next_id = -1
        self._holes: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED_HOLES)

    def link(self, first_id: int, last_id: int) -> Link:
        """Take the trades ``first_id`` to ``last_id`` and say how they continue the chain."""
        expected = self.next_id
        if first_id == expected or expected < 0:
            self.next_id = last_id + 1
            return Link.NEXT
        if first_id > expected:
            self._holes.append((expected, first_id))
            self.next_id = last_id + 1
            return Link.GAP
        for position, (start, end) in enumerate(self._holes):
            if start <= first_id and last_id < end:
                # Split the hole, so that the same late trade does not pass twice.
                del self._holes[position]
                self._holes.extend(part for part in ((start, first_id), (last_id + 1, end)) if part[0] < part[1])
                return Link.LATE
        return Link.DUPLICATE

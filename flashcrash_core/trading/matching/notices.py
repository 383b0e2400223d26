"""Notices on their way back: numbered and handed over at their delivery time, in order."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from flashcrash_core.trading.orders import NoticeKind, VenueNotice

__all__ = ["NoticeQueue"]

_Waiting = tuple[int, int, str, int, str, str, int, int, int, bool, int, str]
"""delivery time, push number (breaks ties), then symbol, venue time, kind and the payload of a VenueNotice."""


class NoticeQueue:
    """A heap of plain tuples; the push number keeps equal delivery times in the order of the venue."""

    __slots__ = ("_heap", "_pushed")

    def __init__(self) -> None:
        self._heap: list[_Waiting] = []
        self._pushed = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(
        self,
        deliver_us: int,
        symbol: str,
        at_us: int,
        kind: NoticeKind,
        client_id: str,
        *,
        price_ticks: int = 0,
        qty_lots: int = 0,
        fee_minor: int = 0,
        maker: bool = False,
        trade_id: int = 0,
        reason: str = "",
    ) -> None:
        """Send a notice off. ``at_us`` is when it happened at the venue, ``deliver_us`` when the session may know."""
        self._pushed += 1
        payload = (price_ticks, qty_lots, fee_minor, maker, trade_id, reason)
        heappush(self._heap, (deliver_us, self._pushed, symbol, at_us, kind.value, client_id, *payload))

    def due(self, now_us: int, next_seq: Callable[[], int]) -> list[VenueNotice]:
        """Notices to deliver at or before ``now_us``; ``exchange_us`` is the venue's time, ``receive_us`` the delivery's."""
        heap = self._heap
        notices: list[VenueNotice] = []
        while heap and heap[0][0] <= now_us:
            deliver_us, _, symbol, at_us, kind, client_id, price, lots, fee, maker, trade_id, reason = heappop(heap)
            notices.append(
                VenueNotice(
                    symbol, next_seq(), at_us, deliver_us, NoticeKind(kind), client_id, price, lots, fee, maker, trade_id, reason
                )
            )
        return notices

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {"pushed": self._pushed, "waiting": [list(item) for item in sorted(self._heap)]}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._pushed = data["pushed"]
        self._heap = [tuple(item) for item in data["waiting"]]
        heapify(self._heap)

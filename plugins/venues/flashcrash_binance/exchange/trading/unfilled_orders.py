"""The limiter of unfilled orders: fixed windows, an order counts until its first fill (reference/binance.md section 8)."""

from typing import Any, Final

from flashcrash_binance.exchange.listing import MOST_ORDERS
from flashcrash_binance.exchange.rest import ApiError

__all__ = ["UnfilledOrders"]

_SECOND_US: Final = 1_000_000
_DAY_S: Final = 86_400
_TAKER_BACK: Final = 1
_MAKER_BACK: Final = 5
_WORDS: Final = {10: ("SECOND", 10), _DAY_S: ("DAY", 1)}


class UnfilledOrders:
    """Counts by window."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = dict.fromkeys(MOST_ORDERS, 0)
        self._windows: dict[int, int] = dict.fromkeys(MOST_ORDERS, -1)

    def check(self, orders: int, stamp_us: int) -> None:
        """Raise ApiError -1015 if so many more would be too many."""
        self._turn(stamp_us)
        for seconds, most in MOST_ORDERS.items():
            if self.counts[seconds] + orders > most:
                name, number = _WORDS[seconds]
                raise ApiError(-1015, f"Too many new orders; current limit is {most} orders per {number} {name}.", 429)

    def retry_after_s(self, stamp_us: int) -> int:
        """Until when a window that is full lasts."""
        full = [seconds for seconds, most in MOST_ORDERS.items() if self.counts[seconds] >= most]
        return max((seconds - stamp_us // _SECOND_US % seconds for seconds in full), default=1)

    def add(self, orders: int, stamp_us: int) -> None:
        """Orders were placed."""
        self._turn(stamp_us)
        for seconds in self.counts:
            self.counts[seconds] += orders

    def first_fill(self, maker: bool) -> None:
        """An order was filled for the first time."""
        back = _MAKER_BACK if maker else _TAKER_BACK
        for seconds, count in self.counts.items():
            self.counts[seconds] = max(0, count - back)

    def headers(self) -> dict[str, str]:
        """As REST tells it with an order."""
        return {"X-MBX-ORDER-COUNT-10S": str(self.counts[10]), "X-MBX-ORDER-COUNT-1D": str(self.counts[_DAY_S])}

    def rate_limits(self, stamp_us: int) -> list[dict[str, Any]]:
        """As the WebSocket API and rateLimit/order tell it."""
        self._turn(stamp_us)
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": name,
                "intervalNum": number,
                "limit": MOST_ORDERS[one],
                "count": self.counts[one],
            }
            for one, (name, number) in _WORDS.items()
        ]

    def _turn(self, stamp_us: int) -> None:
        for seconds in self.counts:
            window = stamp_us // (seconds * _SECOND_US)
            if window != self._windows[seconds]:
                self._windows[seconds], self.counts[seconds] = window, 0

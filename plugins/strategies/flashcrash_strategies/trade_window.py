"""Trades of the last seconds and their volume-weighted percentiles (reference/microstructure.md section 5.1, mode ``empirical``).

A strategy is shown trades only while it is awake, so a window that has just begun holds few; the least number that makes a
distribution is the caller's setting.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

__all__ = ["TradeWindow", "volume_percentile"]

_MOST_TRADES: Final = 10_000
"""Kept at most, so that a snapshot stays small: 1,000 a second over 10 s; beyond it the newest count."""


def volume_percentile(trades: Iterable[tuple[int, int]], fraction: float) -> int:
    """Smallest price whose cumulative volume reaches ``fraction`` of the total; 0 without volume.

    ``trades`` are (price in ticks, quantity in lots), in any order.
    """
    by_price: dict[int, int] = {}
    for price, lots in trades:
        by_price[price] = by_price.get(price, 0) + lots
    # 12 significant digits, compared exactly: 0.2 of 10 lots is 2 lots, not 2.0000000000000004.
    wanted = Decimal(f"{fraction:.12g}") * sum(by_price.values())
    cumulative = 0
    for price in sorted(by_price):
        cumulative += by_price[price]
        if cumulative > 0 and cumulative >= wanted:
            return price
    return 0


class TradeWindow:
    """The trades of the trailing ``window_us``, by event time."""

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._trades: deque[tuple[int, int, int]] = deque(maxlen=_MOST_TRADES)

    def add(self, now_us: int, price_ticks: int, qty_lots: int) -> None:
        """Take a trade, in time order."""
        self._trades.append((now_us, price_ticks, qty_lots))
        self.forget(now_us)

    def forget(self, now_us: int) -> None:
        """Drop what is ``window_us`` old or older."""
        oldest_us = now_us - self._window_us
        while self._trades and self._trades[0][0] <= oldest_us:
            self._trades.popleft()

    def __len__(self) -> int:
        return len(self._trades)

    def percentile(self, fraction: float) -> int:
        """:func:`volume_percentile` of the trades held, in ticks."""
        return volume_percentile(((price, lots) for _, price, lots in self._trades), fraction)

    def snapshot(self) -> list[list[int]]:
        """State as plain data."""
        return [list(trade) for trade in self._trades]

    def restore(self, data: list[list[int]]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._trades.clear()
        self._trades.extend((now_us, price, lots) for now_us, price, lots in data)

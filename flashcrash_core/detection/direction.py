"""The direction gate: is price falling? (reference/microstructure.md section 2.9)

``DD = ln(P_t / max(P over the window))`` on row-end prices. Volatility, spread, message rate and depth are blind to sign;
without this gate an upward squeeze would wake a strategy that buys crashes.
"""

from collections import deque
from math import isnan, log, nan
from typing import Any

__all__ = ["Drawdown"]


class Drawdown:
    """Rolling drawdown over the last ``window_us`` by a monotonic queue, O(1) amortised per row."""

    __slots__ = ("_peaks", "_window_us", "value")

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._peaks: deque[tuple[int, float]] = deque()
        self.value = nan
        """Log fall from the window's peak, <= 0; NaN without a price."""

    def on_row(self, t_us: int, price: float) -> None:
        """Take the row-end price (NaN: no value for this row, the peaks stay)."""
        peaks = self._peaks
        while peaks and peaks[0][0] <= t_us - self._window_us:
            peaks.popleft()
        if isnan(price):
            self.value = nan
            return
        while peaks and peaks[-1][1] <= price:
            peaks.pop()
        peaks.append((t_us, price))
        peak = peaks[0][1]
        self.value = log(price / peak) if peak > price else 0.0

    @property
    def peak(self) -> float:
        """Highest row-end price in the window; NaN before the first."""
        return self._peaks[0][1] if self._peaks else nan

    def snapshot(self) -> list[Any]:
        """State as plain data."""
        return [self.value, [list(p) for p in self._peaks]]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.value = data[0]
        self._peaks = deque((t, p) for t, p in data[1])

"""Worst falls of the trade price within windows of event time: how much chaos a tape holds."""

from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["WINDOWS_S", "Drawdown", "worst_drawdown"]

WINDOWS_S: Final = (1, 10, 60, 300)
_CHUNK: Final = 1 << 18

Array = NDArray[np.integer[Any]]


@frozen
class Drawdown:
    """The largest fall, as a fraction of the highest trade of the window, ending at the trade at ``low_us``."""

    window_s: int
    fraction: float
    high_ticks: int
    low_ticks: int
    low_us: int


def worst_drawdown(times_us: Array, price_ticks: Array, window_s: int) -> Drawdown | None:
    """The worst fall from the highest to a later trade at most ``window_s`` away; None without trades.

    ``times_us`` must not fall. Memory beyond the columns is bounded by the trades of a chunk and of the window before it.
    """
    worst: Drawdown | None = None
    starts = np.searchsorted(times_us, times_us[::_CHUNK] - window_s * 1_000_000, side="left") if len(times_us) else ()
    for number, first in enumerate(starts):
        until = min((number + 1) * _CHUNK, len(times_us))
        offset = number * _CHUNK - int(first)
        times, prices = np.asarray(times_us[first:until]), np.asarray(price_ticks[first:until])
        highs = _window_highs(times, prices, window_s * 1_000_000, offset)
        lows = prices[offset:]
        falls = (highs - lows) / highs
        at = int(np.argmax(falls))
        if worst is None or falls[at] > worst.fraction:
            worst = Drawdown(window_s, float(falls[at]), int(highs[at]), int(lows[at]), int(times[offset + at]))
    return worst


def _window_highs(times: Array, prices: Array, window_us: int, offset: int) -> Array:
    """Highest price of each trade's window, from the trade number ``offset`` on.

    A window of n trades is covered by two runs of the largest power of two within n; the maxima of runs double in length.
    """
    ends = np.arange(offset, len(times))
    starts = np.searchsorted(times, times[offset:] - window_us, side="left")
    level = np.frexp((ends - starts + 1).astype(np.float64))[1] - 1
    highs = np.empty(len(ends), np.int64)
    runs = prices.astype(np.int64)
    for power in range(int(level.max()) + 1):
        here = level == power
        highs[here] = np.maximum(runs[starts[here]], runs[ends[here] - (1 << power) + 1])
        step = 1 << power
        if step < len(runs):
            runs = np.maximum(runs[:-step], runs[step:])
    return highs

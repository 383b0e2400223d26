"""Entry gates on bars: what has been traded lately and how far it moved (reference/microstructure.md sections 5.1 and 5.2).

:class:`BarMemory` takes every closed bar in every state; the gates are asked only about a bullish bar.
"""

from collections import deque
from statistics import median
from typing import Any

from flashcrash_core.api import MONEY_SCALE, Bar, Instrument
from flashcrash_strategies.config import PercentileConfig

__all__ = ["BarMemory", "range_refusal", "volume_refusal"]


class BarMemory:
    """Volumes of the newest bars (empty ones count as 0) and ranges of the newest non-empty bars."""

    def __init__(self, config: PercentileConfig) -> None:
        self._config = config
        # One more than the mean needs: the newest is the bar in question and is left out of it.
        self.volumes: deque[int] = deque(maxlen=config.volume_bars + 1)
        self.ranges: deque[int] = deque(maxlen=config.range_samples)
        self._extremes: deque[tuple[int, int]] = deque(maxlen=config.range_samples)

    def on_bar(self, bar: Bar) -> None:
        """Take a closed bar, in time order."""
        self.volumes.append(bar.notional_units)
        if bar.empty:
            return
        if self._config.range_reset:
            low, high = bar.low_ticks, bar.high_ticks
            if self._extremes and (low < min(x[0] for x in self._extremes) or high > max(x[1] for x in self._extremes)):
                self.ranges.clear()
            self._extremes.append((low, high))
        self.ranges.append(bar.high_ticks - bar.low_ticks)

    def mean_range(self, bars: int) -> float:
        """Mean range in ticks of the newest ``bars`` non-empty bars (the ATR of rule 5); NaN before the first."""
        newest = list(self.ranges)[-bars:]
        return sum(newest) / len(newest) if newest else float("nan")

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "volumes": list(self.volumes),
            "ranges": list(self.ranges),
            "extremes": [list(pair) for pair in self._extremes],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.volumes = deque(data["volumes"], self.volumes.maxlen)
        self.ranges = deque(data["ranges"], self.ranges.maxlen)
        self._extremes = deque([(low, high) for low, high in data["extremes"]], self._extremes.maxlen)


def volume_refusal(memory: BarMemory, instrument: Instrument, config: PercentileConfig) -> str:
    """Why the newest bar's volume forbids an entry, "" if it does not.

    It must be above ``volume_ratio`` times the mean of the full number of bars before it, and reach ``min_volume_quote``.
    """
    *before, newest = memory.volumes
    notional = newest * instrument.notional_unit / MONEY_SCALE
    if notional < config.min_volume_quote:
        return f"{notional:.0f} quote traded, {config.min_volume_quote:.0f} needed"
    if not config.volume_ratio:
        return ""
    if len(before) < config.volume_bars:
        return f"{len(before)} of {config.volume_bars} previous bars known"
    if newest * len(before) <= config.volume_ratio * sum(before):
        return (
            f"{newest * len(before) / sum(before):.2f} times the mean of {len(before)} bars, more than {config.volume_ratio} needed"
        )
    return ""


def range_refusal(memory: BarMemory, bar: Bar, config: PercentileConfig) -> tuple[str, str]:
    """(reason, detail) of why the bar's range forbids an entry; ("", "") if it does not.

    ``range``: below the median of the kept ranges, its own included. ``min_range``: below ``min_range_pct`` of its close.
    """
    span = bar.high_ticks - bar.low_ticks
    middle = median(memory.ranges)
    if span < middle:
        return "range", f"{span} ticks, median {middle:g}"
    if span * 100 < config.min_range_pct * bar.close_ticks:
        return "min_range", f"{100 * span / bar.close_ticks:.3f} % of the close, {config.min_range_pct} % needed"
    return "", ""

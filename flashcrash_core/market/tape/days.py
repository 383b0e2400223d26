"""UTC days of event time, without a clock: the decision path may not import one."""

from typing import Final

import numpy as np

from flashcrash_core.errors import DataError

__all__ = ["DAY_US", "day_name", "day_of", "require_plausible"]

DAY_US: Final = 86_400_000_000
_EARLIEST_US: Final = 315_532_800_000_000
"""1980. A time in milliseconds taken for microseconds lies in January 1970."""
_LATEST_US: Final = 7_258_118_400_000_000
"""2200."""


def day_of(time_us: int) -> int:
    """Number of the UTC day since 1970-01-01."""
    return time_us // DAY_US


def day_name(day: int) -> str:
    """``YYYY-MM-DD``."""
    return str(np.datetime64(day, "D"))


def require_plausible(time_us: int, where: str) -> None:
    """Raise DataError for a time that only a wrong unit explains."""
    if not _EARLIEST_US <= time_us < _LATEST_US:
        told = day_name(day_of(time_us)) if 0 <= time_us < 10 * _LATEST_US else "no date"
        raise DataError(
            f"{where}: time {time_us} us is {told}: the file's unit of time is not what its format says. Convert it to the unit of "
            "the format (Tardis: microseconds; Binance bulk files: milliseconds, since 2025 microseconds)"
        )

"""The wall clock of a live feed: microseconds UTC that never jump."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Clock", "steady_clock"]

Clock = Callable[[], int]
"""Gives the time in microseconds UTC."""

_ELAPSED: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC) if hasattr(time, "CLOCK_MONOTONIC") else -1


def steady_clock() -> Clock:
    """A clock that is set once, by the system's, and then only counts: a step of the system's clock does not reach the feed.

    A step back would hold every timer up, and a step forward would make every stream look silent. Time in which the machine
    was asleep is counted where the system can tell.
    """
    if _ELAPSED < 0:  # Windows
        monotonic_ns = time.monotonic_ns
        start_ns = time.time_ns() - monotonic_ns()
        return lambda: (start_ns + monotonic_ns()) // 1000
    gettime_ns, elapsed = time.clock_gettime_ns, _ELAPSED
    begin_ns = time.time_ns() - gettime_ns(elapsed)
    return lambda: (begin_ns + gettime_ns(elapsed)) // 1000

"""A clock that moves only when a test says so."""

from collections.abc import Callable
from math import isfinite
from typing import Final

from flashcrash_core.errors import UsageError

__all__ = ["START_US", "ManualClock"]

START_US: Final = 1_893_456_000_000_000
"""2030-01-01 00:00 UTC, where the simulated markets and all tapes begin."""


class ManualClock:
    """Exchange time of a test, in microseconds UTC. ``on_tick(now_us)`` is called after every :meth:`advance`."""

    __slots__ = ("_now_us", "_on_tick")

    def __init__(self, start_us: int = START_US, on_tick: Callable[[int], None] | None = None) -> None:
        self._now_us = start_us
        self._on_tick = on_tick

    @property
    def now_us(self) -> int:
        """The time, microseconds UTC."""
        return self._now_us

    def advance(self, seconds: float) -> int:
        """Let ``seconds`` pass and return the new time. Raises UsageError for a time that is not finite and positive."""
        if not (isfinite(seconds) and round(seconds * 1e6) > 0):
            raise UsageError(f"clock: cannot advance by {seconds} s; time only goes forward, give a number of seconds above 0")
        self._now_us += round(seconds * 1e6)
        if self._on_tick is not None:
            self._on_tick(self._now_us)
        return self._now_us

    def follow(self, now_us: int) -> None:
        """Take over the time that events have reached, if it is later. No tick."""
        self._now_us = max(self._now_us, now_us)

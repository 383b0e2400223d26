"""When what the markets have in store becomes due: play time against the caller's clock, for all symbols together.

The market's first event is *now*, and time runs ``speed`` times as fast from there: what the source had 10 s after its first event
happens 10 s / speed after the start. At ``speed`` None everything is due at once, and the caller takes as much as it can use.
"""

import heapq
from itertools import count
from math import ceil
from typing import Generic, TypeVar

__all__ = ["Playback"]

T = TypeVar("T")


class Playback(Generic[T]):
    """An agenda in play time: microseconds since the market began. What is due at once comes out as it was put in."""

    def __init__(self, speed: float | None = 1.0) -> None:
        self.speed = speed
        self.started_us: int | None = None
        """The caller's clock at play time 0."""
        self.play_us = 0
        """Play time of what was taken last."""
        self._agenda: list[tuple[int, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._agenda)

    def put(self, play_us: int, what: T) -> None:
        """``what`` is due at that play time."""
        heapq.heappush(self._agenda, (max(play_us, self.play_us), next(self._order), what))

    def next_us(self) -> int | None:
        """The caller's clock when the next is due; None if nothing is in store."""
        return self.moment_us(self._agenda[0][0]) if self._agenda else None

    def take(self) -> T:
        """The next; play time is its time from now on."""
        self.play_us, _, what = heapq.heappop(self._agenda)
        return what

    def take_at_once(self, play_us: int, now_us: int) -> bool:
        """Whether what is due at ``play_us`` comes before all that is in store, and is due now; then its time is the time."""
        if self._agenda and self._agenda[0][0] <= play_us:
            return False
        if self.moment_us(play_us) > now_us:
            return False
        self.play_us = play_us
        return True

    def moment_us(self, play_us: int) -> int:
        """The caller's clock at a play time; the beginning for all of them when everything is due at once."""
        started_us = self.started_us or 0
        if self.speed is None:
            return started_us
        return started_us + (play_us if self.speed == 1 else ceil(play_us / self.speed))

    def play_time_us(self, now_us: int) -> int:
        """The play time of a moment, in effect :meth:`moment_us` backwards."""
        if self.speed is None:
            return self.play_us
        return max(self.play_us, int((now_us - (self.started_us or now_us)) * self.speed))

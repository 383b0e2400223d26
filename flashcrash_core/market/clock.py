"""The event clock of one symbol: a watermark over exchange times (reference/microstructure.md section 1).

``now_us`` is the largest exchange time seen. An event older than ``now - 250 ms`` is late: counted and kept out of the
indicators. A non-late event acts at ``max(own time, now)``; one without an exchange time acts at ``now``. ``now`` never goes
back. A stamp that leaps ahead while the receive time does not is refused, so that a corrupt one cannot drag the watermark
along; when a run of stamps agrees on the leap, it is the venue's clock that stepped (or the first stamp that was wrong), and
the clock follows.
"""

from typing import Any, Final

from flashcrash_core.market.events import Event

__all__ = ["FUTURE", "LATE", "LATE_TOLERANCE_US", "MAX_LEAP_US", "EventClock"]

LATE_TOLERANCE_US: Final = 250_000
LATE: Final = -1
"""Returned by :meth:`EventClock.admit` for a late event."""
FUTURE: Final = -2
"""Returned for an event whose exchange time leaps while its receive time does not: a corrupt stamp."""
MAX_LEAP_US: Final = 5_000_000
"""Exchange time may run ahead of receive time by this much between two events; more is a corrupt stamp or a clock step."""
_AGREEING: Final = 20
"""Consecutive refused stamps that agree with each other make a clock step."""


class EventClock:
    """Watermark, late counting and feed latency of one symbol.

    ``latency_us`` of the last admitted event is ``receive - exchange`` less the smallest such difference seen so far:
    clocks differ, and one real capture sits 1.27 s below zero.
    """

    __slots__ = ("_agreeing", "_leap_receive_us", "_leap_us", "_least", "_receive_us", "latency_us", "now_us", "steps")

    def __init__(self) -> None:
        self.now_us = 0
        self.latency_us = -1
        self.steps = 0
        """Times the clock followed a step of the venue's."""
        self._least: int | None = None
        self._receive_us = 0
        self._agreeing = 0
        self._leap_us = 0
        self._leap_receive_us = 0

    def admit(self, event: Event) -> int:
        """The time at which ``event`` acts, or :data:`LATE` or :data:`FUTURE`. ``latency_us`` is -1 when unknown."""
        own = event.exchange_us
        now = self.now_us
        if own is None:
            self.latency_us = -1
            return now
        if own > now:
            if not self.plausible(event) and not self._stepped(own, event.receive_us):
                return FUTURE
            self.now_us = now = own
        elif own < now - LATE_TOLERANCE_US:
            return LATE
        self._agreeing = 0
        self._receive_us = event.receive_us
        raw = event.receive_us - own
        least = self._least
        if least is None or raw < least:
            self._least = least = raw
        self.latency_us = raw - least
        return now

    def plausible(self, event: Event) -> bool:
        """Whether the event's exchange time runs no further ahead than its receive time explains."""
        own = event.exchange_us
        return own is not None and (not self.now_us or own - self.now_us - (event.receive_us - self._receive_us) <= MAX_LEAP_US)

    def _stepped(self, own_us: int, receive_us: int) -> bool:
        """Whether this leap is one of many that agree with each other."""
        apart = own_us - self._leap_us - (receive_us - self._leap_receive_us)
        self._agreeing = self._agreeing + 1 if self._agreeing and abs(apart) <= MAX_LEAP_US else 1
        self._leap_us, self._leap_receive_us = own_us, receive_us
        if self._agreeing < _AGREEING:
            return False
        self.steps += 1
        self._least = None  # the smallest latency was measured against the old clock
        return True

    def timer_us(self, receive_us: int) -> int:
        """Event time of a timer at ``receive_us``: the receive time less the smallest latency seen so far."""
        return receive_us - (self._least or 0)

    def snapshot(self) -> list[int | None]:
        """State as plain data."""
        return [self.now_us, self._least, self._receive_us, self._agreeing, self._leap_us, self._leap_receive_us, self.steps]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.now_us, self._least, self._receive_us, self._agreeing, self._leap_us, self._leap_receive_us, self.steps = data

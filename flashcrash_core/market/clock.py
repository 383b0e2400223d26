"""The event clock of one symbol: a watermark over exchange times (reference/microstructure.md section 1).

``now_us`` is the largest exchange time seen. An event older than ``now - 250 ms`` is late: counted and kept out of the
indicators. A non-late event acts at ``max(own time, now)``; one without an exchange time acts at ``now``. ``now`` never goes
back, and a single absurd stamp far in the future cannot drag it along.
"""

from typing import Any, Final

from flashcrash_core.market.events import Event

__all__ = ["FUTURE", "LATE", "LATE_TOLERANCE_US", "EventClock"]

LATE_TOLERANCE_US: Final = 250_000
LATE: Final = -1
"""Returned by :meth:`EventClock.admit` for a late event."""
FUTURE: Final = -2
"""Returned for an event whose exchange time leaps while its receive time does not: a corrupt stamp."""
_LEAP_US: Final = 60_000_000


class EventClock:
    """Watermark, late counting and feed latency of one symbol.

    ``latency_us`` of the last admitted event is ``receive - exchange`` less the smallest such difference seen so far:
    clocks differ, and one real capture sits 1.27 s below zero.
    """

    __slots__ = ("_least", "_receive_us", "latency_us", "now_us")

    def __init__(self) -> None:
        self.now_us = 0
        self.latency_us = -1
        self._least: int | None = None
        self._receive_us = 0

    def admit(self, event: Event) -> int:
        """The time at which ``event`` acts, or :data:`LATE` or :data:`FUTURE`. ``latency_us`` is -1 when unknown."""
        own = event.exchange_us
        now = self.now_us
        if own is None:
            self.latency_us = -1
            return now
        if own > now:
            if now and own - now > _LEAP_US and own - now - (event.receive_us - self._receive_us) > _LEAP_US:
                return FUTURE
            self.now_us = now = own
        elif own < now - LATE_TOLERANCE_US:
            return LATE
        self._receive_us = event.receive_us
        raw = event.receive_us - own
        least = self._least
        if least is None or raw < least:
            self._least = least = raw
        self.latency_us = raw - least
        return now

    def timer_us(self, receive_us: int) -> int:
        """Event time of a timer at ``receive_us``: the receive time less the smallest latency seen so far."""
        return receive_us - (self._least or 0)

    def snapshot(self) -> list[int | None]:
        """State as plain data."""
        return [self.now_us, self._least, self._receive_us]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.now_us, self._least, self._receive_us = data

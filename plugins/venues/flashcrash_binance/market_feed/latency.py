"""How late messages come, and how far the venue's clock is from ours."""

from collections import deque
from typing import Final

from attrs import define, field

__all__ = ["GENERATION_US", "Latency", "VenueClock"]

SAMPLES: Final = 2_048
GENERATION_US: Final = 300_000_000
"""The smallest latency is that of this and the last five minutes: clocks drift by seconds a day."""
_STEP_US: Final = 1_000_000


@define(eq=False)
class Latency:
    """The latest latencies in microseconds: receive time, on the venue's clock, less the venue's own stamp."""

    least_us: int | None = None
    """Smallest difference of receive and exchange time of late, whatever the clocks."""
    _newest_us: int | None = None
    _turned_us: int = 0
    _samples: deque[int] = field(factory=lambda: deque(maxlen=SAMPLES))

    def add(self, receive_us: int, exchange_us: int) -> None:
        """One more message."""
        raw = receive_us - exchange_us
        if receive_us - self._turned_us > GENERATION_US:
            # What was smallest in the generation that ends goes on to count for one more.
            self._turned_us = receive_us
            self.least_us, self._newest_us = self._newest_us, None
        if self._newest_us is None or raw < self._newest_us:
            self._newest_us = raw
            if self.least_us is None or raw < self.least_us:
                self.least_us = raw
        self._samples.append(raw)

    def forget(self) -> None:
        """The stamps so far were of another clock."""
        self.least_us = self._newest_us = None
        self._samples.clear()

    def percentile_us(self, share: float, offset_us: int) -> int | None:
        """The latency that ``share`` of the latest messages did not exceed; None before the first."""
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] + offset_us


@define(eq=False)
class VenueClock:
    """Offset of the venue's clock: its time less the midpoint of sending and receiving, by the quickest of the last answers."""

    offset_us: int = 0
    round_trip_us: int | None = None
    """None: nobody told the time, or it was found to be wrong."""
    _answers: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=8))

    def add(self, server_us: int, sent_us: int, received_us: int) -> None:
        """An answer to ``time``. A slow one says little about the moment at which the server looked at its clock."""
        round_trip_us, offset_us = received_us - sent_us, server_us - (sent_us + received_us) // 2
        if self.round_trip_us is not None and abs(offset_us - self.offset_us) > round_trip_us + self.round_trip_us + _STEP_US:
            self._answers.clear()  # no way of answers explains that: a clock was set
        self._answers.append((round_trip_us, offset_us))
        self.round_trip_us, self.offset_us = min(self._answers)

    def forget(self) -> None:
        """What was told does not fit the messages."""
        self._answers.clear()
        self.round_trip_us, self.offset_us = None, 0

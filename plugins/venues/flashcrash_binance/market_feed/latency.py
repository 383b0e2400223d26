"""How late messages come, and how far the venue's clock is from ours."""

from collections import deque
from typing import Final

from attrs import define, field

__all__ = ["Latency", "VenueClock"]

SAMPLES: Final = 2_048


@define(eq=False)
class Latency:
    """The latest latencies in microseconds: receive time, on the venue's clock, less the venue's own stamp."""

    least_us: int | None = None
    """Smallest difference of receive and exchange time, whatever the clocks."""
    _samples: deque[int] = field(factory=lambda: deque(maxlen=SAMPLES))

    def add(self, receive_us: int, exchange_us: int) -> None:
        """One more message."""
        raw = receive_us - exchange_us
        if self.least_us is None or raw < self.least_us:
            self.least_us = raw
        self._samples.append(raw)

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
    _answers: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=8))

    def add(self, server_us: int, sent_us: int, received_us: int) -> None:
        """An answer to ``time``. A slow one says little about the moment at which the server looked at its clock."""
        self._answers.append((received_us - sent_us, server_us - (sent_us + received_us) // 2))
        self.round_trip_us, self.offset_us = min(self._answers)

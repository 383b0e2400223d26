"""The exchange's own clock: the caller's, plus an offset and a drift that a client has to find out."""

from attrs import define, field

__all__ = ["ExchangeClock"]

_PARTS: int = 1_000_000


@define
class ExchangeClock:
    """``offset_us`` microseconds ahead of the caller's clock, gaining ``drift_ppm`` microseconds each second.

    Negative numbers put it behind. The drift counts from the first moment the clock is read.
    """

    offset_us: int = 0
    drift_ppm: float = 0.0
    _started_us: int | None = field(default=None, init=False)

    def stamp(self, now_us: int) -> int:
        """The exchange's time, microseconds UTC, at ``now_us`` of the caller's clock."""
        if not self.drift_ppm:
            return now_us + self.offset_us
        if self._started_us is None:
            self._started_us = now_us
        return now_us + self.offset_us + int((now_us - self._started_us) * self.drift_ppm / _PARTS)

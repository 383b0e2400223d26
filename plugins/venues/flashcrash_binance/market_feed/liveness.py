"""Is a stream still alive? Judged by its own rate, and by what another connection heard of the same stream meanwhile.

A flat limit of some seconds is wrong twice: it flaps on quiet symbols and is blind for busy ones. What the other connection heard
is the better witness: silence here and messages there is a dead or lagging connection.
"""

from typing import Final

from attrs import define

__all__ = ["INTERVALS", "LEAST_SILENCE_US", "SUBSCRIBED_SILENT_US", "StreamLife"]

SUBSCRIBED_SILENT_US: Final = 10_000_000
"""Nothing at all since it opened: it may be the wrong path, where a subscription is accepted and silent (section 14)."""
LEAST_SILENCE_US: Final = 2_000_000
"""A stream that others hear is not dead before that."""
INTERVALS: Final = 20.0
"""Silence of so many times the usual interval is not usual any more: by chance it comes once in half a billion messages."""
_SMOOTHING: Final = 0.05
WITNESSES: Final = 5
"""So many messages elsewhere while this stream was silent are proof."""


@define(eq=False)
class StreamLife:
    """One stream on one connection."""

    opened_us: int
    count: int = 0
    last_us: int = 0
    interval_us: float = 0.0
    """Smoothed time between messages."""
    seen_elsewhere: int = 0
    """Messages of the stream that others heard since this one's last."""

    def heard(self, now_us: int) -> None:
        """A message came."""
        if self.count:
            interval = now_us - self.last_us
            self.interval_us += _SMOOTHING * (interval - self.interval_us) if self.interval_us else interval
        self.count += 1
        self.last_us = now_us
        self.seen_elsewhere = 0

    def silence_us(self, now_us: int) -> int:
        """How long nothing came."""
        return now_us - (self.last_us or self.opened_us)

    def is_dead(self, now_us: int) -> bool:
        """Others hear what this one should: it hangs, or lags by more than its own rate allows."""
        silence = self.silence_us(now_us)
        return self.seen_elsewhere >= WITNESSES and silence > max(LEAST_SILENCE_US, INTERVALS * self.interval_us)

    def never_spoke(self, now_us: int) -> bool:
        """Subscribed but silent."""
        return not self.count and now_us - self.opened_us > SUBSCRIBED_SILENT_US

"""Waiting longer after each failure, with jitter, so that many clients do not come back in step."""

from random import Random
from typing import Final

from attrs import define

__all__ = ["MAX_US", "URGENT_US", "Backoff"]

MAX_US: Final = 60_000_000
URGENT_US: Final = 5_000_000
"""The longest wait while a position is open."""


@define
class Backoff:
    """Doubles from ``first_us`` to 60 s; each wait is drawn between half of it and all of it."""

    rng: Random
    first_us: int = 100_000
    failures: int = 0

    def failed(self, *, urgent: bool = False) -> int:
        """One more failure: microseconds to wait."""
        longest = min(self.first_us << min(self.failures, 20), URGENT_US if urgent else MAX_US)
        self.failures += 1
        return longest // 2 + self.rng.randrange(longest // 2 + 1)

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = 0

"""Every draw of the simulated venue: latencies and stress, from a keyed hash instead of a generator.

A draw is a pure function of (seed, client id, purpose). There is no generator state to save, so a resumed session draws the same
numbers, and one order's luck does not depend on how many other orders there were. Source: reference/microstructure.md section 6.
"""

from enum import StrEnum
from hashlib import blake2b
from math import exp, log
from statistics import NormalDist
from typing import Final

from flashcrash_core.trading.matching.settings import VenueConfig
from flashcrash_core.trading.orders import SubmitOrder

__all__ = ["LatencyModel", "Outcome", "uniform"]

_NORMAL: Final = NormalDist()
_Z99: Final = _NORMAL.inv_cdf(0.99)
_UNANSWERED_SHARE: Final = 0.25
"""Of the failures, the share that was executed anyway."""


class Outcome(StrEnum):
    """What stress makes of a submission."""

    ANSWERED = "ANSWERED"
    REJECTED = "REJECTED"
    UNANSWERED = "UNANSWERED"
    """No reply, yet executed: the session sees UNKNOWN first and the proof later."""


def uniform(seed: int, client_id: str, purpose: str) -> float:
    """A number in the open interval (0, 1), the same for the same arguments on every machine."""
    digest = blake2b(f"{seed}\x1f{client_id}\x1f{purpose}".encode(), digest_size=8).digest()
    # 52 bits and a half: both ends stay open in binary64, which inv_cdf requires.
    return ((int.from_bytes(digest, "big") >> 12) + 0.5) / (1 << 52)


class LatencyModel:
    """Lognormal delays given by median and 99th percentile, calm and crash, and the stress lottery."""

    __slots__ = ("_calm", "_crash", "_failure", "_seed")

    def __init__(self, config: VenueConfig, seed: int) -> None:
        self._seed = seed
        self._failure = config.stress_failure
        self._calm = _lognormal(config.calm_p50_ms, config.calm_p99_ms, config.latency_factor)
        self._crash = _lognormal(config.crash_p50_ms, config.crash_p99_ms, config.latency_factor)

    def delay_us(self, client_id: str, purpose: str, stressed: bool) -> int:
        """One delay in microseconds, at least 1. ``purpose`` names the message, so that each draws its own."""
        location, scale = self._crash if stressed else self._calm
        z = _NORMAL.inv_cdf(uniform(self._seed, client_id, purpose))
        return max(1, round(exp(location + scale * z)))

    def outcome(self, order: SubmitOrder) -> Outcome:
        """Whether the venue answers; only orders decided under stress can fail."""
        if not order.stressed:
            return Outcome.ANSWERED
        draw = uniform(self._seed, order.client_id, "stress")
        if draw >= self._failure:
            return Outcome.ANSWERED
        return Outcome.UNANSWERED if draw < self._failure * _UNANSWERED_SHARE else Outcome.REJECTED


def _lognormal(p50_ms: float, p99_ms: float, factor: float) -> tuple[float, float]:
    """Location (of microseconds) and scale of the lognormal with these percentiles."""
    return log(p50_ms * 1000.0 * factor), log(p99_ms / p50_ms) / _Z99

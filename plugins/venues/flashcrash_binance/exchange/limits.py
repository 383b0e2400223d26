"""The limits of a venue: weights and counts per window, pings, lifetimes (reference/binance.md sections 2, 8, 10 and 14)."""

from typing import Any, Final

import msgspec
from attrs import define, field, frozen

from flashcrash_core.api import MarketKind

__all__ = ["LIMITS", "VenueLimits", "WeightLimiter", "refusal_of_weight"]

_SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * _SECOND_US


@frozen
class VenueLimits:
    """What a venue allows."""

    weight_per_minute: int
    inbound_per_s: int
    """Messages from a client, pings and pongs among them."""
    ping_every_us: int
    pong_within_us: int
    lifetime_us: int = 24 * 3600 * _SECOND_US
    attempts_per_5_min: int = 300
    refusals_until_ban: int = 10
    """Answers 429 in a row that a client may ignore before it is banned."""
    ban_us: int = 120 * _SECOND_US


LIMITS: Final = {
    MarketKind.SPOT: VenueLimits(6000, 5, 20 * _SECOND_US, 60 * _SECOND_US),
    MarketKind.USDM: VenueLimits(2400, 10, 180 * _SECOND_US, 600 * _SECOND_US),
}


@define(eq=False)
class WeightLimiter:
    """Request weight in fixed minutes of the exchange's clock; over it 429, and who goes on is banned (418), longer each time."""

    limits: VenueLimits
    used: int = 0
    _minute: int = -1
    _refusals: int = field(default=0)
    _banned_until_us: int = 0
    _blocked_until_us: int = 0
    _bans: int = 0

    def ban(self, until_us: int) -> None:
        """Answer 418 until then."""
        self._banned_until_us = max(self._banned_until_us, until_us)

    def block(self, until_us: int) -> None:
        """Answer 429 until then."""
        self._blocked_until_us = max(self._blocked_until_us, until_us)

    def rate_limit(self) -> dict[str, Any]:
        """As the WebSocket API tells it."""
        return {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": self.limits.weight_per_minute,
            "count": self.used,
        }

    def take(self, weight: int, stamp_us: int) -> tuple[int, int] | None:
        """Count a request; returns ``(status, seconds to wait)`` if it is refused."""
        minute = stamp_us // MINUTE_US
        if minute != self._minute:
            self._minute, self.used = minute, 0
        if stamp_us < self._banned_until_us:
            return 418, _seconds(self._banned_until_us - stamp_us)
        self.used += weight
        blocked = stamp_us < self._blocked_until_us
        if self.used <= self.limits.weight_per_minute and not blocked:
            self._refusals = 0
            return None
        self._refusals += 1
        if self._refusals > self.limits.refusals_until_ban:
            self._refusals = 0
            self._bans += 1
            ban_us = self.limits.ban_us * 2 ** (self._bans - 1)
            self._banned_until_us = stamp_us + ban_us
            return 418, _seconds(ban_us)
        until_us = self._blocked_until_us if blocked else (minute + 1) * MINUTE_US
        return 429, _seconds(until_us - stamp_us)


def refusal_of_weight(status: int, wait_s: int, limits: VenueLimits, stamp_us: int) -> bytes:
    """Binance's JSON of 418 and 429."""
    if status == 418:
        until_ms = stamp_us // 1000 + wait_s * 1000
        text = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates."
    else:
        text = (
            f"Too much request weight used; current limit is {limits.weight_per_minute} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
    return msgspec.json.encode({"code": -1003, "msg": text})


def _seconds(microseconds: int) -> int:
    return max(1, -(-microseconds // _SECOND_US))

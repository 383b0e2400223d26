"""The venue's budget of REST weight: what was used of it, and whether a request may go now.

Limits are the venue's to change: it tells what was used in ``X-MBX-USED-WEIGHT-1M``, and how long to be silent in ``Retry-After``
(reference/binance.md section 8). A part is kept back for others of the same address: orders matter more than looking.
"""

import math
from collections.abc import Mapping
from typing import Final

from attrs import define

from flashcrash_core.api import MarketKind

__all__ = ["RequestWeight", "depth_weight", "retry_wait_s", "told_count"]

_MINUTE_US: Final = 60_000_000
_SHARE: Final = 0.5
"""Of the minute's weight for market data."""
_DEFAULT_WAIT_S: Final = 10.0
_LONGEST_WAIT_S: Final = 3 * 86_400.0
"""The venue bans for three days at most."""
_LIMITS: Final = {MarketKind.SPOT: 6_000, MarketKind.USDM: 2_400}
_DEPTH: Final = {
    MarketKind.SPOT: ((100, 5), (500, 25), (1_000, 50), (5_000, 250)),
    MarketKind.USDM: ((50, 2), (100, 5), (500, 10), (1_000, 20)),
}


def depth_weight(kind: MarketKind, limit: int) -> int:
    """Weight of a book snapshot of ``limit`` levels a side."""
    steps = _DEPTH[kind]
    return next((weight for levels, weight in steps if limit <= levels), steps[-1][1])


@define(eq=False)
class RequestWeight:
    """Weight used in the running minute, by our own count and by what the venue says, whichever is more."""

    kind: MarketKind = MarketKind.SPOT
    used: int = 0
    silent_until_us: int = 0
    """The venue told us to be silent until then."""
    refusals: int = 0
    _minute: int = -1

    @property
    def budget(self) -> int:
        """Weight a minute that market data may use."""
        return int(_LIMITS[self.kind] * _SHARE)

    def take(self, weight: int, now_us: int, *, share: float = 1.0) -> bool:
        """Take ``weight`` from ``share`` of the budget; False: not now, ask again later. A request is sent only when it may go,
        so that none is under way when the venue asks for silence."""
        self._turn(now_us)
        if now_us < self.silent_until_us or self.used + weight > self.budget * share:
            return False
        self.used += weight
        return True

    def told(self, status: int, headers: Mapping[str, str], now_us: int) -> None:
        """An answer came: what it says about the budget."""
        self._turn(now_us)
        known = {name.lower(): value for name, value in headers.items()}
        used = told_count(known, "x-mbx-used-weight-1m")
        if used is not None:
            self.used = max(self.used, used)
        if status in (418, 429):
            self.refusals += 1
            self.silent_until_us = max(self.silent_until_us, now_us + int(retry_wait_s(known.get("retry-after", "")) * 1e6))

    def _turn(self, now_us: int) -> None:
        minute = now_us // _MINUTE_US
        if minute != self._minute:
            self._minute, self.used = minute, 0


def told_count(headers: Mapping[str, str], name: str) -> int | None:
    """A count that a header tells; None where it is missing or makes no sense. Names are in lower case."""
    text = headers.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None


def retry_wait_s(text: str) -> float:
    """Seconds of silence that ``Retry-After`` demands; some of them where it makes no sense."""
    try:
        wait_s = float(text)
    except ValueError:
        return _DEFAULT_WAIT_S
    if not math.isfinite(wait_s):
        return _DEFAULT_WAIT_S
    return min(max(wait_s, 1.0), _LONGEST_WAIT_S)

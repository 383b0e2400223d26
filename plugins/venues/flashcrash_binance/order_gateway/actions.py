"""What the gateway wants done, and the settings it goes by."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

__all__ = ["ApiCall", "GatewaySettings", "Reconnect"]

_S: Final = 1_000_000


@frozen(kw_only=True)
class ApiCall:
    """A request of the WebSocket API; its answer comes back under ``request``, or the connection ends first."""

    request: int
    method: str
    params: Mapping[str, str | int]
    signed: bool


@frozen(kw_only=True)
class Reconnect:
    """The connection does not answer: drop it and open another one."""

    reason: str


@frozen(kw_only=True)
class GatewaySettings:
    """Times in microseconds unless named otherwise."""

    recv_window_ms: int = 1_000
    """The venue takes no older request (reference/binance.md section 4). Small, so that an unknown order is soon settled."""
    reply_us: int = 2 * _S
    """An order without a reply for so long is of unknown fate, and is asked for."""
    query_us: int = 500_000
    """Between two questions about an order of unknown fate."""
    engine_us: int = 10 * _S
    """The venue's own time limit: an order that entered no later than its receive window is known to the venue after this."""
    clock_error_us: int = _S
    """How wrong the estimate of the venue's clock may be."""
    resolve_us: int = 15 * _S
    """An order must not stay of unknown fate for longer while the venue can be asked; then trading halts."""
    trades_us: int = 300_000
    """The venue executed more than it told trades of: they are asked for after this."""
    alive_us: int = 5 * _S
    """Between two questions for the time; one without an answer for as long ends the connection."""
    reconcile_us: int = 30 * _S
    """Between two comparisons with the venue's list of open orders."""

"""What the feed core asks of the shell around it: open or drop a connection, fetch something over REST.

The core is sans-I/O, as in websockets: it takes what came in and the time, and gives events and these actions. A real shell
(:mod:`flashcrash_binance.transport`) and a simulated network carry them out.
"""

from typing import Literal

from attrs import frozen

__all__ = ["Action", "Connect", "Disconnect", "Fetch", "Subject"]

Subject = Literal["depth", "time", "exchangeInfo", "bookTicker"]
"""What a :class:`Fetch` asks for."""


@frozen
class Connect:
    """Open a WebSocket with these streams, in the combined form."""

    connection: int
    """Number of the connection; never used twice."""
    group: str
    """Which path it goes to: ``""`` on spot, ``"public"`` or ``"market"`` on USD-M (reference/binance.md section 14)."""
    streams: tuple[str, ...]
    """Names as in ``btcusdt@depth@100ms``."""
    not_before_us: int = 0
    """Wait until then: backing off."""


@frozen
class Disconnect:
    """Drop a connection, or give up opening it. Nothing of it is to be handed in any more."""

    connection: int
    reason: str


@frozen
class Fetch:
    """Ask over REST; the answer, or that none came, is handed in with the same ``request``."""

    request: int
    """Number of the request; never used twice."""
    what: Subject
    symbol: str = ""
    limit: int = 0
    """Levels per side of a ``depth``; 0 elsewhere."""
    not_before_us: int = 0


Action = Connect | Disconnect | Fetch

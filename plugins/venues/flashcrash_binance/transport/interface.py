"""The seam of WebSocket transports: a URL and a handler in, messages out. No coroutine and no object per message but its bytes."""

import importlib.util
from asyncio import AbstractEventLoop
from typing import Final, Literal, Protocol

from flashcrash_binance.transport.failures import Failure
from flashcrash_core.api import UsageError

__all__ = [
    "MAX_MESSAGE_BYTES",
    "OPEN_TIMEOUT_S",
    "TransportName",
    "WebSocketConnection",
    "WebSocketHandler",
    "WebSocketTransport",
    "transport_named",
]

MAX_MESSAGE_BYTES: Final = 8 * 2**20
"""Larger messages end their connection with code 1009. A diff that touches 5,000 levels on both sides has 0.4 MB."""
OPEN_TIMEOUT_S: Final = 10.0
"""From the first look-up of the name to the end of the upgrade."""

TransportName = Literal["auto", "websockets", "picows"]


class WebSocketHandler(Protocol):
    """Who hears what happens on one connection, on the loop's thread, in the order in which it happened."""

    def on_open(self) -> None:
        """The upgrade succeeded; messages follow."""
        ...

    def on_message(self, payload: bytes) -> None:
        """One whole text or binary message."""
        ...

    def on_close(self, code: int, reason: str, failure: Failure | None) -> None:
        """The connection ended, or could not be opened; called once, the last call.

        ``code`` is the WebSocket code (1006 where none came), ``failure`` what went wrong below or before the WebSocket.
        """
        ...


class WebSocketConnection(Protocol):
    """One connection, opening or open."""

    def send(self, payload: bytes) -> bool:
        """Write one text message; False when the connection is not open, and nothing was written."""
        ...

    def close(self) -> None:
        """Say goodbye and drop it, at any time and more than once. The handler hears nothing more."""
        ...

    async def wait_closed(self) -> None:
        """Return when nothing of it is left."""
        ...


class WebSocketTransport(Protocol):
    """Opens connections on a loop."""

    @property
    def name(self) -> str:
        """Name for reports."""
        ...

    def connect(self, url: str, handler: WebSocketHandler) -> WebSocketConnection:
        """Begin to open a connection; returns at once. Call it on the loop's thread."""
        ...


def transport_named(name: TransportName, loop: AbstractEventLoop) -> WebSocketTransport:
    """The transport of that name; ``auto`` takes picows where it is installed. Raises UsageError where it is not."""
    if name == "picows" or (name == "auto" and importlib.util.find_spec("picows") is not None):
        try:
            from flashcrash_binance.transport.over_picows import PicowsTransport
        except ImportError as error:
            raise UsageError(
                f"feeds.binance.transport: picows cannot be used ({error}); install it with `pip install flashcrash[fast]`, or "
                "choose websockets"
            ) from None
        return PicowsTransport(loop)
    from flashcrash_binance.transport.over_websockets import WebsocketsTransport

    return WebsocketsTransport(loop)

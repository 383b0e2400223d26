"""WebSockets by the library ``websockets``: its sans-I/O protocol in an asyncio protocol.

Bytes come in by a callback and leave as messages by a callback, so a message costs no coroutine, no queue and no task.
"""

import asyncio
import ssl
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from flashcrash_binance.transport.failures import Failure, FailureKind, failure_of, failure_of_status
from flashcrash_binance.transport.interface import MAX_MESSAGE_BYTES, OPEN_TIMEOUT_S, WebSocketHandler
from flashcrash_core.api import UsageError

__all__ = ["WebsocketsTransport"]

_ABNORMAL: Final = 1006
_TEXT: Final = Opcode.TEXT
_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_LINGER_S: Final = 1.0
"""How long a goodbye may take before the socket is dropped."""


class WebsocketsTransport:
    """Opens connections with ``websockets``."""

    name = "websockets"

    def __init__(self, loop: asyncio.AbstractEventLoop, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._loop = loop
        self._max_bytes = max_bytes
        self._tls: ssl.SSLContext | None = None

    def connect(self, url: str, handler: WebSocketHandler) -> "WebsocketsConnection":
        """Begin to open a connection. Raises UsageError for a URL that is none."""
        try:
            uri = parse_uri(url)
        except InvalidURI as error:
            raise UsageError(f"{url}: {error}; ws in [feeds.binance] is an address such as wss://stream.binance.com") from None
        if uri.secure and self._tls is None:
            self._tls = ssl.create_default_context()
        protocol = ClientProtocol(uri, max_size=self._max_bytes)
        return WebsocketsConnection(self._loop, url, protocol, self._tls if uri.secure else None, handler)


class WebsocketsConnection(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        url: str,
        protocol: ClientProtocol,
        tls: ssl.SSLContext | None,
        handler: WebSocketHandler,
    ) -> None:
        self._loop = loop
        self._url = url
        self._protocol = protocol
        self._handler: WebSocketHandler | None = handler
        self._on_message = handler.on_message
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._lost: asyncio.Future[None] = loop.create_future()
        self._limit = loop.call_later(OPEN_TIMEOUT_S, self._too_late)
        self._opening = loop.create_task(self._open(tls))

    async def _open(self, tls: ssl.SSLContext | None) -> None:
        uri = self._protocol.uri
        hostname = uri.host if tls is not None else None
        try:
            await self._loop.create_connection(lambda: self, uri.host, uri.port, ssl=tls, server_hostname=hostname)
        except (OSError, ssl.SSLError) as error:
            self._end(_ABNORMAL, "", failure_of(error, self._url))
        finally:
            if self._transport is None and not self._lost.done():
                self._lost.set_result(None)

    def _too_late(self) -> None:
        failure = Failure(FailureKind.TIMEOUT, self._url, f"no upgrade within {OPEN_TIMEOUT_S:.0f} s")
        self._end(_ABNORMAL, "", failure)
        self._drop()

    # -- asyncio.Protocol --------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The socket is connected, TLS included: ask for the upgrade."""
        self._transport = transport
        if self._handler is None:
            transport.abort()
            return
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Bytes to messages."""
        protocol = self._protocol
        protocol.receive_data(data)
        if protocol.writes:
            self._flush()
        for event in protocol.events_received():
            if self._handler is None:
                return
            if type(event) is Frame:
                opcode = event.opcode
                if opcode is _TEXT and event.fin:
                    payload = event.data
                    self._on_message(payload if type(payload) is bytes else bytes(payload))
                else:
                    self._on_frame(event)
            elif isinstance(event, Response):
                self._on_response()
        if protocol.handshake_exc is not None:
            self._on_response()
        elif protocol.parser_exc is not None:
            self._end(_close_code(protocol), str(protocol.parser_exc), None)
            self._drop()

    def eof_received(self) -> None:
        """The other side ended the stream; asyncio closes the socket next."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        protocol = self._protocol
        if not protocol.reader.eof:
            protocol.receive_eof()
        if protocol.close_rcvd is not None:
            failure = None
        elif exc is not None:
            failure = failure_of(exc, self._url)
        else:
            failure = Failure(FailureKind.CUT, self._url, "ended without a goodbye")
        self._end(protocol.close_code or _ABNORMAL, protocol.close_reason or "", failure)
        if not self._lost.done():
            self._lost.set_result(None)

    # -- what comes in -----------------------------------------------------------------------------------------------

    def _on_response(self) -> None:
        refused = self._protocol.handshake_exc
        if refused is None:
            self._limit.cancel()
            if self._handler is not None:
                self._handler.on_open()
            return
        if isinstance(refused, InvalidStatus):
            response = refused.response
            headers = {name.title(): value for name, value in response.headers.raw_items()}
            failure = failure_of_status(response.status_code, self._url, headers, bytes(response.body or b""))
        else:
            failure = Failure(FailureKind.PROTOCOL, self._url, str(refused))
        self._end(_ABNORMAL, "", failure)
        self._drop()

    def _on_frame(self, frame: Frame) -> None:
        """All but whole text messages: binary, in parts, and control frames. Pings were answered by the protocol."""
        opcode = frame.opcode
        if opcode in _DATA:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                payload, self._parts = b"".join(self._parts), []
                self._on_message(payload)
        elif opcode is Opcode.CLOSE:
            told = self._protocol.close_rcvd
            self._end(told.code if told else _ABNORMAL, told.reason if told else "", None)
            self._drop()

    # -- what goes out -----------------------------------------------------------------------------------------------

    def send(self, payload: bytes) -> bool:
        """One text message."""
        transport = self._transport
        if self._handler is None or self._protocol.state is not State.OPEN or transport is None or transport.is_closing():
            return False
        self._protocol.send_text(payload)
        self._flush()
        return True

    # -- ending ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Say goodbye and drop it. The handler hears nothing more."""
        self._handler = None
        self._limit.cancel()
        if self._transport is None:
            self._opening.cancel()
        elif self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()
        self._drop()

    async def wait_closed(self) -> None:
        """Return when the socket is gone and its opening has ended."""
        await asyncio.wait([self._opening])
        await self._lost

    def _end(self, code: int, reason: str, failure: Failure | None) -> None:
        handler, self._handler = self._handler, None
        self._limit.cancel()
        if handler is not None:
            handler.on_close(code, reason, failure)

    def _drop(self) -> None:
        """Close the socket once what is written has left it, and soon in any case."""
        if self._transport is None:
            self._opening.cancel()
        elif not self._lost.done():
            self._transport.close()
            self._loop.call_later(_LINGER_S, self._transport.abort)

    def _flush(self) -> None:
        transport = self._transport
        assert transport is not None
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()


def _close_code(protocol: ClientProtocol) -> int:
    sent = protocol.close_sent
    return int(sent.code) if sent is not None else _ABNORMAL

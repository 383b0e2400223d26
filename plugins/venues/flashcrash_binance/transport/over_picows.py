"""WebSockets by ``picows``, a parser in C: less work per message. Installed by the extra ``fast``; not on Windows.

picows reads; the few frames that go out (pongs and goodbyes) are written here, over asyncio's own sockets: picows' and aiofastnet's
may be used from the thread that opened them only, and a source may be read in one thread and closed in another.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final

import picows
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSParsedURL, WSTransport
from websockets.frames import Frame, Opcode

from flashcrash_binance.transport.failures import Failure, FailureKind, failure_of, failure_of_status
from flashcrash_binance.transport.interface import MAX_MESSAGE_BYTES, OPEN_TIMEOUT_S, WebSocketHandler
from flashcrash_core.api import UsageError

__all__ = ["PicowsTransport"]

_ABNORMAL: Final = 1006
_NO_CODE: Final = 1005
_LINGER_S: Final = 1.0
"""How long a goodbye may take before the socket is dropped."""
_TURNS: Final = 50
"""Turns of the loop that a socket gets to be closed in."""
_TEXT: Final = WSMsgType.TEXT
_DATA: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION})


class PicowsTransport:
    """Opens connections with ``picows``."""

    name = "picows"

    def __init__(self, loop: asyncio.AbstractEventLoop, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._loop = loop
        self._max_bytes = max_bytes
        self._tls: ssl.SSLContext | None = None

    def connect(self, url: str, handler: WebSocketHandler) -> "PicowsConnection":
        """Begin to open a connection. Raises UsageError for a URL that is none."""
        if not url.startswith(("ws://", "wss://")):
            raise UsageError(f"{url}: no WebSocket address; ws in [feeds.binance] is an address such as wss://stream.binance.com")
        if url.startswith("wss://") and self._tls is None:
            self._tls = ssl.create_default_context()
        return PicowsConnection(self._loop, url, self._tls, handler, self._max_bytes)


class PicowsConnection(WSListener):
    """One connection."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        url: str,
        tls: ssl.SSLContext | None,
        handler: WebSocketHandler,
        max_bytes: int,
    ) -> None:
        self._loop = loop
        self._url = url
        self._handler: WebSocketHandler | None = handler
        self._on_message = handler.on_message
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._said_goodbye = False
        self._socket: socket.socket | None = None
        self._transport: WSTransport | None = None
        self._lost: asyncio.Future[None] = loop.create_future()
        self._opening = loop.create_task(self._open(tls))

    async def _open(self, tls: ssl.SSLContext | None) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await picows.ws_connect(
                    lambda: self,
                    self._url,
                    ssl_context=tls,
                    websocket_handshake_timeout=None,
                    max_frame_size=self._max_bytes,
                    enable_auto_pong=False,
                    use_aiofastnet=False,
                    max_redirects=0,
                    socket_factory=self._connected,
                )
            if self._transport is None:  # picows takes a hang-up before the upgrade for the end of the opening
                self._end(_ABNORMAL, "", Failure(FailureKind.CUT, self._url, "before the upgrade"))
        except TimeoutError:
            failure = Failure(FailureKind.TIMEOUT, self._url, f"no upgrade within {OPEN_TIMEOUT_S:.0f} s")
            self._end(_ABNORMAL, "", failure)
        except (OSError, ssl.SSLError) as error:
            self._end(_ABNORMAL, "", failure_of(error, self._url))
        except picows.WSError as error:
            self._end(_ABNORMAL, "", _refusal(error, self._url))
        finally:
            if self._transport is None:
                await self._abandon()
                if not self._lost.done():
                    self._lost.set_result(None)

    async def _connected(self, url: WSParsedURL) -> socket.socket:
        """A connected socket, known here: picows leaves its own behind when an opening is given up."""
        error: OSError = OSError(f"{url.host} has no address")
        for family, kind, protocol, _, address in await self._loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM):
            one = socket.socket(family, kind, protocol)
            try:
                one.setblocking(False)
                await self._loop.sock_connect(one, address)
            except OSError as refused:
                error = refused
                one.close()
            except BaseException:
                one.close()
                raise
            else:
                self._socket = one
                return one
        raise error

    async def _abandon(self) -> None:
        """End a socket that did not become a WebSocket, and see it closed by the loop."""
        one = self._socket
        if one is None or one.fileno() < 0:
            return
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        for _ in range(_TURNS):
            if one.fileno() < 0:
                return
            await asyncio.sleep(0)
        one.close()

    # -- WSListener --------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade succeeded."""
        self._transport = transport
        if self._handler is None:
            transport.underlying_transport.abort()
        else:
            self._handler.on_open()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002 (picows' signature)
        """One frame."""
        if self._handler is None:
            return
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:  # no extension was agreed on
            self._refuse(WSCloseCode.PROTOCOL_ERROR, "reserved bits are set")
        elif kind == _TEXT and frame.fin and not self._parts:
            self._on_message(frame.get_payload_as_bytes())
        elif kind in _DATA:
            self._on_part(frame)
        elif kind == WSMsgType.PING:
            self._send(Opcode.PONG, frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            said = frame.get_payload_as_bytes()
            code = int.from_bytes(said[:2], "big") if len(said) >= 2 else _NO_CODE
            self._end(code, said[2:].decode("utf-8", "replace"), None)
            self._send(Opcode.CLOSE, said)
            self._drop()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        sent = transport.close_handshake.sent if transport.close_handshake is not None else None
        if sent is not None and sent.code != WSCloseCode.NO_INFO:  # picows itself ended it: a message was too big or malformed
            self._end(int(sent.code.value), str(sent.reason or ""), None)
        self._end(_ABNORMAL, "", Failure(FailureKind.CUT, self._url, "ended without a goodbye"))
        if not self._lost.done():
            self._lost.set_result(None)

    def _on_part(self, frame: WSFrame) -> None:
        self._size += frame.payload_size
        if self._size > self._max_bytes:
            self._refuse(WSCloseCode.MESSAGE_TOO_BIG, f"a message of more than {self._max_bytes} bytes")
            return
        if (frame.msg_type == WSMsgType.CONTINUATION) is not bool(self._parts):
            self._refuse(WSCloseCode.PROTOCOL_ERROR, "a message in parts without its beginning or its end")
            return
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            payload, self._parts, self._size = b"".join(self._parts), [], 0
            self._on_message(payload)

    def _refuse(self, code: WSCloseCode, reason: str) -> None:
        self._end(int(code.value), reason, None)
        self._send(Opcode.CLOSE, int(code.value).to_bytes(2, "big"))
        self._drop()

    # -- what goes out -----------------------------------------------------------------------------------------------

    def send(self, payload: bytes) -> bool:
        """One text message."""
        transport = self._transport
        if self._handler is None or transport is None or self._said_goodbye or transport.underlying_transport.is_closing():
            return False
        transport.send(WSMsgType.TEXT, payload)
        return True

    # -- ending ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Say goodbye and drop it. The handler hears nothing more."""
        self._handler = None
        if self._transport is None:
            self._opening.cancel()
            return
        self._send(Opcode.CLOSE, int(WSCloseCode.OK.value).to_bytes(2, "big"))
        self._drop()

    async def wait_closed(self) -> None:
        """Return when the socket is gone and its opening has ended."""
        await asyncio.wait([self._opening])
        await self._lost

    def _end(self, code: int, reason: str, failure: Failure | None) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            handler.on_close(code, reason, failure)

    def _drop(self) -> None:
        if self._transport is not None and not self._lost.done():
            below = self._transport.underlying_transport
            below.close()
            self._loop.call_later(_LINGER_S, below.abort)

    def _send(self, opcode: Opcode, payload: bytes) -> None:
        """A control frame, unless a goodbye was said."""
        if self._transport is None or self._said_goodbye:
            return
        self._said_goodbye = opcode is Opcode.CLOSE
        below = self._transport.underlying_transport
        if not below.is_closing():
            below.write(Frame(opcode, payload).serialize(mask=True))


def _refusal(error: picows.WSError, url: str) -> Failure:
    response = getattr(error, "response", None)
    if response is not None and int(response.status) != 101:
        headers = {str(name).title(): str(value) for name, value in response.headers.items()}
        return failure_of_status(int(response.status), url, headers, bytes(getattr(error, "raw_body", None) or b""))
    return Failure(FailureKind.PROTOCOL, url, str(error).splitlines()[0] if str(error) else type(error).__name__)

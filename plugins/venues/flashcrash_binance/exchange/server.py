"""The exchange on loopback: one port for REST and every WebSocket path, with aiohttp.

aiohttp reads; what goes out is written straight to the transport, because a coroutine for each message would cost more than the
message. Each message becomes a frame once for all connections, and leaves with all others of its moment in one write.

A client that does not read is cut off once :data:`MOST_UNSENT` bytes wait for it, as Binance does. At ``--speed max`` the market
waits for its slowest reader instead, and cuts it off after :data:`PATIENCE_S` without progress.
"""

import asyncio
import time
from itertools import count
from typing import Final

from aiohttp import WSMessage, WSMsgType, web
from attrs import define, field, frozen

from flashcrash_binance.exchange.core import Close, Cut, ExchangeCore, Frame, Ping
from flashcrash_binance.exchange.websocket_frames import CLOSE, PING, PONG, TEXT, close_payload, frame

__all__ = ["MOST_UNSENT", "PATIENCE_S", "STATUS_PATH", "Addresses", "ExchangeServer"]

MOST_UNSENT: Final = 8 * 1024 * 1024
"""Bytes that may wait for one client."""
ENOUGH_UNSENT: Final = 256 * 1024
"""At full speed: bytes at which the market waits for a client."""
PATIENCE_S: Final = 10.0
STATUS_PATH: Final = "/flashcrash/exchange"
"""Not Binance's: what the exchange did, faults among it, as JSON."""
_SHORTEST_S: Final = 0.0005
_LONGEST_S: Final = 1.0
_GOODBYE_S: Final = 5.0
_LARGEST_INBOUND: Final = 1024 * 1024


@frozen
class Addresses:
    """Base addresses for clients, without a slash at the end."""

    rest: str
    ws: str
    ws_api: str


@define(eq=False)
class _Socket:
    transport: asyncio.Transport
    parts: list[bytes] = field(factory=list)
    waits_since_s: float | None = None
    """Since when nothing more fits, at full speed."""


class ExchangeServer:
    """Serves a core until :meth:`close`. ``most_unsent`` is how many bytes may wait for one client."""

    def __init__(self, core: ExchangeCore, *, host: str = "127.0.0.1", port: int = 0, most_unsent: int = MOST_UNSENT) -> None:
        self.core = core
        self._most_unsent = most_unsent
        self.ended = asyncio.Event()
        """Set when the market is over and the exchange was told to stop then, or when it failed."""
        self.failure: Exception | None = None
        """A defect that ended it."""
        self._host, self._port = host, port
        self._sockets: dict[int, _Socket] = {}
        self._numbers = count(1)
        self._runner: web.AppRunner | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at_us = 0
        # The clock may be set while this runs; from the start on time passes evenly.
        self._epoch_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000

    async def start(self) -> Addresses:
        """Listen. Raises OSError if the port is taken."""
        app = web.Application(client_max_size=_LARGEST_INBOUND)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self._tick()
        api = "ws-fapi/v1" if self.core.is_futures else "ws-api/v3"
        return Addresses(f"http://{host}:{port}", f"ws://{host}:{port}", f"ws://{host}:{port}/{api}")

    async def close(self) -> None:
        """Drop all connections and stop listening; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        for socket in self._sockets.values():
            socket.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()
        self.core.close()

    # -- time --------------------------------------------------------------------------------------------------------

    def now_us(self) -> int:
        """Wall time, microseconds UTC."""
        return self._epoch_us + time.monotonic_ns() // 1000

    def _tick(self) -> None:
        self._timer = None
        try:
            if self.core.speed is not None or self._readers_keep_up():
                self.core.advance(self.now_us())
            self._carry()
        except Exception as error:
            # An exchange that only stopped playing would look like a calm market.
            self.failure = error
            self.ended.set()
            raise
        if self.core.ended:
            self.ended.set()
        self._wake()

    def _wake(self) -> None:
        """Be called when the core has something to do; earlier than planned if need be."""
        due_us = self.core.next_time_us
        if self._timer is not None:
            if self._timer_at_us <= due_us:
                return
            self._timer.cancel()
        delay_s = min(max((due_us - self.now_us()) / 1e6, _SHORTEST_S), _LONGEST_S)
        if self.core.speed is None and self._sockets:
            delay_s = 0.0
        self._timer_at_us = due_us
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _readers_keep_up(self) -> bool:
        """At full speed: whether somebody listens and nobody is behind."""
        slow = False
        now_s = time.monotonic()
        for number, socket in self._sockets.items():
            if socket.transport.get_write_buffer_size() <= ENOUGH_UNSENT:
                socket.waits_since_s = None
                continue
            slow = True
            if socket.waits_since_s is None:
                socket.waits_since_s = now_s
            elif now_s - socket.waits_since_s > PATIENCE_S:
                self.core.cut_slow(number, self.now_us())
        return bool(self._sockets) and not slow

    # -- frames ------------------------------------------------------------------------------------------------------

    def _carry(self) -> None:
        """Write all frames, those of one connection together."""
        frames = self.core.frames
        touched: dict[int, _Socket] = {}
        last: bytes | None = None
        framed = b""
        while frames:
            one: Frame = frames.popleft()
            socket = self._sockets.get(one.connection)
            if socket is None or socket.transport.is_closing():
                continue
            payload = one.payload
            if isinstance(payload, bytes):
                if payload is not last:
                    last, framed = payload, frame(TEXT, payload)
                socket.parts.append(framed)
                touched[one.connection] = socket
            else:
                self._control(socket, payload)
        for number, socket in touched.items():
            self._flush(socket)
            if socket.transport.get_write_buffer_size() > self._most_unsent:
                self.core.cut_slow(number, self.now_us())
        if frames:
            self._carry()

    def _control(self, socket: _Socket, payload: object) -> None:
        transport = socket.transport
        if isinstance(payload, Close):
            socket.parts.append(frame(CLOSE, close_payload(payload.code, payload.reason)))
            self._flush(socket)
            asyncio.get_running_loop().call_later(_GOODBYE_S, transport.abort)
        elif isinstance(payload, Cut):
            if not payload.payload:
                transport.abort()
                return
            whole = frame(TEXT, payload.payload)
            socket.parts.append(whole[: max(3, len(whole) // 2)])
            self._flush(socket)
            transport.close()
        else:
            opcode, content = (PING if isinstance(payload, Ping) else PONG), getattr(payload, "payload", b"")
            socket.parts.append(frame(opcode, content))
            self._flush(socket)

    def _flush(self, socket: _Socket) -> None:
        if socket.parts:
            socket.transport.write(b"".join(socket.parts))
            socket.parts.clear()

    # -- requests ----------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        if request.path == STATUS_PATH:
            return web.json_response(self.core.status())
        body = await request.read()
        self.core.advance(self.now_us())
        answer = self.core.request(request.method, request.raw_path, request.headers, body, self.now_us())
        self._carry()
        self._wake()
        if answer.delay_us:
            await asyncio.sleep(answer.delay_us / 1e6)
        if answer.status == 0:
            return self._hang_up(request)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        refusal = self.core.connect(number, request.raw_path, self.now_us())
        if refusal is not None:
            if refusal.status == 0:
                return self._hang_up(request)
            headers = {"Content-Type": "application/json;charset=UTF-8", **refusal.headers}
            return web.Response(status=refusal.status, body=refusal.body, headers=headers)
        response = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_LARGEST_INBOUND)
        try:
            await response.prepare(request)
            transport = request.transport
            if isinstance(transport, asyncio.Transport):
                self._sockets[number] = _Socket(transport)
                self._carry()
                self._wake()
                async for message in response:
                    self._take(number, message)
        finally:
            self._sockets.pop(number, None)
            self.core.disconnect(number, self.now_us())
        return response

    def _take(self, number: int, message: WSMessage) -> None:
        now_us = self.now_us()
        if message.type is WSMsgType.TEXT:
            self.core.receive(number, message.data.encode(), now_us)
        elif message.type is WSMsgType.BINARY:
            self.core.receive(number, message.data, now_us)
        elif message.type is WSMsgType.PING:
            self.core.ping(number, bytes(message.data), now_us)
        elif message.type is WSMsgType.PONG:
            self.core.pong(number, bytes(message.data), now_us)
        self._carry()
        self._wake()

    def _hang_up(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

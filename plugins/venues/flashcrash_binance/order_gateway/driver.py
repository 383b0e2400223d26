"""Drives one gateway on an event loop: its connection, its requests, its time. Nothing is decided here."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from flashcrash_binance.market_feed.backoff import Backoff
from flashcrash_binance.order_gateway.actions import ApiCall
from flashcrash_binance.order_gateway.gateway import OrderGateway
from flashcrash_binance.trading.signing import Signer, signed_params
from flashcrash_binance.transport.clock import Clock
from flashcrash_binance.transport.failures import Failure
from flashcrash_binance.transport.interface import WebSocketConnection, WebSocketTransport
from flashcrash_core.api import CancelOrder, SubmitOrder

__all__ = ["GatewayDriver"]

_SHORTEST_S: Final = 0.001
_KEPT_LATENCIES: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class GatewayDriver:
    """One connection at a time. ``on_defect`` takes what the gateway raised. All calls come on the loop's thread."""

    def __init__(
        self,
        gateway: OrderGateway,
        signer: Signer,
        url: str,
        transport: WebSocketTransport,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        *,
        on_defect: Callable[[BaseException], None],
    ) -> None:
        self.gateway = gateway
        self.last_failure: Failure | None = None
        self.last_reconnect = ""
        """Why the gateway gave a connection up last."""
        self.sent_after_ns: deque[int] = deque(maxlen=_KEPT_LATENCIES)
        """From the decision to the bytes handed to the socket, of orders."""
        self._signer = signer
        self._url = url
        self._transport = transport
        self._clock = clock
        self._loop = loop
        self._on_defect = on_defect
        self._socket: WebSocketConnection | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_us = 2**63
        # Jitter only, so that many clients do not come back in step: nothing that is decided hangs on it.
        self._backoff = Backoff(Random(f"orders:{clock()}"), first_us=50_000)
        self._stopped = False

    def start(self) -> None:
        """Connect."""
        self._connect()

    async def stop(self) -> None:
        """Drop the connection; nothing is sent any more."""
        self._stopped = True
        for handle in (self._retry, self._timer):
            if handle is not None:
                handle.cancel()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()
            await socket.wait_closed()

    # -- commands ----------------------------------------------------------------------------------------------------

    def submit(self, order: SubmitOrder, decided_ns: int) -> None:
        """Send an order that was decided at this moment of the performance counter."""
        self._do(lambda: self.gateway.submit(order, self._clock()))
        self.sent_after_ns.append(time.perf_counter_ns() - decided_ns)

    def cancel(self, cancel: CancelOrder) -> None:
        """Cancel an order."""
        self._do(lambda: self.gateway.cancel(cancel, self._clock()))

    # -- a WebSocketHandler ------------------------------------------------------------------------------------------

    def on_open(self) -> None:
        """Connected."""
        self._do(lambda: self.gateway.on_open(self._clock()))

    def on_message(self, payload: bytes) -> None:
        """A reply or an event."""
        self._do(lambda: self.gateway.on_message(payload, self._clock()))
        if self.gateway.listening:
            self._backoff.succeeded()

    def on_close(self, code: int, reason: str, failure: Failure | None) -> None:  # noqa: ARG002 (the handler's signature)
        """The connection ended, or could not be opened."""
        if failure is not None:
            self.last_failure = failure
        self._socket = None
        told = failure.kind.value if failure is not None else f"code {code}"
        self._do(lambda: self.gateway.on_close(self._clock(), told))
        self._connect_later()

    # -- within ------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._retry = None
        if not self._stopped:
            self._socket = self._transport.connect(self._url, self)

    def _connect_later(self) -> None:
        if not self._stopped and self._retry is None:
            # Orders may be under way: the wait stays short.
            self._retry = self._loop.call_later(self._backoff.failed(urgent=True) / 1e6, self._connect)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
            self._act()
        except Exception as error:
            self._on_defect(error)
            self._schedule()  # what is under way must be looked after all the same

    def _act(self) -> None:
        actions = self.gateway.actions
        while actions:
            action = actions.popleft()
            if isinstance(action, ApiCall):
                self._send(action)
            elif self._socket is not None:
                self.last_reconnect = action.reason
                socket, self._socket = self._socket, None
                socket.close()
                self.gateway.on_close(self._clock(), "given up")
                self._connect_later()
        self._schedule()

    def _send(self, call: ApiCall) -> None:
        params = signed_params(self._signer, call.params) if call.signed else dict(call.params)
        frame = _encode({"id": call.request, "method": call.method, "params": params})
        if self._socket is None or not self._socket.send(frame):
            return  # the end of the connection is under way, and with it the fate of the request

    def _schedule(self) -> None:
        due_us = self.gateway.next_time_us
        if self._stopped or (self._timer is not None and self._due_us <= due_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_us = due_us
        delay_s = min(max((due_us - self._clock()) / 1e6, _SHORTEST_S), 60.0)
        self._timer = self._loop.call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._do(lambda: self.gateway.on_time(self._clock()))

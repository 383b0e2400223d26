"""Requests that wait for their answers: numbered, dated on the venue's clock, counted against its limits, given up in time."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flashcrash_binance.order_gateway.actions import ApiCall, GatewaySettings, Reconnect
from flashcrash_binance.trading.order_limits import OrderCall, OrderLimits
from flashcrash_binance.trading.venue_replies import SocketReply

__all__ = ["Pending", "RequestsUnderWay"]

_LIMITED: Final[Mapping[str, OrderCall]] = {
    "place": "place",
    "cancel": "cancel",
    "query": "query",
    "trades": "order_trades",
    "open": "all_open_orders",
    "time": "time",
    "subscribe": "subscribe",
}
"""What a request costs of the venue's limits."""


@frozen
class Pending:
    """A request under way."""

    what: str
    client_id: str
    sent_us: int
    deadline_us: int


class RequestsUnderWay:
    """All of one gateway. Times are the caller's clock; ``clock_offset_us`` is the venue's less ours."""

    def __init__(self, settings: GatewaySettings, actions: "deque[ApiCall | Reconnect]") -> None:
        self.limits = OrderLimits()
        self.clock_offset_us = 0
        self._settings = settings
        self._actions = actions
        self._pending: dict[int, Pending] = {}
        self._next = 1

    def call(
        self,
        what: str,
        method: str,
        params: Mapping[str, str | int],
        now_us: int,
        *,
        client_id: str = "",
        signed: bool = True,
        within_us: int | None = None,
    ) -> None:
        """Ask. Without an answer ``within_us`` it is given up (:meth:`late`)."""
        request, self._next = self._next, self._next + 1
        given = dict(params)
        if signed:
            given["recvWindow"] = self._settings.recv_window_ms
            given["timestamp"] = (now_us + self.clock_offset_us) // 1_000
        deadline_us = now_us + (within_us or self._settings.alive_us)
        self.limits.sent(_LIMITED[what])
        self._pending[request] = Pending(what, client_id, now_us, deadline_us)
        self._actions.append(ApiCall(request=request, method=method, params=given, signed=signed))

    def wait_us(self, call: OrderCall, now_us: int, *, closing: bool = False) -> int:
        """How long this request has to wait for the venue's limits, 0 if it may go."""
        venue_us = now_us + self.clock_offset_us
        at_us = self.limits.may_send(call, venue_us, closing)
        return max(at_us - venue_us, 1_000) if at_us else 0

    def take(self, reply: SocketReply, now_us: int) -> Pending | None:
        """The request that this answers; None when nobody waits for it."""
        pending = self._pending.pop(reply.id, None) if isinstance(reply.id, int) else None
        if pending is not None:
            self.limits.answered(
                _LIMITED[pending.what],
                now_us + self.clock_offset_us,
                reply.status,
                code=reply.code,
                limits=reply.limits,
                retry_at_us=reply.retry_at_us,
            )
        return pending

    def late(self, now_us: int) -> list[Pending]:
        """Those whose time is up; they are not waited for any more."""
        return self._give_up([request for request, one in self._pending.items() if one.deadline_us <= now_us], now_us)

    def drop(self, now_us: int) -> list[Pending]:
        """All of them: the connection is gone."""
        return self._give_up(list(self._pending), now_us)

    @property
    def next_time_us(self) -> int:
        """When the first of them is given up."""
        return min((one.deadline_us for one in self._pending.values()), default=2**62)

    def _give_up(self, requests: list[int], now_us: int) -> list[Pending]:
        given_up = [self._pending.pop(request) for request in requests]
        for one in given_up:
            self.limits.answered(_LIMITED[one.what], now_us + self.clock_offset_us, 0)
        return given_up

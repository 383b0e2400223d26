"""The user data stream: who listens, and what is sent to them, faults included (reference/binance.md section 12).

Events do not wait for what is held back of the same connection's replies, nor replies for them: the venue promises no order between
the two.
"""

from collections import Counter
from heapq import heappop, heappush
from typing import Any, Final

import msgspec

from flashcrash_binance.exchange.connection_desk import ConnectionDesk
from flashcrash_binance.exchange.frames import Cut
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.rest import ApiError

__all__ = ["LateFrames", "UserStreams"]

NEVER_US: Final = 2**62
_SUBJECT: Final = "user"
_SWAP_US: Final = 200_000


class LateFrames:
    """Frames of WebSocket connections that leave later, each at its own time."""

    def __init__(self, desk: ConnectionDesk) -> None:
        self._desk = desk
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._pushed = 0

    @property
    def next_us(self) -> int:
        """When the next one leaves."""
        return self._waiting[0][0] if self._waiting else NEVER_US

    def send(self, connection: int, payload: bytes, now_us: int, delay_us: int) -> None:
        """Send now or later; nothing if the connection is gone by then."""
        if delay_us <= 0:
            one = self._desk.open.get(connection)
            if one is not None and not one.ending:
                self._desk.send(one, payload, now_us)
            return
        self._pushed += 1
        heappush(self._waiting, (now_us + delay_us, self._pushed, connection, payload))

    def tend(self, now_us: int) -> None:
        """Send what is due."""
        while self._waiting and self._waiting[0][0] <= now_us:
            due_us, _, connection, payload = heappop(self._waiting)
            self.send(connection, payload, due_us, 0)


class UserStreams:
    """Subscriptions of connections to the account's events."""

    def __init__(self, desk: ConnectionDesk, late: LateFrames, injector: FaultInjector, counts: Counter[str]) -> None:
        self._desk = desk
        self._late = late
        self._injector = injector
        self._counts = counts
        self._ids: dict[int, int] = {}
        self._next: Counter[int] = Counter()
        self.by_logon: set[int] = set()
        """Connections whose subscription ends with their session."""

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._ids)

    def subscribe(self, connection: int, *, by_logon: bool) -> int:
        """Returns the subscription's id. Raises ApiError -2035 if there is one."""
        if connection in self._ids:
            raise ApiError(-2035, "User Data Stream subscription already active.")
        self._ids[connection] = self._next[connection]
        self._next[connection] += 1
        if by_logon:
            self.by_logon.add(connection)
        self._counts["user_subscriptions"] += 1
        return self._ids[connection]

    def unsubscribe(self, connection: int, number: int | None, stamp_us: int, now_us: int) -> None:
        """End a subscription, of any id if ``number`` is None. Raises ApiError -2036 if there is none."""
        known = self._ids.get(connection)
        if known is None or (number is not None and number != known):
            raise ApiError(-2036, "User Data Stream subscription is not active.")
        event = {"e": "eventStreamTerminated", "E": stamp_us // 1000}
        self._late.send(connection, _wrapped(known, event), now_us, 0)
        self.drop(connection)

    def listens(self, connection: int) -> int | None:
        """Id of a connection's subscription."""
        return self._ids.get(connection)

    def drop(self, connection: int) -> bool:
        """Forget a connection; whether it listened."""
        self.by_logon.discard(connection)
        return self._ids.pop(connection, None) is not None

    def publish(self, event: dict[str, Any], now_us: int) -> None:
        """Send an event to all who listen."""
        self._counts["user_events"] += 1
        for connection, number in list(self._ids.items()):
            one = self._desk.open.get(connection)
            if one is None or one.ending:
                continue
            payload = _wrapped(number, event)
            one.sent += 1
            parts, delay_us = self._injector.on_message(one, _SUBJECT, payload, now_us)
            if one.swapping:
                one.swapping = False
                delay_us = max(delay_us, _SWAP_US)  # whatever comes next overtakes it
            for part in parts:
                if isinstance(part, Cut):
                    self._desk.end(one, part, now_us)
                    break
                self._late.send(connection, part, now_us, delay_us)


def _wrapped(number: int, event: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"subscriptionId": number, "event": event})

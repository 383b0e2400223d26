"""What the exchange knows of one WebSocket connection: its age, pings, inbound messages, and what waits to be sent."""

from collections import deque
from typing import Final

from attrs import define, field

from flashcrash_binance.exchange.frames import Close, Cut, Ping, Pong
from flashcrash_binance.exchange.limits import VenueLimits

__all__ = ["Connection"]

_SECOND_US: Final = 1_000_000
Payload = bytes | Close | Cut | Ping | Pong


@define(eq=False)
class Connection:
    """One connection. Times are those of the caller's clock."""

    number: int
    opened_us: int
    limits: VenueLimits
    expires_us: int
    is_api: bool = False
    sent: int = 0
    """Market messages so far."""
    ending: bool = False
    """A close or cut was handed out: nothing follows."""
    held: deque[tuple[int, Payload]] = field(factory=deque)
    """Delayed messages with the time at which they leave, in order."""
    swapping: bool = False
    """The message that is being sent waits for the next one."""
    swapped: bytes | None = None
    """A message that the next one overtakes, unless none comes until ``swapped_by_us``."""
    swapped_by_us: int = 0
    next_ping_us: int = field(init=False)
    awaited: bytes | None = None
    """Payload of the oldest ping without an answer."""
    answer_by_us: int = 0
    _second: int = -1
    _inbound: int = 0

    def __attrs_post_init__(self) -> None:
        self.next_ping_us = self.opened_us + self.limits.ping_every_us

    def count_inbound(self, now_us: int) -> bool:
        """Count a message from the client; False if it is one too many."""
        second = now_us // _SECOND_US
        if second != self._second:
            self._second, self._inbound = second, 0
        self._inbound += 1
        return self._inbound <= self.limits.inbound_per_s

    def pinged(self, payload: bytes, now_us: int) -> None:
        """A ping leaves."""
        self.next_ping_us = now_us + self.limits.ping_every_us
        if self.awaited is None:
            self.awaited = payload
            self.answer_by_us = now_us + self.limits.pong_within_us

    def ponged(self, payload: bytes) -> None:
        """A pong came; one that echoes no ping does not count."""
        if payload == self.awaited:
            self.awaited = None

    def due_us(self) -> int:
        """When something of this connection is due."""
        due = min(self.next_ping_us, self.expires_us)
        if self.awaited is not None:
            due = min(due, self.answer_by_us)
        if self.held:
            due = min(due, self.held[0][0])
        if self.swapped is not None:
            due = min(due, self.swapped_by_us)
        return due

"""All WebSocket connections: what they are sent, when they are pinged, and how they end."""

from collections import Counter, deque
from typing import Final

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.connections import Connection
from flashcrash_binance.exchange.faults import Fault, FaultName
from flashcrash_binance.exchange.frames import Close, Cut, Frame, Ping, Pong
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.limits import VenueLimits
from flashcrash_binance.exchange.messages import combined

__all__ = ["ConnectionDesk", "subject_of"]

NEVER_US: Final = 2**62
_SWAP_US: Final = 200_000
_STORM_PINGS: Final = 200
_SHUTDOWN_US: Final = 3_000_000
_SHUTDOWN_STREAM: Final = "!serverShutdown"


def subject_of(stream: str) -> str:
    """The kind of a stream: ``simusdt@depth@100ms`` is depth, ``simusdt@kline_1s`` kline."""
    kind = stream.partition("@")[2].partition("@")[0].partition("_")[0]
    return "depth" if kind.startswith("depth") else kind


class ConnectionDesk:
    """Puts frames into ``frames``. ``timer_us`` is when :meth:`tend` has something to do. Times: the caller's clock."""

    def __init__(
        self, limits: VenueLimits, clock: ExchangeClock, frames: deque[Frame], counts: Counter[str], injector: FaultInjector
    ) -> None:
        self.timer_us = NEVER_US
        self.open: dict[int, Connection] = {}
        self._limits = limits
        self._clock = clock
        self._frames = frames
        self._counts = counts
        self._injector = injector
        self._pings = 0

    # -- opening and ending ------------------------------------------------------------------------------------------

    def add(self, number: int, now_us: int, *, is_api: bool) -> Connection:
        """A new connection."""
        lifetime_us = self._injector.lifetime_us or self._limits.lifetime_us
        one = self.open[number] = Connection(number, now_us, self._limits, now_us + lifetime_us, is_api=is_api)
        self._watch(one)
        return one

    def drop(self, number: int) -> bool:
        """The client is gone; False if it was not there."""
        return self.open.pop(number, None) is not None

    def end(self, one: Connection, how: Close | Cut, at_us: int) -> None:
        """Nothing follows."""
        if not one.ending:
            self.send(one, how, at_us)
            one.ending = True

    def cut_slow(self, number: int, now_us: int) -> None:
        """The client does not read: what waits for it is thrown away."""
        one = self.open.get(number)
        if one is not None and not one.ending:
            self._counts["cut_slow"] += 1
            one.held.clear()
            self.end(one, Cut(reason="the client does not read"), now_us)

    def inbound(self, number: int, now_us: int) -> Connection | None:
        """The connection of a message that came in; None if there is none any more, or it has sent too many."""
        one = self.open.get(number)
        if one is None or one.ending:
            return None
        self._counts["inbound"] += 1
        if not one.is_api and not one.count_inbound(now_us):
            self._counts["closed_inbound"] += 1
            self.end(one, Close(1008, "Too many requests"), now_us)
            return None
        return one

    # -- sending -----------------------------------------------------------------------------------------------------

    def deliver(self, number: int, stream: str, payload: bytes, at_us: int) -> None:
        """A market message."""
        one = self.open[number]
        if one.ending:
            return
        one.sent += 1
        if self._injector.touches_messages:
            self._deliver_with_faults(one, stream, payload, at_us)
        elif one.held:
            one.held.append((max(at_us, one.held[-1][0]), payload))
        else:
            self._frames.append(Frame(number, at_us, payload))

    def send(self, one: Connection, payload: bytes | Close | Ping | Pong | Cut, at_us: int, delay_us: int = 0) -> None:
        """Anything; nothing overtakes what is held back."""
        if one.held or delay_us:
            leaves_us = at_us + delay_us
            one.held.append((max(leaves_us, one.held[-1][0]) if one.held else leaves_us, payload))
            self._watch(one)
        else:
            self._frames.append(Frame(one.number, at_us, payload))

    def _deliver_with_faults(self, one: Connection, stream: str, payload: bytes, at_us: int) -> None:
        parts, delay_us = self._injector.on_message(one, subject_of(stream), payload, at_us)
        if one.swapping:
            one.swapping = False
            if one.swapped is None:
                one.swapped, one.swapped_by_us = payload, at_us + _SWAP_US
                self._watch(one)
                return
        for part in parts:
            if isinstance(part, Cut):
                self.end(one, part, at_us)
                return
            self.send(one, part, at_us, delay_us)
        if parts and one.swapped is not None:
            swapped, one.swapped = one.swapped, None
            self.send(one, swapped, at_us, delay_us)

    # -- time --------------------------------------------------------------------------------------------------------

    def tend(self, now_us: int) -> None:
        """Send what was held back, ping, and end what is old or does not answer."""
        if now_us < self.timer_us:
            return
        for one in list(self.open.values()):
            while one.held and one.held[0][0] <= now_us:
                at_us, payload = one.held.popleft()
                self._frames.append(Frame(one.number, at_us, payload))
            if one.ending:
                continue
            if one.swapped is not None and now_us >= one.swapped_by_us:
                swapped, one.swapped = one.swapped, None
                self.send(one, swapped, now_us)
            if now_us >= one.expires_us:
                self._counts["closed_old"] += 1
                self.end(one, Close(1001, "connection lifetime is over"), now_us)
            elif one.awaited is not None and now_us >= one.answer_by_us:
                self._counts["closed_silent"] += 1
                self.end(one, Close(1011, "no pong"), now_us)
            elif now_us >= one.next_ping_us:
                self._ping(one, now_us)
        self.timer_us = min((_due_us(one) for one in self.open.values()), default=NEVER_US)

    def strike(self, fault: Fault, numbers: list[int], now_us: int) -> None:
        """A fault of the clock hits these connections."""
        for number in numbers:
            one = self.open[number]
            if fault.name is FaultName.DROP:
                self.end(one, Cut(), now_us)
            elif fault.name is FaultName.PING_STORM:
                for _ in range(fault.count if fault.count and fault.count > 1 else _STORM_PINGS):
                    self._ping(one, now_us)
            else:
                one.expires_us = min(one.expires_us, now_us + (fault.duration_us or _SHUTDOWN_US))
                self._watch(one)

    def tell_shutdown(self, numbers: list[int], is_combined: dict[int, bool], now_us: int) -> None:
        """``serverShutdown`` in the form of each connection."""
        event = b'{"e":"serverShutdown","E":%d}' % (self._clock.stamp(now_us) // 1000)
        for number in numbers:
            one = self.open[number]
            if one.is_api:
                self.send(one, b'{"event":%b}' % event, now_us)
            else:
                self.send(one, combined(_SHUTDOWN_STREAM, event) if is_combined.get(number) else event, now_us)

    def _ping(self, one: Connection, now_us: int) -> None:
        self._pings += 1
        payload = b"%d-%d" % (self._clock.stamp(now_us) // 1000, self._pings)
        one.pinged(payload, now_us)
        self.send(one, Ping(payload), now_us)

    def _watch(self, one: Connection) -> None:
        self.timer_us = min(self.timer_us, _due_us(one))


def _due_us(one: Connection) -> int:
    if one.ending:
        return one.held[0][0] if one.held else NEVER_US
    return one.due_us()

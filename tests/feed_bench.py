"""The feed's core driven by hand: a test says what arrives and when, and sees what is told and asked for."""

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, Final

import msgspec

from flashcrash_binance.market_feed.actions import Action, Connect, Disconnect, Fetch
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_core.api import FeedGap, Instrument, MarketEvent, MarketKind, Timer

__all__ = ["SECOND_US", "START_US", "FeedBench", "diff", "print_", "quote", "snapshot", "wrapped"]

START_US: Final = 1_800_000_000_000_000
SECOND_US: Final = 1_000_000
TICK, LOT = "0.01", "0.001"
Levels = Iterable[tuple[int, int]]


def _pairs(levels: Levels) -> list[list[str]]:
    return [[f"{ticks / 100:.8f}", f"{lots / 1000:.8f}"] for ticks, lots in levels]


def wrapped(stream: str, data: Mapping[str, Any]) -> bytes:
    """A message in the combined form."""
    return msgspec.json.encode({"stream": stream, "data": data})


def diff(
    first: int,
    last: int,
    bids: Levels = (),
    asks: Levels = (),
    *,
    at_us: int = START_US,
    symbol: str = "AUSDT",
    pu: int | None = None,
) -> bytes:
    """A diff of the book, ticks and lots; ``pu`` is USD-M's."""
    ids = {"U": first, "u": last} | ({} if pu is None else {"pu": pu})
    data = {"e": "depthUpdate", "E": at_us // 1000, "s": symbol, **ids, "b": _pairs(bids), "a": _pairs(asks)}
    return wrapped(f"{symbol.lower()}@depth@100ms", data)


def print_(trade_id: int, *, at_us: int = START_US, symbol: str = "AUSDT", **changed: Any) -> bytes:
    """A trade."""
    data = {"e": "trade", "E": at_us // 1000, "s": symbol, "t": trade_id, "p": "1.00", "q": "0.5", "T": at_us // 1000, "m": True}
    return wrapped(f"{symbol.lower()}@trade", data | {"M": True} | changed)


def quote(update_id: int, bid: tuple[int, int] = (99, 1000), ask: tuple[int, int] = (101, 1000), symbol: str = "AUSDT") -> bytes:
    """A best quote of spot."""
    (bid_pair, ask_pair) = _pairs((bid, ask))
    data = {"u": update_id, "s": symbol, "b": bid_pair[0], "B": bid_pair[1], "a": ask_pair[0], "A": ask_pair[1]}
    return wrapped(f"{symbol.lower()}@bookTicker", data)


def snapshot(update_id: int, bids: Levels = ((99, 1000),), asks: Levels = ((101, 1000),)) -> bytes:
    """The body of a REST answer."""
    return msgspec.json.encode({"lastUpdateId": update_id, "bids": _pairs(bids), "asks": _pairs(asks)})


class FeedBench:
    """One core. ``told`` holds its events, ``asked`` its actions; both only grow. Connections open when a test says so."""

    def __init__(
        self,
        *,
        symbols: tuple[str, ...] = ("AUSDT",),
        kind: MarketKind = MarketKind.SPOT,
        connections: int = 2,
        aggregates: bool = False,
        limit: int = 1000,
        verify_us: int = 0,
        seed: int = 1,
        **settings: Any,
    ) -> None:
        self.now_us = START_US
        self.told: list[MarketEvent] = []
        self.asked: list[Action] = []
        self.lines: list[tuple[str, int, bytes]] = []
        self.instruments = {symbol: Instrument(symbol, TICK, LOT, kind=kind) for symbol in symbols}
        self.core = FeedCore(
            {symbol: SymbolSettings(aggregates=aggregates, snapshot_limit=limit) for symbol in symbols},
            self.instruments,
            FeedSettings(connections=connections, verify_us=verify_us, **settings),
            count(1).__next__,
            kind=kind,
            seed=seed,
        )
        self.core.captured = lambda symbol, receive_us, line: self.lines.append((symbol, receive_us, line))
        self._answered: set[int] = set()
        self._receive_us = 0
        self.core.start(self.now_us)
        self.settle()

    # -- what arrives ------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take out events and actions, and hold what must be true at any time."""
        while self.core.events:
            event = self.core.events.popleft()
            assert event.receive_us > self._receive_us, f"{event} is not after {self._receive_us}"
            self._receive_us = event.receive_us
            self.told.append(event)
        while self.core.actions:
            self.asked.append(self.core.actions.popleft())
        self.core._check()

    def open(self, *connections: int) -> None:
        """These connections are open now."""
        for connection in connections:
            self.core.on_open(connection, self.now_us)
        self.settle()

    def say(self, connection: int, *payloads: bytes) -> list[MarketEvent]:
        """Messages come on a connection; what was told about them."""
        before = len(self.told)
        for payload in payloads:
            self.core.on_message(connection, payload, self.now_us)
        self.settle()
        return self.told[before:]

    def close(self, connection: int, reason: str = "connection reset") -> None:
        """A connection breaks, or is refused."""
        self.core.on_close(connection, self.now_us, reason)
        self.settle()

    def answer(self, fetch: Fetch, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A request is answered."""
        self._answered.add(fetch.request)
        self.core.on_answer(fetch.request, status, headers or {}, body, self.now_us - 2_000, self.now_us)
        self.settle()

    def fail(self, fetch: Fetch, reason: str = "timeout") -> None:
        """No answer came."""
        self._answered.add(fetch.request)
        self.core.on_failure(fetch.request, reason, self.now_us)
        self.settle()

    def sleep(self, span_us: int) -> None:
        """Time passes, and the core is called when it wants to be."""
        until_us = self.now_us + span_us
        while self.core.next_time_us <= until_us:
            self.now_us = max(self.now_us, self.core.next_time_us)
            self.core.on_time(self.now_us)
            self.settle()
        self.now_us = until_us

    # -- short cuts --------------------------------------------------------------------------------------------------

    def begin(self, update_id: int = 100, **levels: Levels) -> "FeedBench":
        """Open every connection, answer the time and give each symbol its first book."""
        self.open(*(action.connection for action in self.asked if isinstance(action, Connect)))
        for fetch in self.waiting("time"):
            self.answer(fetch, b'{"serverTime":%d}' % (self.now_us // 1000))
        for fetch in self.waiting("depth"):
            self.answer(fetch, snapshot(update_id, **levels))
        return self

    def waiting(self, what: str = "depth", symbol: str = "") -> list[Fetch]:
        """Requests without an answer."""
        return [
            one
            for one in self.asked
            if isinstance(one, Fetch) and one.what == what and one.request not in self._answered and symbol in ("", one.symbol)
        ]

    def connects(self) -> list[Connect]:
        """Connections asked for so far."""
        return [one for one in self.asked if isinstance(one, Connect)]

    def drops(self) -> list[int]:
        """Numbers of the connections that were dropped."""
        return [one.connection for one in self.asked if isinstance(one, Disconnect)]

    def of(self, kind: type, symbol: str = "") -> list[Any]:
        """Events of one kind."""
        return [event for event in self.told if type(event) is kind and symbol in ("", event.symbol)]

    def gaps(self, symbol: str = "") -> list[str]:
        """Reasons of the gaps that were told."""
        return [event.reason for event in self.of(FeedGap, symbol)]

    def news(self, since: int) -> list[MarketEvent]:
        """Events from the given place on, but the timers."""
        return [event for event in self.told[since:] if type(event) is not Timer]

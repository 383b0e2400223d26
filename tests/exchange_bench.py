"""A local exchange in simulated time, with clients that keep their books by the documented procedure."""

import json
from itertools import count
from typing import Any, Final

from attrs import define, field

from flashcrash_binance.codec import MarketCodec
from flashcrash_binance.exchange.core import Close, Cut, ExchangeCore, Ping, Pong
from flashcrash_binance.exchange.faults import parse_faults
from flashcrash_binance.exchange.rest import PREFIXES
from flashcrash_binance.exchange.sources import MarketSource, TimedEvent, simulated_sources
from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    BookSync,
    Instrument,
    MarketKind,
    Side,
    Trade,
    simulated_instrument,
)

__all__ = ["START_US", "SYMBOL", "Bench", "Client", "ScriptedSource", "delta", "quote_us", "snapshot", "trade"]

SYMBOL: Final = "SIMUSDT"
START_US: Final = 1_800_000_000_000_000
SECOND_US: Final = 1_000_000


@define(eq=False)
class Client:
    """What arrived at one connection."""

    number: int
    pongs: bool = True
    frames: list[tuple[int, Any]] = field(factory=list)

    @property
    def texts(self) -> list[bytes]:
        return [payload for _, payload in self.frames if isinstance(payload, bytes)]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Messages without their wrapping."""
        return [one.get("data", one) for one in map(json.loads, self.texts)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages of one type; spot's quotes have none."""
        if kind == "bookTicker":
            return [one for one in self.messages if "B" in one and "A" in one]
        return [one for one in self.messages if one.get("e") == kind]

    @property
    def ended(self) -> Close | Cut | None:
        last = self.frames[-1][1] if self.frames else None
        return last if isinstance(last, Close | Cut) else None


class Bench:
    """One exchange; ``now_us`` is the time of both ends."""

    def __init__(
        self,
        *,
        kind: MarketKind = MarketKind.SPOT,
        faults: str = "",
        seed: int = 1,
        sources: dict[str, MarketSource] | None = None,
        symbols: tuple[str, ...] = (SYMBOL,),
        start: bool = True,
        **options: Any,
    ) -> None:
        self.kind = kind
        self.now_us = START_US
        market = sources or simulated_sources(symbols, seed, preset="calm", calm_s=120)
        self.core = ExchangeCore(market, kind=kind, faults=parse_faults(faults), seed=seed, **options)
        self.clients: dict[int, Client] = {}
        self._numbers = count(1)
        if start:
            self.core.advance(self.now_us)

    def connect(self, *streams: str, target: str = "", group: str = "", pongs: bool = True) -> Client:
        """Open a connection with streams of the symbol (``depth@100ms``), or any target."""
        path = f"/{group}/stream" if group else "/stream"
        named = "/".join(f"{SYMBOL.lower()}@{one}" for one in streams)
        client = Client(next(self._numbers), pongs)
        refusal = self.core.connect(client.number, target or f"{path}?streams={named}", self.now_us)
        assert refusal is None, refusal
        self.clients[client.number] = client
        self._collect()
        return client

    def say(self, client: Client, message: Any) -> dict[str, Any]:
        """Send a control message; returns the reply."""
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.core.receive(client.number, text, self.now_us)
        self._collect()
        return json.loads(client.texts[-1])

    def play(self, seconds: float) -> None:
        """Let time pass."""
        until_us = self.now_us + round(seconds * SECOND_US)
        while self.core.next_time_us <= until_us:
            self.now_us = max(self.now_us, self.core.next_time_us)
            self.core.advance(self.now_us)
            self._collect()
        self.now_us = until_us
        self._collect()

    def get(self, path: str) -> Any:
        """A REST request; the parsed body of a good answer."""
        answer = self.ask(path)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def ask(self, path: str, method: str = "GET") -> Any:
        """A REST request; the answer as it is."""
        self.core.advance(self.now_us)
        self._collect()
        target = path if path.startswith("/") else f"{PREFIXES[self.kind]}/{path}"
        return self.core.request(method, target, {}, b"", self.now_us)

    def codec(self) -> MarketCodec:
        market = self.core.markets[SYMBOL]
        return MarketCodec({SYMBOL: market.instrument}, count(1).__next__, kind=self.kind, snapshot_symbol=SYMBOL)

    def book_of(self, client: Client, snapshot_body: bytes) -> BookSync:
        """The book that a client has from one snapshot and all diffs that came to it."""
        codec, sync = self.codec(), BookSync()
        sync.on_snapshot(_snapshot(codec, snapshot_body))
        for text in client.texts:
            if b'"depthUpdate"' in text:
                event = codec.decode(text, self.now_us)
                assert isinstance(event, BookDelta)
                assert sync.on_delta(event), f"gap at {event.first_id} to {event.last_id}, the book is at {sync.update_id}"
        return sync

    def injected(self, name: str) -> list[Any]:
        return [one for one in self.core.injector.injected if one.name == name]

    def _collect(self) -> None:
        frames = self.core.frames
        while frames:
            one = frames.popleft()
            client = self.clients.get(one.connection)
            if client is None:
                client = self.clients[one.connection] = Client(one.connection)
            client.frames.append((one.at_us, one.payload))
            if isinstance(one.payload, Ping) and client.pongs:
                self.core.pong(one.connection, one.payload.payload, self.now_us)
            elif isinstance(one.payload, Close | Cut):
                self.core.disconnect(one.connection, self.now_us)
            assert isinstance(one.payload, bytes | Close | Cut | Ping | Pong)


def _snapshot(codec: MarketCodec, body: bytes) -> BookSnapshot:
    event = codec.decode(body, START_US)
    assert isinstance(event, BookSnapshot)
    return event


@define
class ScriptedSource:
    """A market of given events: (seconds, event)."""

    script: list[TimedEvent]
    instrument: Instrument = field(factory=lambda: simulated_instrument(SYMBOL))
    consecutive_ids: bool = True
    has_snapshot: bool = True

    def events(self):  # type: ignore[no-untyped-def]
        return iter(self.script)


def quote_us(seconds: float) -> int:
    """Source time of a moment."""
    return 1_000_000_000_000_000 + round(seconds * SECOND_US)


def snapshot(at_s: float, update_id: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> TimedEvent:
    at_us = quote_us(at_s)
    return at_us, BookSnapshot(SYMBOL, 0, None, at_us, update_id, bids, asks)


def delta(at_s: float, first: int, last: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> TimedEvent:
    at_us = quote_us(at_s)
    return at_us, BookDelta(SYMBOL, 0, at_us, at_us, first, last, bids, asks)


def trade(at_s: float, trade_id: int, price: int, lots: int, side: Side = Side.SELL) -> TimedEvent:
    at_us = quote_us(at_s)
    return at_us, Trade(SYMBOL, 0, at_us, at_us, trade_id, price, lots, side)

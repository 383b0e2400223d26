"""The feed's core and the exchange's core, joined by a simulated network: no sockets, no clock, everything from one seed.

What the feed emits goes through a :class:`Consumer`, which keeps its book as the kernel does and compares it, whenever it may be
used, with the exchange's own book of that very moment. ``broken`` lists what no schedule may lead to.
"""

import heapq
import json
import re
from collections.abc import Callable, Mapping
from itertools import count
from random import Random
from typing import Any, Final

from attrs import define, field

from flashcrash_binance.exchange.core import Close, Cut, ExchangeCore, Frame, Ping
from flashcrash_binance.market_feed.actions import Connect, Disconnect, Fetch
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_core.api import BookDelta, BookSnapshot, BookSync, FeedGap, MarketEvent, SyncState, Trade

__all__ = ["Consumer", "Seen", "SimulatedNetwork", "Truth", "diff_in", "truth_of"]

MAX_QUEUED: Final = 5_000
"""Events or actions that a feed may let wait at once."""

DECIMAL: Final = re.compile(r"\d+\.\d+")
MAX_BROKEN: Final = 20
"""Then the rest follows from the first."""

Truth = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


@define
class Seen:
    """What happened to one symbol's book: for the proof of how long it could not be used."""

    synced_since_us: int | None = None
    lost_us: list[int] = field(factory=list)
    recovered_us: list[int] = field(factory=list)


@define
class Consumer:
    """One symbol's book as the kernel would have it, and the proof that it was right whenever it could be used."""

    symbol: str
    sync: BookSync = field(factory=BookSync)
    seen: Seen = field(factory=Seen)
    trades: list[int] = field(factory=list)
    kinds: dict[str, int] = field(factory=dict)
    compared: int = 0
    untold: int = 0
    """Holes that the kernel's book found before the feed told of them."""

    def take(self, event: MarketEvent, now_us: int) -> None:
        name = type(event).__name__
        self.kinds[name] = self.kinds.get(name, 0) + 1
        was = self.usable
        if isinstance(event, BookDelta):
            if not self.sync.on_delta(event):
                self.untold += 1
        elif isinstance(event, BookSnapshot):
            self.sync.on_snapshot(event)
        elif isinstance(event, FeedGap):
            if self.sync.state is SyncState.SYNCED:
                self.sync.lose("feed_gap")
        elif isinstance(event, Trade):
            self.trades.append(event.trade_id)
        if self.usable and not was:
            self.seen.recovered_us.append(now_us)
        elif was and not self.usable:
            self.seen.lost_us.append(now_us)

    @property
    def usable(self) -> bool:
        return self.sync.state is SyncState.SYNCED

    def held(self) -> Truth:
        book = self.sync.book
        return tuple(book.bids), tuple(book.asks)

    def compare(self, known: Mapping[int, Truth]) -> str | None:
        """How this book differs from the exchange's at its id; None where it does not."""
        truth = known.get(self.sync.update_id)
        if truth is None:
            return f"{self.symbol}: the exchange never had a book {self.sync.update_id}"
        self.compared += 1
        for name, mine, true in zip(("bids", "asks"), self.held(), truth, strict=True):
            if mine != true:
                return f"{self.symbol} {self.sync.update_id}: {name} differ: {sorted(set(mine) ^ set(true))[:6]}"
        return None


def truth_of(exchange: ExchangeCore, symbol: str) -> Truth:
    """The exchange's own book as it is now."""
    book = exchange.truth(symbol)
    return tuple(book.bids), tuple(book.asks)


def diff_in(payload: bytes) -> tuple[str, int] | None:
    """Symbol and last id of a sound diff of the book, read here once more and apart from the feed; None for anything else."""
    if b'"depthUpdate"' not in payload[:99]:
        return None
    try:
        data = json.loads(payload)["data"]
        symbol, last_id = data["s"], int(data["u"])
        sound = all(DECIMAL.fullmatch(text) for level in (*data["b"], *data["a"]) for text in level)
    except (ValueError, KeyError, TypeError):
        return None  # garbled on the way
    return (symbol, last_id) if sound else None


class SimulatedNetwork:
    """Runs one schedule. ``now_us`` is the wall time of both ends."""

    def __init__(self, core: FeedCore, exchange: ExchangeCore, symbols: tuple[str, ...], seed: int, *, start_us: int) -> None:
        self.core = core
        self.exchange = exchange
        self.rng = Random(f"network:{seed}")
        self.now_us = start_us
        self.consumers = {symbol: Consumer(symbol) for symbol in symbols}
        self.broken: list[str] = []
        self.last_receive_us = 0
        self.refused = 0
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._last_us: dict[int, int] = {}
        self._open: set[int] = set()
        self._dropped: set[int] = set()
        self._truth: dict[str, dict[int, Truth]] = {symbol: {} for symbol in symbols}
        core.start(start_us)

    # -- driving -----------------------------------------------------------------------------------------------------

    def run(self, until_us: int) -> None:
        """Play both ends up to that time."""
        self._act()
        while len(self.broken) < MAX_BROKEN:
            due = min(self.core.next_time_us, self.exchange.next_time_us, self._due[0][0] if self._due else until_us)
            if due >= until_us:
                break
            self.now_us = max(self.now_us, due)
            if self.exchange.next_time_us <= self.now_us:
                self._advance_exchange()
            while self._due and self._due[0][0] <= self.now_us:
                heapq.heappop(self._due)[2]()
                self._act()
            if self.core.next_time_us <= self.now_us:
                self.core.on_time(self.now_us)
                self._act()
        self.now_us = until_us

    def _advance_exchange(self) -> None:
        self.exchange.advance(self.now_us)
        self._note_truth()
        self._carry_frames()

    def _carry_frames(self) -> None:
        while self.exchange.frames:
            self._carry(self.exchange.frames.popleft())

    def _carry(self, frame: Frame) -> None:
        # TCP: later frames of a connection never overtake earlier ones.
        arrives = max(frame.at_us + self._latency_us(), self._last_us.get(frame.connection, 0))
        self._last_us[frame.connection] = arrives
        self._later(arrives, lambda: self._deliver(frame))

    def _deliver(self, frame: Frame) -> None:
        if frame.connection in self._dropped or frame.connection not in self._open:
            return
        payload = frame.payload
        if isinstance(payload, bytes):
            self.core.on_message(frame.connection, payload, self.now_us)
            self._act()
            self._require_told(payload)
        elif isinstance(payload, Close | Cut):
            self._open.discard(frame.connection)
            self.exchange.disconnect(frame.connection, self.now_us)
            self.core.on_close(frame.connection, self.now_us, getattr(payload, "reason", "") or "connection lost")
        elif isinstance(payload, Ping):
            self.exchange.pong(frame.connection, payload.payload, self.now_us)

    def _require_told(self, payload: bytes) -> None:
        """A diff that arrived is in the book that the kernel trusts, or the kernel trusts no book."""
        found = diff_in(payload)
        consumer = self.consumers.get(found[0]) if found else None
        if found and consumer is not None and consumer.usable and consumer.sync.update_id < found[1]:
            self.broken.append(
                f"at {self.now_us}: {found[0]}: diff {found[1]} arrived, the trusted book is at {consumer.sync.update_id}"
            )

    # -- what the feed asks for --------------------------------------------------------------------------------------

    def _act(self) -> None:
        core = self.core
        if len(core.events) > MAX_QUEUED or len(core.actions) > MAX_QUEUED:
            self.broken.append(f"at {self.now_us}: {len(core.events)} events and {len(core.actions)} actions wait")
        while core.events:
            self._take(core.events.popleft())
        while core.actions:
            action = core.actions.popleft()
            if isinstance(action, Connect):
                self._later(max(self.now_us, action.not_before_us) + self._latency_us(), lambda it=action: self._connect(it))
            elif isinstance(action, Disconnect):
                self._drop(action.connection)
            else:
                self._later(max(self.now_us, action.not_before_us) + self._latency_us(), lambda it=action: self._ask(it))

    def _connect(self, action: Connect) -> None:
        if action.connection in self._dropped:
            return
        path = f"/{action.group}/stream" if action.group else "/stream"
        refusal = self.exchange.connect(action.connection, f"{path}?streams={'/'.join(action.streams)}", self.now_us)
        if refusal is not None:
            self.refused += 1
            self._later(self.now_us + self._latency_us(), lambda: self._refused(action.connection, f"HTTP {refusal.status}"))
            return
        self._later(self.now_us + self._latency_us(), lambda: self._opened(action.connection))

    def _refused(self, connection: int, reason: str) -> None:
        if connection not in self._dropped:
            self.core.on_close(connection, self.now_us, reason)

    def _opened(self, connection: int) -> None:
        if connection not in self._dropped:
            self._open.add(connection)
            self.core.on_open(connection, self.now_us)
        self._carry_frames()

    def _drop(self, connection: int) -> None:
        self._dropped.add(connection)
        self._open.discard(connection)
        self.exchange.disconnect(connection, self.now_us)

    def _ask(self, action: Fetch) -> None:
        sent_us = self.now_us
        target = self._target(action)
        answer = self.exchange.request("GET", target, {}, b"", self.now_us)
        self._note_truth()
        arrives = self.now_us + answer.delay_us + self._latency_us()
        if answer.status == 0:  # the exchange hung up without a word
            self._later(arrives, lambda: self.core.on_failure(action.request, "connection reset", self.now_us))
            return
        self._later(
            arrives,
            lambda: self.core.on_answer(action.request, answer.status, answer.headers, answer.body, sent_us, self.now_us),
        )

    def _target(self, action: Fetch) -> str:
        prefix = "/fapi/v1" if self.exchange.is_futures else "/api/v3"
        if action.what == "depth":
            return f"{prefix}/depth?symbol={action.symbol}&limit={action.limit}"
        if action.what == "bookTicker":
            return f"{prefix}/ticker/bookTicker?symbol={action.symbol}"
        return f"{prefix}/{action.what}"

    def _note_truth(self) -> None:
        """The book that belongs to each id that the exchange ever had."""
        for symbol, known in self._truth.items():
            if self.exchange.markets[symbol].book.update_id not in known:
                known[self.exchange.truth(symbol).update_id] = truth_of(self.exchange, symbol)

    # -- what the feed tells -----------------------------------------------------------------------------------------

    def _take(self, event: MarketEvent) -> None:
        if event.receive_us <= self.last_receive_us:
            self.broken.append(f"receive time {event.receive_us} of {event} is not after {self.last_receive_us}")
        self.last_receive_us = event.receive_us
        consumer = self.consumers[event.symbol]
        untold = consumer.untold
        consumer.take(event, self.now_us)
        if consumer.untold > untold:
            self.broken.append(f"at {self.now_us}: {event.symbol}: the kernel met a hole that the feed did not tell of: {event}")
        if isinstance(event, BookDelta | BookSnapshot) and consumer.usable:
            wrong = consumer.compare(self._truth[consumer.symbol])
            if wrong is not None:
                self.broken.append(f"at {self.now_us}: {wrong}")

    def _latency_us(self) -> int:
        return 2_000 + int(self.rng.expovariate(1 / 4_000))

    def _later(self, at_us: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_us, next(self._order), action))

    def report(self) -> Mapping[str, Any]:
        """For the message of a failure."""
        return {name: (one.kinds, one.compared, one.seen) for name, one in self.consumers.items()} | {
            "health": json.loads(json.dumps(str(self.core.health(self.now_us))))
        }

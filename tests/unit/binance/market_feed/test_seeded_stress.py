"""Connections on which anything may go wrong, and a tiny exchange that knows the truth: no lie, nothing twice, no untold hole.

The exchange here shares no code with the local exchange of the package, so that an error in that one cannot hide one of the feed.
"""

import heapq
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from random import Random
from typing import Final

import pytest
from attrs import define, field
from feed_bench import SECOND_US, FeedBench, diff, print_, quote, snapshot

from flashcrash_binance.market_feed.actions import Connect, Disconnect, Fetch
from flashcrash_binance.market_feed.book_keeper import BookKeeper
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.merging import QuoteMerge, RecentPayloads, TradeMerge
from flashcrash_binance.market_feed.venue_requests import VenueRequests
from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSide,
    BookSnapshot,
    BookSync,
    FeedGap,
    MarketEvent,
    MarketKind,
    SyncState,
    Trade,
)

SYMBOLS: Final = ("AUSDT", "BUSDT")
FAULTS_US: Final = 12 * SECOND_US
QUIET_US: Final = 8 * SECOND_US
Side = dict[int, int]
Truth = tuple[Side, Side]


@define(eq=False)
class TinyMarket:
    """One symbol: a book that changes by one level at a time, and what it was at each id."""

    symbol: str
    kind: MarketKind
    rng: Random
    bids: Side = field(factory=lambda: {9_990 - step: 100 for step in range(20)})
    asks: Side = field(factory=lambda: {10_010 + step: 100 for step in range(20)})
    last_id: int = 1_000
    told_id: int = 1_000
    trade_id: int = 500
    changed: tuple[set[int], set[int]] = field(factory=lambda: (set(), set()))
    first_id: int = 0
    history: dict[int, Truth] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.history[self.last_id] = (dict(self.bids), dict(self.asks))

    def change(self) -> None:
        """One level changes, under a new id. USD-M's ids jump."""
        which = self.rng.randrange(2)
        side, price = (self.bids, self.rng.randint(9_970, 9_999)) if not which else (self.asks, self.rng.randint(10_001, 10_030))
        if side.pop(price, None) is None or self.rng.random() < 0.5:
            side[price] = self.rng.randint(1, 999)
        self.changed[which].add(price)
        self.last_id += 1 if self.kind is MarketKind.SPOT else self.rng.randint(1, 50)
        self.first_id = self.first_id or self.last_id
        self.history[self.last_id] = (dict(self.bids), dict(self.asks))

    def take_diff(self, at_us: int) -> bytes | None:
        """What changed since the last diff."""
        if self.last_id == self.told_id:
            return None
        sides = zip((self.bids, self.asks), self.changed, strict=True)
        levels = [[(price, side.get(price, 0)) for price in changed] for side, changed in sides]
        is_spot = self.kind is MarketKind.SPOT
        first = self.told_id + 1 if is_spot else self.first_id
        payload = diff(first, self.last_id, *levels, at_us=at_us, symbol=self.symbol, pu=None if is_spot else self.told_id)
        self.told_id, self.first_id, self.changed = self.last_id, 0, (set(), set())
        return payload

    def quote(self) -> bytes:
        """The best levels."""
        bid, ask = max(self.bids), min(self.asks)
        return quote(self.last_id, (bid, self.bids[bid]), (ask, self.asks[ask]), self.symbol)

    def snapshot(self, update_id: int) -> bytes:
        """The book as it was at an id."""
        bids, asks = self.history[update_id]
        return snapshot(update_id, sorted(bids.items(), reverse=True), sorted(asks.items()))


@define(eq=False)
class Follower:
    """The kernel's side: keeps a book of what is told, holds it against the truth, and looks for anything told twice."""

    market: TinyMarket
    sync: BookSync = field(factory=BookSync)
    told: set[tuple[type, int]] = field(factory=set)
    compared: int = 0
    trades: list[int] = field(factory=list)

    @property
    def usable(self) -> bool:
        """Whether the kernel would decide on this book."""
        return self.sync.state is SyncState.SYNCED

    def take(self, event: MarketEvent) -> None:
        """One event, as the kernel takes it."""
        if isinstance(event, BookDelta):
            self._once(BookDelta, event.last_id)
            assert self.sync.on_delta(event), f"a hole that was not told: {event}"
        elif isinstance(event, BookSnapshot):
            self.sync.on_snapshot(event)
        elif isinstance(event, FeedGap):
            if self.usable:
                self.sync.lose("feed_gap")
        elif isinstance(event, Trade):
            self._once(Trade, event.trade_id)
            self.trades.append(event.trade_id)
        elif isinstance(event, BestQuote):
            self._once(BestQuote, event.update_id)
        if isinstance(event, BookDelta | BookSnapshot) and self.usable:
            self.compared += 1
            truth = self.market.history.get(self.sync.update_id)
            held = dict(self.sync.book.bids), dict(self.sync.book.asks)
            assert held == truth, f"the book at {self.sync.update_id} is not the exchange's"

    def _once(self, kind: type, number: int) -> None:
        assert (kind, number) not in self.told, f"{kind.__name__} {number} was told twice"
        self.told.add((kind, number))


class Stress:
    """The exchange, the network and the feed, on one seed."""

    def __init__(self, seed: int, kind: MarketKind, connections: int) -> None:
        self.rng = Random(f"{seed} {kind} {connections}")
        self.markets = {symbol: TinyMarket(symbol, kind, self.rng) for symbol in SYMBOLS}
        self.bench = FeedBench(symbols=SYMBOLS, kind=kind, connections=connections, verify_us=2 * SECOND_US, seed=seed)
        self.followers = {symbol: Follower(market) for symbol, market in self.markets.items()}
        self.start_us = self.now_us = self.bench.now_us
        self.faulty = True
        self.faults: Counter[str] = Counter()
        self.sent_trades: dict[str, dict[int, set[int]]] = {symbol: {} for symbol in SYMBOLS}
        """Trade ids by symbol, with the connections on which they arrived."""
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._open: dict[int, int] = {}
        """Open connections, with the time of the last message under way: TCP keeps the order."""
        self._acted = 0
        self._read = 0
        for market in self.markets.values():
            self._later(0, lambda market=market: self._play(market))
            self._later(100_000, lambda market=market: self._tell_diff(market))

    def run(self, span_us: int) -> None:
        """Let time pass."""
        until_us = self.now_us + span_us
        self._act()
        while True:
            at_us = min(self._due[0][0], self.bench.core.next_time_us)
            if at_us > until_us:
                break
            self.now_us = self.bench.now_us = max(self.now_us, at_us)
            if self.bench.core.next_time_us <= self.now_us:
                self.bench.core.on_time(self.now_us)
                self.bench.settle()
            else:
                heapq.heappop(self._due)[2]()
            self._act()
        self.now_us = until_us

    # -- the exchange ------------------------------------------------------------------------------------------------

    def _play(self, market: TinyMarket) -> None:
        market.change()
        if self.rng.random() < 0.5:
            self._send(market.quote())
        if self.rng.random() < 0.3:
            market.trade_id += 1
            arrived = self.sent_trades[market.symbol][market.trade_id] = set()
            self._send(print_(market.trade_id, at_us=self.now_us, symbol=market.symbol), arrived)
        if self._open and self.faulty and self.rng.random() < 0.002:
            self._break(self.rng.choice(list(self._open)))
        self._later(self.rng.randint(5_000, 60_000), lambda: self._play(market))

    def _tell_diff(self, market: TinyMarket) -> None:
        payload = market.take_diff(self.now_us)
        if payload is not None:
            self._send(payload)
        self._later(100_000, lambda: self._tell_diff(market))

    def _send(self, payload: bytes, arrived: set[int] | None = None) -> None:
        for connection in self._open:
            fate = self.rng.random() if self.faulty else 1.0
            if fate < 0.05:
                self.faults["lost"] += 1
                continue
            at_us = self.now_us + self.rng.randint(1_000, 30_000)
            if fate < 0.09:
                self.faults["overtaken"] += 1
                at_us += self.rng.randint(50_000, 400_000)
            else:
                at_us = self._open[connection] = max(at_us, self._open[connection] + 1)
            for _ in range(2 if 0.09 < fate < 0.12 else 1):
                self._at(at_us, lambda to=connection: self._deliver(to, payload, arrived))

    def _break(self, connection: int) -> None:
        self.faults["broken"] += 1
        del self._open[connection]
        self._at(self.now_us + self.rng.randint(1_000, 30_000), lambda: self.bench.close(connection))

    # -- the network -------------------------------------------------------------------------------------------------

    def _deliver(self, connection: int, payload: bytes, arrived: set[int] | None) -> None:
        if connection not in self._open:
            return
        if arrived is not None:
            arrived.add(connection)
        shows_hole = self._shows_hole(payload)
        told = self.bench.say(connection, payload)
        if shows_hole:
            assert any(type(event) is FeedGap for event in told), f"no gap was told with {payload!r}"

    def _shows_hole(self, payload: bytes) -> bool:
        """Whether this diff, by itself, shows that one is missing from a book that the kernel would use."""
        if b"depthUpdate" not in payload:
            return False
        for symbol, follower in self.followers.items():
            if symbol.encode() in payload and follower.usable:
                event = json.loads(payload)["data"]
                known_id = follower.sync.update_id
                if event["u"] <= known_id:
                    return False
                return bool(event["pu"] > known_id if "pu" in event else event["U"] > known_id + 1)
        return False

    def _act(self) -> None:
        told, self._read = self.bench.told[self._read :], len(self.bench.told)
        for event in told:
            self.followers[event.symbol].take(event)
        actions, self._acted = self.bench.asked[self._acted :], len(self.bench.asked)
        for action in actions:
            at_us = max(self.now_us, getattr(action, "not_before_us", 0)) + self.rng.randint(1_000, 30_000)
            match action:
                case Connect():
                    self._at(at_us, lambda action=action: self._connect(action))
                case Disconnect():
                    self._open.pop(action.connection, None)
                case Fetch():
                    self._at(at_us, lambda action=action, sent_us=self.now_us: self._answer(action, sent_us))

    def _connect(self, action: Connect) -> None:
        if action.connection not in self.bench.core.links.by_number:
            return
        if self.faulty and self.rng.random() < 0.2:
            self.bench.close(action.connection, "refused")
        else:
            self._open[action.connection] = self.now_us
            self.bench.open(action.connection)

    def _answer(self, action: Fetch, sent_us: int) -> None:
        at_us = self.now_us + self.rng.randint(1_000, 60_000)
        fate = self.rng.random() if self.faulty else 1.0
        if action.what == "time":
            body = b'{"serverTime":%d}' % (self.now_us // 1000)
        else:
            ids = list(self.markets[action.symbol].history)
            old = self.rng.randint(1, 60) if fate > 0.9 and self.faulty else 1
            body = self.markets[action.symbol].snapshot(ids[-min(old, len(ids))])
        if fate < 0.1:
            self._at(at_us, lambda: self.bench.fail(action))
        elif fate < 0.2:
            self._at(at_us, lambda: self.bench.answer(action, b"busy", self.rng.choice((429, 500, 503)), {"Retry-After": "1"}))
        elif fate < 0.25:
            self._at(at_us + self.rng.randint(1, 8) * SECOND_US, lambda: self._reply(action, body, sent_us))
        else:
            self._at(at_us, lambda: self._reply(action, body, sent_us))

    def _reply(self, action: Fetch, body: bytes, sent_us: int) -> None:
        self.bench.core.on_answer(action.request, 200, {}, body, sent_us, self.now_us)
        self.bench.settle()

    def _at(self, at_us: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_us, next(self._order), action))

    def _later(self, wait_us: int, action: Callable[[], None]) -> None:
        self._at(self.now_us + wait_us, action)


def play(seed: int, kind: MarketKind, connections: int) -> Stress:
    """One seed, with everything that must hold: AssertionError where it does not."""
    stress = Stress(seed, kind, connections)
    stress.run(FAULTS_US)
    stress.faulty = False
    stress.run(QUIET_US)
    health = stress.bench.core.health(stress.now_us)
    for symbol, follower in stress.followers.items():
        where = f"seed {seed}, {kind}, {connections} connections, {symbol}"
        assert follower.usable, f"{where}: not usable at the end, {health}"
        assert stress.markets[symbol].last_id - follower.sync.update_id < 500, f"{where}: the book stands still"
        mine, told = stress.bench.core.book(symbol), follower.sync
        same = mine.update_id == told.update_id and all(
            list(one) == list(two) for one, two in ((mine.book.bids, told.book.bids), (mine.book.asks, told.book.asks))
        )
        assert same, f"{where}: the feed's own book is not the one it told"
        # What comes later than the first trade and is older may have been told before: nobody knows.
        arrived = {trade for trade, by in stress.sent_trades[symbol].items() if by and trade >= follower.trades[0]}
        assert set(follower.trades) == arrived, f"{where}: trades that arrived were not told: {arrived - set(follower.trades)}"
    return stress


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("kind", list(MarketKind))
@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_the_book_is_true_or_known_to_be_lost(seed: int, kind: MarketKind, connections: int) -> None:
    """Loss, copies, reordering, broken connections, bad answers: afterwards the book is the exchange's, and never was another."""
    stress = play(seed, kind, connections)
    assert min(stress.faults["lost"], stress.faults["overtaken"]) > 10, f"seed {seed}: too little went wrong to prove anything"
    assert min(follower.compared for follower in stress.followers.values()) > 50, f"seed {seed}"
    assert connections == 2 or stress.bench.gaps(), "a single connection that loses diffs has holes"


def test_the_same_seed_plays_the_same() -> None:
    """A failure can be played again."""
    told = []
    for _ in range(2):
        stress = Stress(3, MarketKind.SPOT, 2)
        stress.run(4 * SECOND_US)
        told.append(stress.bench.told)
    assert told[0] == told[1]


def _only_newer(self: TradeMerge, trade_id: int, *_: int) -> bool:
    newer = trade_id > self.last_id
    self.last_id = max(self.last_id, trade_id)
    return newer


_apply = BookSide.apply


def _keeping_zeros(self: BookSide, levels: Iterable[tuple[int, int]]) -> None:
    _apply(self, [(price, lots or 1) for price, lots in levels])


def first_found() -> str:
    """What the first failing seed says, empty if all are well."""
    for seed in range(4):
        for kind in MarketKind:
            for connections in (1, 2):
                try:
                    play(seed, kind, connections)
                except AssertionError as error:
                    return str(error)
    return ""


PLANTED: Final[dict[str, tuple[type, str, Callable[..., object], str]]] = {
    "any diff continues the book": (
        BookKeeper,
        "_chains",
        lambda *_: True,
        "no gap was told|not the exchange's|was not told|a usable book that is not synced",
    ),
    "holes are not told": (FeedCore, "_tell_gap", lambda *_: None, "no gap was told|usable"),
    "copies of trades are news": (TradeMerge, "accept", lambda *_: True, "Trade .* was told twice"),
    "older quotes are news": (QuoteMerge, "accept", lambda *_: True, "BestQuote .* was told twice"),
    "late trades are copies": (TradeMerge, "accept", _only_newer, "trades that arrived were not told"),
    "snapshots are asked for once": (VenueRequests, "_failed", lambda *_: None, "nobody mends|not usable|usable"),
    "zero quantities are kept": (BookSide, "apply", _keeping_zeros, "not the exchange's"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these would be a lie, a repetition or a book that stays lost: some seed shows it, and says so."""
    owner, method, wrong, says = PLANTED[name]
    monkeypatch.setattr(owner, method, wrong)
    monkeypatch.setattr(RecentPayloads, "is_new", lambda *_: True)  # only a shortcut, and it would hide some
    found = first_found()
    assert re.search(says, found), f"found: {found[:300]!r}"


def test_without_the_shortcut_for_copies_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are known by their ids as well: the planted bugs above are found for what they are."""
    monkeypatch.setattr(RecentPayloads, "is_new", lambda *_: True)
    assert first_found() == ""

"""The exchange without sockets: what comes in goes through plain calls with the time, what goes out are frames and answers.

``advance(now_us)`` plays the markets up to that moment; call it at :attr:`ExchangeCore.next_time_us` or later, and before anything
that looks at the book. ``now_us`` is the caller's clock, real or simulated; clients see the exchange's own (:mod:`.clock`).

Diffs leave on a grid of play time (every 100 ms and 1000 ms; on USD-M 100, 250 and 500 ms) if anything happened; quotes, trades
and aggregates at once.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from flashcrash_binance.exchange.api_socket import api_reply
from flashcrash_binance.exchange.book import TrueBook
from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.connection_desk import ConnectionDesk, subject_of
from flashcrash_binance.exchange.faults import FaultName, FaultPlan, Step
from flashcrash_binance.exchange.frames import Answer, Close, Cut, Frame, Ping, Pong, Refusal
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.limits import LIMITS
from flashcrash_binance.exchange.market import QuoteChange, SymbolMarket
from flashcrash_binance.exchange.playback import Playback
from flashcrash_binance.exchange.publishing import Publisher
from flashcrash_binance.exchange.rest import PREFIXES, error_body
from flashcrash_binance.exchange.rest_desk import RestDesk
from flashcrash_binance.exchange.sources import MarketSource
from flashcrash_binance.exchange.streams import Subscriptions, parse_target
from flashcrash_binance.exchange.trading.trading_desk import TradingDesk
from flashcrash_binance.exchange.trading.trading_settings import TradingSettings
from flashcrash_core.api import MarketKind

__all__ = ["Answer", "AtEnd", "Close", "Cut", "ExchangeCore", "Frame", "Ping", "Pong", "Refusal"]

AtEnd = Literal["stay", "stop", "loop"]
NEVER_US: Final = 2**62
BURST: Final = 256
"""Events that one call takes when everything is due at once."""
_SECOND_US: Final = 1_000_000
_FIVE_MINUTES_US: Final = 300 * _SECOND_US
_SAME_HOUR_US: Final = 3600 * _SECOND_US
_NEXT_ROUND_US: Final = 100_000


class ExchangeCore:
    """All markets and connections of one exchange.

    ``frames`` is for the caller to empty; ``counts`` tells what happened (``connections``, ``requests``, ``cut_slow`` ...).
    ``seed`` decides what faults leave to chance. ``speed`` None plays everything at once, at most :data:`BURST` events a call.
    """

    def __init__(
        self,
        markets: Mapping[str, MarketSource],
        *,
        kind: MarketKind = MarketKind.SPOT,
        faults: FaultPlan | None = None,
        clock: ExchangeClock | None = None,
        seed: int = 1,
        speed: float | None = 1.0,
        at_end: AtEnd = "stay",
        trading: TradingSettings | None = None,
    ) -> None:
        self.kind = kind
        self.limits = LIMITS[kind]
        self.markets = {symbol: SymbolMarket(source, kind) for symbol, source in markets.items()}
        self.clock = clock or ExchangeClock()
        self.frames: deque[Frame] = deque()
        self.counts: Counter[str] = Counter()
        self.ended = False
        """The sources have ended and ``at_end`` is ``stop``."""
        self.injector = FaultInjector(faults or FaultPlan(), seed)
        """What was injected when."""
        self.tell: Callable[[str], None] = _say_nothing
        """Called with why a source broke off; its market stands still from there."""
        self._at_end = at_end
        self._desk = ConnectionDesk(self.limits, self.clock, self.frames, self.counts, self.injector)
        self._rest = RestDesk(
            self.markets, kind, self.limits, self.clock, self.counts, self.injector,
            on_snapshot=self._snapshot_under_way, on_change=self._schedule_diffs,
        )  # fmt: skip
        self.trading: TradingDesk | None = None
        """The account and its orders; spot only."""
        if kind is MarketKind.SPOT:
            self.trading = TradingDesk(
                self.markets, trading or TradingSettings(), seed, self._rest.weight, self._desk, self.clock, self.counts,
                self.injector,
            )  # fmt: skip
        self._subscriptions = Subscriptions(futures=kind is MarketKind.USDM)
        deliver = self._desk.deliver
        self._publishers = {one: Publisher(market, self._subscriptions, deliver) for one, market in self.markets.items()}
        self._agenda: Playback[Callable[[int], None]] = Playback(speed)
        self._scheduled: set[tuple[str, str]] = set()
        self._attempts: deque[int] = deque()
        self._now_us = 0
        self._budget = 0

    @property
    def speed(self) -> float | None:
        """How many times as fast as the source's own time; None for as fast as it goes."""
        return self._agenda.speed

    @property
    def is_futures(self) -> bool:
        """USD-M, with its paths and rules."""
        return self.kind is MarketKind.USDM

    @property
    def next_time_us(self) -> int:
        """When :meth:`advance` has something to do; 0 before the first call."""
        if self._agenda.started_us is None:
            return 0
        late_us = NEVER_US if self.trading is None else self.trading.late.next_us
        return min(self._agenda.next_us() or NEVER_US, self._desk.timer_us, self.injector.next_us, late_us)

    def stamp_us(self, now_us: int) -> int:
        """The exchange's own clock."""
        return self.clock.stamp(now_us)

    def truth(self, symbol: str) -> TrueBook:
        """The exchange's own book, for proofs."""
        return self.markets[symbol].truth()

    def status(self) -> dict[str, Any]:
        """How things stand, as plain data: markets, counts, the plan of faults, and what was injected when."""
        return {
            "market": str(self.kind),
            "markets": {
                symbol: {"update_id": market.book.update_id, "ended": market.next_play_us is None, "fault": market.fault}
                for symbol, market in self.markets.items()
            },
            "open_connections": len(self._desk.open),
            "counts": dict(sorted(self.counts.items())),
            "trading": None if self.trading is None else self.trading.status(),
            "faults": self.injector.plan.spec,
            "injected": self.injector.to_json(),
        }

    def close(self) -> None:
        """Let go of the sources; idempotent."""
        for market in self.markets.values():
            market.close()

    # -- time --------------------------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> None:
        """Play the markets and tend the connections up to this moment."""
        agenda = self._agenda
        if agenda.started_us is None:
            agenda.started_us = self.injector.started_us = now_us
            self._open_markets()
        self._now_us = now_us
        self._budget = BURST if agenda.speed is None else NEVER_US
        while self._budget > 0 and (due_us := agenda.next_us()) is not None and due_us <= now_us:
            self._budget -= 1
            agenda.take()(now_us if agenda.speed is None else due_us)
        if self.injector.next_us <= now_us:
            self._strike(now_us)
        if self.trading is not None:
            self.trading.late.tend(now_us)
        self._desk.tend(now_us)

    def _open_markets(self) -> None:
        firsts = {symbol: first for symbol, market in self.markets.items() if (first := market.open()) is not None}
        # Symbols recorded together stay together; those of different times begin together.
        common = min(firsts.values(), default=0)
        for symbol, first in firsts.items():
            market = self.markets[symbol]
            market.start(common if first - common <= _SAME_HOUR_US else first, 0)
            self._schedule_event(market)
            self._agenda.put(_SECOND_US, partial(self._second, market))

    def _schedule_event(self, market: SymbolMarket) -> None:
        if market.next_play_us is not None:
            self._agenda.put(market.next_play_us, partial(self._step, market))
            return
        if market.fault:
            self.tell(market.fault)
        if self._at_end == "loop":
            self._agenda.put(self._agenda.play_us + _NEXT_ROUND_US, partial(self._reopen, market))
        elif self._at_end == "stop" and all(one.next_play_us is None for one in self.markets.values()):
            self._agenda.put(self._agenda.play_us + _SECOND_US, self._stop)

    def _step(self, market: SymbolMarket, at_us: int) -> None:
        """Take the market's next event, and all that follow it before anything else is due."""
        agenda, publisher, trading = self._agenda, self._publishers[market.symbol], self.trading
        while True:
            stamp_us = self.clock.stamp(at_us)
            printed = False
            for told in market.step(stamp_us):
                if isinstance(told, QuoteChange):
                    publisher.quote(told, stamp_us, at_us)
                else:
                    printed = True
                    publisher.trade(told, stamp_us, at_us)
                    if trading is not None:
                        trading.on_trade(market.symbol, told, at_us)
            if trading is not None and not printed:
                trading.on_book(market.symbol, at_us)
            aggregate = market.aggregate_due()
            if aggregate is not None:
                publisher.aggregate(aggregate, stamp_us, at_us)
            self._schedule_diffs(market)
            play_us = market.next_play_us
            self._budget -= 1
            if play_us is None or self._budget <= 0 or not agenda.take_at_once(play_us, self._now_us):
                self._schedule_event(market)
                return
            at_us = self._now_us if agenda.speed is None else agenda.moment_us(play_us)

    def _schedule_diffs(self, market: SymbolMarket) -> None:
        book = market.book
        if not book.started:
            return
        for pace, pace_us, window in market.paces:
            if window.last_id != book.update_id and (key := (market.symbol, pace)) not in self._scheduled:
                self._scheduled.add(key)
                self._agenda.put((self._agenda.play_us // pace_us + 1) * pace_us, partial(self._diff, market, pace))

    def _diff(self, market: SymbolMarket, pace: str, at_us: int) -> None:
        self._scheduled.discard((market.symbol, pace))
        if market.book.update_id == market.straddled_id:
            market.book.next_id()  # the snapshot is to lie within this diff, not at its end
        self._publishers[market.symbol].diff(pace, self.clock.stamp(at_us), at_us)

    def _second(self, market: SymbolMarket, at_us: int) -> None:
        self._publishers[market.symbol].second(self.clock.stamp(at_us), at_us)
        self._rest.remember(market, at_us)
        if market.next_play_us is not None:  # else the market stands still
            self._agenda.put(self._agenda.play_us + _SECOND_US, partial(self._second, market))

    def _reopen(self, market: SymbolMarket, _: int) -> None:
        first = market.open()
        if first is not None:
            market.start(first, self._agenda.play_us)
            self._schedule_event(market)
            self._agenda.put(self._agenda.play_us + _SECOND_US, partial(self._second, market))

    def _stop(self, at_us: int) -> None:
        self.ended = True
        for one in list(self._desk.open.values()):
            self._desk.end(one, Close(1001, "the market has ended"), at_us)

    # -- connections -------------------------------------------------------------------------------------------------

    def connect(self, connection: int, target: str, now_us: int) -> Refusal | None:
        """An upgrade request for ``target`` (path and query); None: it is open."""
        wanted = parse_target(target)
        if wanted is None or (wanted.group and not self.is_futures):
            return Refusal(404, error_body(-1000, f"no WebSocket at {urlsplit(target).path[:80]}"))
        attempts = self._attempts
        while attempts and attempts[0] <= now_us - _FIVE_MINUTES_US:
            attempts.popleft()
        attempts.append(now_us)
        self.counts["attempts"] += 1
        if len(attempts) > self.limits.attempts_per_5_min:
            self.counts["refused_attempts"] += 1
            return Refusal(429, error_body(-1003, "Too many connection attempts."), {"Retry-After": "300"})
        if self.injector.at_step(Step.BEFORE_UPGRADE, connection, "", now_us) is not None:
            return Refusal(0)
        self.counts["connections"] += 1
        one = self._desk.add(connection, now_us, is_api=wanted.is_api)
        self._subscriptions.open(connection, wanted)
        if self.injector.at_step(Step.AFTER_UPGRADE, connection, "", now_us) is not None:
            self._desk.end(one, Cut(), now_us)
        return None

    def disconnect(self, connection: int, now_us: int) -> None:
        """The client is gone; idempotent."""
        if self._desk.drop(connection):
            self._subscriptions.drop(connection)
            if self.trading is not None:
                self.trading.disconnect(connection, now_us)

    def receive(self, connection: int, text: bytes, now_us: int) -> None:
        """A text message of the client."""
        one = self._desk.inbound(connection, now_us)
        if one is None:
            return
        if one.is_api:
            if self.trading is not None and self.trading.receive(connection, text, now_us):
                return
            prefix = PREFIXES[self.kind]
            reply = api_reply(
                text,
                lambda call, query: self._rest.request("GET", f"{prefix}/{call}?{query}", now_us),
                self.limits.weight_per_minute,
            )
        else:
            reply = self._subscriptions.answer(connection, text)
        self._desk.send(one, reply, now_us)

    def ping(self, connection: int, payload: bytes, now_us: int) -> None:
        """A ping of the client."""
        one = self._desk.inbound(connection, now_us)
        if one is not None and self.injector.at_step(FaultName.NO_PONG, connection, "", now_us) is None:
            self._desk.send(one, Pong(payload), now_us)

    def pong(self, connection: int, payload: bytes, now_us: int) -> None:
        """A pong of the client."""
        one = self._desk.inbound(connection, now_us)
        if one is not None:
            one.ponged(payload)

    def cut_slow(self, connection: int, now_us: int) -> None:
        """The client does not read: cut it off, as Binance does."""
        self._desk.cut_slow(connection, now_us)

    # -- REST --------------------------------------------------------------------------------------------------------

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes, now_us: int) -> Answer:
        """A REST request; advance to ``now_us`` before it. Never raises for what a client sends."""
        if self.trading is not None:
            answer = self.trading.request(method, target, headers, body, now_us)
            if answer is not None:
                return answer
        return self._rest.request(method, target, now_us)

    # -- faults ------------------------------------------------------------------------------------------------------

    def _strike(self, now_us: int) -> None:
        open_ = [number for number, one in self._desk.open.items() if not one.ending]
        for fault, numbers in self.injector.due(now_us, open_):
            if fault.name is FaultName.SHUTDOWN:
                listening = self._subscriptions.connections()
                self._desk.tell_shutdown(numbers, {number: listening[number].combined for number in numbers}, now_us)
            self._desk.strike(fault, numbers, now_us)

    def _snapshot_under_way(self, market: SymbolMarket, now_us: int) -> None:
        fault = self.injector.at_step(Step.SNAPSHOT, None, "depth", now_us)
        if fault is None:
            return
        symbol = market.symbol.lower()
        hit = [
            number
            for number, listening in self._subscriptions.connections().items()
            if any(name.startswith(f"{symbol}@") and subject_of(name) == "depth" for name in listening.names)
        ]
        for number in self.injector.choose(hit, fault):
            self.injector.note(fault, number, now_us, "while a snapshot is under way")
            self._desk.end(self._desk.open[number], Cut(), now_us)


def _say_nothing(_text: str) -> None:
    """For who does not want to be told."""

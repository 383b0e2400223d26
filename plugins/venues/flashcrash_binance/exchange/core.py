"""The exchange without sockets: what comes in goes through plain calls with the time, what goes out are frames and answers.

``advance(now_us)`` plays the markets up to that moment; call it at :attr:`ExchangeCore.next_time_us` or later, and before anything
that looks at the book. ``now_us`` is the caller's clock, real or simulated; clients see the exchange's own (:mod:`.clock`).

Diffs leave on a grid of play time (every 100 ms and 1000 ms; on USD-M 100, 250 and 500 ms) if anything happened; quotes, trades
and aggregates at once.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal
from urllib.parse import urlsplit

from flashcrash_binance.exchange.api_socket import api_reply
from flashcrash_binance.exchange.book import TrueBook
from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.connections import Connection
from flashcrash_binance.exchange.faults import FaultPlan
from flashcrash_binance.exchange.frames import Answer, Close, Cut, Frame, Ping, Pong, Refusal
from flashcrash_binance.exchange.limits import LIMITS, WeightLimiter
from flashcrash_binance.exchange.market import DIFF_PACES_US, QuoteChange, SymbolMarket
from flashcrash_binance.exchange.playback import Playback
from flashcrash_binance.exchange.publishing import Publisher
from flashcrash_binance.exchange.rest import PREFIXES, ApiError, Question, error_body, find_call
from flashcrash_binance.exchange.sources import MarketSource
from flashcrash_binance.exchange.streams import Subscriptions, parse_target
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

    ``frames`` is for the caller to empty; ``counts`` tells what happened (``connections``, ``messages``, ``cut_slow`` ...).
    ``speed`` None plays everything at once, at most :data:`BURST` events a call.
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
    ) -> None:
        self.kind = kind
        self.limits = LIMITS[kind]
        self.markets = {symbol: SymbolMarket(source, kind) for symbol, source in markets.items()}
        self.clock = clock or ExchangeClock()
        self.frames: deque[Frame] = deque()
        self.counts: Counter[str] = Counter()
        self.ended = False
        """The sources have ended and ``at_end`` is ``stop``."""
        self.weight = WeightLimiter(self.limits)
        self._at_end = at_end
        self._subscriptions = Subscriptions(futures=kind is MarketKind.USDM)
        self._connections: dict[int, Connection] = {}
        self._publishers = {one: Publisher(market, self._subscriptions, self._deliver) for one, market in self.markets.items()}
        self._agenda: Playback[Callable[[int], None]] = Playback(speed)
        self._scheduled: set[tuple[str, str]] = set()
        self._attempts: deque[int] = deque()
        self._timer_us = NEVER_US
        self._pings = 0

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
        return min(self._agenda.next_us() or NEVER_US, self._timer_us)

    def stamp_us(self, now_us: int) -> int:
        """The exchange's own clock."""
        return self.clock.stamp(now_us)

    def truth(self, symbol: str) -> TrueBook:
        """The exchange's own book, for proofs."""
        return self.markets[symbol].truth()

    def close(self) -> None:
        """Let go of the sources; idempotent."""
        for market in self.markets.values():
            market.close()

    # -- time --------------------------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> None:
        """Play the markets and tend the connections up to this moment."""
        agenda = self._agenda
        if agenda.started_us is None:
            agenda.started_us = now_us
            self._open_markets()
        taken = 0
        while (due_us := agenda.next_us()) is not None and due_us <= now_us:
            agenda.take()(now_us if agenda.speed is None else due_us)
            taken += 1
            if agenda.speed is None and taken >= BURST:
                break
        if self._timer_us <= now_us:
            self._tend(now_us)

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
        elif self._at_end == "loop":
            self._agenda.put(self._agenda.play_us + _NEXT_ROUND_US, partial(self._reopen, market))
        elif self._at_end == "stop" and all(one.next_play_us is None for one in self.markets.values()):
            self._agenda.put(self._agenda.play_us + _SECOND_US, self._stop)

    def _step(self, market: SymbolMarket, at_us: int) -> None:
        stamp_us = self.clock.stamp(at_us)
        publisher = self._publishers[market.symbol]
        for told in market.step(stamp_us):
            if isinstance(told, QuoteChange):
                publisher.quote(told, stamp_us, at_us)
            else:
                publisher.trade(told, stamp_us, at_us)
        aggregate = market.aggregate_due()
        if aggregate is not None:
            publisher.aggregate(aggregate, stamp_us, at_us)
        self._schedule_diffs(market)
        self._schedule_event(market)

    def _schedule_diffs(self, market: SymbolMarket) -> None:
        if not market.book.started:
            return
        play_us = self._agenda.play_us
        for pace, pace_us in DIFF_PACES_US[self.kind].items():
            key = (market.symbol, pace)
            if key not in self._scheduled and market.book.pending(pace):
                self._scheduled.add(key)
                self._agenda.put((play_us // pace_us + 1) * pace_us, partial(self._diff, market, pace))

    def _diff(self, market: SymbolMarket, pace: str, at_us: int) -> None:
        self._scheduled.discard((market.symbol, pace))
        self._publishers[market.symbol].diff(pace, self.clock.stamp(at_us), at_us)

    def _second(self, market: SymbolMarket, at_us: int) -> None:
        self._publishers[market.symbol].second(self.clock.stamp(at_us), at_us)
        if market.next_play_us is not None:  # else the market stands still
            self._agenda.put(self._agenda.play_us + _SECOND_US, partial(self._second, market))

    def _reopen(self, market: SymbolMarket, at_us: int) -> None:
        first = market.open()
        if first is not None:
            market.start(first, self._agenda.play_us)
            self._schedule_event(market)
            self._agenda.put(self._agenda.play_us + _SECOND_US, partial(self._second, market))

    def _stop(self, at_us: int) -> None:
        self.ended = True
        for connection in list(self._connections.values()):
            self._end(connection, Close(1001, "the market has ended"), at_us)

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
        if len(attempts) > self.limits.attempts_per_5_min:
            self.counts["refused_attempts"] += 1
            return Refusal(429, error_body(-1003, "Too many connection attempts."), {"Retry-After": "300"})
        self.counts["connections"] += 1
        self._connections[connection] = Connection(
            connection, now_us, self.limits, now_us + self.limits.lifetime_us, is_api=wanted.is_api
        )
        self._subscriptions.open(connection, wanted)
        self._watch(self._connections[connection])
        return None

    def disconnect(self, connection: int, now_us: int) -> None:
        """The client is gone; idempotent."""
        if self._connections.pop(connection, None) is not None:
            self._subscriptions.drop(connection)

    def receive(self, connection: int, text: bytes, now_us: int) -> None:
        """A text message of the client."""
        one = self._inbound(connection, now_us)
        if one is None:
            return
        if one.is_api:
            prefix = PREFIXES[self.kind]
            reply = api_reply(text, lambda call, query: self.request("GET", f"{prefix}/{call}?{query}", {}, b"", now_us))
        else:
            reply = self._subscriptions.answer(connection, text)
        self._send(one, reply, now_us)

    def ping(self, connection: int, payload: bytes, now_us: int) -> None:
        """A ping of the client."""
        one = self._inbound(connection, now_us)
        if one is not None:
            self._send(one, Pong(payload), now_us)

    def pong(self, connection: int, payload: bytes, now_us: int) -> None:
        """A pong of the client."""
        one = self._inbound(connection, now_us)
        if one is not None:
            one.ponged(payload)

    def cut_slow(self, connection: int, now_us: int) -> None:
        """The client does not read: cut it off, as Binance does."""
        one = self._connections.get(connection)
        if one is not None and not one.ending:
            self.counts["cut_slow"] += 1
            one.held.clear()
            self._end(one, Cut(reason="the client does not read"), now_us)

    def _inbound(self, connection: int, now_us: int) -> Connection | None:
        one = self._connections.get(connection)
        if one is None or one.ending:
            return None
        self.counts["inbound"] += 1
        if not one.is_api and not one.count_inbound(now_us):
            self.counts["closed_inbound"] += 1
            self._end(one, Close(1008, "Too many requests"), now_us)
            return None
        return one

    def _watch(self, one: Connection) -> None:
        self._timer_us = min(self._timer_us, one.due_us())

    def _tend(self, now_us: int) -> None:
        for one in list(self._connections.values()):
            while one.held and one.held[0][0] <= now_us:
                at_us, payload = one.held.popleft()
                self.frames.append(Frame(one.number, at_us, payload))
            if one.ending:
                continue
            if now_us >= one.expires_us:
                self.counts["closed_old"] += 1
                self._end(one, Close(1001, "connection lifetime is over"), now_us)
            elif one.awaited is not None and now_us >= one.answer_by_us:
                self.counts["closed_silent"] += 1
                self._end(one, Close(1011, "no pong"), now_us)
            elif now_us >= one.next_ping_us:
                self._ping(one, now_us)
        self._timer_us = min((one.due_us() for one in self._connections.values() if not one.ending or one.held), default=NEVER_US)

    def _ping(self, one: Connection, now_us: int) -> None:
        self._pings += 1
        payload = b"%d-%d" % (self.clock.stamp(now_us) // 1000, self._pings)
        one.pinged(payload, now_us)
        self._send(one, Ping(payload), now_us)

    # -- what goes out -----------------------------------------------------------------------------------------------

    def _deliver(self, connection: int, stream: str, payload: bytes, at_us: int) -> None:
        """A market message for one connection."""
        one = self._connections[connection]
        if one.ending:
            return
        one.sent += 1
        self._send(one, payload, at_us)

    def _send(self, one: Connection, payload: bytes | Close | Ping | Pong | Cut, at_us: int) -> None:
        if one.held:  # nothing overtakes what is held back
            one.held.append((max(at_us, one.held[-1][0]), payload))
        else:
            self.frames.append(Frame(one.number, at_us, payload))

    def _end(self, one: Connection, how: Close | Cut, at_us: int) -> None:
        self._send(one, how, at_us)
        one.ending = True

    # -- REST --------------------------------------------------------------------------------------------------------

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes, now_us: int) -> Answer:
        """A REST request; advance to ``now_us`` before it. Never raises for what a client sends."""
        parts = urlsplit(target)
        self.counts["requests"] += 1
        try:
            call = find_call(self.kind, method, parts.path, parts.query)
            if call is None:
                raise ApiError(-1000, f"nothing is served at {parts.path[:80]} by the local exchange ({self.kind})", 404)
            stamp_us = self.clock.stamp(now_us)
            refused = self.weight.take(call.weight, stamp_us)
            if refused is not None:
                return self._refused(*refused, now_us)
            answer = Answer(200, self._headers(), call.answer(Question(self, call.params, now_us, stamp_us)))
        except ApiError as error:
            answer = Answer(error.status, self._headers(), error_body(error.code, str(error)))
        return answer

    def snapshot_book(self, market: SymbolMarket, now_us: int) -> TrueBook:
        """The book that a snapshot shows."""
        return market.truth()

    def _headers(self) -> dict[str, str]:
        used = str(self.weight.used)
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-MBX-USED-WEIGHT": used,
            "X-MBX-USED-WEIGHT-1M": used,
        }

    def _refused(self, status: int, wait_s: int, now_us: int) -> Answer:
        self.counts[f"answered_{status}"] += 1
        if status == 418:
            until_ms = self.clock.stamp(now_us) // 1000 + wait_s * 1000
            text = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates."
        else:
            text = (
                f"Too much request weight used; current limit is {self.limits.weight_per_minute} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API."
            )
        return Answer(status, self._headers() | {"Retry-After": str(wait_s)}, error_body(-1003, text))

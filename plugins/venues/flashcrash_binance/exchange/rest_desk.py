"""REST requests: weight, faults and answers. Nothing that a client sends raises."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from flashcrash_binance.exchange.book import TrueBook
from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.faults import FaultName
from flashcrash_binance.exchange.frames import Answer
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.limits import VenueLimits, WeightLimiter, refusal_of_weight
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.rest import ApiError, Question, error_body, find_call
from flashcrash_core.api import MarketKind

__all__ = ["RestDesk"]

_SLOW_US: Final = 2_000_000
_STALE_US: Final = 5_000_000
_REMEMBERED: Final = 60
_PACE: Final = "100ms"


class RestDesk:
    """Answers for all markets. ``on_snapshot(market)`` is told of a depth request, ``on_change(market)`` of ids that moved."""

    def __init__(
        self,
        markets: Mapping[str, SymbolMarket],
        kind: MarketKind,
        limits: VenueLimits,
        clock: ExchangeClock,
        counts: Counter[str],
        injector: FaultInjector,
        *,
        on_snapshot: Callable[[SymbolMarket, int], None],
        on_change: Callable[[SymbolMarket], None],
    ) -> None:
        self.markets = markets
        self.kind = kind
        self.weight = WeightLimiter(limits)
        self._limits = limits
        self._clock = clock
        self._counts = counts
        self._injector = injector
        self._on_snapshot = on_snapshot
        self._on_change = on_change
        self._books: dict[str, deque[tuple[int, TrueBook]]] = {symbol: deque(maxlen=_REMEMBERED) for symbol in markets}

    def remember(self, market: SymbolMarket, now_us: int) -> None:
        """Keep the book of this moment for a stale snapshot."""
        if self._injector.remembers_books:
            self._books[market.symbol].append((now_us, market.truth()))

    def request(self, method: str, target: str, now_us: int) -> Answer:
        """One request for ``target``: path and query."""
        parts = urlsplit(target)
        stamp_us = self._clock.stamp(now_us)
        self._counts["requests"] += 1
        try:
            call = find_call(self.kind, method, parts.path, parts.query)
            if call is None:
                raise ApiError(-1000, f"nothing is served at {parts.path[:80]} by the local exchange ({self.kind})", 404)
            instead = self._injector.on_request(call.name, self.weight, now_us, stamp_us)
            if instead is not None:
                self._counts[f"answered_{instead.status}"] += 1
                return instead
            refused = self.weight.take(call.weight, stamp_us)
            if refused is not None:
                return self._refused(*refused, stamp_us)
            answer = Answer(200, self._headers(), call.answer(Question(self, call.params, now_us, stamp_us)))
        except ApiError as error:
            return Answer(error.status, self._headers(), error_body(error.code, str(error)))
        if call.name != "depth":
            return answer
        slow = self._injector.at_step(FaultName.SLOW_SNAPSHOT, None, "depth", now_us)
        self._on_snapshot(self.markets[call.params["symbol"]], now_us)
        if slow is None:
            return answer
        return Answer(answer.status, answer.headers, answer.body, slow.duration_us or _SLOW_US)

    def snapshot_book(self, market: SymbolMarket, now_us: int) -> TrueBook:
        """The book that a snapshot shows: the present one, unless a fault asks for another."""
        strikes = self._injector.at_step
        books = self._books[market.symbol]
        if books and (fault := strikes(FaultName.STALE_SNAPSHOT, None, "depth", now_us)) is not None:
            oldest_us = now_us - (fault.duration_us or _STALE_US)
            return next((book for at_us, book in reversed(books) if at_us <= oldest_us), books[0][1])
        if strikes(FaultName.NO_STRADDLE, None, "depth", now_us) is not None:
            return market.book.as_of_last_diff(_PACE)
        if strikes(FaultName.STRADDLE, None, "depth", now_us) is not None:
            if not market.book.pending(_PACE):
                market.book.next_id()
                self._on_change(market)
            market.straddled_id = market.book.update_id
        return market.truth()

    def _headers(self) -> dict[str, str]:
        used = str(self.weight.used)
        return {"Content-Type": "application/json;charset=UTF-8", "X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    def _refused(self, status: int, wait_s: int, stamp_us: int) -> Answer:
        self._counts[f"answered_{status}"] += 1
        body = refusal_of_weight(status, wait_s, self._limits, stamp_us)
        return Answer(status, self._headers() | {"Retry-After": str(wait_s)}, body)

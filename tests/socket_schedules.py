"""The schedules of tests/fault_schedules.py over real sockets, in real time: the live source against a served exchange.

    python tests/socket_schedules.py 3          one schedule, in words
    python tests/socket_schedules.py 0 20       many of them at once, as a table

The exchange runs in a thread, so that its own book can be read: at every id that it told of. Nothing else is shared.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from typing import Final

from fault_schedules import CALM_S, FAULTS_S, MARKET, RECOVERY_S, Outcome, Schedule, schedule_of, seeds_asked, tell
from simulated_network import MAX_QUEUED, Consumer, Truth, diff_in, truth_of

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.core import Answer, ExchangeCore
from flashcrash_binance.exchange.faults import parse_faults
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.server import Addresses, ExchangeServer
from flashcrash_binance.exchange.sources import simulated_sources
from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_binance.live_market import BinanceSource
from flashcrash_core.api import BookDelta, BookSnapshot, FeedRequest
from flashcrash_core.config.instruments import InstrumentBook

__all__ = ["run_many", "run_over_sockets"]

AT_ONCE: Final = 10
"""Schedules that run beside each other: each is idle most of the time."""


class NotedExchange(ExchangeCore):
    """Keeps its book of every id that it tells of: with diffs and snapshots, and each second, of which stale ones are made."""

    def _diff(self, market: SymbolMarket, pace: str, at_us: int) -> None:
        super()._diff(market, pace, at_us)
        self.note(market.symbol)

    def _second(self, market: SymbolMarket, at_us: int) -> None:
        super()._second(market, at_us)
        self.note(market.symbol)

    def request(self, method: str, target: str, headers: object, body: bytes, now_us: int) -> Answer:
        answer = super().request(method, target, {}, body, now_us)
        for symbol in self.markets:
            self.note(symbol)
        return answer

    def note(self, symbol: str) -> None:
        """The book of now."""
        known, last_id = self.known[symbol], self.markets[symbol].book.update_id
        if last_id not in known:
            known[last_id] = truth_of(self, symbol)

    @property
    def known(self) -> dict[str, dict[int, Truth]]:
        """By symbol and id."""
        if not hasattr(self, "_known"):
            self._known: dict[str, dict[int, Truth]] = {symbol: {} for symbol in self.markets}
        return self._known


@contextmanager
def served(exchange: ExchangeCore) -> Iterator[Addresses]:
    """The exchange on a port of loopback, in a thread with a loop of its own."""
    loop, server, listening = asyncio.new_event_loop(), ExchangeServer(exchange), threading.Event()
    found: list[Addresses] = []

    async def start() -> None:
        found.append(await server.start())
        listening.set()

    def work() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(server.close())
        loop.close()

    thread = threading.Thread(target=work, name="exchange")
    thread.start()
    try:
        assert listening.wait(20)
        yield found[0]
        assert server.failure is None, server.failure
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def run_over_sockets(schedule: Schedule) -> Outcome:
    """Run it, and look at everything."""
    symbols = tuple(("SIMUSDT", "TWOUSDT")[: schedule.symbols])
    sources = simulated_sources(symbols, schedule.seed, **MARKET)
    exchange = NotedExchange(
        sources,
        kind=schedule.kind,
        faults=parse_faults(schedule.spec),
        clock=ExchangeClock(0, schedule.drift_ppm),
        seed=schedule.seed,
    )
    with served(exchange) as at:
        config = BinanceConfig(
            rest=at.rest, ws=at.ws, market=schedule.kind, connections=schedule.connections, verify_s=2.0, first_event_s=10.0
        )
        request = FeedRequest(InstrumentBook(), count(1).__next__, None, symbols, schedule.seed)
        with closing(BinanceSource(config, request, symbols)) as source:
            return _Listener(schedule, exchange, source, symbols).listen()


class _Listener:
    """Takes the source's events as the kernel would, and compares."""

    def __init__(self, schedule: Schedule, exchange: NotedExchange, source: BinanceSource, symbols: Sequence[str]) -> None:
        self.outcome = Outcome(schedule)
        self._exchange, self._source = exchange, source
        self._consumers = {symbol: Consumer(symbol) for symbol in symbols}
        self._arrived: list[tuple[str, int]] = []
        """Sound diffs whose telling has not been looked at yet."""
        self._began_us = time.time_ns() // 1000
        on_message = source.core.on_message

        def listening(connection: int, payload: bytes, now_us: int) -> None:
            on_message(connection, payload, now_us)
            if (found := diff_in(payload)) is not None:
                self._arrived.append(found)

        source.core.on_message = listening  # type: ignore[method-assign]

    def listen(self) -> Outcome:
        """Until some seconds after the last fault."""
        source, core, broken = self._source, self._source.core, self.outcome.broken
        faults_end_us = self._began_us + (CALM_S + FAULTS_S) * 1_000_000
        required = False
        last_us = now_us = 0
        for event in source.events():
            now_us = time.time_ns() // 1000
            if event.receive_us <= last_us:
                broken.append(f"receive time {event.receive_us} of {event} is not after {last_us}")
            last_us = event.receive_us
            consumer = self._consumers[event.symbol]
            untold = consumer.untold
            consumer.take(event, now_us)
            if consumer.untold > untold:
                broken.append(f"{event.symbol}: the kernel met a hole that the feed did not tell of: {event}")
            if isinstance(event, BookDelta | BookSnapshot) and consumer.usable:
                wrong = consumer.compare(self._exchange.known[event.symbol])
                broken.extend([wrong] if wrong else [])
            if len(source.arrived) > MAX_QUEUED:
                broken.append(f"{len(source.arrived)} events wait")
            if not source.arrived:
                self._require_told()
            allowed_us = max(faults_end_us, core.requests.weight.silent_until_us) + RECOVERY_S * 1_000_000
            if now_us > allowed_us and not required:
                required = True
                unusable = [symbol for symbol, one in self._consumers.items() if not one.usable]
                broken.extend(f"{symbol}: not usable {RECOVERY_S} s after the last fault" for symbol in unusable)
            if (now_us > allowed_us + 500_000 and not source.arrived) or len(broken) > 20:
                break
        try:
            core._check()
        except AssertionError as error:
            broken.append(f"invariant: {error}")
        self.outcome.weigh(core, self._exchange, self._consumers, now_us)
        return self.outcome

    def _require_told(self) -> None:
        """With all events taken, a diff that arrived is in the book that is trusted, or no book is."""
        for symbol, last_id in self._arrived:
            consumer = self._consumers.get(symbol)
            if consumer is not None and consumer.usable and consumer.sync.update_id < last_id:
                self.outcome.broken.append(f"{symbol}: diff {last_id} arrived, the trusted book is at {consumer.sync.update_id}")
        self._arrived.clear()


def run_many(seeds: Sequence[int]) -> Iterator[Outcome]:
    """Their outcomes, in order; some run at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(run_over_sockets, map(schedule_of, seeds))


if __name__ == "__main__":
    asked = seeds_asked()
    sys.exit(tell(run_many(asked), each=len(asked) == 1))

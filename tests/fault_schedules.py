"""Schedules of faults between the local exchange and the feed's core, each from one number; and what no schedule may lead to.

    python tests/fault_schedules.py 17          one schedule, in words
    python tests/fault_schedules.py 0 500       many of them, as a table

All in simulated time; tests/socket_schedules.py runs the same over real sockets. The market is simulated, of one or two symbols,
spot or USD-M.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from random import Random
from typing import Final

from attrs import define, field
from simulated_network import Consumer, SimulatedNetwork

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.core import ExchangeCore
from flashcrash_binance.exchange.faults import parse_faults
from flashcrash_binance.exchange.sources import simulated_sources
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_core.api import MarketKind

__all__ = ["Outcome", "Schedule", "run_schedule", "schedule_of", "seeds_asked", "tell"]

_S: Final = 1_000_000
START_US: Final = 1_750_000_000 * _S
CALM_S: Final = 1
FAULTS_S: Final = 5
RECOVERY_S: Final = 3
"""A book that could not be used must be usable again this soon after the last fault, unless the venue asked for more silence."""

MARKET: Final = {
    "calm_s": 3,
    "crash_s": 7,
    "legs": 1,
    "bounce_s": 9,
    "swings": 1,
    "aftermath_s": 10,
    "trades_per_s": 8.0,
    "quotes_per_s": 10.0,
}
"""Quiet, so that many schedules fit into a test; the crash comes in the middle of the faults."""
_OF_FRAMES: Final = ("lose", "duplicate", "reorder", "corrupt", "delay", "gap")


@define
class Schedule:
    """What goes wrong in a run of :data:`CALM_S` + :data:`FAULTS_S` + recovery."""

    seed: int
    spec: str
    symbols: int
    kind: MarketKind
    connections: int
    drift_ppm: int

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.kind}, {self.symbols} symbols, {self.connections} connections, faults {self.spec!r}"


@define
class Outcome:
    """What came of it."""

    schedule: Schedule
    broken: list[str] = field(factory=list)
    injected: Counter[str] = field(factory=Counter)
    compared: int = 0
    gaps: int = 0
    slowest_us: int = 0
    """Longest time from losing a book to having it again."""

    def weigh(self, core: FeedCore, exchange: ExchangeCore, consumers: Mapping[str, Consumer], now_us: int) -> None:
        """Look at what was told in all."""
        for symbol, consumer in consumers.items():
            mine = core.book(symbol).book
            if consumer.usable and consumer.held() != (tuple(mine.bids), tuple(mine.asks)):
                self.broken.append(f"{symbol}: the kernel's book is not the feed's")
            self.compared += consumer.compared
            self.gaps += consumer.kinds.get("FeedGap", 0)
            if len(set(consumer.trades)) < len(consumer.trades):
                self.broken.append(f"{symbol}: a trade was told twice")
            for lost_us in consumer.seen.lost_us:
                again = next((at for at in consumer.seen.recovered_us if at >= lost_us), now_us)
                self.slowest_us = max(self.slowest_us, again - lost_us)
        for entry in exchange.injector.to_json():
            self.injected[entry["name"]] += 1


def schedule_of(seed: int) -> Schedule:
    """Draw a schedule."""
    rng = Random(f"schedule:{seed}")

    def moment() -> str:
        return f"{rng.uniform(CALM_S, CALM_S + FAULTS_S):.2f}s"

    def during() -> str:
        first = rng.uniform(CALM_S, CALM_S + FAULTS_S - 1)
        return f"{first:.2f}s-{rng.uniform(first + 0.1, CALM_S + FAULTS_S):.2f}s"

    def shortly() -> str:
        first = rng.uniform(CALM_S, CALM_S + FAULTS_S - 1)
        return f"{first:.2f}s-{first + 0.4:.2f}s"

    def everyone() -> str:
        return ":all" if rng.random() < 0.3 else ""

    def one() -> str:
        kind = rng.randrange(9)
        if kind == 0:
            return f"drop=1{everyone()}@{moment()}"
        if kind == 1:
            return f"cut=1:all@{shortly()}" if rng.random() < 0.3 else f"cut=1@{moment()}"
        if kind == 2:
            step = rng.choice(("before_upgrade", "after_upgrade", "snapshot", "request"))
            return f"drop={step}:{rng.randint(1, 2)}@{during()}"
        if kind == 3:
            return f"{rng.choice(('stale_snapshot', 'straddle', 'no_straddle'))}@{during()}"
        if kind == 4:
            return f"slow_snapshot={rng.randint(100, 1500)}ms@{during()}"
        if kind == 5:
            return rng.choice((f"too_many=1s:1@{moment()}", f"server_error={rng.randint(1, 2)}@{during()}"))
        if kind == 6:
            return f"shutdown@{moment()}"
        name = rng.choice(_OF_FRAMES)
        stream = rng.choice((":depth", ":depth", ":trade", ":bookTicker", ""))
        if name == "gap":
            return f"gap=1:all@{shortly()}" if rng.random() < 0.3 else f"gap=1@{moment()}"
        if name == "delay":
            return f"delay={rng.randint(20, 800)}ms:{rng.randint(1, 5)}%{stream}{everyone()}@{during()}"
        return f"{name}={rng.randint(1, 15)}%{stream}{everyone()}@{during()}"

    spec = ",".join(one() for _ in range(rng.randint(1, 5)))
    kind = MarketKind.USDM if rng.random() < 0.25 else MarketKind.SPOT
    return Schedule(seed, spec, 2 if rng.random() < 0.3 else 1, kind, 1 if rng.random() < 0.2 else 2, rng.choice((0, 0, 50, -200)))


def run_schedule(schedule: Schedule) -> Outcome:
    """Run it, and look at everything."""
    outcome = Outcome(schedule)
    symbols = tuple(("SIMUSDT", "TWOUSDT")[: schedule.symbols])
    sources = simulated_sources(symbols, schedule.seed, **MARKET)
    exchange = ExchangeCore(
        sources,
        kind=schedule.kind,
        faults=parse_faults(schedule.spec),
        clock=ExchangeClock(0, schedule.drift_ppm),
        seed=schedule.seed,
    )
    core = FeedCore(
        {symbol: SymbolSettings() for symbol in symbols},
        {symbol: source.instrument for symbol, source in sources.items()},
        FeedSettings(connections=schedule.connections, verify_us=2 * _S),
        count(1).__next__,
        kind=schedule.kind,
        seed=schedule.seed,
    )
    net = SimulatedNetwork(core, exchange, symbols, schedule.seed, start_us=START_US)
    try:
        faults_end_us = START_US + (CALM_S + FAULTS_S) * _S
        net.run(faults_end_us)
        allowed_us = max(faults_end_us, core.requests.weight.silent_until_us) + RECOVERY_S * _S
        net.run(allowed_us)
        for symbol, consumer in net.consumers.items():
            if not consumer.usable:
                net.broken.append(f"{symbol}: not usable {RECOVERY_S} s after the last fault")
        net.run(allowed_us + _S)
        try:
            core._check()
        except AssertionError as error:
            net.broken.append(f"invariant: {error}")
        outcome.broken = net.broken
        outcome.weigh(core, exchange, net.consumers, net.now_us)
    finally:
        exchange.close()
    return outcome


def tell(outcomes: Iterable[Outcome], *, each: bool) -> int:
    """Print what came of schedules; 1 when one broke something."""
    number, bad, injected, compared, slowest = 0, 0, Counter[str](), 0, 0
    for outcome in outcomes:
        number += 1
        injected += outcome.injected
        compared += outcome.compared
        slowest = max(slowest, outcome.slowest_us)
        if outcome.broken or each:
            bad += bool(outcome.broken)
            print(f"{outcome.schedule}\n  {outcome.compared} books compared, {outcome.gaps} gaps, {dict(outcome.injected)}")
            for line in outcome.broken[:5]:
                print(f"  BROKEN {line}")
    print(f"{number} schedules, {bad} broken; {compared} books compared; slowest recovery {slowest / 1e6:.2f} s")
    print(", ".join(f"{name} {times}" for name, times in sorted(injected.items())))
    return 1 if bad else 0


def seeds_asked() -> range:
    """Of the command line: one number, or the first and the one after the last."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    return range(first, int(sys.argv[2]) if len(sys.argv) > 2 else first + 1)


if __name__ == "__main__":
    seeds = seeds_asked()
    sys.exit(tell(map(run_schedule, map(schedule_of, seeds)), each=len(seeds) == 1))

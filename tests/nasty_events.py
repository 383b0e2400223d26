"""Seeded event streams in which everything goes wrong that a feed can get wrong, far more often than any feed does.

Gaps, crossed and one-sided books, old, doubled and overlapping diffs, snapshots early, late and unordered, stamps that leap, lag or
are not there, silences, zero and negative numbers. They make no sense; they hold two readings of events against each other.
"""

import random
from decimal import Decimal

from attrs import define, field

from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    FeedGap,
    Level,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)
from flashcrash_core.market.instruments import Instrument

__all__ = ["NASTY", "nasty_events"]

NASTY = Instrument("NASTY", tick_size=Decimal("0.01"), lot_size=Decimal("0.001"))
START_US = 1_700_000_000_000_000


def nasty_events(seed: int, count: int) -> list[MarketEvent]:
    """``count`` events; the seed also decides how wild they are and by which rule their diffs chain."""
    return _Maker(random.Random(seed)).make(count)


@define
class _Maker:
    rng: random.Random
    now_us: int = START_US
    received_us: int = START_US
    last_id: int = 1_000
    mid: int = 10_000
    leap_us: int = 0
    leaps_left: int = 0
    futures: bool = False
    wild: float = 0.05
    pace_us: int = 30_000
    weights: list[int] = field(factory=list)

    def make(self, count: int) -> list[MarketEvent]:
        rng = self.rng
        self.futures = rng.random() < 0.4
        self.wild = rng.choice([0.0, 0.01, 0.05, 0.2])
        self.pace_us = rng.choice([500, 5_000, 30_000, 200_000])
        if rng.random() < 0.1:
            self.now_us = self.received_us = 0  # a market at the beginning of time: stamps may be 0 and below
        self.weights = [rng.choice([0, 1, 10, 40]) + 1 for _ in range(3)] + [1, rng.choice([0, 1]), 1, 1]
        events: list[MarketEvent] = []
        if rng.random() < 0.7:
            events.append(self._snapshot(len(events)))
        while len(events) < count:
            self._let_time_pass()
            make = rng.choices(
                [self._trade, self._quote, self._delta, self._snapshot, self._gap, self._rejected, self._timer], self.weights
            )[0]
            events.append(make(len(events)))
        return events

    def _chance(self, share: float = 1.0) -> bool:
        return self.rng.random() < self.wild * share

    def _let_time_pass(self) -> None:
        rng = self.rng
        pause_us = int(rng.expovariate(1.0) * self.pace_us)
        if rng.random() < 0.1:
            pause_us = 0
        if self._chance(0.05):
            pause_us = rng.choice([1_500_000, 5_900_000, 6_100_000, 9_000_000, 31_000_000])
        self.now_us += pause_us
        self.received_us = max(self.received_us, self.now_us + rng.randrange(5_000, 20_000))
        if self._chance(0.2):
            self.received_us += rng.randrange(2_000_000)
        if rng.random() < 0.3:
            self.mid = max(self.mid + rng.randrange(-3, 4), 100)

    def _stamps(self, seq: int) -> tuple[str, int, int | None, int]:
        rng = self.rng
        own: int | None = self.now_us - rng.randrange(20_000)
        if self.leaps_left:
            self.leaps_left -= 1
            own = self.now_us + self.leap_us
            if not self.leaps_left and rng.random() < 0.5:
                self.now_us += self.leap_us
        elif self._chance(0.05):
            self.leap_us = rng.choice([4_900_000, 5_200_000, 60_000_000, 10**12])
            self.leaps_left = rng.choice([0, 3, 19, 20, 24])
            own = self.now_us + self.leap_us
        elif self._chance(0.5):
            own = self.now_us - rng.choice([100_000, 240_000, 300_000, 900_000, 10**9])
        elif self._chance():
            own = None
        return NASTY.symbol, seq + 1, own, self.received_us

    def _price(self) -> int:
        if self._chance(0.2):
            return self.rng.choice([0, -5, 1, 10**6])
        return self.mid + self.rng.randrange(-30, 31)

    def _lots(self) -> int:
        if self._chance(0.2):
            return self.rng.choice([0, -3, 10**9])
        return self.rng.choice([1, 5, 20, 100, 1_000])

    def _side(self, sign: int, most: int) -> tuple[Level, ...]:
        rng = self.rng
        if self._chance(0.5):
            return ()
        levels = []
        for _ in range(rng.randrange(most + 1)):
            away = int(rng.expovariate(0.12)) + (0 if self._chance() else 1)
            price = self.mid - sign * away if not self._chance(0.2) else self._price()
            levels.append((price, 0 if rng.random() < 0.35 else self._lots()))
        return tuple(levels)

    def _trade(self, seq: int) -> MarketEvent:
        return Trade(*self._stamps(seq), seq, self._price(), self._lots(), self.rng.choice([Side.BUY, Side.SELL]))

    def _quote(self, seq: int) -> MarketEvent:
        bid = self._price()
        ask = bid + self.rng.randrange(1, 5) if not self._chance() else self._price()
        return BestQuote(*self._stamps(seq), self.last_id + self.rng.randrange(-3, 4), bid, self._lots(), ask, self._lots())

    def _delta(self, seq: int) -> MarketEvent:
        rng = self.rng
        prev = self.last_id
        first = prev + 1 + (rng.randrange(50) if self.futures else 0)
        last = first + rng.randrange(4)
        if self._chance(0.5):
            first, last, prev = first - rng.randrange(20), last - rng.randrange(10), prev - rng.randrange(20)
        elif self._chance(0.3):
            first, last, prev = first + 5, last + 5, prev + 5
        if last >= self.last_id:
            self.last_id = last
        rest = (prev, Continuity.FUTURES) if self.futures else (None, Continuity.SPOT)
        return BookDelta(*self._stamps(seq), first, last, self._side(1, 6), self._side(-1, 6), *rest)

    def _snapshot(self, seq: int) -> MarketEvent:
        rng = self.rng
        update_id = self.last_id + (rng.randrange(-30, 10) if rng.random() < 0.5 else 0)
        if rng.random() < 0.6:
            deep = rng.randrange(40)
            bids = tuple((self.mid - 1 - i, rng.randrange(1, 300)) for i in range(deep))
            asks = tuple((self.mid + 1 + i, rng.randrange(1, 300)) for i in range(deep))
        else:
            bids, asks = self._side(1, 30), self._side(-1, 30)
        return BookSnapshot(*self._stamps(seq), update_id, bids, asks)

    def _gap(self, seq: int) -> MarketEvent:
        return FeedGap(*self._stamps(seq), self.rng.choice(["reconnect", "overflow"]))

    def _rejected(self, seq: int) -> MarketEvent:
        reason = self.rng.choice(["nan", "not_positive", "time_leap", "reconnect"])
        return Rejected(*self._stamps(seq), reason, self.rng.choice(["", "line 3"]))

    def _timer(self, seq: int) -> MarketEvent:
        return Timer(*self._stamps(seq))

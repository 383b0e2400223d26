"""The simulated market: path, flow and book merged into kernel events in arrival order.

One snapshot first, then per step of 100 ms: trades, best quotes as they change, and one delta with everything that changed.
Update ids count the book's changes, and a best quote bears the id of the change that made it, inside the range of the delta that
follows (the spot rule, reference/binance.md section 3). Best quotes have no exchange time, as on Binance spot. All streams
share one connection: arrival follows exchange order, each event a small seeded latency later.
"""

from collections.abc import Callable, Generator
from decimal import Decimal
from itertools import count
from typing import Final

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, MarketEvent, Side, Trade
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.simulation.flow import draw_conditions
from flashcrash_core.simulation.liquidity import SimulatedBook
from flashcrash_core.simulation.path import draw_path
from flashcrash_core.simulation.scenario import STEP_US, MarketScenario
from flashcrash_core.simulation.seeds import fast_stream

__all__ = ["SimulatedMarket", "simulated_instrument"]

_WALK_BP: Final = 4.0
"""How far through the fair price an aggressor's order may walk, beyond half the spread."""
_SIZE_SD: Final = 0.8
_DELTA_AT_US: Final = STEP_US - 4_000
"""The delta leaves the exchange this late in its step, plus up to 3 ms."""
_LAST_QUOTE_SHARE: Final = 0.5
_FIRST_TRADE_ID: Final = 1


def simulated_instrument(symbol: str) -> Instrument:
    """The grid of the simulated symbol: tick 0.01, lot 0.0001."""
    return Instrument(symbol, Decimal("0.01"), Decimal("0.0001"))


class SimulatedMarket:
    """A market that is a function of scenario and seed alone. ``events()`` may be called once.

    ``now_us`` is the exchange time that the events have reached. ``next_seq`` hands out arrival sequences
    (default: 1, 2, 3 ...).
    """

    def __init__(
        self,
        scenario: MarketScenario,
        seed: int,
        *,
        instrument: Instrument | None = None,
        next_seq: Callable[[], int] | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.instrument = instrument or simulated_instrument(scenario.symbol)
        self.now_us = scenario.start_us
        self._next_seq: Callable[[], int] = next_seq or count(1).__next__
        self._rng = fast_stream(seed, f"{scenario.symbol}:events")
        self._liquidity = SimulatedBook(scenario, self.instrument, fast_stream(seed, f"{scenario.symbol}:book"))
        self._receive_us = 0
        self._told_id = 0
        self._trade_id = _FIRST_TRADE_ID

    def progress(self) -> float:
        """Fraction of the market's time that has passed, 0 to 1."""
        scenario = self.scenario
        return min(1.0, (self.now_us - scenario.start_us) / (scenario.end_us - scenario.start_us))

    def events(self) -> Generator[MarketEvent, None, None]:
        """All events in arrival order; closing the generator ends them."""
        scenario, liquidity, rng = self.scenario, self._liquidity, self._rng
        symbol, tick = scenario.symbol, self.instrument.tick
        path = draw_path(scenario, self.seed)
        conditions = draw_conditions(scenario, path, self.seed)
        fair_ticks = (path.price / tick).tolist()
        liquidity.fill(fair_ticks[0], conditions[0])
        bids, asks = liquidity.snapshot()
        self._told_id = liquidity.update_id
        received = self._receive(self.now_us, conditions[0].latency_us)
        yield BookSnapshot(symbol, self._next_seq(), None, received, liquidity.update_id, bids, asks)

        random_ = rng.random
        next_seq = self._next_seq
        mean_shift = _SIZE_SD * _SIZE_SD / 2
        to_lots = 1 / (tick * self.instrument.lot)
        for step, now in enumerate(conditions):
            start_us = scenario.start_us + step * STEP_US
            delta_us = _DELTA_AT_US + int(random_() * 3_000)
            fair, slope = fair_ticks[step], (fair_ticks[step + 1] - fair_ticks[step]) / STEP_US
            best = liquidity.best()
            # One number says when and what: the integer part is the time in the step, an order has an odd one.
            agenda = sorted(
                [int(random_() * delta_us) * 2 for _ in range(now.quotes)]
                + [int(random_() * delta_us) * 2 + 1 for _ in range(now.trades)]
            )
            for item in agenda:
                offset_us, is_order = item >> 1, item & 1
                at_us = start_us + offset_us
                here = fair + slope * offset_us
                if is_order:
                    aggressor = Side.SELL if random_() < now.sell_share else Side.BUY
                    notional = now.notional * rng.lognormvariate(-mean_shift, _SIZE_SD)
                    lots = max(1, int(notional * to_lots / here))
                    reach = here * (now.spread_bp * 0.5 + _WALK_BP) * 1e-4
                    prints = liquidity.take(aggressor, lots, int(here + aggressor * reach))
                    received = self._receive(at_us, now.latency_us)
                    for price, quantity in prints:
                        yield Trade(symbol, next_seq(), at_us, received, self._trade_id, price, quantity, aggressor)
                        self._trade_id += 1
                else:
                    liquidity.move_quote(here, now)
                was, best = best, liquidity.best()
                if best != was:
                    yield self._quote(at_us, now.latency_us)
            self.now_us = start_us + delta_us
            there = fair + slope * delta_us
            # The book is made whole around a quote that belongs to this moment. Half the time another quote follows, which then
            # bears the delta's own last id: the one case in which a reader can check its book against the ticker.
            if not liquidity.near(there, now):
                liquidity.move_quote(there, now)
                yield self._quote(self.now_us, now.latency_us)
            liquidity.fill(there, now)
            if random_() < _LAST_QUOTE_SHARE:
                liquidity.move_quote(there, now)
                yield self._quote(self.now_us, now.latency_us)
            yield self._delta(now.latency_us)
        self.now_us = scenario.end_us

    def _quote(self, at_us: int, latency_us: float) -> BestQuote:
        liquidity = self._liquidity
        received = self._receive(at_us, latency_us)
        return BestQuote(self.scenario.symbol, self._next_seq(), None, received, liquidity.update_id, *liquidity.best())

    def _delta(self, latency_us: float) -> BookDelta:
        first, last = self._told_id + 1, self._liquidity.update_id
        self._told_id = last
        bids, asks = self._liquidity.changes()
        received = self._receive(self.now_us, latency_us)
        return BookDelta(self.scenario.symbol, self._next_seq(), self.now_us, received, first, last, bids, asks)

    def _receive(self, at_us: int, latency_us: float) -> int:
        """When an event of ``at_us`` arrives: never before an earlier one."""
        self._receive_us = max(self._receive_us, at_us + int(latency_us))
        return self._receive_us

    def _check(self) -> None:
        """Assert that book and ids are consistent; for tests. Raises InvariantError."""
        self._liquidity._check()
        if self._told_id > self._liquidity.update_id:
            raise InvariantError("simulated market: a delta told of changes that have not happened")

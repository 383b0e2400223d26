"""The simulated book: levels on a price grid around the fair price, a free best level on top of each side.

It is the truth of the simulation: trades take what stands in it, quotes move its best level, and the levels changed since the last
delta are exactly what the next delta tells. Best bid is below best ask at every moment.
"""

import random
from typing import Final

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.book import BookSide, OrderBook
from flashcrash_core.market.events import Level, Side
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.simulation.scenario import MarketScenario
from flashcrash_core.simulation.stages import Conditions

__all__ = ["SimulatedBook"]

_BEST_FACTOR: Final = 0.6
"""The best level against a level behind it."""
_SIZES: Final = 4_096
_SIZE_SD: Final = 0.3
"""Of the log: small, so that walls (three times the median) are rare."""
_CALM_REFRESH: Final = 7
"""Levels whose size is drawn anew in a step of calm, per side; the more the depth changes, the more of them."""
_WIDEST: Final = 2.6
"""Largest spread, in half spreads, that moving one side alone may leave."""
_KEEP_FACTOR: Final = 3
"""A side that has grown to this many times its levels loses the farthest."""


class SimulatedBook:
    """Both sides with what changed since the last delta. ``update_id`` counts every change, as an exchange does."""

    def __init__(self, scenario: MarketScenario, instrument: Instrument, rng: random.Random) -> None:
        self.book = OrderBook()
        self.update_id = 0
        self._rng = rng
        start_ticks = scenario.start_price / instrument.tick
        self._gap = max(1, round(start_ticks * scenario.level_gap_bp * 1e-4))
        self._depth = scenario.depth_levels
        self._mean_lots = scenario.level_notional / (scenario.start_price * instrument.lot)
        # Drawn once and walked through: a lognormal per level and step would be a third of the run's time.
        self._sizes = [rng.lognormvariate(-_SIZE_SD * _SIZE_SD / 2, _SIZE_SD) * self._mean_lots for _ in range(_SIZES)]
        self._next_size = 0
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._last_factor = [1.0, 1.0]

    # -- best quote --------------------------------------------------------------------------------------------------

    def best(self) -> tuple[int, int, int, int]:
        """``(bid_ticks, bid_lots, ask_ticks, ask_lots)``."""
        bids, asks = self.book.bids, self.book.asks
        bid, ask = bids.best(), asks.best()
        return bid, bids.lots_at(bid), ask, asks.lots_at(ask)

    def move_quote(self, fair_ticks: float, now: Conditions) -> None:
        """Set one side's best near the fair price, and the other's too where it stands in the way."""
        roll = self._rng.random
        half = fair_ticks * now.spread_bp * 0.5e-4
        bid = int(fair_ticks - half * (0.75 + 0.5 * roll()))
        ask = max(int(fair_ticks + half * (0.75 + 0.5 * roll())) + 1, bid + 1)
        pick = roll()
        widest = half * _WIDEST
        # A side left alone must stay near the fair price: a stale quote would be an arbitrage, not a spread.
        if pick < 0.15 and bid < (other := self.book.asks.best()) and other - bid < widest:
            self._set_best(0, bid, now.bids)
        elif pick > 0.85 and ask > (other := self.book.bids.best()) and ask - other < widest:
            self._set_best(1, ask, now.asks)
        else:
            self._set_best(0, bid, now.bids)
            self._set_best(1, ask, now.asks)

    def near(self, fair_ticks: float, now: Conditions) -> bool:
        """Whether the best quote is one that :meth:`move_quote` could have left at this fair price."""
        bid, ask = self.book.bids.best(), self.book.asks.best()
        return bid < fair_ticks < ask and ask - bid < fair_ticks * now.spread_bp * 0.5e-4 * _WIDEST

    def _set_best(self, which: int, price: int, factor: float) -> None:
        side = self.book.asks if which else self.book.bids
        sign = side.sign
        best = side.best()
        while best and (best - price) * sign > 0:
            self._set(which, side, best, 0)
            best = side.best()
        if best != price:
            if best and best % self._gap:  # the former best was a free level: it moves, it does not stay behind
                self._set(which, side, best, 0)
            self._set(which, side, price, max(1, int(self._size() * factor * _BEST_FACTOR)))

    # -- trades ------------------------------------------------------------------------------------------------------

    def take(self, aggressor: Side, lots: int, limit_ticks: int) -> list[Level]:
        """Execute an aggressor's order against the opposite side down (up) to ``limit_ticks``; the prints, in order.

        The last level of a side is never emptied.
        """
        which = 1 if aggressor is Side.BUY else 0
        side = self.book.asks if which else self.book.bids
        prints: list[Level] = []
        while lots and len(side) > 1:
            price = side.best()
            if (price - limit_ticks) * side.sign < 0:
                break
            there = side.lots_at(price)
            taken = min(there, lots)
            prints.append((price, taken))
            self._set(which, side, price, there - taken)
            lots -= taken
        return prints

    # -- levels behind the best --------------------------------------------------------------------------------------

    def fill(self, fair_ticks: float, now: Conditions) -> None:
        """Make the book whole around ``fair_ticks``: best levels where they should be, no hole behind them."""
        half = fair_ticks * now.spread_bp * 0.5e-4
        if not len(self.book.bids):
            self._set_best(0, int(fair_ticks - half), now.bids)
            self._set_best(1, int(fair_ticks + half) + 1, now.asks)
        self._fill_side(0, now.bids)
        self._fill_side(1, now.asks)

    def _fill_side(self, which: int, factor: float) -> None:
        side = self.book.asks if which else self.book.bids
        sign, gap, depth = side.sign, self._gap, self._depth
        best = side.best()
        first = (best - 1) // gap * gap if sign > 0 else -(-(best + 1) // gap) * gap
        step = -gap * sign
        for price in range(first, first + step * depth, step):
            if not side.lots_at(price) and price > 0:
                self._set(which, side, price, max(1, int(self._size() * factor)))
        last = self._last_factor[which]
        # Nearer levels are renewed more often; a change of depth reaches the whole window within a few steps.
        count = _CALM_REFRESH + min(depth, int(6 * depth * abs(factor - last) / max(factor, last)))
        self._last_factor[which] = last + (factor - last) * 0.3
        random_ = self._rng.random
        for _ in range(count):
            roll = random_()
            price = first + step * int(depth * roll * roll)
            if price > 0:
                self._set(which, side, price, max(1, int(self._size() * factor)))
        if len(side) > _KEEP_FACTOR * depth:
            for price, _lots in side.top(len(side))[2 * depth :]:
                self._set(which, side, price, 0)

    def _size(self) -> float:
        index = self._next_size
        self._next_size = (index + 1) % _SIZES
        return self._sizes[index]

    # -- changes -----------------------------------------------------------------------------------------------------

    def _set(self, which: int, side: BookSide, price: int, lots: int) -> None:
        side.set_level(price, lots)
        self._changed[which][price] = lots
        self.update_id += 1

    def changes(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Changed bids and asks since the last call, best first, and forget them."""
        bids, asks = self._changed
        told = tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))
        bids.clear()
        asks.clear()
        return told

    def snapshot(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The whole book, best first, and forget the changes that it contains."""
        self.changes()
        return tuple(self.book.bids), tuple(self.book.asks)

    def _check(self) -> None:
        """Assert the book's invariants; for tests. Raises InvariantError."""
        self.book.bids._check()
        self.book.asks._check()
        if not (len(self.book.bids) and len(self.book.asks)):
            raise InvariantError("simulated book: a side is empty")
        if self.book.crossed():
            raise InvariantError(f"simulated book: bid {self.book.bids.best()} is not below ask {self.book.asks.best()}")

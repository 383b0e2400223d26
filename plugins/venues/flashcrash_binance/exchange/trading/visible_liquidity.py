"""What of the played book is still there for our orders: the shown quantities, less what our orders took of them.

The source does not know of our orders and goes on showing what they took. So what was taken stays taken until the level shows
another quantity, which is the source's news of that price.
"""

from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_core.api import Level, Side

__all__ = ["VisibleLiquidity"]


class VisibleLiquidity:
    """One symbol's book as a taker of ours meets it."""

    def __init__(self, market: SymbolMarket) -> None:
        self._market = market
        self._taken: dict[tuple[Side, int], tuple[int, int]] = {}

    def levels(self, side: Side, limit_ticks: int) -> list[Level]:
        """Levels that an order of ``side`` can take, best first; ``limit_ticks`` 0: at any price."""
        ladder = self._market.book.asks if side is Side.BUY else self._market.book.bids
        found: list[Level] = []
        best = ladder.best()
        if not best or (limit_ticks and (best - limit_ticks) * side > 0):
            return found
        for price, shown in ladder:
            if limit_ticks and (price - limit_ticks) * side > 0:
                break
            left = shown - self._taken_of(side, price, shown)
            if left > 0:
                found.append((price, left))
        return found

    def shown(self, side: Side, price_ticks: int) -> int:
        """What others show on the side of an order at its price: the queue it joins."""
        ladder = self._market.book.bids if side is Side.BUY else self._market.book.asks
        return ladder.lots.get(price_ticks, 0)

    def take(self, side: Side, price_ticks: int, lots: int) -> None:
        """An order of ``side`` took this."""
        ladder = self._market.book.asks if side is Side.BUY else self._market.book.bids
        shown = ladder.lots.get(price_ticks, 0)
        self._taken[side, price_ticks] = shown, self._taken_of(side, price_ticks, shown) + lots

    def _taken_of(self, side: Side, price_ticks: int, shown: int) -> int:
        known = self._taken.get((side, price_ticks))
        if known is None:
            return 0
        if known[0] != shown:
            del self._taken[side, price_ticks]
            return 0
        return known[1]

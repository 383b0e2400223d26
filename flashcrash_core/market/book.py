"""One side-by-side limit order book in integer ticks and lots.

``BookSide`` keeps a dict of quantities and one sorted list of keys whose *last* element is the best price, so that the
busy end of the book is the cheap end of the list. Quantities are absolute; 0 removes; removing an absent level is normal
(reference/binance.md section 3).
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Final

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Level

__all__ = ["BookSide", "OrderBook"]

MAX_LEVELS: Final = 20_000
"""Bound on memory: beyond it the worst levels of the side are dropped (Binance serves 5,000 a side)."""


class BookSide:
    """Levels of one side. ``sign`` is +1 for bids and -1 for asks: the best price has the largest ``price * sign``."""

    __slots__ = ("_keys", "_lots", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._lots: dict[int, int] = {}
        self._keys: list[int] = []

    def __len__(self) -> int:
        return len(self._keys)

    def set_level(self, price_ticks: int, qty_lots: int) -> None:
        """Set the absolute quantity at a price; 0 removes it."""
        key = price_ticks * self.sign
        lots = self._lots
        if qty_lots:
            if key not in lots:
                insort(self._keys, key)
            lots[key] = qty_lots
            if len(lots) > MAX_LEVELS:
                del lots[self._keys.pop(0)]
        elif key in lots:
            del lots[key]
            keys = self._keys
            del keys[bisect_left(keys, key)]

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take these levels."""
        self._lots = {price * self.sign: lots for price, lots in levels if lots}
        self._keys = sorted(self._lots)[-MAX_LEVELS:]
        if len(self._keys) < len(self._lots):
            self._lots = {key: self._lots[key] for key in self._keys}

    def best(self) -> int:
        """Best price in ticks, 0 on an empty side."""
        return self._keys[-1] * self.sign if self._keys else 0

    def lots_at(self, price_ticks: int) -> int:
        """Displayed quantity at a price."""
        return self._lots.get(price_ticks * self.sign, 0)

    def top(self, count: int) -> list[Level]:
        """The best ``count`` levels, best first."""
        sign, lots = self.sign, self._lots
        return [(key * sign, lots[key]) for key in self._keys[: -count - 1 : -1]]

    def until(self, limit_ticks: int) -> list[Level]:
        """All levels at ``limit_ticks`` or better, best first."""
        sign, lots, keys = self.sign, self._lots, self._keys
        start = bisect_left(keys, limit_ticks * sign)
        return [(key * sign, lots[key]) for key in reversed(keys[start:])]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.top(len(self._keys)))

    def _check(self) -> None:
        """Assert the side's invariants; for tests."""
        if self._keys != sorted(self._lots) or any(lots <= 0 for lots in self._lots.values()):
            raise InvariantError("book side: keys and quantities disagree")


class OrderBook:
    """Both sides. Whether it may be *used* is the business of :class:`~flashcrash_core.market.book_sync.BookSync`."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(1)
        self.asks = BookSide(-1)

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Take a snapshot."""
        self.bids.replace(bids)
        self.asks.replace(asks)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Apply changed levels."""
        set_bid, set_ask = self.bids.set_level, self.asks.set_level
        for price, lots in bids:
            set_bid(price, lots)
        for price, lots in asks:
            set_ask(price, lots)

    def crossed(self) -> bool:
        """Best bid at or above best ask (a locked book counts: neither is a market one can quote on)."""
        bid, ask = self.bids.best(), self.asks.best()
        return bool(bid and ask and bid >= ask)

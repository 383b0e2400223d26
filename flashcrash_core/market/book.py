"""One side-by-side limit order book in integer ticks and lots.

``BookSide`` keeps three parallel lists sorted so that their *last* element is the best price: the busy end of the book is the
cheap end of a list, and sums over a band of levels run in C over a slice (500 levels in 5 us; a walk over a dict took 80).
Quantities are absolute; 0 removes; removing an absent level is normal (reference/binance.md section 3).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Level

__all__ = ["BookSide", "OrderBook"]

MAX_LEVELS: Final = 20_000
"""Bound on memory: beyond it the worst levels of the side are dropped (Binance serves 5,000 a side)."""


class BookSide:
    """Levels of one side. ``sign`` is +1 for bids and -1 for asks: the best price has the largest ``price * sign``."""

    __slots__ = ("_keys", "_lots", "_units", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._keys: list[int] = []
        self._lots: list[int] = []
        self._units: list[int] = []  # price x quantity, tick x lot

    def __len__(self) -> int:
        return len(self._keys)

    def set_level(self, price_ticks: int, qty_lots: int) -> None:
        """Set the absolute quantity at a price; 0 removes it."""
        self.apply(((price_ticks, qty_lots),))

    def apply(self, levels: Iterable[Level]) -> None:
        """:meth:`set_level` for many: a diff changes 46 levels on average, so the loop avoids the call for each."""
        sign, keys, all_lots, units = self.sign, self._keys, self._lots, self._units
        for price_ticks, qty_lots in levels:
            key = price_ticks * sign
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                if qty_lots:
                    all_lots[at] = qty_lots
                    units[at] = price_ticks * qty_lots
                else:
                    del keys[at], all_lots[at], units[at]
            elif qty_lots:
                keys.insert(at, key)
                all_lots.insert(at, qty_lots)
                units.insert(at, price_ticks * qty_lots)
        excess = len(keys) - MAX_LEVELS
        if excess > 0:
            del keys[:excess], all_lots[:excess], units[:excess]

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take these levels."""
        held = {price * self.sign: lots for price, lots in levels if lots}
        self._keys = sorted(held)[-MAX_LEVELS:]
        self._lots = [held[key] for key in self._keys]
        self._units = [key * self.sign * lots for key, lots in zip(self._keys, self._lots, strict=True)]

    def best(self) -> int:
        """Best price in ticks, 0 on an empty side."""
        keys = self._keys
        return keys[-1] * self.sign if keys else 0

    def lots_at(self, price_ticks: int) -> int:
        """Displayed quantity at a price."""
        key = price_ticks * self.sign
        keys = self._keys
        at = bisect_left(keys, key)
        return self._lots[at] if at < len(keys) and keys[at] == key else 0

    def top(self, count: int) -> list[Level]:
        """The best ``count`` levels, best first."""
        sign = self.sign
        return [(key * sign, lots) for key, lots in zip(self._keys[: -count - 1 : -1], self._lots[: -count - 1 : -1], strict=True)]

    def until(self, limit_ticks: int) -> list[Level]:
        """All levels at ``limit_ticks`` or better, best first."""
        start = bisect_left(self._keys, limit_ticks * self.sign)
        return self.top(len(self._keys) - start)

    def top_sums(self, count: int) -> tuple[int, int]:
        """Quantity in lots and notional in tick x lot of the best ``count`` levels."""
        return (sum(self._lots[-count:]), sum(self._units[-count:])) if count else (0, 0)

    def sums_until(self, limit_ticks: int) -> tuple[int, int]:
        """Quantity in lots and notional in tick x lot of all levels at ``limit_ticks`` or better."""
        start = bisect_left(self._keys, limit_ticks * self.sign)
        return sum(self._lots[start:]), sum(self._units[start:])

    def units_until(self, limit_ticks: int) -> int:
        """Notional in tick x lot of all levels at ``limit_ticks`` or better."""
        return sum(self._units[bisect_left(self._keys, limit_ticks * self.sign) :])

    def lots_until(self, limit_ticks: int) -> int:
        """Quantity in lots of all levels at ``limit_ticks`` or better."""
        return sum(self._lots[bisect_left(self._keys, limit_ticks * self.sign) :])

    def top_units(self, count: int) -> list[int]:
        """Notional (tick x lot) of each of the best ``count`` levels, best first."""
        return self._units[: -count - 1 : -1]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.top(len(self._keys)))

    def _check(self) -> None:
        """Assert the side's invariants; for tests."""
        units = [key * self.sign * lots for key, lots in zip(self._keys, self._lots, strict=True)]
        if self._keys != sorted(set(self._keys)) or any(lots <= 0 for lots in self._lots) or units != self._units:
            raise InvariantError("book side: prices, quantities and notionals disagree")


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
        self.bids.apply(bids)
        self.asks.apply(asks)

    def crossed(self) -> bool:
        """Best bid at or above best ask (a locked book counts: neither is a market one can quote on)."""
        bid, ask = self.bids.best(), self.asks.best()
        return bool(bid and ask and bid >= ask)

"""One side of the exchange's book: quantities by price, and the prices in order.

The exchange changes single levels far more often than it looks at many, so the quantities are in a dict and only prices that come
or go touch the ordered list. (The kernel's BookSide is made for sums over bands of levels.)
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from flashcrash_core.api import Level

__all__ = ["Ladder"]


class Ladder:
    """Levels in ticks and lots. ``sign`` is 1 for bids and -1 for asks; the last key belongs to the best price."""

    __slots__ = ("_keys", "lots", "sign")

    def __init__(self, sign: int, levels: Iterable[Level] = ()) -> None:
        self.sign = sign
        self.lots: dict[int, int] = {price: lots for price, lots in levels if lots}
        self._keys = sorted(price * sign for price in self.lots)

    def set(self, price_ticks: int, qty_lots: int) -> int:
        """Set the absolute quantity at a price, 0 to remove it; returns what was there."""
        lots = self.lots
        was = lots.get(price_ticks, 0)
        if was == qty_lots:
            return was
        if qty_lots:
            lots[price_ticks] = qty_lots
            if not was:
                key = price_ticks * self.sign
                self._keys.insert(bisect_left(self._keys, key), key)
        else:
            del lots[price_ticks]
            del self._keys[bisect_left(self._keys, price_ticks * self.sign)]
        return was

    def best(self) -> int:
        """Best price in ticks, 0 on an empty side."""
        return self._keys[-1] * self.sign if self._keys else 0

    def better(self, price_ticks: int) -> list[int]:
        """Prices better than this one."""
        keys, sign = self._keys, self.sign
        key = price_ticks * sign
        if not keys or keys[-1] <= key:
            return []
        return [one * sign for one in keys[bisect_left(keys, key + 1) :]]

    def top(self, count: int) -> list[Level]:
        """The best levels, best first."""
        lots, sign = self.lots, self.sign
        return [(key * sign, lots[key * sign]) for key in self._keys[: -count - 1 : -1]]

    def __iter__(self) -> Iterator[Level]:
        return iter(self.top(len(self._keys)))

    def __len__(self) -> int:
        return len(self._keys)

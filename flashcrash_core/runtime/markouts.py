"""Mark-outs: where the price stood 0.1, 1 and 5 seconds after each of our fills (reference section 6).

Positive is good for us. Expect negative ones after maker fills: they are caused by the move against us.
"""

from math import isnan, log
from typing import Any, Final

from flashcrash_core.market.events import Side

__all__ = ["OFFSETS_US", "Markouts"]

OFFSETS_US: Final = (100_000, 1_000_000, 5_000_000)


class Markouts:
    """Collects mark-outs of one symbol in basis points; read on grid rows."""

    def __init__(self) -> None:
        self._pending: list[list[Any]] = []
        self._sums: list[list[float]] = [[0, 0.0] for _ in OFFSETS_US]  # fills and sum of basis points, per offset

    @property
    def waiting(self) -> bool:
        """Whether any fill still waits for a later price."""
        return bool(self._pending)

    def on_fill(self, side: Side, price: float, at_us: int) -> None:
        """A fill of ours."""
        for index, offset in enumerate(OFFSETS_US):
            self._pending.append([at_us + offset, index, int(side), price])

    def on_row(self, t_us: int, price: float) -> None:
        """A row-end price; resolves what is due."""
        if isnan(price):
            return
        later = []
        for item in self._pending:
            due_us, index, side, paid = item
            if t_us >= due_us:
                self._sums[index][0] += 1
                self._sums[index][1] += 1e4 * side * log(price / paid)
            else:
                later.append(item)
        self._pending = later

    def result(self) -> dict[str, dict[str, float | int | None]]:
        """Count and mean in basis points per offset."""
        return {
            f"{offset / 1e6:g}s": {"fills": int(fills), "mean_bps": round(total / fills, 3) if fills else None}
            for offset, (fills, total) in zip(OFFSETS_US, self._sums, strict=True)
        }

    def snapshot(self) -> list[Any]:
        """State as plain data."""
        return [[list(item) for item in self._pending], [list(part) for part in self._sums]]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._pending, self._sums = [list(item) for item in data[0]], [list(part) for part in data[1]]

"""Entry and exit prices (reference/microstructure.md sections 5.1, 5.2 and 5.4 rule 7). Pure functions on integer ticks.

Buys round down and sells round up, so rounding never makes a trade look better than the formula.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isnan, log
from typing import Final

from attrs import define, field, frozen

from flashcrash_core.api import Bar

__all__ = [
    "Fractions",
    "Swing",
    "adaptive_fractions",
    "break_even_ticks",
    "collared_ticks",
    "decayed_fraction",
    "edge",
    "entry_ticks",
    "exit_ticks",
]

_BP: Final = Decimal(10_000)
_TRIGGER_RATIO: Final = 5.0


@frozen
class Fractions:
    """Entry and exit as fractions of a range."""

    entry: float
    exit: float


def adaptive_fractions(ratio: float, base: Fractions) -> Fractions:
    """Fractions widened by the volatility ratio: v = clip(ln(ratio / 5), -1, 1) moves both by 0.05 v, within fixed bounds.

    A missing or senseless ratio changes nothing.
    """
    if isnan(ratio) or ratio <= 0:
        return base
    v = min(1.0, max(-1.0, log(ratio / _TRIGGER_RATIO)))
    return Fractions(entry=min(0.30, max(0.10, base.entry - 0.05 * v)), exit=min(0.90, max(0.65, base.exit + 0.05 * v)))


def entry_ticks(low_ticks: int, high_ticks: int, fraction: float) -> int:
    """low + fraction of the range, rounded down to the tick."""
    return int(_level(low_ticks, high_ticks, fraction).to_integral_value(ROUND_FLOOR))


def exit_ticks(low_ticks: int, high_ticks: int, fraction: float) -> int:
    """low + fraction of the range, rounded up to the tick."""
    return int(_level(low_ticks, high_ticks, fraction).to_integral_value(ROUND_CEILING))


def _level(low_ticks: int, high_ticks: int, fraction: float) -> Decimal:
    # 12 significant digits: 0.2 * 200 is 40, not 40.000000000000004 that would round up to 41
    return low_ticks + Decimal(f"{fraction:.12g}") * (high_ticks - low_ticks)


def decayed_fraction(exit_fraction: float, held_s: float, decay_fraction: float, decay_s: float) -> float:
    """Rule 7: q(t) = q - decay * min(1, t / decay_s)."""
    return exit_fraction - decay_fraction * min(1.0, max(0.0, held_s / decay_s))


def break_even_ticks(paid_ticks: float, entry_fee_bps: Decimal, exit_fee_bps: Decimal) -> int:
    """Least whole tick at which a sale pays back the entry and both fees."""
    cost = Decimal(f"{paid_ticks:.12g}") * (1 + entry_fee_bps / _BP)
    return int((cost / (1 - exit_fee_bps / _BP)).to_integral_value(ROUND_CEILING))


def edge(buy_ticks: int, sell_ticks: int, entry_fee_bps: Decimal, exit_fee_bps: Decimal) -> Decimal:
    """Net return of the round trip as a fraction of the entry price (section 5.2)."""
    return (sell_ticks * (1 - exit_fee_bps / _BP) - buy_ticks * (1 + entry_fee_bps / _BP)) / buy_ticks


def collared_ticks(bid_ticks: int, collar_bp: float) -> int:
    """Worst price an exit may take: the collar below the bid, rounded down, at least one tick."""
    price = bid_ticks * (1 - Decimal(f"{collar_bp:.12g}") / _BP)
    return max(1, int(price.to_integral_value(ROUND_FLOOR)))


@define
class Swing:
    """Mode ``rolling_range``: low and high since the last fresh low.

    A bar whose low is below every low of the ``window`` seconds before it starts a new swing; a fresh high extends it, or no
    swing from a low could ever be measured.
    """

    window: int
    low_ticks: int = 0
    high_ticks: int = 0
    _lows: list[int] = field(factory=list)

    def on_bar(self, bar: Bar) -> None:
        """Take a closed bar, in time order."""
        if not self._lows or bar.low_ticks < min(self._lows):
            self.low_ticks, self.high_ticks = bar.low_ticks, bar.high_ticks
        else:
            self.low_ticks, self.high_ticks = min(self.low_ticks, bar.low_ticks), max(self.high_ticks, bar.high_ticks)
        self._lows = [*self._lows, bar.low_ticks][-self.window :]

    def snapshot(self) -> list[int]:
        """State as plain data."""
        return [self.low_ticks, self.high_ticks, *self._lows]

    def restore(self, data: list[int]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.low_ticks, self.high_ticks, *self._lows = data

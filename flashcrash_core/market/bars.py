"""One-second bars of trades (reference/microstructure.md section 1).

Bar ``k`` covers ``[k, k+1) s`` UTC and closes when the watermark reaches ``k + 1.25 s``, so row ``k + 1.3 s`` is the first to
see it. Trades enter by their own time. A second without a trade repeats the previous close with volume 0 and ``empty`` set.
"""

from typing import Any, Final

from attrs import define, frozen

__all__ = ["BAR_US", "BAR_VISIBLE_AFTER_US", "Bar", "BarBuilder"]

BAR_US: Final = 1_000_000
BAR_VISIBLE_AFTER_US: Final = 300_000
"""A bar ending at ``e`` is first seen by the row at ``e + 300 ms`` (250 ms of lateness, next grid step)."""
_EMPTY_WITH_GAP_LIMIT: Final = 5


@frozen
class Bar:
    """A closed bar. Prices in ticks, ``notional_units`` in tick x lot; ``price`` is the close in the run's price source."""

    start_us: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    notional_units: int
    trades: int
    empty: bool
    gap: bool
    price: float

    @property
    def bullish(self) -> bool:
        """Closed above its open."""
        return self.close_ticks > self.open_ticks


@define
class _OpenBar:
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    notional_units: int = 0
    trades: int = 0


class BarBuilder:
    """Collects trades into bars; at most three are open at any time."""

    __slots__ = ("_close_ticks", "_empty_run", "_gap_seen", "_gaps", "_marks", "_open")

    def __init__(self) -> None:
        self._open: dict[int, _OpenBar] = {}
        self._marks: dict[int, float] = {}
        self._gaps: set[int] = set()
        self._close_ticks = 0
        self._empty_run = 0
        self._gap_seen = False

    def on_trade(self, own_us: int, price_ticks: int, qty_lots: int) -> None:
        """Add a trade by its own time."""
        k = own_us // BAR_US
        bar = self._open.get(k)
        if bar is None:
            self._open[k] = bar = _OpenBar(price_ticks, price_ticks, price_ticks, price_ticks)
        elif price_ticks > bar.high_ticks:
            bar.high_ticks = price_ticks
        elif price_ticks < bar.low_ticks:
            bar.low_ticks = price_ticks
        bar.close_ticks = price_ticks
        bar.notional_units += price_ticks * qty_lots
        bar.trades += 1

    def on_gap(self, at_us: int) -> None:
        """Flag the second that contains ``at_us``."""
        self._gaps.add(at_us // BAR_US)

    def mark(self, second_end_us: int, price: float) -> None:
        """Record the price source at a second's end (the row at ``k + 1``)."""
        self._marks[second_end_us // BAR_US - 1] = price

    def close(self, row_us: int, source_is_mid: bool, tick: float) -> Bar | None:
        """The bar that the row at ``row_us`` is the first to see, if any; None before the first trade."""
        end_us = row_us - BAR_VISIBLE_AFTER_US
        if end_us % BAR_US:
            return None
        k = end_us // BAR_US - 1
        open_bar = self._open.pop(k, None)
        mark = self._marks.pop(k, float("nan"))
        gap = k in self._gaps
        self._gaps.discard(k)
        if open_bar is None:
            if not self._close_ticks:
                return None
            self._empty_run += 1
            self._gap_seen |= gap
            flat = self._close_ticks
            open_bar = _OpenBar(flat, flat, flat, flat)
        else:
            self._empty_run = 0
            self._gap_seen = gap
            self._close_ticks = open_bar.close_ticks
        price = mark if source_is_mid else open_bar.close_ticks * tick
        if self._gap_seen and self._empty_run >= _EMPTY_WITH_GAP_LIMIT:
            price = float("nan")
        return Bar(
            start_us=k * BAR_US,
            open_ticks=open_bar.open_ticks,
            high_ticks=open_bar.high_ticks,
            low_ticks=open_bar.low_ticks,
            close_ticks=open_bar.close_ticks,
            notional_units=open_bar.notional_units,
            trades=open_bar.trades,
            empty=open_bar.trades == 0,
            gap=gap,
            price=price,
        )

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "open": [
                [k, b.open_ticks, b.high_ticks, b.low_ticks, b.close_ticks, b.notional_units, b.trades]
                for k, b in self._open.items()
            ],
            "marks": [[k, price] for k, price in self._marks.items()],
            "gaps": sorted(self._gaps),
            "tail": [self._close_ticks, self._empty_run, self._gap_seen],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._open = {row[0]: _OpenBar(*row[1:]) for row in data["open"]}
        self._marks = dict(data["marks"])
        self._gaps = set(data["gaps"])
        self._close_ticks, self._empty_run, self._gap_seen = data["tail"]

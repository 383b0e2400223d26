"""Feature rows for tests of indicators, detectors and strategies: sensible defaults, every field can be set.

:func:`row` makes one row of a healthy, liquid book around a price of 100; :func:`make_rows` makes a hole-free run of rows from one
close per second, with bars that become visible when the feature builder would show them (k + 1.3 s).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any, Final

from flashcrash_core.detection.indicator import Floats, StepIndicator
from flashcrash_core.market.bars import BAR_US, BAR_VISIBLE_AFTER_US
from flashcrash_core.market.features import GRID_US, FeatureRow

__all__ = ["EPOCH_US", "ROWS_PER_SECOND", "RowBar", "drive", "make_rows", "row", "rows_of"]

EPOCH_US: Final = 1_760_000_400_000_000
"""Default start of a run: a whole hour UTC, so that every aligned block starts with it."""
ROWS_PER_SECOND: Final = BAR_US // GRID_US

RowBar = tuple[float, float, float, float, float]
"""Open, high, low, close in quote currency and traded notional; notional 0 is an empty bar."""

_BOOKLESS: Final = {
    "bid": nan, "ask": nan, "book_usable": 0, "spread_tw": nan, "covered_us": 0, "spread_end": nan, "band_bid_qty": 0.0,
    "band_ask_qty": 0.0, "top_bid_qty": 0.0, "top_ask_qty": 0.0, "top_bid_notional": 0.0, "top_ask_notional": 0.0,
    "exit_notional": 0.0, "quotes": 0, "updates": 0,
}  # fmt: skip


def row(
    t_us: int = EPOCH_US + GRID_US, *, price: float = 100.0, spread: float = 1e-4, has_book: bool = True, **fields: Any
) -> FeatureRow:
    """One row ending at ``t_us`` (us), without a new bar.

    ``spread`` is the relative spread around ``price`` (the mid). ``fields`` set any field of :class:`FeatureRow` by name.
    Raises ``TypeError`` for a name that is no field.
    """
    values: dict[str, Any] = {
        "t_us": t_us, "unhealthy": 0, "price": price, "low": price, "high": price, "last_trade": price,
        "bid": price * (1 - spread / 2), "ask": price * (1 + spread / 2), "book_usable": 1, "spread_tw": spread,
        "covered_us": GRID_US, "spread_end": spread, "band_bid_qty": 50.0, "band_ask_qty": 50.0, "top_bid_qty": 2000.0,
        "top_ask_qty": 2000.0, "top_bid_notional": 2000.0 * price, "top_ask_notional": 2000.0 * price,
        "exit_notional": 1000.0 * price, "bid_wall": 0.0, "ask_wall": 0.0, "buy_notional": 500.0, "sell_notional": 500.0,
        "trades": 1, "quotes": 5, "updates": 20, "bar_new": 0, "bar_start_us": 0, "bar_open": nan, "bar_high": nan,
        "bar_low": nan, "bar_close": nan, "bar_price": nan, "bar_notional": nan, "bar_trades": 0, "bar_empty": 1, "bar_gap": 0,
    }  # fmt: skip
    if not has_book:
        values.update(_BOOKLESS)
    unknown = fields.keys() - values.keys()
    if unknown:
        raise TypeError(f"row() got {sorted(unknown)}, which are not fields of FeatureRow")
    values.update(fields)
    return FeatureRow(**values)


def rows_of(seconds: int) -> int:
    """How many rows :func:`make_rows` makes of so many closes: ten a second, and those until the last bar is seen."""
    return seconds * ROWS_PER_SECOND + BAR_VISIBLE_AFTER_US // GRID_US


def make_rows(
    closes: Sequence[float],
    *,
    start_us: int = EPOCH_US,
    has_book: bool = True,
    spread: float = 1e-4,
    bars: Sequence[RowBar] | None = None,
    gaps: Sequence[int] = (),
    columns: Mapping[str, Sequence[Any]] | None = None,
    **constants: Any,
) -> list[FeatureRow]:
    """Rows of a run that starts at ``start_us`` (whole seconds, us) with one close per second.

    ``closes[k]`` is the price during second k and its bar's ``bar_price``; NaN is a second without a price. ``bars`` gives
    open, high, low, close and notional of the bars (default: flat bars of 10,000 quote). ``gaps`` lists seconds flagged with
    a feed gap. ``columns`` sets fields row by row (``rows_of(len(closes))`` values each), ``constants`` for all rows.
    """
    rows: list[FeatureRow] = []
    newest = -1
    for i in range(rows_of(len(closes))):
        t_us = start_us + (i + 1) * GRID_US
        second = min(i // ROWS_PER_SECOND, len(closes) - 1)
        shown = (t_us - start_us - BAR_VISIBLE_AFTER_US) // BAR_US - 1
        fields: dict[str, Any] = {}
        if shown >= 0:
            price = closes[shown]
            bar = bars[shown] if bars is not None else (price, price, price, price, 10_000.0)
            fields = {
                "bar_new": int(shown != newest), "bar_start_us": start_us + shown * BAR_US, "bar_open": bar[0],
                "bar_high": bar[1], "bar_low": bar[2], "bar_close": bar[3], "bar_price": price, "bar_notional": bar[4],
                "bar_trades": 10 if bar[4] else 0, "bar_empty": int(not bar[4]), "bar_gap": int(shown in gaps),
            }  # fmt: skip
        newest = shown
        fields.update(constants)
        for name, values in (columns or {}).items():
            fields[name] = values[i]
        price = fields.pop("price", closes[second])
        rows.append(row(t_us, price=price, spread=spread, has_book=has_book, **fields))
    return rows


def drive(indicator: StepIndicator, rows: Iterable[FeatureRow]) -> list[tuple[Floats, Floats]]:
    """``(statistic, baseline)`` of every row, from the indicator's present state."""
    step, state, params = indicator.step, indicator.state, indicator.params
    return [step(state, one, params) for one in rows]

"""Invariances that an indicator declares: its readings must not depend on the unit of price, nor on the hour of the day."""

from collections.abc import Callable
from decimal import Decimal
from math import isclose, isnan

from attrs import evolve

from flashcrash_core.detection.panel import Pair
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.programs import live, require_same
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["scale_invariance", "time_shift_invariance"]

FACTORS = (Decimal("0.001"), Decimal(100))
RELATIVE, ABSOLUTE = 1e-6, 1e-10
"""Logarithms of scaled prices round differently; a real dependence on the unit is orders of magnitude larger."""
MINUTES = (1, 607, 525_949)
"""A minute, ten hours and seven minutes, a year and some hours: every alignment used by the reference divides a minute."""
PRICES = (
    "price", "low", "high", "last_trade", "bid", "ask", "bid_wall", "ask_wall", "bar_open", "bar_high", "bar_low", "bar_close",
    "bar_price",
)  # fmt: skip
QUANTITIES = ("band_bid_qty", "band_ask_qty", "top_bid_qty", "top_ask_qty")


def declares(invariance: str) -> Callable[[Subject[IndicatorSpec]], str]:
    """``applies`` of a check that concerns only those that declare ``invariance``."""

    def applies(subject: Subject[IndicatorSpec]) -> str:
        return "" if invariance in subject.spec.invariances else f"does not declare the invariance {invariance!r}"

    return applies


@check("indicator", declares("scale"))
def scale_invariance(subject: Subject[IndicatorSpec]) -> None:
    """In another unit of price (ticks scaled with it, traded money the same) every reading stays what it was."""
    source = tape("crash_and_bounce")
    plain = live(subject, source.rows(), instrument=source.instrument)
    for factor in FACTORS:
        instrument = evolve(source.instrument, tick_size=source.instrument.tick_size * factor)
        rows = [_scaled(row, float(factor)) for row in source.rows()]
        for index, (a, b) in enumerate(zip(live(subject, rows, instrument=instrument), plain, strict=True)):
            if not _close(a, b):
                raise CheckFailure(
                    f"{subject.label}: prices x {factor}: row {index} gives {a}, before {b}; divide by a price, or do not declare "
                    "the invariance 'scale'"
                )


@check("indicator", declares("time_shift"))
def time_shift_invariance(subject: Subject[IndicatorSpec]) -> None:
    """Minutes, days or a year later the same market gives the same readings, to the bit."""
    rows = tape("crash_and_bounce").rows()
    plain = live(subject, rows)
    for minutes in MINUTES:
        shift_us = minutes * 60_000_000
        later = [
            row._replace(t_us=row.t_us + shift_us, bar_start_us=row.bar_start_us + shift_us if row.bar_start_us else 0)
            for row in rows
        ]
        require_same(subject, live(subject, later), plain, f"{minutes} minutes later the same market reads otherwise")


def _scaled(row: FeatureRow, factor: float) -> FeatureRow:
    prices = {name: getattr(row, name) * factor for name in PRICES}
    return row._replace(**prices, **{name: getattr(row, name) / factor for name in QUANTITIES})


def _close(a: Pair, b: Pair) -> bool:
    return all(
        (isnan(x) and isnan(y)) or isclose(x, y, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        for x, y in zip((*a[0], *a[1]), (*b[0], *b[1]), strict=True)
    )

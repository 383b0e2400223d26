"""No look-ahead, and one formula for both speeds: each compared to the bit, because a leak of 1e-12 is a leak."""

import random

from flashcrash_core.detection.indicator import WindowIndicator
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.indicator.programs import batch, build, live, require_same
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["causality_by_perturbation", "causality_by_truncation", "streaming_equals_batch"]

CUTS = 3
EXTREME = 1000.0
"""By how much the altered future is dearer: beyond any threshold that a real tape would reach."""
PRICES = ("price", "low", "high", "last_trade", "bid", "ask", "bar_open", "bar_high", "bar_low", "bar_close", "bar_price")


@check("indicator")
def streaming_equals_batch(subject: Subject[IndicatorSpec]) -> None:
    """Row by row over its window, and at once over the columns of a whole tape, the formula gives the same readings."""
    for seed in subject.effort.seeds:
        rows = tape("crash_and_bounce", seed=seed).rows()
        why = (
            "the batch over all columns differs from the live program (a cumulative sum rounds by where it starts: sum each window "
            "by itself, as sliding_window_view does)"
            if isinstance(build(subject), WindowIndicator)
            else "driven again over the same rows it differs (is something kept outside of `state`?)"
        )
        require_same(subject, batch(subject, rows), live(subject, rows), f"tape crash_and_bounce, seed {seed}: {why}")


@check("indicator")
def causality_by_truncation(subject: Subject[IndicatorSpec]) -> None:
    """A tape that ends earlier gives the same past."""
    for seed in subject.effort.seeds:
        rows = tape("crash_and_bounce", seed=seed).rows()
        whole = batch(subject, rows)
        for cut in _cuts(seed, len(rows)):
            what = f"tape crash_and_bounce, seed {seed}, cut after row {cut - 1}: {_ahead(subject)} it knows how long the tape is"
            require_same(subject, batch(subject, rows[:cut]), whole[:cut], what)


@check("indicator")
def causality_by_perturbation(subject: Subject[IndicatorSpec]) -> None:
    """Another future, wildly different, leaves every reading before it equal to the bit."""
    for seed in subject.effort.seeds:
        rows = tape("crash_and_bounce", seed=seed).rows()
        whole = batch(subject, rows)
        for cut in _cuts(seed, len(rows)):
            altered = [*rows[:cut], *(_altered(row) for row in rows[cut:])]
            what = f"tape crash_and_bounce, seed {seed}, future altered from row {cut} on: {_ahead(subject)} the past has changed"
            require_same(subject, batch(subject, altered)[:cut], whole[:cut], what)


def _ahead(subject: Subject[IndicatorSpec]) -> str:
    if isinstance(build(subject), WindowIndicator):
        return "it looks ahead (a value uses rows after the one it stands for):"
    return "it looks ahead, through something kept outside of `state` (a step program is shown one row at a time):"


def _cuts(seed: int, length: int) -> list[int]:
    return sorted(random.Random(seed).sample(range(length // 3, length - 1), CUTS))


def _altered(row: FeatureRow) -> FeatureRow:
    dearer = {name: getattr(row, name) * EXTREME for name in PRICES}
    return row._replace(
        **dearer,
        spread_tw=row.spread_tw * EXTREME,
        spread_end=row.spread_end * EXTREME,
        buy_notional=row.sell_notional * EXTREME,
        sell_notional=row.buy_notional * EXTREME,
        band_bid_qty=row.band_ask_qty * EXTREME,
        top_bid_qty=row.top_ask_qty * EXTREME,
        top_bid_notional=row.top_ask_notional * EXTREME,
        exit_notional=row.exit_notional * EXTREME,
        bar_notional=row.bar_notional * EXTREME,
        trades=row.trades * 1000 + 1,
        quotes=row.quotes * 1000 + 1,
        updates=row.updates * 1000 + 1,
    )

"""Numbers that a formula must survive: missing and zero ones are part of the market, impossible ones must at least not stay."""

import random
from contextlib import suppress
from math import inf, isnan, nan
from typing import Any

from flashcrash_core.detection.indicator import Floats, WindowIndicator
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.programs import build, columns_of
from flashcrash_core.testing.checks.indicator.values import judged_values
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["impossible_numbers_do_not_stay", "missing_and_zero_fields"]

MISSING = (
    "low", "high", "last_trade", "bid", "ask", "spread_tw", "spread_end", "bar_open", "bar_high", "bar_low", "bar_close",
    "bar_price", "bar_notional",
)  # fmt: skip
"""Fields for which NaN is documented (market/features.py)."""
ZERO = (
    "spread_tw", "covered_us", "spread_end", "band_bid_qty", "band_ask_qty", "top_bid_qty", "top_ask_qty", "top_bid_notional",
    "top_ask_notional", "exit_notional", "buy_notional", "sell_notional", "trades", "quotes", "updates", "bar_notional",
    "bar_trades",
)  # fmt: skip
IMPOSSIBLE = (
    "price",
    "low",
    "high",
    "bid",
    "ask",
    "spread_tw",
    "band_bid_qty",
    "buy_notional",
    "bar_close",
    "bar_price",
    "bar_notional",
)
BAD_ROWS = 12


@check("indicator")
def missing_and_zero_fields(subject: Subject[IndicatorSpec]) -> None:
    """Fields that may be missing or zero are so at random, and nothing is raised and nothing infinite leaves."""
    for seed in subject.effort.seeds:
        rng = random.Random(seed)
        rows = []
        for row in tape("crash_and_bounce", seed=seed).rows():
            if rng.random() < 0.2:
                row = row._replace(**_fields(_zeros(rng.sample(ZERO, 4)), dict.fromkeys(rng.sample(MISSING, 3), nan)))
            rows.append(row)
        try:
            judged_values(subject, rows)
        except CheckFailure as failure:
            raise CheckFailure(f"{failure} (fields missing or zero at random, seed {seed})") from failure


@check("indicator")
def impossible_numbers_do_not_stay(subject: Subject[IndicatorSpec]) -> None:
    """Infinite and negative inputs may spoil a reading or be refused; with sound input the readings come back."""
    lap = tape("calm").rows()
    lap_us = -(-len(lap) // 600) * 60_000_000  # whole minutes, so that the second lap keeps every alignment
    again = [row._replace(t_us=row.t_us + lap_us, bar_start_us=row.bar_start_us and row.bar_start_us + lap_us) for row in lap]
    wanted = _last_statistic(subject, [*lap, *again])
    for number in (inf, -inf, -1.0):
        bad = [row._replace(**_fields(dict.fromkeys(IMPOSSIBLE, number))) for row in lap[:BAD_ROWS]]
        found = _last_statistic(subject, [*bad, *lap[BAD_ROWS:], *again])
        if [isnan(x) for x in found] != [isnan(x) for x in wanted]:
            raise CheckFailure(
                f"{subject.label}: {len(lap) / 5:g} s after {BAD_ROWS} rows with {number} in them the statistic is {found}, "
                f"without them {wanted}; a bad number must leave the sums again, so test for it before you add it"
            )


def _last_statistic(subject: Subject[IndicatorSpec], rows: list[FeatureRow]) -> Floats:
    """The last statistic; faults of the program are contained as the panel does, but without quarantine."""
    program = build(subject)
    statistic: Floats = ()
    if isinstance(program, WindowIndicator):
        for end in (BAD_ROWS, program.window_rows, len(rows)):
            with suppress(ArithmeticError, ValueError, TypeError):
                arrays, _ = program.window(
                    columns_of(rows[max(0, end - program.window_rows) : end], program.columns), program.params
                )
                statistic = tuple(float(array[-1]) for array in arrays)
        return statistic
    for row in rows:
        with suppress(ArithmeticError, ValueError, TypeError):
            statistic, _ = program.step(program.state, row, program.params)
    return statistic


def _fields(*parts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _zeros(names: list[str]) -> dict[str, Any]:
    """Zero of each field's own type, as the accumulator would give it."""
    return {name: FeatureRow.__annotations__[name](0) for name in names}

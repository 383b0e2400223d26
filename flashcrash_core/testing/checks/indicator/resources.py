"""What a program may use: memory that stops growing, and a fair share of the time between two rows."""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from flashcrash_core.detection.panel import Panel
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import least_costs_in_reference_steps
from flashcrash_core.testing.checks.indicator.programs import panel_of
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["memory_growth", "time_budget"]

PERIOD_ROWS = 3_600
"""A repeated stretch of the tape: whole minutes, so that every alignment survives the repetition."""
ALLOWED_GROWTH_BYTES = 16_384
STRETCH_ROWS = 300
MAX_REFERENCE_STEPS = 500
"""About half a millisecond a row: 0.5 % of a core, and far above what a formula of constant cost per row needs."""


@check("indicator")
def memory_growth(subject: Subject[IndicatorSpec]) -> None:
    """Once its windows are full the program's memory stays where it is, however long the session."""
    rows = tape("crash_and_bounce").rows()[:PERIOD_ROWS]
    total = subject.effort.memory_rows
    panel = panel_of(subject)
    sizes = {}
    # What was allocated before the tracing is not counted when it goes: windows turn over once between start and first look.
    start, first = total * 6 // 10, total * 8 // 10
    tracing = tracemalloc.is_tracing()
    try:
        for index, row in enumerate(_endless(rows, total)):
            if index == start and not tracing:
                tracemalloc.start()
            elif index == first:
                sizes["first"] = tracemalloc.get_traced_memory()[0]
            panel.on_row(row)
        sizes["last"] = tracemalloc.get_traced_memory()[0]
    finally:
        if not tracing:
            tracemalloc.stop()
    grown = sizes["last"] - sizes["first"]
    if grown > ALLOWED_GROWTH_BYTES:
        raise CheckFailure(
            f"{subject.label}: memory grew by {grown} bytes from row {first} to row {total}; bound every list, or "
            "overwrite in a ring"
        )


@check("indicator")
def time_budget(subject: Subject[IndicatorSpec]) -> None:
    """In every stretch of a tape a row costs no more than a fair share of the time to the next, in steps of a reference loop."""
    rows = tape("crash_and_bounce").rows()
    stretches = [rows[start : start + STRETCH_ROWS] for start in range(0, len(rows), STRETCH_ROWS)]

    def laps() -> Iterator[Callable[[], int]]:
        panel = panel_of(subject)
        for stretch in stretches:
            yield partial(_drive, panel, stretch)

    costs = least_costs_in_reference_steps(laps)
    worst = max(range(len(costs)), key=costs.__getitem__)
    if costs[worst] > MAX_REFERENCE_STEPS:
        raise CheckFailure(
            f"{subject.label}: from row {worst * STRETCH_ROWS} on a row costs {costs[worst]:.0f} reference steps, allowed are "
            f"{MAX_REFERENCE_STEPS}; update sums in place instead of going over the window again"
        )


def _drive(panel: Panel, rows: Sequence[FeatureRow]) -> int:
    for row in rows:
        panel.on_row(row)
    return len(rows)


def _endless(rows: Sequence[FeatureRow], total: int) -> Iterator[FeatureRow]:
    period_us = len(rows) * 100_000
    for index in range(total):
        row, shift_us = rows[index % len(rows)], index // len(rows) * period_us
        yield row._replace(t_us=row.t_us + shift_us, bar_start_us=row.bar_start_us + shift_us if row.bar_start_us else 0)

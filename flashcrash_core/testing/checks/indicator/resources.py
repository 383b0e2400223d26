"""What a program may use: memory that stops growing, and a fair share of the time between two rows."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from flashcrash_core.detection.panel import Panel
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import least_costs_in_reference_steps
from flashcrash_core.testing.checks.indicator.programs import panel_of
from flashcrash_core.testing.checks.memory import require_bounded_memory
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["memory_growth", "time_budget"]

PERIOD_ROWS = 3_600
"""A repeated stretch of the tape: whole minutes, so that every alignment survives the repetition."""
STRETCH_ROWS = 300
MAX_REFERENCE_STEPS = 500
"""About half a millisecond a row: 0.5 % of a core, and far above what a formula of constant cost per row needs."""


@check("indicator")
def memory_growth(subject: Subject[IndicatorSpec]) -> None:
    """Once its windows are full the program's memory stays where it is, however long the session."""
    total = subject.effort.memory_rows

    def begin() -> Callable[[int], None]:
        panel, rows = panel_of(subject), _endless(tape("crash_and_bounce").rows()[:PERIOD_ROWS], total)

        def work(count: int) -> None:
            for row in islice(rows, count):
                panel.on_row(row)

        return work

    require_bounded_memory(
        subject,
        begin,
        total,
        unit="rows",
        advice="bound every list, or overwrite in a ring",
        period=PERIOD_ROWS,
        traced_from_the_start=False,
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
    period_us, bar_at = len(rows) * 100_000, FeatureRow._fields.index("bar_start_us")
    for index in range(total):
        row, shift_us = rows[index % len(rows)], index // len(rows) * period_us
        # By place: `_replace` by name costs as much as many a program.
        start_us = row.bar_start_us + shift_us if row.bar_start_us else 0
        yield FeatureRow._make((row.t_us + shift_us, *row[1:bar_at], start_us, *row[bar_at + 1 :]))

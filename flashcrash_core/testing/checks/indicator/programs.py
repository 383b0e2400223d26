"""Building and driving the program under test, live and in batch, and comparing what came out to the bit."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from flashcrash_core.detection.indicator import BuildContext, Indicator, StepIndicator, WindowIndicator
from flashcrash_core.detection.panel import Pair, Panel, PanelEntry
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.simulation.generator import simulated_instrument
from flashcrash_core.simulation.scenario import SIMULATED_SYMBOL
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.subject import Subject, build_context, structured

__all__ = ["batch", "build", "columns_of", "entries_of", "live", "panel_of", "require_same"]


def build(subject: Subject[IndicatorSpec], instrument: Instrument | None = None, *, has_book: bool = True) -> Indicator:
    """A fresh program for a run with or without a book. Raises CheckFailure when ``build`` gives anything else."""
    program = subject.spec.build(subject.config, _context(instrument, has_book=has_book))
    if not isinstance(program, StepIndicator | WindowIndicator):
        raise CheckFailure(f"{subject.label}: build gave a {type(program).__name__}, not a StepIndicator or WindowIndicator")
    return program


def _context(instrument: Instrument | None, *, has_book: bool) -> BuildContext:
    return build_context(instrument or simulated_instrument(SIMULATED_SYMBOL), has_book=has_book)


def entries_of(
    subject: Subject[IndicatorSpec], instrument: Instrument | None = None, *, has_book: bool = True
) -> tuple[PanelEntry, ...]:
    """The subject as the last entry of a panel, behind the indicator whose baseline it is judged against, if there is one."""
    spec = subject.spec
    entries = []
    if spec.baseline_from is not None:
        source = subject.registry.indicators[spec.baseline_from]
        program = source.build(structured(source, {}), _context(instrument, has_book=has_book))
        entries.append(PanelEntry(source.name, source.name, source.role, program, source.statistics, source.baselines))
    program = build(subject, instrument, has_book=has_book)
    entries.append(
        PanelEntry(spec.name, spec.name, spec.role, program, spec.statistics, spec.baselines, baseline_from=spec.baseline_from)
    )
    return tuple(entries)


def panel_of(subject: Subject[IndicatorSpec], instrument: Instrument | None = None, *, has_book: bool = True) -> Panel:
    """The kernel's own panel with the subject as its last indicator."""
    return Panel(entries_of(subject, instrument, has_book=has_book))


def live(
    subject: Subject[IndicatorSpec], rows: Iterable[FeatureRow], *, panel: Panel | None = None, instrument: Instrument | None = None
) -> list[Pair]:
    """``(statistic, baseline)`` of every row, through the panel. Raises CheckFailure with the row at the first fault."""
    panel = panel or panel_of(subject, instrument)
    pairs: list[Pair] = []
    for index, row in enumerate(rows):
        panel.on_row(row)
        if panel.faults:
            fault = panel.faults[0]
            raise CheckFailure(f"{subject.label}: row {index} (t_us {row.t_us}): {fault.error}")
        pairs.append(panel.pairs[-1])
    return pairs


def batch(subject: Subject[IndicatorSpec], rows: Sequence[FeatureRow], instrument: Instrument | None = None) -> list[Pair]:
    """``(statistic, baseline)`` of every row, computed from columns as a backtest holds them."""
    program = build(subject, instrument)
    if isinstance(program, WindowIndicator):
        statistic, baseline = program.window(columns_of(rows, program.columns), program.params)
        wrong = [len(array) for array in (*statistic, *baseline) if len(array) != len(rows)]
        if wrong:
            raise CheckFailure(f"{subject.label}: window gave an array of {wrong[0]} values for columns of {len(rows)} rows")
        arrays = [[float(x) for x in array] for array in (*statistic, *baseline)]
        ends = len(statistic)
        return [(tuple(a[i] for a in arrays[:ends]), tuple(a[i] for a in arrays[ends:])) for i in range(len(rows))]
    columns = columns_of(rows, FeatureRow._fields)
    again = map(FeatureRow._make, zip(*(columns[name].tolist() for name in FeatureRow._fields), strict=True))
    return [program.step(program.state, row, program.params) for row in again]


def columns_of(rows: Sequence[FeatureRow], names: Iterable[str]) -> dict[str, Any]:
    """The rows as read-only numpy columns."""
    by_field = dict(zip(FeatureRow._fields, zip(*rows, strict=True), strict=True))
    columns = {name: np.array(by_field[name]) for name in names}
    return {name: np.frombuffer(column.data.toreadonly(), dtype=column.dtype) for name, column in columns.items()}


def require_same(subject: Subject[IndicatorSpec], found: Sequence[Pair], wanted: Sequence[Pair], what: str) -> None:
    """Raise CheckFailure at the first row that is not equal to the bit (NaN equals NaN)."""
    for index, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a != b and repr(a) != repr(b):
            raise CheckFailure(f"{subject.label}: {what}: row {index} gives {a}, expected {b}")

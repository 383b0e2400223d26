"""The batch engine compiles a step and a judgement where numba takes them: the machine code must say what the interpreter says."""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from math import isnan

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flashcrash_core.batch.compiling import is_available
from flashcrash_core.batch.flags import FIRED, RAW, Flags
from flashcrash_core.batch.readings import BatchRefused, Readings
from flashcrash_core.batch.rows import INTEGERS, RowColumns
from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.detection.panel import Pair, Panel
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.programs import build, columns_of, entries_of
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import BOOK_ONLY, tape

__all__ = ["compiled_equals_interpreted"]

TAPES = ("crash_and_bounce", "empty_book", "gap", "bad_print")
PIECES = (1, 700, 701, 2_600)
"""Rows before which the columns are cut: a run is computed in chunks, and what comes out must not show where they end."""

Judged = list[tuple[float, bool, bool]]
"""Value, raw condition and flag of every row."""


@frozen
class _Lived:
    """What the streaming engine makes of rows: pairs of every indicator of the panel, and how the last one is judged."""

    pairs: list[list[Pair]]
    judged: Judged


def numba_is_there(_subject: Subject[IndicatorSpec]) -> str:
    """``applies``: without numba there is nothing that compiles."""
    return "" if is_available() else "cannot be compiled here: numba is not installed, and so there is no batch engine"


@check("indicator", numba_is_there)
def compiled_equals_interpreted(subject: Subject[IndicatorSpec]) -> None:
    """As the batch engine drives it, over columns and compiled where numba takes it, it reads and judges what it does live.

    A program that does not compile is interpreted there too.
    """
    books = (True,) if "book" in subject.spec.needs else (True, False)
    for name in TAPES:
        for has_book in (True,) if name in BOOK_ONLY else books:
            _compare(subject, tape(name, has_book=has_book).rows(), f"tape {name}, seed 1, has_book={has_book}", has_book=has_book)


def _compare(subject: Subject[IndicatorSpec], rows: Sequence[FeatureRow], where: str, *, has_book: bool) -> None:
    lived = _live(subject, rows, has_book=has_book)
    if lived is None:
        return
    entries = entries_of(subject, has_book=has_book)
    columns = RowColumns(**_writable(columns_of(rows, FeatureRow._fields)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba warns of what it finds slow; what the formula itself warns of, other checks see
        try:
            readings = [Readings.of(entry, len(rows)) for entry in entries]
            for one in readings:
                _fill(one, columns)
            own, source = readings[-1], readings[0] if subject.spec.baseline_from else readings[-1]
            found = _pairs(own)
            for index, (pair, wanted) in enumerate(zip(found, lived.pairs[-1], strict=True)):
                if pair != wanted and repr(pair) != repr(wanted):
                    _tell_pair(subject, rows, where, lived, index, pair, compiled=own.compiled_step, has_book=has_book)
                    return
            judged = _judge(own, source, columns.t_us)
        except BatchRefused as refused:
            raise CheckFailure(
                f"{subject.label}: {refused}, in the batch engine only; live it reads the same rows ({where}); "
                "do not count on what Python does beyond numba's subset"
            ) from refused
    _require_judged(subject, lived, judged, where, has_book=has_book)


def _live(subject: Subject[IndicatorSpec], rows: Sequence[FeatureRow], *, has_book: bool) -> _Lived | None:
    """None for a program with a fault: there is nothing to compare with, and other checks tell of it."""
    entries = entries_of(subject, has_book=has_book)
    panel, judgement = Panel(entries), Judgement(entries, freeze=False)
    pairs: list[list[Pair]] = [[] for _ in entries]
    judged: Judged = []
    for row in rows:
        panel.on_row(row)
        judgement.on_row(row.t_us, panel.pairs)
        if panel.faults or judgement.faults:
            return None
        for kept, pair in zip(pairs, panel.pairs, strict=True):
            kept.append(pair)
        judged.append((judgement.values[-1], judgement.flag(len(entries) - 1)[0], judgement.fired[-1]))
    return _Lived(pairs, judged)


def _writable(columns: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Arrays of the types that the engine has: another type, or one that is read-only, would be compiled anew."""
    return {name: np.array(column, dtype=np.int64 if name in INTEGERS else np.float64) for name, column in columns.items()}


def _fill(readings: Readings, columns: RowColumns) -> None:
    length = len(columns.t_us)
    readings.start_over(readings.entry)
    cuts = [0, *(cut for cut in PIECES if cut < length), length]
    for first, last in pairwise(cuts):
        readings.take(RowColumns(*(column[first:last] for column in columns)), last - first, first)


def _pairs(readings: Readings) -> list[Pair]:
    statistic, baseline = readings.statistic, readings.baseline
    return [(tuple(statistic[:, i].tolist()), tuple(baseline[:, i].tolist())) for i in range(statistic.shape[1])]


def _judge(own: Readings, source: Readings, t_us: NDArray[np.int64]) -> Judged:
    values, bits = np.empty(len(t_us)), np.zeros(len(t_us), np.uint8)
    Flags.of(own, source, values, bits).judge(t_us, 0, len(t_us), np.array([0, 0, -1, -1], np.int64))
    return [(value, bool(state & RAW), bool(state & FIRED)) for value, state in zip(values.tolist(), bits.tolist(), strict=True)]


def _tell_pair(
    subject: Subject[IndicatorSpec],
    rows: Sequence[FeatureRow],
    where: str,
    lived: _Lived,
    index: int,
    found: Pair,
    *,
    compiled: bool,
    has_book: bool,
) -> None:
    """Raise CheckFailure, unless the program does not even repeat itself live: that is another check's business."""
    again = _live(subject, rows[: index + 1], has_book=has_book)
    if again is None or repr(again.pairs[-1]) != repr(lived.pairs[-1][: index + 1]):
        return
    advice = (
        "a list[int] of the state holds 64-bit whole numbers and a list[float] floats, and whole numbers do not grow beyond 64 bits"
        if compiled
        else "keep all state in the program's own lists"
    )
    how = "compiled" if compiled else "over columns"
    raise CheckFailure(f"{subject.label}: {how}, row {index} gives {found}, live {lived.pairs[-1][index]} ({where}); {advice}")


def _require_judged(subject: Subject[IndicatorSpec], lived: _Lived, judged: Judged, where: str, *, has_book: bool) -> None:
    for index, (found, wanted) in enumerate(zip(judged, lived.judged, strict=True)):
        if found == wanted or (isnan(found[0]) and isnan(wanted[0]) and found[1:] == wanted[1:]):
            continue
        program = build(subject, has_book=has_book)
        baseline = lived.pairs[0 if subject.spec.baseline_from else -1][index][1]
        before = index > 0 and lived.judged[index - 1][1]
        if repr(program.judge(lived.pairs[-1][index][0], baseline, program.levels, before)) != repr(wanted[:2]):
            return  # it does not judge the same twice: another check tells
        raise CheckFailure(
            f"{subject.label}: over columns, row {index} is judged (value, raw, fired) {found}, live {wanted} ({where}); "
            "write judge so that numba's types cannot change it: floats for levels, no whole numbers beyond 64 bits"
        )

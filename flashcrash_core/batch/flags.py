"""What a sleeping detector would make of an indicator's pairs, over many rows: values and flags, compiled where they compile.

The rules are those of :class:`~flashcrash_core.detection.judgement.Judgement` for live baselines: on at trigger, off at release,
with persistence and latch. As long as the detector sleeps they depend on nothing but the pairs.
"""

from math import isinf, nan
from typing import Any, Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flashcrash_core.batch.compiling import Opaque, compiled_in_one, is_of_the_compiler, specialised
from flashcrash_core.batch.readings import BatchRefused, Readings
from flashcrash_core.detection.panel import PanelEntry

__all__ = ["FIRED", "RAW", "READY", "Flags"]

FIRED: Final = 1
RAW: Final = 2
READY: Final = 4
"""Bits of :attr:`Flags.bits`: the flag, its raw condition, and whether there is a value at all."""


def judge(statistic: Any, baseline: Any, levels: Any, was_fired: bool) -> Any:
    """Stands for an indicator's judgement in :func:`follow`."""
    raise NotImplementedError


def statistic_at(columns: Any, index: int) -> Any:
    """Stands for one of :data:`_TUPLES` in :func:`follow`."""
    raise NotImplementedError


baseline_at = statistic_at


def none_at(columns: Any, index: int) -> Any:  # noqa: ARG001 (as the others)
    """An empty tuple."""
    return ()


def one_at(columns: Any, index: int) -> Any:
    """One column's value as a tuple: the compiler wants to know how long a tuple is."""
    return (columns[0, index],)


def two_at(columns: Any, index: int) -> Any:
    """Two columns' values as a tuple, as :func:`one_at`."""
    return (columns[0, index], columns[1, index])


def three_at(columns: Any, index: int) -> Any:
    """Three columns' values as a tuple, as :func:`one_at`."""
    return (columns[0, index], columns[1, index], columns[2, index])


def four_at(columns: Any, index: int) -> Any:
    """Four columns' values as a tuple, as :func:`one_at`."""
    return (columns[0, index], columns[1, index], columns[2, index], columns[3, index])


def five_at(columns: Any, index: int) -> Any:
    """Five columns' values as a tuple, as :func:`one_at`."""
    return (columns[0, index], columns[1, index], columns[2, index], columns[3, index], columns[4, index])


def six_at(columns: Any, index: int) -> Any:
    """Six columns' values as a tuple, as :func:`one_at`."""
    return (
        columns[0, index],
        columns[1, index],
        columns[2, index],
        columns[3, index],
        columns[4, index],
        columns[5, index],
    )


def seven_at(columns: Any, index: int) -> Any:
    """Seven columns' values as a tuple, as :func:`one_at`."""
    return (
        columns[0, index],
        columns[1, index],
        columns[2, index],
        columns[3, index],
        columns[4, index],
        columns[5, index],
        columns[6, index],
    )


def plain_at(columns: Any, index: int) -> Any:
    """Any number, as plain floats, for the interpreter."""
    return tuple(columns[:, index].tolist())


_TUPLES: Final = (none_at, one_at, two_at, three_at, four_at, five_at, six_at, seven_at)


def follow(
    statistic: Any,
    baseline: Any,
    levels: Any,
    persist_us: int,
    latch_us: int,
    t_us: Any,
    start: int,
    stop: int,
    flag: Any,
    values: Any,
    bits: Any,
    until_alike: bool,
) -> int:
    """Judge rows ``start`` to ``stop``; ``flag`` holds raw, fired, raw since, raw until before and after.

    With ``until_alike`` it ends at the first row in which the flag is wholly off and was so in ``bits`` already: from there on all
    is as it was. Returns the row at which it ended; -1 - row for a judgement that is infinite.
    """
    raw = flag[0] != 0
    fired = flag[1] != 0
    since = flag[2]
    until = flag[3]
    index = start
    while index < stop:
        value, now = judge(statistic_at(statistic, index), baseline_at(baseline, index), levels, raw)
        if isinf(value):
            return -1 - index
        values[index] = value
        if value != value:
            raw = False
            fired = False
            since = -1
            until = -1
        else:
            now_us = t_us[index]
            if now:
                if not raw:
                    since = now_us
                until = now_us
                fired = now_us - since >= persist_us
            else:
                fired = fired and latch_us > 0 and now_us - until <= latch_us
            raw = now
        state = (1 if fired else 0) + (2 if raw else 0) + (4 if value == value else 0)
        if until_alike and state & 3 == 0 and bits[index] & 3 == 0:
            break
        bits[index] = state
        index += 1
    flag[0] = 1 if raw else 0
    flag[1] = 1 if fired else 0
    flag[2] = since
    flag[3] = until
    return index


@define
class Flags:
    """Values and flags of one indicator instance: ``values[row]`` is NaN where missing, ``bits[row]`` of FIRED, RAW, READY."""

    entry: PanelEntry
    readings: Readings
    source: Readings
    """Whose baseline it is judged against."""
    values: NDArray[np.float64]
    bits: NDArray[np.uint8]
    _follow: Any = field(default=None, init=False)

    @classmethod
    def of(cls, readings: Readings, source: Readings, values: NDArray[np.float64], bits: NDArray[np.uint8]) -> "Flags":
        """Flags over ``values`` and ``bits``, to be filled or known already."""
        made = cls(readings.entry, readings, source, values, bits)
        if made.entry.inactive:
            return made
        numbers = len(readings.entry.statistics), len(source.entry.baselines)
        if max(numbers) < len(_TUPLES):
            try:
                made._follow = compiled_in_one(made._written(_TUPLES[numbers[0]], _TUPLES[numbers[1]]), guarded=True)
            except Opaque:
                made._interpret()
        else:
            made._interpret()
        return made

    def _written(self, statistic_at: Any, baseline_at: Any) -> Any:
        judge = self.entry.indicator.judge
        return specialised(follow, judge=judge, statistic_at=statistic_at, baseline_at=baseline_at)  # type: ignore[arg-type]

    def _interpret(self) -> None:
        self._follow = self._written(plain_at, plain_at)

    def judge(self, t_us: NDArray[np.int64], start: int, stop: int, flag: NDArray[np.int64], *, until_alike: bool = False) -> int:
        """Judge rows ``start`` to ``stop`` from the flag's state before them. Returns the row where it ended, see :func:`follow`.

        Raises BatchRefused for a judgement that the streaming engine would have booked as a fault.
        """
        if self.entry.inactive:
            self.values[start:stop] = nan
            self.bits[start:stop] = 0
            return stop
        if start >= stop:
            return stop
        indicator = self.entry.indicator
        given = (
            self.readings.statistic, self.source.baseline, indicator.levels, indicator.persist_us, indicator.latch_us,
            t_us, start, stop, flag, self.values, self.bits, until_alike,
        )  # fmt: skip
        try:
            try:
                ended = self._follow(*given)
            except Exception as error:
                if not is_of_the_compiler(error):
                    raise
                self._interpret()  # nothing ran yet: it is the first call that compiles
                ended = self._follow(*given)
        except Exception as error:
            raise BatchRefused(f"judging indicator {self.entry.name}: {type(error).__name__}: {error}") from error
        if ended < 0:
            raise BatchRefused(f"indicator {self.entry.name}: its judged value is infinite in row {-1 - ended}")
        return int(ended)

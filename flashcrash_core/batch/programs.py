"""The indicators of one lane at work over a stretch of rows: readings, values and flags in arrays of a few thousand rows.

A day's readings are hundreds of megabytes that a sleeping detector never looks at, and fresh memory costs more than filling it. So
the arrays are those of one chunk, written over by the next; a chunk that is looked at again is made again from its checkpoint.
"""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flashcrash_core.batch.flags import Flags
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.rows import RowColumns
from flashcrash_core.detection.panel import PanelEntry

__all__ = ["Columns", "Programs", "ProgramsCheckpoint", "off", "source_of"]

Columns = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Statistics and baselines."""


@frozen(eq=False)
class ProgramsCheckpoint:
    """What the programs remember before a chunk. ``states`` has None for a program that is interpreted."""

    entries: tuple[PanelEntry, ...]
    states: tuple[Any, ...]
    flags: tuple[NDArray[np.int64], ...]


@define(eq=False)
class Programs:
    """Readings of the rows ``first`` to ``stop`` at ``row - first`` in every array, and what judging made of them."""

    entries: tuple[PanelEntry, ...]
    readings: list[Readings]
    values: list[NDArray[np.float64]]
    bits: list[NDArray[np.uint8]]
    room: int
    first: int = 0
    stop: int = 0
    flags: list[Flags] = field(init=False)
    states: list[NDArray[np.int64]] = field(init=False)
    """Of each flag: raw, fired, raw since, raw until."""

    def __attrs_post_init__(self) -> None:
        self._make_flags()
        self.states = [off() for _ in self.entries]

    @classmethod
    def of(cls, entries: tuple[PanelEntry, ...], room: int) -> "Programs":
        """Freshly built programs, with room for so many rows."""
        values, bits = [np.empty(room) for _ in entries], [np.zeros(room, np.uint8) for _ in entries]
        made = cls(entries, [Readings.of(entry, room) for entry in entries], values, bits, room)
        made.start_over(entries)
        return made

    def start_over(self, entries: tuple[PanelEntry, ...]) -> None:
        """Go on with freshly built programs."""
        self.entries = entries
        for readings, entry in zip(self.readings, entries, strict=True):
            readings.start_over(entry)
        self.states = [off() for _ in entries]

    def _make_flags(self) -> None:
        columns = zip(self.readings, self.values, self.bits, strict=True)
        self.flags = [Flags.of(one, source_of(self.readings, one.entry), values, bits) for one, values, bits in columns]

    def begin(self, first: int) -> None:
        """Write over what is there: the next row is row ``first``."""
        self.first = self.stop = first

    def grow(self, rows: int) -> None:
        """Room for so many more rows."""
        needed = self.stop - self.first + rows
        if needed <= self.room:
            return
        self.room = 2 * needed
        for readings in self.readings:
            readings.grow(self.room)
        self.values = [np.resize(column, self.room) for column in self.values]
        self.bits = [np.resize(column, self.room) for column in self.bits]
        self._make_flags()

    def take(self, rows: RowColumns, number: int, known: Container[int] = ()) -> None:
        """Step over these rows, with all programs but those whose readings are ``known``."""
        self.grow(number)
        at = self.stop - self.first
        for index, readings in enumerate(self.readings):
            if index not in known:
                readings.take(rows, number, at)
        self.stop += number

    def interpreted(self) -> dict[int, Columns]:
        """Readings of programs that cannot be made again: what an interpreted one remembers is its own."""
        span = slice(0, self.stop - self.first)
        return {
            index: (readings.statistic[:, span].copy(), readings.baseline[:, span].copy())
            for index, readings in enumerate(self.readings)
            if not readings.compiled_step
        }

    def put(self, known: Mapping[int, Columns]) -> None:
        """Put these readings in their place."""
        for index, (statistic, baseline) in known.items():
            self.readings[index].statistic[:, : statistic.shape[1]] = statistic
            self.readings[index].baseline[:, : baseline.shape[1]] = baseline

    def miss(self, index: int, row: int) -> None:
        """That indicator's readings are missing from ``row`` on."""
        if row < self.stop:
            self.readings[index].miss_from(max(row - self.first, 0))

    def miss_values(self, index: int, row: int) -> None:
        """And so is what was judged of them."""
        span = slice(max(row - self.first, 0), None)
        if row < self.stop:
            self.values[index][span] = np.nan
            self.bits[index][span] = 0

    def judge(self, index: int, t_us: NDArray[np.int64], start: int, stop: int, state: Any, *, until_alike: bool = False) -> int:
        """Judge rows ``start`` to ``stop`` from that state of the flag; ``t_us`` has the time of every row. Where it ended."""
        first = self.first
        given = t_us[first : self.stop], start - first, stop - first, state
        return first + self.flags[index].judge(*given, until_alike=until_alike)

    def checkpoint(self) -> ProgramsCheckpoint:
        """A copy of what is remembered."""
        copies = tuple(readings.remembered() for readings in self.readings)
        return ProgramsCheckpoint(self.entries, copies, tuple(state.copy() for state in self.states))

    def resume(self, checkpoint: ProgramsCheckpoint) -> None:
        """Go on from there, with programs that are compiled."""
        self.entries = checkpoint.entries
        for readings, entry, state in zip(self.readings, checkpoint.entries, checkpoint.states, strict=True):
            readings.go_on(entry, state)
        self.states = [state.copy() for state in checkpoint.flags]


def source_of(readings: list[Readings], entry: PanelEntry) -> Readings:
    """Whose baseline it is judged against."""
    name = entry.baseline_from or entry.name
    return next((one for one in readings if one.entry.name == name), next(one for one in readings if one.entry.name == entry.name))


def off() -> NDArray[np.int64]:
    """A flag that is wholly off, as :meth:`Flags.judge` wants it."""
    return np.array([0, 0, -1, -1], np.int64)

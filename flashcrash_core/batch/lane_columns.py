"""One symbol's whole input as columns: what a sleeping lane would have seen of every row, and any row again when it wakes.

Pairs, values and flags of all rows are kept. Rows themselves (37 columns) are not: a pass over events makes any stretch of them
anew from the checkpoint before it, in milliseconds. So memory stays small, and what a run costs beyond the pass follows the chaos.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flashcrash_core.batch.dormancy import Tally
from flashcrash_core.batch.flags import Flags
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.row_chunk import BarColumns, RowChunk, bar_at
from flashcrash_core.batch.rows import RowColumns, row_objects
from flashcrash_core.detection.panel import Pair, PanelEntry
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.features import GRID_US, FeatureRow

__all__ = ["EventPass", "JudgedCache", "LaneColumns", "Part", "Restart"]

CHUNK_ROWS = 8_192
"""Rows between two checkpoints: 14 minutes."""
BLOCK_ROWS = 32
"""Rows that become objects together."""


class EventPass(Protocol):
    """A pass over the events of a tape."""

    @property
    def position(self) -> int:
        """Events consumed."""
        ...

    def advance(self, until_event: int | None = None, max_rows: int | None = None) -> RowChunk:
        """Consume events, and give the rows that they closed."""
        ...

    def checkpoint(self) -> Any:
        """A copy of the whole state."""
        ...

    def resume(self, checkpoint: Any) -> None:
        """Go on from there."""
        ...

    def accumulator_state(self) -> dict[str, Any]:
        """What ``FeatureAccumulator.snapshot()`` would give after the consumed events."""
        ...


class JudgedCache(Protocol):
    """Keeps what was judged of an indicator's rows."""

    def judged(self, entry: PanelEntry, source: PanelEntry) -> tuple[NDArray[np.float64], NDArray[np.uint8]] | None:
        """Values and bits that may be written over, if they are known. ``source`` has the baseline that it is judged against."""
        ...

    def keep(self, entry: PanelEntry, source: PanelEntry, values: NDArray[np.float64], bits: NDArray[np.uint8]) -> None:
        """Keep a copy of them."""
        ...


@frozen
class Restart:
    """After a silence beyond any baseline the lane started over."""

    row: int
    """The first row of the new stretch; the number of rows if there is none."""
    event: int
    """Index of the event that ended the silence."""
    settle_rows: int
    last_us: int
    """Time of the last settling row."""


@define
class Part:
    """What one chunk covers."""

    first_row: int
    first_event: int
    checkpoint: Any


@define
class _Window:
    first_row: int
    rows: RowColumns
    keep: NDArray[np.int64]


@define
class _Block:
    """Some rows in a row as objects: converted together they cost a tenth."""

    first: int
    items: list[Any]

    def holds(self, number: int) -> bool:
        return self.first <= number < self.first + len(self.items)


@define(eq=False)
class LaneColumns:
    """Rows are numbered from 0 without the settling ones. ``length`` is their number."""

    entries: tuple[PanelEntry, ...]
    events: EventPass
    total_events: int
    length: int = 0
    t_us: NDArray[np.int64] = field(factory=lambda: np.empty(0, np.int64))
    event: NDArray[np.int64] = field(factory=lambda: np.empty(0, np.int64))
    unhealthy: NDArray[np.int64] = field(factory=lambda: np.empty(0, np.int64))
    price: NDArray[np.float64] = field(factory=lambda: np.empty(0))
    values: list[NDArray[np.float64]] = field(factory=list)
    """Judged values of each indicator as long as the detector sleeps, NaN where missing."""
    bits: list[NDArray[np.uint8]] = field(factory=list)
    readings: list[Readings] = field(factory=list)
    flags: list[Flags] = field(factory=list)
    restarts: list[Restart] = field(factory=list)
    dropped: set[int] = field(factory=set)
    _tally: Tally | None = None
    parts: list[Part] = field(factory=list)
    bars: list[tuple[BarColumns, NDArray[np.int64], NDArray[np.int64]]] = field(factory=list)
    _flag_states: list[NDArray[np.int64]] = field(factory=list)
    _window: _Window | None = None
    _rows: _Block = field(factory=lambda: _Block(0, []))
    _pairs: _Block = field(factory=lambda: _Block(0, []))

    # -- making ------------------------------------------------------------------------------------------------------

    def sense(
        self, fresh: Callable[[], tuple[PanelEntry, ...]], estimate: int, on_progress: Callable[[int], None] | None = None
    ) -> None:
        """Run the pass to its end, drive all indicators and judge them. ``fresh()`` builds the programs for each stretch.

        Machine code runs without the interpreter's lock, so the indicators take a chunk while the pass makes the next one.
        """
        self._make_room(max(estimate, 1))
        self._start_over(self.entries)
        rows = 0
        with ThreadPoolExecutor(1, thread_name_prefix="indicators") as beside:
            taking: Future[None] | None = None
            while self.events.position < self.total_events:
                self.parts.append(Part(rows, self.events.position, self.events.checkpoint()))
                chunk = self.events.advance(max_rows=CHUNK_ROWS)
                rows += int(np.count_nonzero(chunk.settle == 0))
                if taking is not None:
                    taking.result()
                taking = beside.submit(self._take, chunk, fresh)
                if on_progress is not None:
                    on_progress(self.events.position)
            if taking is not None:
                taking.result()
        self.parts.append(Part(rows, self.events.position, self.events.checkpoint()))
        self.values, self.bits = [one[: self.length] for one in self.values], [one[: self.length] for one in self.bits]
        self._judged()

    def judge(self, kept: JudgedCache | None = None) -> None:
        """Flags of rows whose readings are known already; what ``kept`` has of them is taken, the rest given to it."""
        known = [kept.judged(entry, self._source(entry).entry) if kept is not None else None for entry in self.entries]
        made = [one or (np.empty(self.length), np.zeros(self.length, np.uint8)) for one in known]
        self.values, self.bits = [values for values, _ in made], [bits for _, bits in made]
        self._make_flags()
        for entry, flags, taken in zip(self.entries, self.flags, known, strict=True):
            if taken is not None:
                continue
            for first, last in self.stretches():
                flags.judge(self.t_us, first, last, _off())
            if kept is not None:
                kept.keep(entry, self._source(entry).entry, flags.values, flags.bits)
        self._judged()

    def judge_apart(self, kept: JudgedCache) -> None:
        """Judge for ``kept`` alone, one indicator after the other: what the run has of them changes while it is awake."""
        values, bits = np.empty(self.length), np.zeros(self.length, np.uint8)
        for entry, readings in zip(self.entries, self.readings, strict=True):
            source = self._source(entry)
            flags = Flags.of(readings, source, values, bits)
            for first, last in self.stretches():
                flags.judge(self.t_us, first, last, _off())
            kept.keep(entry, source.entry, values, bits)

    def _judged(self) -> None:
        self._make_flags()
        self._tally = Tally.of(self.entries, self.length)
        self._tally.count(self.bits, 0, self.length)

    def _make_flags(self) -> None:
        self.flags = [
            Flags.of(readings, self._source(entry), values, bits)
            for entry, readings, values, bits in zip(self.entries, self.readings, self.values, self.bits, strict=True)
        ]

    def _source(self, entry: PanelEntry) -> Readings:
        """Whose baseline it is judged against."""
        name = entry.baseline_from or entry.name
        return next((one for one in self.readings if one.entry.name == name), self.readings[self.entries.index(entry)])

    @property
    def tally(self) -> Tally:
        """Counts per row."""
        assert self._tally is not None
        return self._tally

    def stretches(self) -> list[tuple[int, int]]:
        """``(first, one past last)`` row of each stretch between restarts."""
        starts = [0, *(restart.row for restart in self.restarts)]
        return list(zip(starts, [*starts[1:], self.length], strict=True))

    def _take(self, chunk: RowChunk, fresh: Callable[[], tuple[PanelEntry, ...]]) -> None:
        ordinary = np.cumsum(chunk.settle == 0) + self.length  # rows up to and with this one
        number = np.where(chunk.settle == 0, ordinary - 1, ordinary)
        bars = chunk.bars
        if len(bars.row):
            kept = BarColumns._make(column.copy() for column in bars)
            self.bars.append((kept, number[bars.row], chunk.rows.t_us[bars.row].copy()))
        cuts = [0, *chunk.restarts, len(chunk)]
        for place, (first, last) in enumerate(pairwise(cuts)):
            settled = first
            if place:
                while settled < last and chunk.settle[settled]:
                    settled += 1
                self.restarts.append(
                    Restart(self.length, int(chunk.event[first]), settled - first, int(chunk.rows.t_us[settled - 1]))
                )
                self._start_over(fresh())
            self._append(chunk, settled, last)

    def _append(self, chunk: RowChunk, first: int, last: int) -> None:
        number = last - first
        if number <= 0:
            return
        if self.length + number > len(self.t_us):
            self._make_room(2 * (self.length + number))
        at, until = self.length, self.length + number
        rows = RowColumns(*(column[first:last] for column in chunk.rows))
        self.t_us[at:until] = rows.t_us
        self.event[at:until] = chunk.event[first:last]
        self.unhealthy[at:until] = rows.unhealthy
        self.price[at:until] = rows.price
        for readings in self.readings:
            readings.take(rows, number, at)
        for flags, state in zip(self.flags, self._flag_states, strict=True):
            flags.judge(self.t_us, at, until, state)
        self.length = until

    def _start_over(self, entries: tuple[PanelEntry, ...]) -> None:
        for readings, entry in zip(self.readings, entries, strict=True):
            readings.start_over(entry)
        self._flag_states = [_off() for _ in entries]

    def _make_room(self, room: int) -> None:
        if not self.readings:
            self.readings = [Readings.of(entry, room) for entry in self.entries]
        else:
            for readings in self.readings:
                readings.grow(room)
        self.t_us, self.event, self.unhealthy = (_grown(c, room) for c in (self.t_us, self.event, self.unhealthy))
        self.price = _grown(self.price, room)
        held = list(zip(self.values, self.bits, strict=True)) or [(np.empty(0), np.empty(0, np.uint8)) for _ in self.entries]
        self.values, self.bits = [_grown(values, room) for values, _ in held], [_grown(bits, room) for _, bits in held]
        self._make_flags()

    def judge_again(self, row: int, flags: list[tuple[bool, bool, int, int]]) -> None:
        """A detector slept again with these flags before ``row``: judge on from there, until all is as it was reckoned."""
        stop = next(last for first, last in self.stretches() if first <= row < last or row == last == self.length)
        ended = row
        for index, (one, (raw, fired, since_us, until_us)) in enumerate(zip(self.flags, flags, strict=True)):
            if index in self.dropped:
                continue
            state = np.array([raw, fired, since_us, until_us], np.int64)
            ended = max(ended, one.judge(self.t_us, row, stop, state, until_alike=True))
        self.tally.count(self.bits, row, ended)

    def drop(self, index: int, row: int) -> None:
        """An indicator was quarantined: from ``row`` on it is missing, and so is its baseline to whoever is judged against it."""
        self.values[index][row:] = np.nan
        self.bits[index][row:] = 0
        self.dropped.add(index)
        self.readings[index].miss_from(row)
        self._make_flags()
        name = self.entries[index].name
        for place, entry in enumerate(self.entries):
            if entry.baseline_from == name and place not in self.dropped:
                for first, last in self.stretches():
                    self.flags[place].judge(self.t_us, max(first, row), last, _off())
        self.tally.count(self.bits, row, self.length)
        self._pairs = _Block(0, [])

    # -- looking up --------------------------------------------------------------------------------------------------

    def pairs(self, row: int) -> list[Pair]:
        """What the panel held after that row."""
        block = self._pairs
        if not block.holds(row):
            stop = min(row + BLOCK_ROWS, self.length)
            parts = [
                list(zip(_tuples(one.statistic, row, stop), _tuples(one.baseline, row, stop), strict=True)) for one in self.readings
            ]
            block = self._pairs = _Block(row, [list(pairs) for pairs in zip(*parts, strict=True)])
        pairs: list[Pair] = block.items[row - block.first]
        return pairs

    def row(self, number: int) -> FeatureRow:
        """That row, made again from the events."""
        block = self._rows
        if not block.holds(number):
            window = self._window
            if window is None or not window.first_row <= number < window.first_row + len(window.keep):
                window = self._window = self._look_back(number)
            at = number - window.first_row
            block = self._rows = _Block(number, row_objects(window.rows, window.keep[at : at + BLOCK_ROWS]))
        row: FeatureRow = block.items[number - block.first]
        return row

    def _look_back(self, number: int) -> _Window:
        """Rows of its part: the first time some beyond it, the second time all, or walking on would begin again and again."""
        place = bisect_right(self.parts, number, key=lambda part: part.first_row) - 1
        part = self.parts[place]
        until = self.parts[place + 1].first_event
        if self._window is None or self._window.first_row != part.first_row:
            until = min(until, int(self.event[min(number + BLOCK_ROWS, self.length - 1)]) + 1)
        self.events.resume(part.checkpoint)
        chunk = self.events.advance(until_event=until)
        return _Window(part.first_row, chunk.rows, np.flatnonzero(chunk.settle == 0))

    def accumulator_before(self, event: int) -> dict[str, Any]:
        """State of the streaming accumulator before that event arrives."""
        place = bisect_right(self.parts, event, key=lambda part: part.first_event) - 1
        self._window = None  # its memory is the pass's
        self.events.resume(self.parts[place].checkpoint)
        self.events.advance(until_event=event)
        return self.events.accumulator_state()

    def first_row_after_event(self, event: int) -> int:
        """The first row that no event up to and with that one has closed."""
        return int(np.searchsorted(self.event[: self.length], event, side="right"))

    def bars_between(self, first: int, last: int, newest: int | None = None) -> Iterator[tuple[Bar, int]]:
        """Bars first seen in rows ``first`` to ``last`` (exclusive), and in silences before them, with the row's time.

        With ``newest`` only so many bars with trades at the end, and the empty ones between them.
        """
        spans: list[tuple[int, int, int]] = []
        wanted = newest
        for place in range(len(self.bars) - 1, -1, -1):
            bars, number, _ = self.bars[place]
            if wanted == 0 or number[-1] < first:
                break
            if number[0] >= last:
                continue
            start, stop = (int(end) for end in np.searchsorted(number, (first, last)))
            if wanted is not None:
                traded = np.flatnonzero(bars.empty[start:stop] == 0)
                if len(traded) >= wanted:
                    start += int(traded[len(traded) - wanted])
                wanted = max(wanted - len(traded), 0)
            spans.append((place, start, stop))
        for place, start, stop in reversed(spans):
            bars, _, t_us = self.bars[place]
            for index in range(start, stop):
                yield bar_at(bars, index), int(t_us[index])

    def price_tail(self, first: int, last: int, rows: int) -> list[tuple[int, float]]:
        """``(t_us, price)`` of the last ``rows`` rows of those from ``first`` to ``last`` (exclusive)."""
        start = max(first, last - rows)
        return list(zip(self.t_us[start:last].tolist(), self.price[start:last].tolist(), strict=True))

    def healthy_us(self, first: int, last: int) -> tuple[int, int, bool]:
        """Healthy time in these rows, unhealthy time at their end, and whether there was no healthy row."""
        sick = self.unhealthy[first:last] != 0
        number = int(np.count_nonzero(sick))
        if not number:
            return (last - first) * GRID_US, 0, False
        if number == last - first:
            return 0, number * GRID_US, True
        trailing = int(np.argmin(sick[::-1]))
        return (last - first - number) * GRID_US, trailing * GRID_US, False


def _off() -> NDArray[np.int64]:
    """A flag that is wholly off, as :meth:`Flags.judge` wants it."""
    return np.array([0, 0, -1, -1], np.int64)


def _tuples(columns: NDArray[np.float64], first: int, stop: int) -> list[tuple[float, ...]]:
    return list(zip(*columns[:, first:stop].tolist(), strict=True)) if len(columns) else [()] * (stop - first)


def _grown(column: NDArray[Any], room: int) -> NDArray[Any]:
    grown = np.empty(room, column.dtype)
    grown[: len(column)] = column
    return grown

"""One symbol's whole input as columns: what a sleeping lane would have seen of every row, and any row again when it wakes.

Of every row its time, event, price, health and flags are kept. Rows themselves (37 columns) and readings (some 30) are not: a pass
over events makes any stretch of them anew from the checkpoint before it, in milliseconds. So memory stays small, and what a run
costs beyond the pass follows the chaos. Readings that were kept on disk are looked up there.
"""

from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flashcrash_core.batch.dormancy import Tally
from flashcrash_core.batch.lane_parts import Block, EventPass, JudgedCache, Part, Restart, Window, some_rows, stretches_of
from flashcrash_core.batch.programs import Programs, off, source_of
from flashcrash_core.batch.readings import Readings
from flashcrash_core.batch.row_chunk import BarColumns, RowChunk
from flashcrash_core.batch.rows import row_objects
from flashcrash_core.batch.seen_bars import SeenBars
from flashcrash_core.detection.panel import Pair, PanelEntry
from flashcrash_core.market.features import GRID_US, FeatureRow

__all__ = ["LaneColumns"]

CHUNK_ROWS = 4_096
"""Rows between two checkpoints: 7 minutes."""
SPARE_ROWS = 256
"""A chunk is a little longer than that."""
RESIDENT = 2
"""Chunks whose readings are held when they were made again: a nap's last values may reach into the one before."""
BLOCK_ROWS = 32
"""Rows that become objects together."""


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
    bits: list[NDArray[np.uint8]] = field(factory=list)
    """Of each indicator in each row as long as the detector sleeps."""
    readings: list[Readings] = field(factory=list)
    """Of all rows, where they are mapped as a whole."""
    restarts: list[Restart] = field(factory=list)
    dropped: dict[int, int] = field(factory=dict)
    """Indicators that were quarantined, and the first row in which they are missing."""
    _tally: Tally | None = None
    parts: list[Part] = field(factory=list)
    bars: SeenBars = field(factory=SeenBars)
    _fresh: Callable[[], tuple[PanelEntry, ...]] | None = None
    _spans: list[Programs] = field(factory=list)
    """Readings at hand, those last used at the end."""
    _window: Window | None = None
    _rows: Block = field(factory=lambda: Block(0, []))
    _pairs: Block = field(factory=lambda: Block(0, []))

    # -- making ------------------------------------------------------------------------------------------------------

    def sense(
        self,
        fresh: Callable[[], tuple[PanelEntry, ...]],
        estimate: int,
        on_progress: Callable[[int], None] | None = None,
        keep: Callable[[Programs], None] | None = None,
    ) -> None:
        """Run the pass to its end, drive all indicators and judge them. ``fresh()`` builds the programs for each stretch.

        Machine code runs without the interpreter's lock, so the indicators take a chunk while the pass makes the next one.
        ``keep`` is given each chunk's readings, which the next one writes over.
        """
        self._fresh = fresh
        self._make_room(max(estimate, 1))
        programs = Programs.of(self.entries, CHUNK_ROWS + SPARE_ROWS)
        rows = 0
        with ThreadPoolExecutor(1, thread_name_prefix="indicators") as beside:
            taking: Future[None] | None = None
            while self.events.position < self.total_events:
                part = Part(rows, self.events.position, self.events.checkpoint())
                self.parts.append(part)
                chunk = self.events.advance(max_rows=CHUNK_ROWS)
                rows += int(np.count_nonzero(chunk.settle == 0))
                if taking is not None:
                    taking.result()
                taking = beside.submit(self._take, part, chunk, programs, keep)
                if on_progress is not None:
                    on_progress(self.events.position)
            if taking is not None:
                taking.result()
        self.parts.append(Part(rows, self.events.position, self.events.checkpoint()))
        self._spans = [programs]
        self._count()

    def judge(self, kept: JudgedCache | None = None) -> None:
        """Flags of rows whose readings are known already; what ``kept`` has of them is taken, the rest given to it."""
        sources = [source_of(self.readings, entry).entry for entry in self.entries]
        known = [kept.judged(*both) if kept is not None else None for both in zip(self.entries, sources, strict=True)]
        made = [one or (np.empty(self.length), np.zeros(self.length, np.uint8)) for one in known]
        values, self.bits = [values for values, _ in made], [bits for _, bits in made]
        programs = Programs(self.entries, self.readings, values, self.bits, self.length, stop=self.length)
        for index, (entry, source) in enumerate(zip(self.entries, sources, strict=True)):
            if known[index] is not None:
                continue
            for first, last in self.stretches():
                programs.judge(index, self.t_us, first, last, off())
            if kept is not None:
                kept.keep(entry, source, values[index], self.bits[index])
        self._spans = [programs]
        self._count()

    def _count(self) -> None:
        self.bits = [bits[: self.length] for bits in self.bits]
        self._tally = Tally.of(self.entries, self.length)
        self._tally.count(self.bits, 0, self.length)

    @property
    def tally(self) -> Tally:
        """Counts per row."""
        assert self._tally is not None
        return self._tally

    def stretches(self) -> list[tuple[int, int]]:
        """``(first, one past last)`` row of each stretch between restarts."""
        starts = [0, *(restart.row for restart in self.restarts)]
        return list(zip(starts, [*starts[1:], self.length], strict=True))

    def _take(self, part: Part, chunk: RowChunk, programs: Programs, keep: Callable[[Programs], None] | None) -> None:
        part.programs = programs.checkpoint()
        programs.begin(self.length)
        ordinary = np.cumsum(chunk.settle == 0) + self.length  # rows up to and with this one
        number = np.where(chunk.settle == 0, ordinary - 1, ordinary)
        bars = chunk.bars
        if len(bars.row):
            kept = BarColumns._make(column.copy() for column in bars)
            self.bars.add(kept, number[bars.row], chunk.rows.t_us[bars.row].copy())
        for begun, first, last in stretches_of(chunk):
            if begun >= 0:
                self.restarts.append(Restart(self.length, int(chunk.event[begun]), first - begun, int(chunk.rows.t_us[first - 1])))
                assert self._fresh is not None
                programs.start_over(self._fresh())
            self._append(chunk, first, last, programs)
        part.known = programs.interpreted()
        if keep is not None:
            keep(programs)

    def _append(self, chunk: RowChunk, first: int, last: int, programs: Programs) -> None:
        number = last - first
        if number <= 0:
            return
        if self.length + number > len(self.t_us):
            self._make_room(2 * (self.length + number))
        at, until = self.length, self.length + number
        rows = some_rows(chunk, first, last)
        self.t_us[at:until] = rows.t_us
        self.event[at:until] = chunk.event[first:last]
        self.unhealthy[at:until] = rows.unhealthy
        self.price[at:until] = rows.price
        programs.take(rows, number)
        for index, state in enumerate(programs.states):
            programs.judge(index, self.t_us, at, until, state)
            self._take_bits(programs, index, at, until)
        self.length = until

    def _take_bits(self, programs: Programs, index: int, start: int, stop: int) -> None:
        self.bits[index][start:stop] = programs.bits[index][start - programs.first : stop - programs.first]

    def _make_room(self, room: int) -> None:
        self.t_us, self.event, self.unhealthy = (_grown(c, room) for c in (self.t_us, self.event, self.unhealthy))
        self.price = _grown(self.price, room)
        self.bits = [_grown(bits, room) for bits in self.bits or [np.empty(0, np.uint8) for _ in self.entries]]

    # -- readings at hand --------------------------------------------------------------------------------------------

    def _span(self, row: int) -> Programs:
        """Readings around that row, made again if they are not at hand."""
        for place, span in enumerate(self._spans):
            if span.first <= row < span.stop:
                self._spans.append(self._spans.pop(place))
                return span
        assert self._fresh is not None
        span = self._spans.pop(0) if len(self._spans) >= RESIDENT else Programs.of(self._fresh(), CHUNK_ROWS + SPARE_ROWS)
        self._make_again(self._part_of(row), span)
        self._spans.append(span)
        return span

    def _part_of(self, row: int) -> int:
        return bisect_right(self.parts, row, key=lambda part: part.first_row) - 1

    def _make_again(self, place: int, span: Programs) -> None:
        """Its rows, readings, values and flags as they were, with all that was judged again since then."""
        part, fresh = self.parts[place], self._fresh
        assert part.programs is not None
        assert fresh is not None
        chunk = self._pass_over(place)
        span.resume(part.programs)
        span.begin(part.first_row)
        judged = []
        for begun, first, last in stretches_of(chunk):
            if begun >= 0:
                span.start_over(fresh())
            if last > first:
                judged += [(span.stop, index, state) for index, state in enumerate(span.states)]
                span.take(some_rows(chunk, first, last), last - first, part.known)
        span.put(part.known)
        for index, row in self.dropped.items():
            span.miss(index, row)
        for row, index, state in (*judged, *part.judged):
            span.judge(index, self.t_us, row, min(self._stretch_end(row), span.stop), state.copy())
        for index, row in self.dropped.items():
            span.miss_values(index, row)

    def _judge_on(self, index: int, row: int, stop: int, state: NDArray[np.int64], *, until_alike: bool) -> int:
        """Judge one indicator from ``row`` on; where it ended."""
        while row < stop:
            span = self._span(row)
            part = self.parts[self._part_of(row)]
            if part.programs is not None:
                part.judged.append((row, index, state.copy()))
            last = min(stop, span.stop)
            ended = span.judge(index, self.t_us, row, last, state, until_alike=until_alike)
            self._take_bits(span, index, row, ended)
            if ended < last:
                return ended
            row = last
        return row

    def _stretch_end(self, row: int) -> int:
        return next((last for first, last in self.stretches() if first <= row < last), self.length)

    def judge_again(self, row: int, flags: list[tuple[bool, bool, int, int]]) -> None:
        """A detector slept again with these flags before ``row``: judge on from there, until all is as it was reckoned."""
        stop, ended = self._stretch_end(row), row
        for index, flag in enumerate(flags):
            if index not in self.dropped:
                ended = max(ended, self._judge_on(index, row, stop, np.array(flag, np.int64), until_alike=True))
        self.tally.count(self.bits, row, ended)

    def drop(self, index: int, row: int) -> None:
        """An indicator was quarantined: from ``row`` on it is missing, and so is its baseline to whoever is judged against it."""
        self.bits[index][row:] = 0
        self.dropped[index] = row
        for span in self._spans:
            span.miss(index, row)
            span.miss_values(index, row)
        name = self.entries[index].name
        for place, entry in enumerate(self.entries):
            if entry.baseline_from == name and place not in self.dropped:
                for first, last in self.stretches():
                    self._judge_on(place, max(first, row), last, off(), until_alike=False)
        self.tally.count(self.bits, row, self.length)
        self._pairs = Block(0, [])

    # -- looking up --------------------------------------------------------------------------------------------------

    def pairs(self, row: int) -> list[Pair]:
        """What the panel held after that row."""
        block = self._pairs
        if not block.holds(row):
            span = self._span(row)
            start, stop = row - span.first, min(row + BLOCK_ROWS, span.stop) - span.first
            parts = [
                list(zip(_tuples(one.statistic, start, stop), _tuples(one.baseline, start, stop), strict=True))
                for one in span.readings
            ]
            block = self._pairs = Block(row, [list(pairs) for pairs in zip(*parts, strict=True)])
        pairs: list[Pair] = block.items[row - block.first]
        return pairs

    def values_between(self, first: int, last: int) -> list[tuple[float, ...]]:
        """Judged values of all indicators in each of these rows, NaN where missing."""
        found: list[tuple[float, ...]] = []
        while first < last:
            span = self._span(first)
            stop = min(last, span.stop)
            found += zip(*(values[first - span.first : stop - span.first].tolist() for values in span.values), strict=True)
            first = stop
        return found

    def row(self, number: int) -> FeatureRow:
        """That row, made again from the events."""
        block = self._rows
        if not block.holds(number):
            window = self._window
            if window is None or not window.first_row <= number < window.first_row + len(window.keep):
                self._pass_over(self._part_of(number))
                window = self._window
                assert window is not None
            at = number - window.first_row
            block = self._rows = Block(number, row_objects(window.rows, window.keep[at : at + BLOCK_ROWS]))
        row: FeatureRow = block.items[number - block.first]
        return row

    def _pass_over(self, place: int) -> RowChunk:
        """Make the rows of that part again; they are at hand afterwards."""
        part = self.parts[place]
        self.events.resume(part.checkpoint)
        chunk = self.events.advance(until_event=self.parts[place + 1].first_event)
        self._window = Window(part.first_row, chunk.rows, np.flatnonzero(chunk.settle == 0))
        return chunk

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


def _tuples(columns: NDArray[np.float64], first: int, stop: int) -> list[tuple[float, ...]]:
    return list(zip(*columns[:, first:stop].tolist(), strict=True)) if len(columns) else [()] * (stop - first)


def _grown(column: NDArray[Any], room: int) -> NDArray[Any]:
    grown = np.empty(room, column.dtype)
    grown[: len(column)] = column
    return grown

"""Feature rows from a tape's columns, in one compiled pass that includes the book.

The rows are those of :class:`~flashcrash_core.market.accumulator.FeatureAccumulator` driven as a lane drives it, to the bit. The
pass can stop after any event, be set back to where it was, and hand its state to an accumulator, which goes on event by event.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from flashcrash_core.batch import event_pass
from flashcrash_core.batch import pass_state as at
from flashcrash_core.batch.compiling import compiled_in_one, is_available
from flashcrash_core.batch.pass_snapshot import accumulator_snapshot, counts_of, sync_counts_of
from flashcrash_core.batch.pass_state import PassState, TapeArrays, copied, new_state
from flashcrash_core.batch.row_chunk import BarColumns, RowChunk
from flashcrash_core.batch.row_table import RESTARTS, ROW_EVENT, ROW_FLAGS, SETTLES, RowTable, columns_of, grown, new_table
from flashcrash_core.errors import DataError
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.instruments import MONEY_SCALE, Instrument
from flashcrash_core.market.tape.columns import TABLES, Kind, TapeColumns

__all__ = ["FeaturePass", "PassCheckpoint"]

_SPARE_ROWS: Final = 256
_MOST_ROWS_GUESSED: Final = 1_000_000
"""Room for a day of rows; more is found out when it is needed."""


@frozen(eq=False)
class PassCheckpoint:
    """A copy of the pass's state; only what is in use."""

    position: int
    _state: PassState = field(repr=False, alias="state")


class FeaturePass:
    """One symbol's tape on its way to feature rows. ``position`` counts the events consumed.

    With numba the pass is compiled (``compile_pass`` None: if it is installed); without it the same source runs interpreted. Raises
    DataError for a tape whose tables do not belong together, and for numbers that 64-bit sums might not hold: such a tape needs the
    streaming engine, whose numbers have no bound.
    """

    def __init__(
        self,
        columns: TapeColumns,
        instrument: Instrument,
        *,
        has_book: bool,
        source_is_mid: bool,
        max_silence_us: int,
        compile_pass: bool | None = None,
    ) -> None:
        self.columns = columns
        self.instrument = instrument
        tables = columns.tables
        self._tape = _arrays(tables)
        books = tables["books"]
        largest = max(int(books["bids"].max()), int(books["asks"].max())) if len(books["bids"]) else 0
        largest = max(0, min(largest, len(tables["levels"]["qty_lots"])))
        self._state = state = new_state(len(columns.texts), largest)
        numbers, floats = state.numbers, state.floats
        numbers[at.HAS_BOOK], numbers[at.SOURCE_IS_MID] = has_book, source_is_mid
        numbers[at.FUTURES], numbers[at.MAX_SILENCE_US] = int(columns.continuity), max_silence_us
        floats[at.TICK], floats[at.LOT], floats[at.TO_QUOTE] = (
            instrument.tick,
            instrument.lot,
            instrument.notional_unit / MONEY_SCALE,
        )
        self._run: Any = event_pass.run_events
        if is_available() if compile_pass is None else compile_pass:
            self._run = compiled_in_one(event_pass.run_events)
        self._table: RowTable | None = None
        self._other_table: RowTable | None = None
        self._failed = ""

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def position(self) -> int:
        """Events consumed."""
        return int(self._state.numbers[at.EVENT])

    @property
    def now_us(self) -> int:
        """The event-time watermark after them."""
        return int(self._state.numbers[at.NOW_US])

    @property
    def clock_steps(self) -> int:
        """Times the clock followed a step of the venue's."""
        return int(self._state.numbers[at.STEPS])

    @property
    def counts(self) -> Counter[str]:
        """``FeatureAccumulator.counts`` after the events consumed."""
        return counts_of(self._state, self.columns.texts)

    @property
    def sync_counts(self) -> Counter[str]:
        """``BookSync.counts`` after the events consumed."""
        return sync_counts_of(self._state)

    def advance(self, until_event: int | None = None, max_rows: int | None = None) -> RowChunk:
        """Consume the events up to ``until_event`` (default: all) and give the rows that they closed.

        It stops after the event that brings the rows to ``max_rows``, so a little beyond: rows that one event closes stay together.
        What it gives is good until the call after the next one, which uses the same memory again.
        """
        if self._failed:
            raise DataError(self._failed)
        until = len(self) if until_event is None else min(until_event, len(self))
        expected = self._rows_expected(until, max_rows)
        self._table, self._other_table = self._other_table, self._table
        table = self._table
        if table is None or table.integers.shape[1] < expected:
            table = new_table(expected)
        self._state.numbers[at.ROWS] = self._state.numbers[at.BARS] = 0
        limit = max_rows if max_rows is not None else 2**62
        while True:
            ended = self._run(self._state, self._tape, table, until, limit)
            if ended != event_pass.NEEDS_ROOM:
                break
            table = self._make_room(table)
        if ended != event_pass.DONE:
            self._failed = self._fault(ended)
            raise DataError(self._failed)
        self._table = table
        return _chunk(table, *self._state.numbers[[at.ROWS, at.BARS]].tolist())

    def checkpoint(self) -> PassCheckpoint:
        """Where the pass is; the pass may go on and come back to it any number of times."""
        return PassCheckpoint(self.position, copied(self._state))

    def resume(self, checkpoint: PassCheckpoint) -> None:
        """Go back (or forward) to where a checkpoint of this pass, or of another over the same tape, was taken."""
        state, kept = self._state, checkpoint._state
        marks = len(kept.mark_seconds)
        if marks > len(state.mark_seconds):
            self._state = state = state._replace(mark_seconds=np.zeros(2 * marks, np.int64), mark_prices=np.zeros(2 * marks))
        state.numbers[:], state.floats[:], state.reasons[:] = kept.numbers, kept.floats, kept.reasons
        state.book[:, : kept.book.shape[1]], state.held[:, : kept.held.shape[1]] = kept.book, kept.held
        state.mark_seconds[:marks], state.mark_prices[:marks] = kept.mark_seconds, kept.mark_prices
        self._failed = ""

    def accumulator_state(self, first_seq: int = 1) -> dict[str, Any]:
        """What ``FeatureAccumulator.snapshot()`` would hold after these events, the first of them numbered ``first_seq``."""
        return accumulator_snapshot(self._state, self.columns, first_seq)

    def _rows_expected(self, until: int, max_rows: int | None) -> int:
        """A guess; the pass asks for more where it is too low."""
        first = self.position
        if until <= first:
            return _SPARE_ROWS
        received_us = self._tape.receive_us
        rows = (int(received_us[until - 1]) - int(received_us[first])) // GRID_US
        return min(max(rows, 0), _MOST_ROWS_GUESSED, _MOST_ROWS_GUESSED if max_rows is None else max_rows) + _SPARE_ROWS

    def _make_room(self, table: RowTable) -> RowTable:
        numbers, state = self._state.numbers, self._state
        room = int(numbers[at.ROOM])
        needed = int(numbers[at.MARKS]) + room // 10 + 2
        if needed > len(state.mark_seconds):
            seconds, prices = np.zeros(2 * needed, np.int64), np.zeros(2 * needed)
            marks = int(numbers[at.MARKS])
            seconds[:marks], prices[:marks] = state.mark_seconds[:marks], state.mark_prices[:marks]
            self._state = state._replace(mark_seconds=seconds, mark_prices=prices)
        rows, bars = int(numbers[at.ROWS]), int(numbers[at.BARS])
        return grown(table, rows, bars, room) if rows + room > table.integers.shape[1] else table

    def _fault(self, ended: int) -> str:
        event = self.position
        kind = int(self._tape.kind[event])
        name = Kind(kind).name.lower() if kind in set(Kind) else f"of unknown kind {kind}"
        where = f"tape of {self.columns.symbol}, event {event} ({name})"
        if ended == event_pass.NOT_A_TAPE:
            return f"{where}: the tables do not belong together; verify the tape with `flashcrash tape verify` and import it again"
        return (
            f"{where}: a price, quantity, id or time so large that sums in 64 bits might overflow; check the tape's tick and lot "
            "size, or run it with --engine stream"
        )


def _arrays(tables: Mapping[str, Mapping[str, Any]]) -> TapeArrays:
    """The columns in one form whatever they came from: plain, contiguous, read-only. Raises DataError for lengths that differ."""
    taken: list[Any] = []
    for name, columns in TABLES.items():
        lengths = {column: len(tables[name][column]) for column in columns}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"tape: the columns of {name} differ in length: {lengths}; verify the tape with `flashcrash tape verify`"
            )
        for column, dtype in columns.items():
            if (name, column) == ("trades", "trade_id"):
                continue
            plain = np.ascontiguousarray(tables[name][column], dtype=dtype).view(np.ndarray)
            plain.flags.writeable = False
            taken.append(plain)
    return TapeArrays(*taken)


def _chunk(table: RowTable, rows: int, bars: int) -> RowChunk:
    flags = table.integers[ROW_FLAGS, :rows]
    numbers = table.bars[:bars].T
    return RowChunk(
        columns_of(table, rows),
        table.integers[ROW_EVENT, :rows],
        (flags & SETTLES).astype(np.uint8),
        tuple(np.flatnonzero(flags & RESTARTS).tolist()),
        BarColumns._make([*numbers[:8], *numbers[8:].astype(np.uint8), table.bar_prices[:bars]]),
    )

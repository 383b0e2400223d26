"""A feature pass made of the streaming accumulator: slow, and right by definition. What the batch engine must also run over."""

from typing import Any

import numpy as np
from driven_accumulator import DrivenAccumulator

from flashcrash_core.batch.row_chunk import BarColumns, RowChunk
from flashcrash_core.batch.rows import RowColumns, empty_rows
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TapeColumns, events_of


class ReferencePass:
    """The interface of the compiled pass over a real accumulator."""

    def __init__(
        self, columns: TapeColumns, instrument: Instrument, *, has_book: bool, source_is_mid: bool, max_silence_us: int
    ) -> None:
        self._events = list(events_of(columns))
        self._driven = DrivenAccumulator(instrument, has_book, source_is_mid, max_silence_us)

    @property
    def position(self) -> int:
        """Events consumed."""
        return self._driven.taken

    def advance(self, until_event: int | None = None, max_rows: int | None = None) -> RowChunk:
        """Consume events up to ``until_event``, or until ``max_rows`` rows are closed."""
        driven = self._driven
        driven.rows, driven.event, driven.settle, driven.restart, driven.bars = [], [], [], [], []
        stop = len(self._events) if until_event is None else until_event
        while driven.taken < stop and (max_rows is None or len(driven.rows) < max_rows):
            driven.take(self._events[driven.taken])
        return RowChunk(
            _columns(driven.rows),
            np.array(driven.event, np.int64),
            np.array(driven.settle, np.uint8),
            tuple(driven.restart),
            _bars(driven.bars),
        )

    def checkpoint(self) -> Any:
        """A copy of the state."""
        return self.position, self._driven.market.snapshot()

    def resume(self, checkpoint: Any) -> None:
        """Go back to it."""
        old = self._driven
        self._driven = DrivenAccumulator(old.instrument, old.has_book, old.source_is_mid, old.max_silence_us)
        self._driven.taken = checkpoint[0]
        self._driven.market.restore(checkpoint[1])

    def accumulator_state(self) -> dict[str, Any]:
        """What the streaming accumulator's snapshot holds here."""
        return self._driven.market.snapshot()


def _columns(rows: list[FeatureRow]) -> RowColumns:
    columns = empty_rows(len(rows))
    for name, column in zip(columns._fields, columns, strict=True):
        column[:] = [getattr(row, name) for row in rows]
    return columns


def _bars(bars: list[tuple[int, Bar]]) -> BarColumns:
    names = BarColumns._fields[1:]
    return BarColumns(
        np.array([row for row, _ in bars], np.int64),
        *(np.array([getattr(bar, name) for _, bar in bars], np.float64 if name == "price" else np.int64) for name in names),
    )

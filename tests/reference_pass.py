"""A feature pass made of the streaming accumulator: slow, and right by definition. What the compiled one is compared with."""

from typing import Any

import numpy as np

from flashcrash_core.batch.row_chunk import BarColumns, RowChunk
from flashcrash_core.batch.rows import RowColumns, empty_rows
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TapeColumns, events_of

SETTLE_US = 6_000_000


class ReferencePass:
    """The interface of the compiled pass over a real accumulator."""

    def __init__(
        self, columns: TapeColumns, instrument: Instrument, *, has_book: bool, source_is_mid: bool, max_silence_us: int
    ) -> None:
        self._events = list(events_of(columns))
        self._options = {"has_book": has_book, "source_is_mid": source_is_mid}
        self._instrument = instrument
        self._max_silence_us = max_silence_us
        self.market = FeatureAccumulator(instrument, **self._options)
        self.position = 0

    def advance(self, until_event: int | None = None, max_rows: int | None = None) -> RowChunk:
        """Consume events up to ``until_event``, or until ``max_rows`` rows are closed."""
        stop = len(self._events) if until_event is None else until_event
        rows: list[FeatureRow] = []
        events: list[int] = []
        settle: list[int] = []
        restarts: list[int] = []
        bars: list[tuple[int, Bar]] = []
        market = self.market

        def close(is_settle: int) -> None:
            row = market.close_row()
            if row.bar_new and market.bar is not None:
                bars.append((len(rows), market.bar))
            rows.append(row)
            events.append(self.position)
            settle.append(is_settle)

        while self.position < stop and (max_rows is None or len(rows) < max_rows):
            event = self._events[self.position]
            act_us = market.admit(event)
            if act_us < 0:
                market.apply_late(event)
            else:
                if 0 < market.next_row_us <= act_us:
                    if act_us - market.next_row_us > self._max_silence_us:
                        restarts.append(len(rows))
                        until_us = min(act_us, market.next_row_us + SETTLE_US)
                        while market.next_row_us <= until_us:
                            close(1)
                        market.start_grid(act_us)
                    while market.next_row_us <= act_us:
                        close(0)
                market.apply(event, act_us)
            self.position += 1
        return RowChunk(_columns(rows), np.array(events, np.int64), np.array(settle, np.uint8), tuple(restarts), _bars(bars))

    def checkpoint(self) -> Any:
        """A copy of the state."""
        return self.position, self.market.snapshot()

    def resume(self, checkpoint: Any) -> None:
        """Go back to it."""
        self.position = checkpoint[0]
        self.market = FeatureAccumulator(self._instrument, **self._options)
        self.market.restore(checkpoint[1])

    def accumulator_state(self) -> dict[str, Any]:
        """What the streaming accumulator's snapshot holds here."""
        return self.market.snapshot()


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

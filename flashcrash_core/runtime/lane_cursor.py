"""A lane over columns: it sleeps through rows in which nothing agrees, and is shown every other one.

Rows are shown without their events as long as nothing can be decided on events (the sense clock). Where the act clock runs, the
runner steps event by event, and the lane's own accumulator closes the rows; readings still come from the columns.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flashcrash_core.batch.dormancy import find_waking, rows_of
from flashcrash_core.batch.flags import FIRED, RAW, READY
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.detection.containment import Oversight
from flashcrash_core.detection.nap import FlagState, Nap
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.detection.scoring import JudgedRow
from flashcrash_core.errors import InvariantError
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.features import GRID_US, FeatureRow
from flashcrash_core.runtime.lane import HISTORY_ROWS, Lane

__all__ = ["LaneCursor"]

NEVER: Final = 2**62


class RecordedPanel(Panel):
    """A panel whose readings are known already. Indicators whose judgement failed three times are missing, as in any panel."""

    def __init__(self, entries: tuple[PanelEntry, ...], symbol: str, oversight: Oversight | None, cursor: "LaneCursor") -> None:
        super().__init__(entries, symbol, oversight)
        self._cursor = cursor

    def on_row(self, row: FeatureRow) -> None:
        """Take the readings of that row from the columns."""
        for index, pair in enumerate(self._cursor.take(row.t_us)):
            if not self.faults_of(index).quarantined:
                self.pairs[index] = pair

    def _drop(self, index: int) -> None:
        super()._drop(index)
        self._cursor.columns.drop(index, self._cursor.row)


class LaneCursor:
    """Where one lane stands in its columns. ``row`` is the next row that it has not been told of."""

    def __init__(self, lane: Lane, columns: LaneColumns, exchange_us: NDArray[np.integer[Any]]) -> None:
        self.lane = lane
        self.columns = columns
        self.row = 0
        self._exchange_us = exchange_us
        self._told = 0
        """Bars of the rows before this one were shown ahead of a nap."""
        self._restarts = 0
        self._stretches = columns.stretches()
        self._shown = False  # a row was shown since the last nap: flags may differ from what the columns say
        self._plan: tuple[int, int] | None = None
        lane.panel = RecordedPanel(lane.panel.entries, lane.symbol, None, self)
        lane.make_panel = self._start_over

    def _start_over(self, entries: tuple[PanelEntry, ...], symbol: str, oversight: Oversight | None) -> Panel:
        """The lane starts over: the next stretch begins."""
        self._restarts += 1
        self._plan = None
        return RecordedPanel(entries, symbol, oversight, self)

    def take(self, t_us: int) -> list[Any]:
        """Pairs of the next row, which must be that of ``t_us``."""
        if self.row >= self.columns.length or self.columns.t_us[self.row] != t_us:
            known = int(self.columns.t_us[self.row]) if self.row < self.columns.length else "none"
            raise InvariantError(f"batch: the row at {t_us} us of {self.lane.symbol} was closed, the columns have {known}")
        self.row += 1
        self._shown, self._plan = True, None
        return self.columns.pairs(self.row - 1)

    # -- on the grid -------------------------------------------------------------------------------------------------

    @property
    def _stretch_end(self) -> int:
        return self._stretches[self._restarts][1]

    def next_event(self) -> int:
        """The event (from 0) that closes the next row to be shown, or at which the lane starts over; :data:`NEVER` if none."""
        end = self._stretch_end
        if self.row < end:
            wake = self.row
            if self.row > self._stretches[self._restarts][0] and self.lane.dozing:
                wake, nap = self._look_ahead()
                wake = min(wake, max(nap + 1, self.row))
            if wake < end:
                return int(self.columns.event[wake])
        restarts = self.columns.restarts
        return restarts[self._restarts].event if self._restarts < len(restarts) else NEVER

    def _look_ahead(self) -> tuple[int, int]:
        if self._plan is None:
            columns, detector = self.columns, self.lane.detector
            if self._shown:
                columns.judge_again(self.row, [detector.judgement.flag(i) for i in range(len(columns.entries))])
                self._shown = False
            first, end = self._stretches[self._restarts]
            self._plan = find_waking(detector, columns.tally, columns.price, columns.unhealthy, columns.t_us, first, self.row, end)
        return self._plan

    def show(self, event: int) -> None:
        """Let the lane take all rows that ``event`` closes, after a nap over what came before."""
        self.sleep_until(event)
        columns, lane = self.columns, self.lane
        while self.row < self._stretch_end and columns.event[self.row] == event:
            row = columns.row(self.row)
            if row.bar_new:
                lane.market.bar = self._bar(self.row, row.t_us)
            lane.on_row(row)
        if self.row == self._stretch_end and self._restarts < len(columns.restarts):
            restart = columns.restarts[self._restarts]
            if restart.event == event:
                before_us = columns.restarts[self._restarts - 1].last_us if self._restarts else 0
                lane.start_over(int(self._exchange_us[event]))  # what ends a silence acts at its own time
                for bar, t_us in columns.bars.between(restart.row, restart.row + 1):
                    if before_us < t_us <= restart.last_us:
                        lane.market.bar = bar
                        lane.strategy.on_bar(bar, t_us)

    def _bar(self, row: int, t_us: int) -> Any:
        return next((bar for bar, at_us in self.columns.bars.between(row, row + 1) if at_us == t_us), None)

    @property
    def sees_all_bars(self) -> bool:
        """Whether the strategy must be shown every bar."""
        return self.lane.setup.bar_memory is None

    def bars_slept_through(self, event: int) -> Iterator[tuple[int, Bar, int]]:
        """Bars that a nap up to ``event`` would pass over: the event that closed the row of each, the bar, and the row's time.

        Whoever asks shows them. Only for a strategy that :attr:`sees_all_bars`.
        """
        columns = self.columns
        first, stop = max(self.row, self._told), min(columns.first_row_after_event(event - 1), self._stretch_end)
        if stop <= first or not self.lane.dozing:
            return
        self._told = stop
        for bar, t_us in columns.bars.between(first, stop):
            yield int(columns.event[np.searchsorted(columns.t_us[: columns.length], t_us)]), bar, t_us

    def sleep_until(self, event: int, *, asked_again: bool = True) -> None:
        """Nap through the rows that events before ``event`` closed, if the lane dozes."""
        stop = min(self.columns.first_row_after_event(event - 1), self._stretch_end)
        if stop > self.row:
            self._nap(self.row, stop, asked_again=asked_again)

    def _nap(self, first: int, stop: int, *, asked_again: bool) -> None:
        """Tell the lane what the rows ``first`` to ``stop`` came to; the strategy nothing, if it is not ``asked_again``."""
        columns, lane = self.columns, self.lane
        wake, nap_end = self._look_ahead()
        if not lane.dozing or first <= self._stretches[self._restarts][0] or stop > max(nap_end + 1, first) or stop > wake:
            raise InvariantError(f"batch: rows {first} to {stop} of {lane.symbol} would be slept through, {wake} could wake")
        last = stop - 1
        healthy_us, unhealthy_us, all_unhealthy = columns.healthy_us(first, stop)
        spikes = columns.tally.counts[2, first:stop]
        spike = int(columns.t_us[last - int(spikes[::-1].argmax())]) if spikes.any() else None
        warm_us = lane.detector.warm_from_us
        cold = (columns.t_us[first:stop] < warm_us) | (columns.tally.counts[1, first:stop] < lane.detector.config.minimum_available)
        tail = slice(max(first, stop - HISTORY_ROWS), stop)
        judged = columns.values_between(tail.start, stop)
        nap = Nap(
            t_us=int(columns.t_us[last]),
            healthy_us=healthy_us,
            unhealthy_us=unhealthy_us,
            all_unhealthy=all_unhealthy,
            prices=columns.price_tail(first, stop, rows_of(lane.detector.config.drawdown_window_s) + 1),
            pairs=columns.pairs(last),
            flags=[self._flag(index, value, first, last) for index, value in enumerate(judged[-1])],
            spike_us=spike,
        )
        history = [JudgedRow(t_us, values) for t_us, values in zip(columns.t_us[tail].tolist(), judged, strict=True)]
        memory = lane.setup.bar_memory if asked_again or self.sees_all_bars else 0
        bars = columns.bars.between(max(first, self._told), stop, memory)
        lane.sleep_through(nap, stop - first, blind_rows=int(np.count_nonzero(cold)), history=history, bars=bars)
        self.row = stop

    def _flag(self, index: int, value: float, first: int, last: int) -> FlagState:
        columns = self.columns
        ready_us, fired_us = self.lane.detector.judgement.shares(index, int(columns.t_us[first]))
        bits = columns.bits[index]
        ready_us += int(np.count_nonzero(bits[first:last] & READY)) * GRID_US
        fired_us += int(np.count_nonzero(bits[first:last] & FIRED)) * GRID_US
        state = int(bits[last])
        raw_since_us = raw_until_us = -1
        if state & (FIRED | RAW):
            was = self.lane.detector.judgement.flag(index)
            raw_until_us, place = self._last_raw(bits, first, last, was[3])
            if state & RAW:
                raw_since_us = self._raw_since(bits, first, place, was)
        return FlagState(value, bool(state & RAW), bool(state & FIRED), raw_since_us, raw_until_us, ready_us, fired_us)

    def _last_raw(self, bits: Any, first: int, last: int, before_us: int) -> tuple[int, int]:
        place = last
        while place >= first and not bits[place] & RAW:
            place -= 1
        return (int(self.columns.t_us[place]), place) if place >= first else (before_us, place)

    def _raw_since(self, bits: Any, first: int, last: int, before: tuple[bool, bool, int, int]) -> int:
        place = last
        while place > first and bits[place - 1] & RAW:
            place -= 1
        if place == first and before[0]:
            return before[2]
        return int(self.columns.t_us[place])

    # -- event by event ----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The events are all taken, and nobody will be asked any more."""
        self.sleep_until(NEVER, asked_again=False)
        self.step_from(self.columns.total_events)

    def release(self) -> None:
        """Let go of the columns: lane and cursor know each other, and hundreds of megabytes must not wait for a collector."""
        del self.columns, self._exchange_us

    def step_from(self, event: int) -> None:
        """Bring the lane's own accumulator to the moment before ``event`` arrives, rows that were shown already closed."""
        lane, market = self.lane, self.lane.market
        if lane.dozing:
            self.sleep_until(event)
        market.restore(self.columns.accumulator_before(event))
        shown_us = int(self.columns.t_us[self.row - 1]) if self.row else 0
        while 0 < market.next_row_us <= shown_us:
            market.close_row()
        lane.now_us = max(lane.now_us, market.now_us)
        if self.row and (lane.row is None or lane.row.t_us != shown_us):
            lane.row = self.columns.row(self.row - 1)

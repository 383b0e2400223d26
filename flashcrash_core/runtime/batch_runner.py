"""The batch engine's shell: sleep through columns, show what may wake a lane, step event by event where the design says act.

What it does per event is what :class:`~flashcrash_core.runtime.runner.Runner` does; what it leaves out has no effect. Tests hold
that both end in the same decision hash and the same report.
"""

import heapq
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from attrs import define, field

from flashcrash_core.batch.event_slices import EventSlices
from flashcrash_core.errors import FlashcrashError
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.tape.columns import TapeColumns
from flashcrash_core.runtime.inputs import Input
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.lane_cursor import NEVER, LaneCursor
from flashcrash_core.runtime.runner import Runner, RunOutcome

__all__ = ["BatchRunner", "Strand"]


@define(eq=False)
class Strand:
    """One symbol's events among those of all: which number each has in the order in which the session takes them."""

    columns: TapeColumns
    cursor: LaneCursor
    slices: EventSlices = field(init=False)
    _others: list[tuple["Strand", bool]] = field(factory=list, init=False)
    _receive_us: Any = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.slices = EventSlices(self.columns)

    def beside(self, strands: list["Strand"]) -> None:
        """Take one's place among the strands of a run; equal receive times keep their order."""
        place = strands.index(self)
        self._others = [(other, index < place) for index, other in enumerate(strands) if other is not self]

    def _stamps(self) -> Any:
        """Receive times that never go back: the merge lets an event wait for all that came before it."""
        if self._receive_us is None:
            self._receive_us = np.maximum.accumulate(self.columns.tables["events"]["receive_us"])
        return self._receive_us

    def number(self, event: int) -> int:
        """Place of this strand's ``event`` (from 0) in the whole order (from 0)."""
        if not self._others:
            return event
        stamp = self._stamps()[event]
        return event + sum(
            int(np.searchsorted(other._stamps(), stamp, side="right" if first else "left")) for other, first in self._others
        )

    def before(self, number: int) -> int:
        """How many of this strand's events come before place ``number`` of the whole order."""
        if not self._others:
            return min(number, len(self.columns))
        low, high = 0, len(self.columns)
        while low < high:
            middle = (low + high) // 2
            if self.number(middle) < number:
                low = middle + 1
            else:
                high = middle
        return low


class BatchRunner(Runner):
    """Drives one session over columns. Options that need every event or real time are not for it."""

    _strands: Mapping[str, Strand]
    _total = 0
    sensing_s = 0.0
    """Seconds that went into readings and flags before the run."""
    _stepped = 0
    _notices = 0
    """Venue notices taken so far: they count in the session's sequence, between the market's events."""

    def over(self, strands: Mapping[str, Strand]) -> "BatchRunner":
        """Say what to run over, by symbol."""
        self._strands = strands
        self._total = sum(len(strand.columns) for strand in strands.values())
        for strand in strands.values():
            strand.beside(list(strands.values()))
        return self

    def run(self, source: Input, *, skip: int = 0) -> RunOutcome:
        """As the streaming runner's; the time includes what sensing took. The columns are let go."""
        try:
            outcome = super().run(source, skip=skip)
        finally:
            for strand in self._strands.values():
                strand.cursor.release()
            self._strands = {}
        outcome.wall_s += self.sensing_s
        outcome.stepped = self._stepped
        return outcome

    def _take_all(self, source: Input, skip: int) -> None:  # noqa: ARG002 (the streaming runner reads them)
        try:
            self._drive()
        except FlashcrashError:
            if self.session.output.records:  # what led to the failure
                self._write(self.session.take())
            raise

    def _drive(self) -> None:
        """From one event that must be shown to the next; ``number`` is its place in the order of all, from 0."""
        session, outcome = self.session, self._outcome
        while True:
            number, symbol, event = self._next_due()
            if self._on_progress is not None:
                self._on_progress(number / self._total, number)
            number = self._show_bars(number)
            if not session.failing:
                if not symbol:
                    break
                if self._interruption.signal:
                    outcome.status, outcome.signal = "interrupted", self._interruption.signal
                    self._stand_before(number)
                    session.seq = number + self._notices
                    return
                session.seq = number + 1 + self._notices
                self._strands[symbol].cursor.show(event)
            if session.failing:
                self._stand_before(number + 1)  # the halt must find every lane, and every clock, where this event leaves it
                session.seq = number + 1 + self._notices
                session.halt_if_failing()
            if session.halted:  # nothing is open on the grid
                self._settle()
                outcome.status = "halted"
                self._stand_before(number + 1)
                return
            if self._acting():
                if not self._step(number):  # takes the event itself, and commits all that it led to
                    return
            elif session.output.records:
                self._settle()
        self._end()

    def _next_due(self) -> tuple[int, str, int]:
        """Place in the order of all, symbol and number of the next event to be shown; the end, with no symbol, if there is none."""
        due = []
        for symbol, strand in self._strands.items():
            event = strand.cursor.next_event()
            if event != NEVER:
                due.append((strand.number(event), symbol, event))
        return min(due, default=(self._total, "", 0))

    def _show_bars(self, number: int) -> int:
        """Show what lanes would sleep through before that event to strategies that must see every bar, each bar in its turn.

        Returns ``number``, or the event after whose bar the session must halt, because its strategy is gone.
        """
        session = self.session
        turn = -1
        due = [self._bars_of(strand, number) for strand in self._strands.values() if strand.cursor.sees_all_bars]
        for place, lane, bar, t_us in heapq.merge(*due, key=lambda one: one[0]):
            if place > turn:
                if session.failing:
                    return turn
                if session.output.records:
                    self._settle()
            turn, session.seq = place, place + 1 + self._notices
            lane.strategy.on_bar(bar, t_us)
        if session.failing:
            return turn
        if session.output.records:
            self._settle()
        return number

    def _bars_of(self, strand: Strand, number: int) -> Iterator[tuple[int, Lane, Bar, int]]:
        for event, bar, t_us in strand.cursor.bars_slept_through(strand.before(number)):
            yield strand.number(event), strand.cursor.lane, bar, t_us

    def _acting(self) -> bool:
        """Whether events must be taken one by one: something may be decided, is on its way, or is still being measured."""
        lanes = self.session.lanes.values()
        return any(lane.awake or lane.markouts.waiting for lane in lanes) or (self.executor is not None and self._executor_busy(""))

    def _executor_busy(self, symbol: str) -> bool:
        assert self.executor is not None
        try:
            return bool(self.executor.pending())
        except BaseException as error:
            self._executor_failed("pending", symbol, error)
            return False

    def _step(self, number: int) -> bool:
        """Take events one by one from ``number`` on, until nothing can be decided any more. False: the run is over."""
        session, executor, outcome, lanes = self.session, self.executor, self._outcome, self.session.lanes
        streams = self._stand_before(number)
        session.seq = number + self._notices
        for event in streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda event: event.receive_us):
            number += 1
            self._stepped += 1
            if executor is not None and self._executor_busy(event.symbol):
                self._deliver(event)
            if session.on_event(event):
                self._settle()
            if executor is not None:
                try:
                    executor.on_market(event, lanes[event.symbol].now_us)
                except BaseException as error:
                    self._executor_failed("on_market", event.symbol, error)
            if session.halted and session.settled:
                outcome.status, outcome.events = "halted", number
                return False
            if self._interruption.signal:
                outcome.status, outcome.signal, outcome.events = "interrupted", self._interruption.signal, number
                return False
            if not self._acting():
                break
        self._notices = session.seq - number
        return True

    def _stand_before(self, number: int) -> list[Iterator[MarketEvent]]:
        """Bring every lane to the moment before the ``number``-th event (from 0); their events from there on."""
        session, streams = self.session, []
        for strand in self._strands.values():
            first = strand.before(number)
            strand.cursor.step_from(first)
            streams.append(strand.slices.since(first))
        session.now_us = max(session.now_us, *(lane.now_us for lane in session.lanes.values()))
        self._outcome.events = number
        return streams

    def _end(self) -> None:
        """The events are all taken."""
        session = self.session
        for strand in self._strands.values():
            strand.cursor.end()
        session.now_us = max(session.now_us, *(lane.now_us for lane in session.lanes.values()))
        session.seq = self._total + self._notices
        self._outcome.events = self._total
        if session.halted:  # with something still open
            self._outcome.status = "halted"

    def _save(self, consumed: int) -> None:
        """No snapshot: what is interrupted is run again, which is quicker than writing one."""

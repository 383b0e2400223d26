"""The tape runner: the imperative shell that drives a session over a recorded or simulated input.

Per event: deliver the executor's notices that are due, give the event to the session, let the executor see it, then store what was
recorded, commit, and only then execute what was decided. Everything that waits, reads or writes is here.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from attrs import define, field, frozen

from flashcrash_core.detection.containment import Fault, Imposed, Oversight, let_interrupt_pass
from flashcrash_core.detection.settings import State
from flashcrash_core.errors import FlashcrashError, UsageError, VerificationError
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.runtime.executor_guard import ExecutorGuard
from flashcrash_core.runtime.inputs import Input
from flashcrash_core.runtime.interruption import Interruption
from flashcrash_core.runtime.leaving import leave_venue
from flashcrash_core.runtime.records import AuditRecord, FaultRecord, SnapshotRecord, TransitionRecord
from flashcrash_core.runtime.resume import RecordSink
from flashcrash_core.runtime.session import Output, Session
from flashcrash_core.runtime.storage import Store
from flashcrash_core.trading.execution import Executor, VenueExecutor

__all__ = ["RunOptions", "RunOutcome", "Runner", "refuse_unknown"]

_PROGRESS_EVERY: Final = 2_000
_NAP_S: Final = 0.1
_NEVER: Final = 2**63
_READ: Final = ("indicator", "judge")
_READING: Final = ("step", "window", "judge")
"""Faults of a row. Others of indicators (a state that cannot be kept) happen again by themselves."""


@frozen
class RunOptions:
    """How to drive the run. ``speed`` None is full speed, else a multiple of recorded time; ``duration_us`` bounds event time."""

    speed: float | None = None
    duration_us: int | None = None
    snapshot_us: int = 60_000_000
    snapshot_awake_us: int = 5_000_000
    plugin_budget_ns: int = 0
    """Real time that a call into an indicator, a scorer or a strategy may take; 0: not measured."""
    quarantine: tuple[str, ...] = ()
    """Indicator instances that are not called once the run does something new: at once, or after what a resume repeats."""
    verify_only: bool = False
    """Stop where the stored rows end."""


@define
class RunOutcome:
    """How a run ended: ``done``, ``halted`` or ``interrupted``."""

    status: str = "done"
    events: int = 0
    wall_s: float = 0.0
    snapshots: int = 0
    commits: int = field(default=0)
    stepped: int | None = None
    """Events that the session was shown one by one; None: all of them."""
    signal: int = 0
    """Number of the signal that interrupted the run, 0 for none."""


def refuse_unknown(quarantine: Sequence[str], session: Session) -> None:
    """Raise UsageError for a name that no indicator of the session bears, before anything of the session is touched."""
    known = {entry.name: None for lane in session.lanes.values() for entry in lane.panel.entries}
    for name in quarantine:
        if name not in known:
            raise UsageError(f"--quarantine {name}: there is no such indicator in this session; it has {', '.join(known)}")


class Runner:
    """Drives one session. ``store`` None keeps nothing (detection and sweeps)."""

    def __init__(
        self,
        session: Session,
        executor: Executor | None,
        store: Store | None,
        session_id: str,
        options: RunOptions,
        on_progress: Callable[[float | None, int], None] | None = None,
        stopwatch: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.session = session
        self.executor = executor
        self.options = options
        self.guard = None if executor is None else ExecutorGuard(executor, session)
        self.sink = RecordSink(store, session_id)
        self._store = store
        self._session_id = session_id
        self._on_progress = on_progress
        self._stopwatch = stopwatch
        self._next_snapshot_us = 0
        self._stop_us: int | None = None
        self._interruption = Interruption()
        self._outcome = RunOutcome()
        self._live_from = 0
        """From this event on everything is new. Before it stored rows are repeated, and journalled faults imposed."""
        self._told: deque[tuple[int, str, str]] = deque()
        """``(seq, name, message)`` of quarantines that an operator ordered in the part that is repeated."""
        self._next_turn = -1
        self._feed_name = "feed"
        self._live: Input | None = None
        self._exposed = False
        refuse_unknown(options.quarantine, session)

    def repeat(self, after_seq: int, faults: Sequence[FaultRecord]) -> int:
        """The rows after event ``after_seq`` are made again: the journalled faults among them are imposed. Returns their number."""
        rows: dict[tuple[str, int, str, str], Imposed] = {}
        calls: dict[tuple[str, int, str, str], Imposed] = {}
        for fault in faults:
            if fault.seq <= after_seq:
                continue
            imposed = Imposed(fault.kind, fault.message)
            if fault.kind == "operator":
                turn = (fault.seq, fault.name, fault.message)
                if turn not in self._told:
                    self._told.append(turn)
            elif fault.stage in _READ and fault.call in _READING:
                rows[fault.symbol, fault.t_us, fault.stage, fault.name] = imposed
            elif fault.stage in ("scorer", "strategy"):
                calls[fault.symbol, fault.seq, fault.stage, fault.call] = imposed
        self._live_from = self.sink.last_seq
        if self._live_from > after_seq:
            self.session.oversee(Oversight(rows=rows, calls=calls))
        return len(rows) + len(calls)

    def run(self, source: Input, *, skip: int = 0) -> RunOutcome:
        """Drive the session over ``source``; the first ``skip`` events were taken before a crash and are only read past."""
        started = time.perf_counter()
        self._feed_name = source.feed
        if source.live:
            self._live = source
            source.while_wanted(lambda: not self._interruption.signal)
        with self._interruption.watched():
            self._take_all(source, skip)
            if self.guard is not None and isinstance(self.executor, VenueExecutor):
                leave_venue(self.session, self.guard, self._settle)
            self._finish(source)
        self._outcome.wall_s = time.perf_counter() - started
        return self._outcome

    def _take_all(self, source: Input, skip: int) -> None:
        try:
            events = source.events()
            for taken in range(skip):
                if next(events, None) is None:
                    raise VerificationError(
                        f"resume: the input ended after {taken} events, the crashed session had taken {skip}; "
                        "it is not the input of that session. Restore the input, or start a new run"
                    )
            self._outcome.events += skip
            source.on_fault = self._feed_failed
            self._loop(self._paced(events), source)
        except GeneratorExit as error:  # out of the feed: nobody closes this loop
            raise source.failed(error) from error
        except FlashcrashError:
            if self.session.output.records:  # what led to the failure
                self._write(self.session.take())
            raise
        finally:
            source.on_fault = None

    def advance(self, source: Input) -> RunOutcome:
        """Drive the session over what ``source`` holds now and leave the run open; :meth:`run` ends it. For step-by-step tests."""
        source.on_fault = self._feed_failed
        self._loop(source.events(), source)
        return self._outcome

    def _loop(self, events: Iterator[MarketEvent], source: Input) -> None:
        session, executor = self.session, self.executor
        outcome, limit, interruption = self._outcome, self.options.duration_us, self._interruption
        lanes = session.lanes
        stop_us = self._stop_us
        if self._over():
            return  # resumed after its last event: a further one would be one too many
        if self._next_turn < 0 and self._take_turn():
            return
        next_turn = self._next_turn
        for event in events:
            outcome.events += 1
            if executor is not None:
                pending = False
                try:  # here and not in the guard: a call into an executor comes with every event
                    if executor.pending():
                        pending = True
                except BaseException as error:
                    self._executor_failed("pending", event.symbol, error)
                if pending:
                    self._deliver(event)
            if session.on_event(event):
                self._settle()
            if executor is not None and (lane := lanes.get(event.symbol)) is not None:
                try:
                    executor.on_market(event, lane.now_us)
                except BaseException as error:
                    self._executor_failed("on_market", event.symbol, error)
            if session.seq >= next_turn:
                if self._take_turn():
                    return
                next_turn = self._next_turn
            if stop_us is None and limit is not None and session.now_us:
                self._stop_us = stop_us = session.now_us + limit  # before the snapshot, which remembers it
            if session.now_us >= self._next_snapshot_us:
                self._snapshot(source.consumed)
            if not outcome.events % _PROGRESS_EVERY and self._on_progress is not None:
                self._on_progress(source.progress(), outcome.events)
            if interruption.signal:
                outcome.status, outcome.signal = "interrupted", interruption.signal
                return
            if session.halted and session.settled:
                outcome.status = "halted"
                return
            if stop_us is not None and session.now_us >= stop_us:
                return
        if self._live is not None and interruption.signal:  # heard while the market was silent
            outcome.status, outcome.signal = "interrupted", interruption.signal
        elif session.halted:
            outcome.status = "halted"

    def _over(self) -> bool:
        session, stop_us = self.session, self._stop_us
        if session.halted and session.settled:
            self._outcome.status = "halted"
            return True
        return stop_us is not None and session.now_us >= stop_us

    def _deliver(self, event: MarketEvent) -> None:
        """Notices that are due before ``event`` happens come first; a corrupt stamp must not pull them forward."""
        assert self.guard is not None
        now_us = self.session.now_us
        lane = self.session.lanes.get(event.symbol)
        if lane is not None and event.exchange_us is not None and lane.market.clock.plausible(event):
            now_us = max(now_us, event.exchange_us)
        faults = self.guard.count.total
        for notice in self.guard.due(now_us):
            self.session.on_event(notice)
            self._settle()
        if self.guard.count.total > faults:
            self._after_failure()

    def _settle(self) -> None:
        """Store what the last event led to, commit intents, then execute them."""
        output = self.session.take()
        self._write(output)
        guard = self.guard
        if guard is not None:
            failed = False
            for command in output.commands:
                failed |= not guard.execute(command)
            if failed:
                self._after_failure()
        if self._live is not None:
            blotter = self.session.blotter
            if (exposed := bool(blotter.positions or blotter.orders)) is not self._exposed:
                self._exposed = exposed
                self._live.tell_exposure(exposed)

    def _executor_failed(self, call: str, symbol: str, error: BaseException) -> None:
        assert self.guard is not None
        self.guard.failed(call, symbol, error)
        self._after_failure()

    def _after_failure(self) -> None:
        """The executor failed: store that, and at its third fault halt, try to cancel what rests, and end the run."""
        guard = self.guard
        assert guard is not None
        self.session.halt_if_failing()
        if not guard.count.quarantined:
            self._settle()
            return
        output = self.session.take()
        self._write(output)
        for command in output.commands:
            guard.execute(command)
        self._write(self.session.take())
        raise guard.end()

    def _feed_failed(self, call: str, kind: str, message: str) -> None:
        """Journal a fault of the feed; it belongs to the event that comes next, whatever the last snapshot holds."""
        fault = Fault(self._feed_name, self.session.now_us, message, False, "feed", kind, call)
        self.session.on_fault("", fault, ahead=1)
        self._settle()

    def _take_turn(self) -> bool:
        """Do what is due at this event: a quarantine that was ordered, the end of what is repeated. True: the run is over."""
        session = self.session
        while self._told and session.seq >= self._told[0][0]:
            _, name, message = self._told.popleft()
            session.quarantine(name, message)
        if self._told:
            self._next_turn = self._told[0][0]
        elif session.seq < self._live_from:
            self._next_turn = self._live_from
        else:
            self._next_turn = _NEVER
            if self.options.verify_only:
                return True
            budget_ns = self.options.plugin_budget_ns
            session.oversee(Oversight(self._stopwatch, budget_ns) if budget_ns else None)
            for name in self.options.quarantine:
                session.quarantine(name, "quarantined at the operator's wish")
        if session.output.records:
            self._settle()
        return False

    def _write(self, output: Output) -> None:
        # Always, not only for intents: an open transaction would keep other writers of the same database waiting (35 us a commit).
        if output.records:
            if any(isinstance(record, TransitionRecord) and record.source == State.SLEEP for record in output.records):
                # Awake from now on: the next snapshot must not wait for the end of a sleeper's interval.
                self._next_snapshot_us = min(self._next_snapshot_us, self.session.now_us + self.options.snapshot_awake_us)
            self.sink.write(output.records)
            self.sink.commit()
            self._outcome.commits += 1

    def _snapshot(self, consumed: int) -> None:
        session = self.session
        if not session.now_us:
            return  # nothing has said what time it is
        awake = any(lane.detector.state is not State.SLEEP for lane in session.lanes.values())
        first = not self._next_snapshot_us
        self._next_snapshot_us = session.now_us + (self.options.snapshot_awake_us if awake else self.options.snapshot_us)
        if self._store is None or first:
            return
        self._save(consumed)

    def _save(self, consumed: int) -> None:
        session, executor = self.session.snapshot(), None if self.guard is None else self.guard.snapshot()
        if session is None or (executor is None and self.guard is not None):
            # A plugin could not give its state; the fault is journalled, and an older snapshot stays the newest.
            if self.guard is not None and executor is None:
                self._after_failure()
            return
        payload: dict[str, Any] = {
            "session": session,
            "executor": executor,
            "consumed": consumed,
            "next_snapshot_us": self._next_snapshot_us,
            "stop_us": self._stop_us,
            "rows": self.sink.row_digests(),
        }
        record = SnapshotRecord(seq=self.session.seq, t_us=self.session.now_us, payload=msgspec.msgpack.encode(payload))
        self.sink.save_snapshot(record)
        self._outcome.snapshots += 1

    def restore(self, snapshot: SnapshotRecord) -> int:
        """Take back a snapshot and the stored rows before it; returns how many input events to skip.

        Raises VerificationError for rows that are not those of the snapshot, and for a snapshot that these components cannot take.
        """
        try:
            payload = msgspec.msgpack.decode(snapshot.payload)
            self.sink.check_rows(snapshot.seq, payload["rows"])
            self.session.restore(payload["session"], self.sink.orders_until(snapshot.seq))
            if self.guard is not None:
                self.guard.restore(payload["executor"])
            self._next_snapshot_us = payload["next_snapshot_us"]
            self._stop_us = payload["stop_us"]
            return int(payload["consumed"])
        except FlashcrashError:
            raise
        except BaseException as error:  # restoring runs plugins, which may raise anything
            let_interrupt_pass(error)
            raise VerificationError(
                f"resume: the snapshot after event {snapshot.seq} does not fit ({type(error).__name__}: {error}); it was made by "
                "another version of flashcrash or of a plugin, or it is damaged. Restore that version, or start a new run"
            ) from error

    def _finish(self, source: Input) -> None:
        session = self.session
        if session.now_us:
            for lane in session.lanes.values():
                if self._outcome.status == "done":
                    lane.episodes.close(lane.row.t_us if lane.row is not None else lane.now_us)
        session.check()
        if self._outcome.status != "interrupted":
            self.sink.expect_nothing_left()
        for symbol, number in session.unknown_symbols.items():
            message = f"{number} events of a symbol that this run does not trade"
            session.output.records.append(
                AuditRecord(seq=session.seq, t_us=session.now_us, symbol=symbol, kind="unknown_symbol", message=message)
            )
        self.sink.write(session.take().records)
        if self._store is not None and session.now_us:
            self._save(source.consumed)
            self.sink.write(session.take().records)
        self.sink.commit()
        if self._on_progress is not None:
            self._on_progress(1.0, self._outcome.events)

    def _paced(self, events: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
        speed = self.options.speed
        if speed is None:
            return events
        return self._pace(events, speed)

    def _pace(self, events: Iterator[MarketEvent], speed: float) -> Iterator[MarketEvent]:
        start_wall = time.monotonic()
        start_us: int | None = None
        for event in events:
            if start_us is None:
                start_us = event.receive_us
            due_s = (event.receive_us - start_us) / 1e6 / speed
            # In naps: a quiet market must not keep Ctrl-C waiting.
            while (ahead_s := due_s - (time.monotonic() - start_wall)) > 0.001 and not self._interruption.signal:
                time.sleep(min(ahead_s, _NAP_S))
            yield event

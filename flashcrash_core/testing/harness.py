"""A whole session around a plugin under test: isolated registry, manual clock, temporary store.

The parts are those of ``flashcrash run``: configuration, registry, session, runner, paper executor, and the configured store in a
temporary folder. Only the feed is missing; its place is taken by a tape or by events made by hand.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from flashcrash_core import __version__
from flashcrash_core.config import did_you_mean, load_config, resolve_plugins
from flashcrash_core.detection.containment import named
from flashcrash_core.errors import UsageError
from flashcrash_core.market.clock import LATE_TOLERANCE_US
from flashcrash_core.market.events import Event, MarketEvent, Side
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.registry import EdgeFault, load_registry
from flashcrash_core.runtime.composition import Composition, compose
from flashcrash_core.runtime.inputs import Input, SymbolInput
from flashcrash_core.runtime.launch import to_json
from flashcrash_core.runtime.records import Record, SessionRecord, TransitionRecord
from flashcrash_core.runtime.report import build_report
from flashcrash_core.runtime.runner import Runner, RunOptions, RunOutcome
from flashcrash_core.runtime.session import Session
from flashcrash_core.runtime.storage import Store
from flashcrash_core.simulation.generator import simulated_instrument
from flashcrash_core.simulation.scenario import SIMULATED_SYMBOL
from flashcrash_core.testing.clock import START_US, ManualClock
from flashcrash_core.testing.harness_options import override_texts, sort_out
from flashcrash_core.testing.manual_market import ManualMarket, Number
from flashcrash_core.testing.row_readings import ReadingLog, RowReading
from flashcrash_core.testing.tapes import Tape

__all__ = ["PluginHarness"]

R = TypeVar("R", bound=Record)

_SESSION: Final = "harness"


class _Waiting(Iterator[MarketEvent]):
    """Events that the runner has not taken yet. It ends when empty and goes on when there are more."""

    def __init__(self) -> None:
        self.events: deque[MarketEvent] = deque()

    def __next__(self) -> MarketEvent:
        if not self.events:
            raise StopIteration
        return self.events.popleft()


class PluginHarness:
    """A session with the named plugins beside the first-party ones, and no other third-party plugin.

    ``plugins`` are elements of ``--plugins`` (a name, ``./file.py``, ``pkg.mod``, ``no:name``) or plugin objects (a module, an
    instance with hooks). ``config`` maps dotted keys to values, ``{"indicators.my-vpin.buckets": 10}``; no configuration file and
    no environment variable is read. ``instrument`` and ``has_book`` are those of events made by hand (a tape brings its own), which
    begin at ``start_us``. Raises PluginError and ConfigError at once, with everything that is wrong.

    Use it in a ``with`` statement: the store lives as long as that.
    """

    def __init__(
        self,
        *plugins: object,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        instrument: Instrument | None = None,
        has_book: bool = True,
        start_us: int = START_US,
    ) -> None:
        elements, objects = sort_out(plugins)
        with TemporaryDirectory() as empty:  # a folder without configuration files
            loaded = load_config(
                profile=profile, overrides=override_texts(config or {}), environ={}, cwd=Path(empty), strict=False
            )  # fmt: skip
        self.config = loaded
        self.registry = load_registry(elements, objects=objects)
        self.plugins = resolve_plugins(loaded, self.registry)
        self.clock = ManualClock(start_us, self._on_tick)
        self._instrument = instrument
        self._has_book = has_book
        self._market: ManualMarket | None = None
        self._waiting = _Waiting()
        self._folder: TemporaryDirectory[str] | None = None
        self._store: Store | None = None
        self._composition: Composition | None = None
        self._runner: Runner | None = None
        self._log: ReadingLog | None = None
        self._edge_faults: list[EdgeFault] = []
        self._report: dict[str, Any] | None = None
        self._failed = ""
        self._closed = False

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self) -> Self:
        """Create the temporary store; ``with`` does it. Raises UsageError after :meth:`close`."""
        if self._closed:
            raise UsageError("harness: is closed; make a new PluginHarness")
        if self._store is None:
            self._folder = TemporaryDirectory(prefix="flashcrash-harness-")
            spec = self.plugins.store.spec
            self._store = spec.build(self.plugins.store.config, str(Path(self._folder.name) / "session.db"))
        return self

    def close(self) -> None:
        """Release the store and remove it; idempotent. A session that has not ended stays unended."""
        self._closed = True
        store, self._store = self._store, None
        folder, self._folder = self._folder, None
        try:
            if store is not None:
                store.close()
        finally:
            if folder is not None:
                folder.cleanup()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- driving -------------------------------------------------------------------------------------------------------

    def play(self, tape: Tape | Sequence[MarketEvent], *, end: bool = True) -> None:
        """Play a tape, or events, and end the session as ``flashcrash run`` does; ``end`` False leaves it open for more.

        Raises UsageError when the session has ended or failed, for an empty tape, for one that begins before the clock's time, and
        for one of another instrument. What a plugin raises where the session cannot contain it comes out as it is.
        """
        self._refuse_when_over("play")
        if isinstance(tape, str):
            raise UsageError(f"harness: play({tape!r}): a name is no tape yet; write play(tape({tape!r}))")
        if not isinstance(tape, Tape) and not (isinstance(tape, Sequence) and all(isinstance(event, Event) for event in tape)):
            raise UsageError(f"harness: play takes a tape or a list of events, not {named(tape)}")
        events = tape.events if isinstance(tape, Tape) else tape
        if not events:
            raise UsageError("harness: nothing to play; the tape has no events")
        if isinstance(tape, Tape):
            self._compose(self._fitting(tape.instrument), has_book=tape.has_book)
        else:
            self._compose(self._fitting(None), has_book=self._has_book)
        self._refuse_misfit(events)
        self._take(events, end=end)

    def trade(self, price: Number, qty: Number, aggressor: str | Side = "buy") -> None:
        """A print now; ``aggressor`` is ``"buy"`` or ``"sell"``. Raises UsageError for numbers off the grid."""
        self._take((self._by_hand("trade").trade(price, qty, aggressor),))

    def book(self, bids: Iterable[tuple[Number, Number]], asks: Iterable[tuple[Number, Number]]) -> None:
        """The whole book now, as ``(price, quantity)`` levels: a snapshot at first and after a gap, else the changes."""
        self._take((self._by_hand("book").book(bids, asks),))

    def quote(self, bid: Number, ask: Number, bid_qty: Number = 1, ask_qty: Number = 1) -> None:
        """Best bid and ask now, as the ticker stream tells them."""
        self._take((self._by_hand("quote").quote(bid, ask, bid_qty, ask_qty),))

    def gap(self, reason: str = "test") -> None:
        """The feed lost messages: the book is unusable until the next :meth:`book`."""
        self._take((self._by_hand("gap").gap(reason),))

    def finish(self) -> dict[str, Any]:
        """End the session (plugins are told, the store is closed off) and return the report. Again: the same report."""
        if self._report is None:
            self._refuse_when_over("finish")
            self._take((), end=True)
        assert self._report is not None
        return self._report

    # -- what came of it -----------------------------------------------------------------------------------------------

    @property
    def report(self) -> dict[str, Any]:
        """The report, as ``flashcrash run --json`` prints it: final after the end, else of the session so far."""
        if self._report is not None:
            return self._report
        self._refuse_when_over("report")
        runner = self._started()[1]
        return self._build_report(runner.advance(self._started()[0].source))

    @property
    def session(self) -> Session:
        """The running session, for a closer look. Raises UsageError before the first event."""
        return self._started()[0].session

    @property
    def rows(self) -> tuple[FeatureRow, ...]:
        """Every feature row that the indicators saw."""
        return tuple(self._readings_log().rows)

    def readings(self, name: str) -> list[RowReading]:
        """What one indicator said at every row. Raises UsageError for an unknown name, with the nearest one."""
        log = self._readings_log()
        found = log.of(name)
        if found is None:
            raise UsageError(f'there is no indicator "{name}" in this session; {did_you_mean(name, log.names, what="it has")}')
        return found

    def records(self, kind: type[R]) -> list[R]:
        """All records of a kind, read back from the store, as ``records(TransitionRecord)``."""
        if self._store is None:
            raise UsageError("harness: the store is closed; read records inside the with statement")
        self._started()
        return self._store.read(_SESSION, kind)

    @property
    def states(self) -> tuple[str, ...]:
        """The states of the detector in order, from ``SLEEP`` on."""
        return ("SLEEP", *(record.target for record in self.records(TransitionRecord)))

    @property
    def faults(self) -> tuple[dict[str, Any], ...]:
        """Contained faults of plugins, as the report lists them: when, where, and what was wrong; the first fifty."""
        return tuple(self._started()[0].session.faults)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _on_tick(self, _now_us: int) -> None:
        self._take((self._by_hand("clock.advance").timer(),))

    def _by_hand(self, what: str) -> ManualMarket:
        self._refuse_when_over(what)
        self._compose(self._fitting(None), has_book=self._has_book)
        assert self._market is not None
        return self._market

    def _refuse_when_over(self, what: str) -> None:
        if self._closed:
            raise UsageError(f"harness: {what} after close; do it inside the with statement, or make a new PluginHarness")
        if self._store is None:
            raise UsageError(f"harness: {what} before it is open; use it as `with PluginHarness(...) as harness:`")
        if self._failed:
            raise UsageError(f"harness: {what} after the session failed with {self._failed}; make a new PluginHarness")
        if self._report is not None:
            raise UsageError(f"harness: {what} after the session has ended; use play(..., end=False) to go on, or make a new one")

    def _fitting(self, played: Instrument | None) -> Instrument:
        """The session's instrument: given, of the first tape, or the simulated one. Raises UsageError for a tape of another."""
        known = self._instrument or (next(iter(self.session.instruments.values())) if self._composition is not None else None)
        if known is None:
            return played or simulated_instrument(SIMULATED_SYMBOL)
        if played is not None and played != known:
            grids = [f"{one.symbol} (tick {one.tick_size}, lot {one.lot_size})" for one in (played, known)]
            raise UsageError(f"harness: the tape is of {grids[0]}, this session of {grids[1]}; make a new PluginHarness for it")
        return known

    def _refuse_misfit(self, events: Sequence[MarketEvent]) -> None:
        session = self.session
        if events[0].symbol not in session.instruments:
            known = ", ".join(session.instruments)
            raise UsageError(f"harness: the events are of {events[0].symbol}, this session of {known}; give instrument=")
        first_us = next((event.exchange_us for event in events if event.exchange_us is not None), None)
        if session.seq and first_us is not None and first_us < session.now_us - LATE_TOLERANCE_US:
            late_s = (session.now_us - first_us) / 1e6
            raise UsageError(
                f"harness: the tape begins {late_s:.1f} s in the past; time only goes forward, make a new PluginHarness"
            )

    def _started(self) -> tuple[Composition, Runner]:
        if self._composition is None or self._runner is None:
            raise UsageError("harness: nothing has happened yet; play a tape or make an event first")
        return self._composition, self._runner

    def _readings_log(self) -> ReadingLog:
        self._started()
        assert self._log is not None
        return self._log

    def _compose(self, instrument: Instrument, *, has_book: bool) -> None:
        """Compose the session at its first event; nothing afterwards."""
        store = self._store
        if self._composition is not None or store is None:
            return
        symbols = {instrument.symbol: SymbolInput(instrument, has_book)}
        source = Input(symbols, DataTier.SYNTHETIC, has_book, "plugin harness", [], [], self._waiting)
        composition = compose(self.config, self.plugins, source)
        run = self.config.settings.run
        options = RunOptions(snapshot_us=round(run.snapshot_s * 1e6), snapshot_awake_us=round(run.snapshot_awake_s * 1e6))
        self._composition = composition
        self._market = ManualMarket(instrument, self.clock)
        self._log = ReadingLog(composition.session.lanes[instrument.symbol])
        self._runner = Runner(composition.session, composition.executor, store, _SESSION, options)
        store.begin_session(
            SessionRecord(
                id=_SESSION, mode=run.mode, status="running", symbols=(instrument.symbol,), profile=self.config.profile,
                data_tier=str(source.data_tier), version=__version__, plugins=self.registry.versions(),
                config=self.config.as_plain(), inputs={}, wall_started=_iso(self.clock.now_us),
                equity_start_minor=composition.session.blotter.ledger.equity_start_minor,
            )
        )  # fmt: skip
        self._edge_faults += self.registry.session_start(session_id=_SESSION, mode=run.mode, symbols=(instrument.symbol,))

    def _take(self, events: Sequence[MarketEvent], *, end: bool = False) -> None:
        composition, runner = self._started()
        self._waiting.events.extend(events)
        try:
            if end:
                outcome = runner.run(composition.source)
                if outcome.status == "interrupted":  # the runner ends in order on Ctrl-C; a test must not go on as if it had passed
                    raise KeyboardInterrupt
            else:
                runner.advance(composition.source)
        except BaseException as error:
            self._failed = f"{type(error).__name__}: {error}"
            raise
        self.clock.follow(composition.session.now_us)
        if end:
            self._end(outcome)

    def _end(self, outcome: RunOutcome) -> None:
        composition, _ = self._started()
        assert self._store is not None
        report = self._build_report(outcome)
        self._report = report
        self._store.end_session(
            _SESSION,
            status=outcome.status,
            wall_ended=_iso(self.clock.now_us),
            decision_hash=composition.session.hash.hex,
            summary=msgspec.json.decode(to_json(report)),
        )
        faults = self.registry.session_end(session_id=_SESSION, report=report)
        report["warnings"] += [_edge_warning(fault) for fault in faults]

    def _build_report(self, outcome: RunOutcome) -> dict[str, Any]:
        composition, runner = self._started()
        mode = self.config.settings.run.mode
        report = build_report(composition, outcome, runner.sink.tally, mode=mode, engine="stream", session_id=_SESSION)
        report["warnings"] += [_edge_warning(fault) for fault in self._edge_faults]
        return report


def _edge_warning(fault: EdgeFault) -> str:
    return f"plugin {fault.plugin} failed at {fault.hook}: {fault.error}"


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat()

"""The session: the functional core. Events in; commands and records out. No I/O, no clock, no randomness of its own.

The shells around it (runners) bring events, commit what it recorded, and hand its commands to an executor, whose answers come back
as events. That is why paper, backtest and the replay of either decide alike (docs/architecture.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from attrs import define, field, frozen

from flashcrash_core.detection.containment import Fault, Oversight
from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.settings import State
from flashcrash_core.market.events import MarketEvent, Side, Trade
from flashcrash_core.runtime.containment import ScorerGuard, fault_record
from flashcrash_core.runtime.decision_hash import DecisionHash
from flashcrash_core.runtime.lane import Lane, LaneSetup
from flashcrash_core.runtime.order_desk import OrderDesk
from flashcrash_core.runtime.records import (
    AuditRecord,
    IntentRecord,
    NoticeRecord,
    Record,
    ScoreRecord,
    TransitionRecord,
)
from flashcrash_core.runtime.replay import check_ledger, replay
from flashcrash_core.runtime.venue_notices import VenueNotices
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.flatten import flatten
from flashcrash_core.trading.ledger import Ledger
from flashcrash_core.trading.orders import NOT_SENT, Command, NoticeKind, VenueNotice
from flashcrash_core.trading.risk import RiskConfig, RiskGate
from flashcrash_core.trading.strategy import Cancel, Enter, Exit, Fees, Intent, Refuse
from flashcrash_core.trading.views import frozen_order, frozen_position

__all__ = ["Output", "Session", "SessionSetup"]

_NAN: Final = float("nan")
_EXIT_PAUSE_US: Final = 250_000
"""After an exit that could not be sent, in event time."""
_FAULTS_KEPT: Final = 50
"""Faults shown in a report; storage has all."""


@frozen
class SessionSetup:
    """What a session is built from."""

    lanes: tuple[LaneSetup, ...]
    risk: RiskConfig
    fees: Fees
    equity_start_minor: int
    client_prefix: str
    """Start of every client order id; distinct per session where a real venue could confuse sessions."""
    executor_name: str = "executor"
    """Name of the plugin, for its faults."""
    real_venue: bool = False
    """Fees are those of a real venue, as it told them, and it counts how often it is asked."""


@define
class Output:
    """What one event led to. ``commands`` must be executed only after ``records`` are committed."""

    commands: list[Command] = field(factory=list)
    records: list[Record] = field(factory=list)


class Session:
    """One run over one or more symbols.

    ``seq`` is the arrival sequence: the number of events taken, market events and venue notices alike. ``halted`` is the reason of
    a shutdown, "" while trading.
    """

    def __init__(self, setup: SessionSetup) -> None:
        self.setup = setup
        self.seq = 0
        self.oversight: Oversight | None = None
        """What oversees calls into plugins besides containing them; see :meth:`oversee`."""
        self._failing = ""
        """Why the session must halt before it decides again, "" if it need not."""
        self.scorers = {id(lane.scorer): ScorerGuard(lane.scorer, lane.scorer_name, self) for lane in setup.lanes}
        """One guard for each scorer: its faults count over all symbols."""
        self.lanes = {
            lane.instrument.symbol: Lane(lane, self._on_transition, self, self.scorers[id(lane.scorer)]) for lane in setup.lanes
        }
        self.instruments = {symbol: lane.setup.instrument for symbol, lane in self.lanes.items()}
        self.blotter = Blotter(Ledger(setup.equity_start_minor, setup.fees, venue_fees=setup.real_venue), self.instruments)
        self.risk = RiskGate(setup.risk, self.blotter, setup.fees)
        self.hash = DecisionHash()
        self.now_us = 0
        self.halted = ""
        self.refusals: Counter[str] = Counter()
        self.faults: list[dict[str, Any]] = []
        self.unknown_symbols: Counter[str] = Counter()
        self.output = Output()
        self._next_position = 1
        self._taken_up: set[int] = set()
        """Positions of an earlier process that are not left yet."""
        self._marks: dict[str, int] = dict.fromkeys(self.lanes, 0)
        self._notices = VenueNotices(self.blotter, self._record, self.check)
        self._desk = OrderDesk(setup.client_prefix, self.blotter, self.hash, self._record, self._command)

    # -- events in ---------------------------------------------------------------------------------------------------

    def on_event(self, event: MarketEvent | VenueNotice) -> bool:
        """Take one event; returns whether :attr:`output` holds something. The runner empties it with :meth:`take`."""
        self.seq += 1
        lane = self.lanes.get(event.symbol)
        if lane is None:
            self.unknown_symbols[event.symbol] += 1
            return False
        if isinstance(event, VenueNotice):
            self._notices.take(lane, event)
            if event.kind is NoticeKind.REJECT and (self.setup.real_venue or event.reason in NOT_SENT):
                # Each event would try again, and each try is stored: a thousand orders a second that nobody sends, or a real
                # venue's limit used up by what it refuses.
                lane.exits_wait_us = lane.now_us + _EXIT_PAUSE_US
            lane.flat = not self._busy(lane.symbol)
            self._act(lane, event)
        elif lane.on_market(event):
            if lane.now_us > self.now_us:
                self.now_us = lane.now_us
            if lane.awake:
                self._act(lane, event)
        if self._failing:
            self.halt(self._failing)
        output = self.output
        return bool(output.records or output.commands)

    def take(self) -> Output:
        """What the last event led to; the session starts a new output."""
        output, self.output = self.output, Output()
        return output

    def take_up(self, rows: Iterable[IntentRecord | NoticeRecord]) -> None:
        """Go on with the books of an earlier process, from its stored rows in their order. Nothing else of it is kept.

        Positions of before are left by the kernel (:func:`~flashcrash_core.trading.flatten.flatten`): why they were entered is not
        known any more. Raises InvariantError for rows that contradict each other.
        """
        for row in rows:
            replay(self.blotter, row)
            self.seq, self.now_us = max(self.seq, row.seq), max(self.now_us, row.t_us)
            if isinstance(row, IntentRecord) and row.kind == "submit":
                self._desk.next_order += 1
                self._next_position = max(self._next_position, row.position_id + 1)
        self._taken_up = set(self.blotter.positions)
        for lane in self.lanes.values():
            lane.flat = not self._busy(lane.symbol)
            lane.now_us = self.now_us

    # -- detection ---------------------------------------------------------------------------------------------------

    def _on_transition(self, t: Transition) -> None:
        self.hash.transition(t)
        lane = self.lanes[t.symbol]
        lane.episodes.on_transition(t, lane.row.price if lane.row is not None else _NAN, lane.detector.drawdown.peak)
        self._record(
            TransitionRecord, t.t_us, t.symbol, source=str(t.source), target=str(t.target), reason=t.reason, evidence=t.evidence
        )

    # -- faults of plugins -------------------------------------------------------------------------------------------

    def on_fault(self, symbol: str, fault: Fault, *, ahead: int = 0) -> None:
        """Journal a contained fault and draw the consequences. ``ahead`` 1: it belongs to the event that comes next."""
        record = fault_record(self.seq + ahead, symbol, fault)
        if len(self.faults) < _FAULTS_KEPT:
            self.faults.append(msgspec.to_builtins(record))
        self.output.records.append(record)
        if fault.stage == "executor":
            self.block_entries("executor_fault")
        if fault.quarantined:
            match fault.stage:
                case "scorer":
                    self.block_entries("scorer_quarantined")
                case "strategy":
                    self._failing = "strategy_quarantined"
                case "executor":
                    self._failing = "executor_quarantined"

    @property
    def failing(self) -> bool:
        """A plugin without which the session must not decide is gone, and nothing has been done about it yet."""
        return bool(self._failing)

    def halt_if_failing(self) -> None:
        """A plugin without which the session must not decide is gone: halt before the next decision."""
        if self._failing:
            self.halt(self._failing)

    def block_entries(self, reason: str) -> None:
        """No entry on any symbol from now on. Exits go on."""
        for lane in self.lanes.values():
            lane.entries_blocked = lane.entries_blocked or reason

    def oversee(self, oversight: Oversight | None) -> None:
        """Measure the calls into plugins from now on, or impose journalled faults on them; None: neither."""
        self.oversight = oversight
        for lane in self.lanes.values():
            lane.oversee(oversight)

    def quarantine(self, name: str, message: str) -> bool:
        """Stop calling the indicator instance ``name`` on every symbol; False when there is none of that name."""
        found = [lane.quarantine(name, message) for lane in self.lanes.values()]
        return any(found)

    # -- decisions ---------------------------------------------------------------------------------------------------

    def _act(self, lane: Lane, event: MarketEvent | VenueNotice) -> None:
        moment = lane.look()
        moment.trade = (event.price_ticks, event.qty_lots) if isinstance(event, Trade) else None
        symbol = lane.symbol
        exit_ticks = moment.exit_ticks
        if exit_ticks:
            self._marks[symbol] = exit_ticks
        positions = self.blotter.positions
        moment.positions = [frozen_position(p) for p in positions.values() if p.symbol == symbol]
        moment.orders = [frozen_order(o) for o in self.blotter.orders.values() if o.submit.symbol == symbol]
        moment.open_positions = len(positions)
        moment.equity_minor = self.equity_minor()
        moment.cash_minor = self.blotter.ledger.cash_minor - self.blotter.committed_minor(self._marks)
        # Without positions as well: the fill that closed the last one may be the breach, and a gain raises the peak.
        if not self.halted and (breach := self.risk.breach(moment.equity_minor)):
            self.halt(breach)
            moment.state, moment.blocked = State.SHUTDOWN, "shutdown"
        if self._failing:
            self.halt(self._failing)
        if not self._flattens(lane):
            lane.score_failed = ""
            for intent in lane.strategy.decide(moment):
                self._take_intent(lane, intent)
            if not self._failing:
                return
            self.halt(self._failing)
        if self._flattens(lane):
            for leaving in flatten(self.blotter, symbol, exit_ticks, self.setup.risk.flatten_collar_bps):
                self._take_intent(lane, leaving)

    def _flattens(self, lane: Lane) -> bool:
        """The kernel leaves by itself: by policy, or because nobody else can who knows why a position was entered."""
        self._taken_up &= self.blotter.positions.keys()
        if any(self.blotter.positions[number].symbol == lane.symbol for number in self._taken_up):
            return True
        return bool(self.halted) and (self.setup.risk.shutdown_policy == "flatten" or lane.strategy.count.quarantined)

    def _take_intent(self, lane: Lane, intent: Intent) -> None:
        match intent:
            case Enter():
                self._enter(lane, intent)
            case Exit():
                self._exit(lane, intent)
            case Cancel():
                order = self.blotter.orders.get(intent.client_id)
                if order is not None and order.submit.symbol != lane.symbol:
                    lane.strategy.accuse("cancel", lane.now_us, f"Cancel of {intent.client_id}, an order of {order.submit.symbol}")
                else:
                    self._desk.cancel(lane, intent.client_id, intent.reason)
            case Refuse():
                if intent.reason not in ("state", "shutdown"):  # no entry was possible, so none was refused
                    self._considered(lane, intent.reason, intent.score, intent.detail)

    def _considered(self, lane: Lane, refused: str, score: Any, detail: str) -> None:
        self.hash.considered(lane.now_us, lane.symbol, refused, score)
        if refused:
            self.refusals[refused] += 1
        self._record(
            ScoreRecord, lane.now_us, lane.symbol, total=_NAN if score is None else score.total, refused=refused, detail=detail
        )

    def _enter(self, lane: Lane, intent: Enter) -> None:
        reference = lane.market.ask_ticks or lane.market.last_ticks
        refused = lane.score_failed or ("late" if lane.strategy.late else "")
        refused = refused or self.risk.refuse_entry(
            intent, lane.setup.instrument, lane.blocked(), reference_ticks=reference, marks=self._marks
        )
        self._considered(lane, refused, intent.score, intent.reason)
        if refused:
            return
        position_id = self._next_position
        self._next_position += 1
        if intent.score is not None:
            self._notices.scores[position_id] = intent.score.total
        self._desk.submit(lane, Side.BUY, intent.type, intent.price_ticks, intent.qty_lots, position_id, intent.reason)
        lane.strategy.on_entered(self.blotter.positions[position_id], intent, lane.now_us)

    def _exit(self, lane: Lane, intent: Exit) -> None:
        if lane.now_us < lane.exits_wait_us:
            return
        refused = self.risk.refuse_exit(intent)
        if refused:
            message = f"exit of position {intent.position_id} for {intent.qty_lots} lots refused: {refused}"
            self._record(AuditRecord, lane.now_us, lane.symbol, kind="exit_refused", message=message)
            return
        self._desk.submit(lane, Side.SELL, intent.type, intent.price_ticks, intent.qty_lots, intent.position_id, intent.reason)

    # -- shutdown ----------------------------------------------------------------------------------------------------

    def halt(self, reason: str) -> None:
        """Enter SHUTDOWN on every symbol: entries end, open entry orders are cancelled, exits go on by the configured policy."""
        self._failing = ""
        if self.halted:
            return
        self.halted = reason
        self.hash.halt(self.now_us, reason)
        for lane in self.lanes.values():
            self._on_transition(lane.detector.shutdown(reason, lane.now_us))
            self._record(AuditRecord, lane.now_us, lane.symbol, kind="halt", message=reason)
            self._cancel_entries(lane, "halt")

    def cancel_entries(self, reason: str) -> None:
        """Cancel every open entry order."""
        for lane in self.lanes.values():
            self._cancel_entries(lane, reason)

    def _cancel_entries(self, lane: Lane, reason: str) -> None:
        for order in list(self.blotter.orders.values()):
            if order.submit.symbol == lane.symbol and order.submit.side is Side.BUY:
                self._desk.cancel(lane, order.submit.client_id, reason)

    @property
    def open_entries(self) -> list[str]:
        """Client ids of entry orders that may still trade."""
        return [name for name, order in self.blotter.orders.items() if order.submit.side is Side.BUY]

    def audit(self, kind: str, message: str) -> None:
        """Journal a message to the user."""
        self._record(AuditRecord, self.now_us, "", kind=kind, message=message)

    @property
    def order_ends(self) -> Counter[str]:
        """How orders ended: ``entry_filled``, ``entry_partly_filled``, ``entry_cancelled``, ``exit_expired`` ..."""
        return self._notices.order_ends

    @property
    def settled(self) -> bool:
        """No position and no open order anywhere."""
        return not self.blotter.positions and not self.blotter.orders

    # -- money -------------------------------------------------------------------------------------------------------

    def equity_minor(self) -> int:
        """Cash plus holdings at what they could be sold for now."""
        ledger = self.blotter.ledger
        if not self.blotter.positions:
            return ledger.cash_minor
        return ledger.equity_minor(self.blotter.positions.values(), self._marks, self.instruments)

    def mark_ticks(self, symbol: str) -> int:
        """What one unit could be sold for when last looked at; 0 before."""
        return self._marks[symbol]

    def check(self) -> None:
        """Assert the three identities of the ledger; raises InvariantError."""
        self.blotter.ledger.check(self.blotter.positions.values(), self._marks, self.instruments)

    def _busy(self, symbol: str) -> bool:
        return any(p.symbol == symbol for p in self.blotter.positions.values()) or any(
            o.submit.symbol == symbol for o in self.blotter.orders.values()
        )

    def _command(self, command: Command) -> None:
        self.output.commands.append(command)

    def _record(self, record: type[Record], t_us: int, symbol: str, /, **fields: Any) -> None:
        self.output.records.append(record(seq=self.seq, t_us=t_us, symbol=symbol, **fields))

    # -- snapshot and rebuild ----------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any] | None:
        """State as plain data, orders and positions excepted: those are rebuilt from stored rows. The ledger is kept to compare.

        None when a plugin cannot give its state. That is a fault of the plugin, journalled with the next event.
        """
        lanes = {symbol: lane.snapshot() for symbol, lane in self.lanes.items()}
        if None in lanes.values():
            return None
        return {
            "lanes": lanes,
            "scorers": [guard.count.snapshot() for guard in self.scorers.values()],
            "risk": self.risk.snapshot(),
            "ledger": self.blotter.ledger.snapshot(),
            "hash": [self.hash.digest, self.hash.count],
            "refusals": dict(self.refusals),
            "order_ends": dict(self._notices.order_ends),
            "faults": list(self.faults),
            "unknown_symbols": dict(self.unknown_symbols),
            "marks": dict(self._marks),
            "scores": list(self._notices.scores.items()),
            "plain": [self.seq, self.now_us, self.halted, self._desk.next_order, self._next_position],
        }

    def restore(self, data: Mapping[str, Any], rows: list[IntentRecord | NoticeRecord]) -> None:
        """Take back what :meth:`snapshot` gave; ``rows`` are the stored intents and notices up to it, in order.

        Raises InvariantError when the rows do not lead to the ledger that the snapshot remembers.
        """
        for symbol, lane_data in data["lanes"].items():
            self.lanes[symbol].restore(lane_data)
        for guard, count in zip(self.scorers.values(), data["scorers"], strict=True):
            guard.count.restore(count)
        self.risk.restore(data["risk"])
        self.hash.digest, self.hash.count = data["hash"]
        self.refusals = Counter(data["refusals"])
        self.faults = list(data["faults"])
        self.unknown_symbols = Counter(data["unknown_symbols"])
        self._marks = dict(data["marks"])
        self._notices.restore(data["order_ends"], data["scores"])
        self.seq, self.now_us, self.halted, self._desk.next_order, self._next_position = data["plain"]
        for row in rows:
            replay(self.blotter, row)
        check_ledger(self.blotter, data["ledger"])

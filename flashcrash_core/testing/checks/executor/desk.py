"""One executor over one market, fed in the order in which the runner feeds it, with everything written down.

Per event: notices that are due, then the event into the kernel's own market state, then the script's commands, then ``on_market``.
A plugin that raises ends the play; only the check ``commands_never_raise`` makes a fault of that, so that one defect is one row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import count
from math import nan
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import MarketEvent, Timer
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import Tape
from flashcrash_core.trading.execution import Executor, ExecutorContext, MarketView
from flashcrash_core.trading.orders import CancelOrder, Command, NoticeKind, SubmitOrder, VenueNotice
from flashcrash_core.trading.strategy import Fees

__all__ = [
    "ENDS_WITHIN_US",
    "END_KINDS",
    "FEES",
    "SEED",
    "BrokenPlay",
    "Delivery",
    "Desk",
    "Run",
    "Script",
    "build",
    "play",
    "played_mode",
]

SEED: Final = 7
"""The run's seed, unless a check is about seeds."""
FEES: Final = Fees(Decimal("7.5"), Decimal("10.03"))
"""Rates that differ and do not divide evenly, so that a swapped or wrongly rounded fee shows."""
END_KINDS: Final = frozenset({NoticeKind.REJECT, NoticeKind.CANCELLED, NoticeKind.EXPIRED})
"""Notices that end an order; a fill of the last lot does as well."""
ENDS_WITHIN_US: Final = 90_000_000
"""Event time that a run goes on after its tape, on timers: every cancelled order must have ended by then."""
_TIMER_US: Final = 500_000
_SIGMA: Final = 1e-4
"""sigma_W of a run with a book, per sqrt(second); runs without one get NaN, which the seam allows."""


@frozen
class Delivery:
    """A notice and when it was asked for. Deliveries of one ``due`` have one ``call``."""

    asked_us: int
    call: int
    announced: bool
    """``pending()`` was true just before."""
    notice: VenueNotice


@define
class Run:
    """What became of one play."""

    label: str
    """Of the subject."""
    tape: str
    seed: int
    """Of the tape."""
    log: list[Command | VenueNotice] = field(factory=list)
    """Commands and notices in the order in which they passed the seam."""
    deliveries: list[Delivery] = field(factory=list)
    numbers: list[int] = field(factory=list)
    """What ``next_seq`` gave out."""
    orders: dict[str, SubmitOrder] = field(factory=dict)
    cancels: dict[str, int] = field(factory=dict)
    """When a cancel was sent first."""
    broke: str = ""
    """What raised where, "" if nothing did."""
    error: Exception | None = None
    calm: bool = False
    """Nothing happens on the tape but calm trading."""
    pending_at_end: bool = False
    end_us: int = 0

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.label}: tape {self.tape}, seed {self.seed}"

    def notices(self) -> list[VenueNotice]:
        """All notices, in the order delivered."""
        return [delivery.notice for delivery in self.deliveries]

    def fills(self) -> list[tuple[SubmitOrder, VenueNotice]]:
        """Fills of the run's own orders."""
        found = [(self.orders.get(notice.client_id), notice) for notice in self.notices() if notice.kind is NoticeKind.FILL]
        return [(order, notice) for order, notice in found if order is not None]

    def ended(self) -> set[str]:
        """Orders that the venue has ended or filled."""
        done = {notice.client_id for notice in self.notices() if notice.kind in END_KINDS}
        filled: dict[str, int] = {}
        for order, notice in self.fills():
            filled[order.client_id] = filled.get(order.client_id, 0) + notice.qty_lots
        return done | {client_id for client_id, lots in filled.items() if lots >= self.orders[client_id].qty_lots}


class Script(Protocol):
    """Decides what is sent. It must be a function of what the desk shows."""

    def commands(self, desk: "Desk") -> Iterable[Command]:
        """What goes out after the newest event."""
        ...


class BrokenPlay(Exception):
    """The executor raised; the run says what."""


def build(
    subject: Subject[ExecutorSpec],
    markets: Mapping[str, MarketView],
    next_seq: Callable[[], int],
    *,
    fees: Fees = FEES,
    seed: int = SEED,
    sigma: float = _SIGMA,
) -> Executor:
    """A fresh executor over ``markets``."""
    context = ExecutorContext(markets, fees, seed, next_seq, "auto", lambda _symbol: sigma, played_mode(subject.spec))
    return subject.spec.build(subject.config, context)


def played_mode(spec: ExecutorSpec) -> str:
    """The run mode in which the kit builds it: paper or backtest where it serves one of them, so that no order reaches a venue."""
    return next((mode for mode in ("paper", "backtest") if mode in spec.modes), "real")


class Desk:
    """Market and executor side by side, and the orders as the notices tell them."""

    def __init__(
        self,
        subject: Subject[ExecutorSpec],
        tape: Tape,
        *,
        seed: int = SEED,
        only_while_pending: bool = False,
        asleep_while_idle: bool = False,
    ) -> None:
        self.run = Run(subject.label, tape.name, tape.seed, calm=tape.name == "calm")
        self.symbol = tape.instrument.symbol
        self.instrument = tape.instrument
        self.facts = tape.facts
        self.market = FeatureAccumulator(tape.instrument, has_book=tape.has_book, source_is_mid=tape.has_book)
        self.now_us = 0
        self.open: dict[str, SubmitOrder] = {}
        self.filled: dict[str, int] = {}
        self.held: dict[int, int] = {}
        """Lots by position."""
        self.selling: dict[int, int] = {}
        """Lots by position that open orders may still sell."""
        self._tape = tape
        self._only_while_pending = only_while_pending
        self._asleep_while_idle = asleep_while_idle
        self._numbers = count(1)
        self._calls = 0
        self.markets: dict[str, MarketView] = {self.symbol: self.market}
        self.executor = build(subject, self.markets, self._next, seed=seed, sigma=_SIGMA if tape.has_book else nan)

    def _next(self) -> int:
        number = next(self._numbers)
        self.run.numbers.append(number)
        return number

    # -- the runner's order ------------------------------------------------------------------------------------------

    def take(self, event: MarketEvent, script: Script | None) -> None:
        """One event, with what comes before and after it. Raises ``BrokenPlay`` when the executor raises."""
        now_us = self.now_us
        if event.exchange_us is not None and self.market.clock.plausible(event):
            now_us = max(now_us, event.exchange_us)
        self.deliver(now_us)
        market = self.market
        act_us = market.admit(event)
        if act_us < 0:
            market.apply_late(event)
        else:
            while 0 < market.next_row_us <= act_us:
                market.close_row()
            self.now_us = max(self.now_us, act_us)
            market.apply(event, act_us)
            if script is not None:
                for command in script.commands(self):
                    self.send(command)
        if self._asleep_while_idle and not self.open and not self.guarded("pending", self.executor.pending):
            return
        self.guarded("on_market", self.executor.on_market, event, self.now_us)

    def deliver(self, now_us: int) -> list[VenueNotice]:
        """Ask for what is due, unless this desk asks only while something is pending, or sleeps while nothing is under way."""
        announced = bool(self.guarded("pending", self.executor.pending))
        if not announced and (self._only_while_pending or (self._asleep_while_idle and not self.open)):
            return []
        self._calls += 1
        notices = list(self.guarded("due", self.executor.due, now_us))
        for notice in notices:
            if not isinstance(notice, VenueNotice):
                self.run.broke = f"due({now_us}) gave a {type(notice).__name__}, not a VenueNotice"
                raise BrokenPlay
            self.run.deliveries.append(Delivery(now_us, self._calls, announced, notice))
            self.run.log.append(notice)
            self._book(notice)
        return notices

    def send(self, command: Command) -> None:
        """Hand a command over."""
        self.run.log.append(command)
        if isinstance(command, SubmitOrder):
            self.run.orders[command.client_id] = command
            self.open[command.client_id] = command
            if command.reduce_only:
                self.selling[command.position_id] = self.selling.get(command.position_id, 0) + command.qty_lots
            self.guarded(f"submit of {command.type} {command.client_id}", self.executor.submit, command)
        else:
            self.run.cancels.setdefault(command.client_id, self.now_us)
            self.guarded(f"cancel of {command.client_id}", self.executor.cancel, command)

    def cancel(self, client_id: str, symbol: str = "") -> CancelOrder:
        """A cancel of that order, decided now."""
        order = self.run.orders.get(client_id)
        return CancelOrder(client_id, symbol or self.symbol, "kit", self.now_us, order.stressed if order else False)

    def drain(self) -> None:
        """Cancel what rests, then let time pass without a market, as at the end of a session."""
        for client_id, order in list(self.open.items()):
            if order.type in ("LIMIT", "LIMIT_MAKER") and client_id not in self.run.cancels:
                self.send(self.cancel(client_id))
        self.idle(ENDS_WITHIN_US)

    def idle(self, span_us: int) -> None:
        """Timers for that long."""
        until_us = self.now_us + span_us
        while self.now_us < until_us:
            at_us = self.now_us + _TIMER_US
            self.take(Timer(self.symbol, 0, at_us, at_us), None)

    def fork(self, subject: Subject[ExecutorSpec]) -> "Desk":
        """A desk with a fresh executor over a copy of the market as it is now; its run begins here, with this one's orders."""
        twin = Desk(subject, self._tape)
        twin.market.restore(self.market.snapshot())
        twin.now_us = self.now_us
        twin.open, twin.filled, twin.held, twin.selling = dict(self.open), dict(self.filled), dict(self.held), dict(self.selling)
        twin.run.orders, twin.run.cancels = dict(self.run.orders), dict(self.run.cancels)
        twin._numbers = count(len(self.run.numbers) + 1)
        return twin

    def guarded(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call into the plugin; note what it raises and end the play."""
        try:
            return call(*arguments)
        except Exception as error:
            self.run.broke = f"{what} at {self.now_us} us raised {type(error).__name__}: {error}"
            self.run.error = error
            raise BrokenPlay from error

    def _book(self, notice: VenueNotice) -> None:
        order = self.run.orders.get(notice.client_id)
        if order is None or notice.client_id not in self.open:
            return
        if notice.kind is NoticeKind.FILL:
            lots = min(notice.qty_lots, order.qty_lots - self.filled.get(order.client_id, 0))
            self.filled[order.client_id] = self.filled.get(order.client_id, 0) + lots
            position = order.position_id
            self.held[position] = self.held.get(position, 0) + int(order.side) * lots
            if order.reduce_only:
                self.selling[position] -= lots
            if self.filled[order.client_id] == order.qty_lots:
                del self.open[order.client_id]
        elif notice.kind in END_KINDS:
            if order.reduce_only:
                self.selling[order.position_id] -= order.qty_lots - self.filled.get(order.client_id, 0)
            del self.open[order.client_id]


def play(
    subject: Subject[ExecutorSpec],
    tape: Tape,
    script: Script,
    *,
    seed: int = SEED,
    only_while_pending: bool = False,
    asleep_while_idle: bool = False,
    extra: Sequence[MarketEvent] = (),
) -> Run:
    """Play a tape to its end and past it, until every order has had the time to end. Never raises for what the executor does.

    ``asleep_while_idle``: as a backtest that sleeps, which asks and shows nothing while no order is open and nothing is pending.
    """
    desk = Desk(subject, tape, seed=seed, only_while_pending=only_while_pending, asleep_while_idle=asleep_while_idle)
    try:
        for event in (*tape.events, *extra):
            desk.take(event, script)
        desk.drain()
        desk.run.pending_at_end = bool(desk.guarded("pending", desk.executor.pending))
    except BrokenPlay:
        pass
    desk.run.end_us = desk.now_us
    return desk.run

"""A desk: the strategy under test with a real blotter, ledger and risk gate, a venue that answers, and a moment made for each look.

What the strategy is shown are copies of orders and positions, as a session shows them. What it intends is carried out as a session
would, after the gate; what the gate or the rules of an intent refuse is kept in :attr:`Desk.refused` for the checks to judge.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, Final

from attrs import define, field

from flashcrash_core.detection.scoring import Score
from flashcrash_core.detection.settings import State
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.simulation.generator import simulated_instrument
from flashcrash_core.simulation.scenario import SIMULATED_SYMBOL
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.strategy.market import Beat
from flashcrash_core.testing.checks.strategy.venue import PlainVenue, Said, Venue
from flashcrash_core.testing.rows import EPOCH_US
from flashcrash_core.testing.subject import Subject, build_context
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import Ledger, fee_minor
from flashcrash_core.trading.orders import NoticeKind, Order, OrderType, SubmitOrder, VenueNotice
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.risk import RiskConfig, RiskGate
from flashcrash_core.trading.strategy import Cancel, Enter, Exit, Fees, Intent, Moment, Refuse, Strategy

__all__ = ["EQUITY_QUOTE", "INSTRUMENT", "Desk", "Refused", "built", "copied_order", "whole"]

EQUITY_QUOTE: Final = 10_000
INSTRUMENT: Final[Instrument] = simulated_instrument(SIMULATED_SYMBOL)
_FULL_SCORE: Final = Score(100.0, {"checks": 100.0})


def built(subject: Subject[StrategySpec], *, has_book: bool = True) -> Strategy:
    """A fresh strategy."""
    return subject.spec.build(subject.config, build_context(INSTRUMENT, has_book=has_book))


def whole(value: object) -> bool:
    """A plain int, not a bool and no float that happens to be whole."""
    return isinstance(value, int) and not isinstance(value, bool)


@define
class Refused:
    """An intent that was not carried out, and why."""

    now_us: int
    intent: Any
    reason: str


def _generous(_entry: float, _target: float, _notional: float) -> Score:
    return _FULL_SCORE


@define
class Desk:
    """One symbol and an account of 10,000. Set what a moment shows by attributes, then :meth:`step` from beat to beat."""

    subject: Subject[StrategySpec]
    has_book: bool = True
    venue: Venue = field(factory=PlainVenue)
    strategy: Strategy = field(init=False)
    blotter: Blotter = field(init=False)
    gate: RiskGate = field(init=False)
    score: Callable[[float, float, float], Score] = _generous
    state: State = State.ACTIVE
    blocked: str = ""
    entries: bool = True
    """False: every entry is refused, as a gate may do for reasons of its own."""
    shows_readings: bool = True
    cash_minor: int | None = None
    """What is shown as free cash; None for the account's."""
    stale: bool = False
    """Rows and with them readings stand still."""
    now_us: int = EPOCH_US
    row_us: int = EPOCH_US
    bid_ticks: int = 0
    bar: Bar | None = None
    last_ticks: int = 0
    log: list[tuple[int, tuple[Any, ...]]] = field(factory=list)
    """Time and intents of every look that had any."""
    refused: list[Refused] = field(factory=list)
    entered: list[tuple[int, Enter]] = field(factory=list)
    """Position and intent of each entry that was accepted."""
    sent: int = 0
    _trades: int = 0

    def __attrs_post_init__(self) -> None:
        self.strategy = built(self.subject, has_book=self.has_book)
        self.blotter = Blotter(Ledger(to_money(EQUITY_QUOTE), Fees()), {INSTRUMENT.symbol: INSTRUMENT})
        self.gate = RiskGate(RiskConfig(), self.blotter, Fees())

    # -- the market --------------------------------------------------------------------------------------------------

    def run(self, beats: Iterable[Beat]) -> "Desk":
        """:meth:`step` over all of them."""
        for beat in beats:
            self.step(beat)
        return self

    def step(self, beat: Beat) -> list[Any]:
        """Show a beat: its bar, what the venue says, and a moment; carry out what is intended."""
        self.now_us = beat.now_us
        self.bid_ticks = beat.bid_ticks
        self.last_ticks = beat.bid_ticks or self.last_ticks
        if not self.stale:
            self.row_us = beat.now_us
        if beat.bar is not None:
            self.bar = beat.bar
            self.strategy.on_bar(beat.bar)
        for said in self.venue.answers(tuple(self.blotter.orders.values()), beat):
            self.notice(said)
        return self.look(bar_is_new=beat.bar is not None, trade=beat.trade)

    def moment(self, *, bar_is_new: bool = False, trade: tuple[int, int] | None = None) -> Moment:
        """What the strategy would be shown now."""
        made = Moment(INSTRUMENT.symbol, INSTRUMENT, Fees(), self.score, self.has_book)
        booked = self.has_book and self.bid_ticks > 0
        marks = {INSTRUMENT.symbol: self.bid_ticks or self.last_ticks}
        made.now_us, made.state, made.blocked, made.row_us = self.now_us, self.state, self.blocked, self.row_us
        made.bid_ticks, made.ask_ticks = (self.bid_ticks, self.bid_ticks + 1) if booked else (0, 0)
        made.last_ticks, made.trade, made.bar, made.bar_is_new = self.last_ticks, trade, self.bar, bar_is_new
        made.readings, made.fired, made.statistics = self._readings() if self.shows_readings else ({}, {}, {})
        made.positions = [copy(position) for position in self.blotter.positions.values()]
        made.orders = [copied_order(order) for order in self.blotter.orders.values()]
        made.open_positions = len(self.blotter.positions)
        free = self.blotter.ledger.cash_minor - self.blotter.committed_minor(marks)
        made.cash_minor = free if self.cash_minor is None else self.cash_minor
        made.equity_minor = self.blotter.ledger.equity_minor(self.blotter.positions.values(), marks, self.blotter.instruments)
        return made

    def _readings(self) -> tuple[dict[str, float], dict[str, bool], dict[str, dict[str, float]]]:
        names = tuple(self.subject.registry.indicators)
        return dict.fromkeys(names, 6.0), dict.fromkeys(names, True), {name: {} for name in names}

    def look(self, *, bar_is_new: bool = False, trade: tuple[int, int] | None = None) -> list[Any]:
        """Show the moment and carry out what is intended. Raises CheckFailure when the strategy does."""
        moment = self.moment(bar_is_new=bar_is_new, trade=trade)
        intents = self.decide(moment)
        if intents:
            self.log.append((self.now_us, tuple(intents)))
        for intent in intents:
            self._take(intent)
        return intents

    def decide(self, moment: Moment) -> list[Any]:
        """The strategy's intents at ``moment``, not carried out. Raises CheckFailure when it raises or gives no collection."""
        try:
            return list(self.strategy.decide(moment))
        except Exception as error:
            told = f"decide raised {type(error).__name__}: {error}"
            raise CheckFailure(
                f"{self.subject.label}: {told} (state {self.state}, blocked {self.blocked!r}, bid {moment.bid_ticks}, "
                f"{len(moment.positions)} positions, t_us {self.now_us}); no moment may stop a strategy"
            ) from error

    # -- intents -----------------------------------------------------------------------------------------------------

    def _take(self, intent: Intent | Any) -> None:
        match intent:
            case Enter():
                self._enter(intent)
            case Exit():
                self._exit(intent)
            case Cancel():
                if intent.client_id in self.blotter.orders:
                    self.blotter.cancelling(intent.client_id)
                else:
                    self._refuse(intent, "no such open order")
            case Refuse():
                pass
            case _:
                self._refuse(intent, "not an intent")

    def _enter(self, intent: Enter) -> None:
        reason = _untyped(intent)
        if not reason:
            reference, marks = self.bid_ticks + 1, {INSTRUMENT.symbol: self.bid_ticks + 1}
            reason = self.gate.refuse_entry(intent, INSTRUMENT, self.blocked, reference_ticks=reference, marks=marks)
        if reason or not self.entries:
            self._refuse(intent, reason or "entries are refused here")
            return
        position_id = len(self.entered) + 1
        self.entered.append((position_id, intent))
        self._submit(Side.BUY, intent.type, intent.price_ticks, intent.qty_lots, position_id, intent.reason)
        self.strategy.on_entered(copy(self.blotter.positions[position_id]), intent)

    def _exit(self, intent: Exit) -> None:
        reason = _untyped(intent) or self.gate.refuse_exit(intent)
        if reason:
            self._refuse(intent, reason)
        else:
            self._submit(Side.SELL, intent.type, intent.price_ticks, intent.qty_lots, intent.position_id, intent.reason)

    def _refuse(self, intent: Any, reason: str) -> None:
        self.refused.append(Refused(self.now_us, intent, reason))

    def _submit(self, side: Side, kind: OrderType, price: int, lots: int, position_id: int, reason: str) -> Order:
        self.sent += 1
        client_id = f"c{self.sent:05d}"
        order = SubmitOrder(
            client_id, INSTRUMENT.symbol, side, kind, price, lots, side is Side.SELL, position_id, reason, self.now_us, True
        )
        return self.blotter.submit(order)

    # -- the venue's word --------------------------------------------------------------------------------------------

    def notice(self, said: Said) -> None:
        """Apply what the venue says, and tell the strategy when that closes a position."""
        fee = 0
        if said.kind is NoticeKind.FILL:
            self._trades += 1
            fee = fee_minor(INSTRUMENT.notional(said.price_ticks, said.qty_lots), Fees().maker_bps)
        notice = VenueNotice(
            symbol=INSTRUMENT.symbol,
            seq=0,
            exchange_us=self.now_us,
            receive_us=self.now_us,
            kind=said.kind,
            client_id=said.client_id,
            price_ticks=said.price_ticks,
            qty_lots=said.qty_lots,
            fee_minor=fee,
            maker=True,
            trade_id=self._trades,
        )
        applied = self.blotter.apply(notice, self.now_us)
        if (trip := applied.closed) is not None:
            pnl = trip.gross_units * INSTRUMENT.notional_unit - trip.fee_minor
            self.strategy.on_closed(copy(applied.position), pnl)

    def rest(self, position_id: int, lots: int, price_ticks: int) -> Order:
        """A resting order to sell, placed behind the strategy's back."""
        return self._submit(Side.SELL, OrderType.LIMIT_MAKER, price_ticks, lots, position_id, "resting")

    def adopt(self, lots: int, price_ticks: int) -> Position:
        """A position that the strategy was never told of: bought and filled behind its back, as by a late fill."""
        position_id = 9_000 + self.sent
        order = self._submit(Side.BUY, OrderType.LIMIT, price_ticks, lots, position_id, "late fill")
        self.notice(Said(NoticeKind.FILL, order.submit.client_id, price_ticks, lots))
        return self.blotter.positions[position_id]


def copied_order(order: Order) -> Order:
    """A copy with trade ids of its own."""
    shown = copy(order)
    shown.trade_ids = set(order.trade_ids)
    return shown


def _untyped(intent: Enter | Exit) -> str:
    """Why the fields cannot be an order's, "" if they can."""
    if not (whole(intent.price_ticks) and whole(intent.qty_lots)):
        return "price_ticks and qty_lots must be int"
    if not isinstance(intent.type, OrderType):
        return "type must be an OrderType"
    if not isinstance(intent.reason, str):
        return "reason must be text"
    if isinstance(intent, Exit) and not whole(intent.position_id):
        return "position_id must be int"
    if isinstance(intent, Enter) and not isinstance(intent.notes, Mapping):
        return "notes must be a dict"
    return ""

"""What ``submit`` and ``cancel`` owe the session: they come back at once, never raise, and may be repeated."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Final

from attrs import define

from flashcrash_core.errors import FlashcrashError
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import Side, Timer
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.bounded import Unanswered, answered
from flashcrash_core.testing.checks.executor.desk import END_KINDS, Desk, build, play
from flashcrash_core.testing.checks.executor.runs import all_runs, calm_tape, simulated
from flashcrash_core.testing.checks.executor.treadmill import AGED_ORDERS, endurance_error
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.orders import CancelOrder, Command, NoticeKind, OrderType, SubmitOrder, VenueNotice

__all__ = ["cancel_is_idempotent", "commands_never_block", "commands_never_raise", "unknown_symbol_is_refused"]

_BOUND_S: Final = 5.0
"""A call that has not come back by then waits for something: a submit takes microseconds."""
_EPOCH_US: Final = 1_893_456_000_000_000
_NOBODY: Final = "kit-nobody"
_FORGED_SYMBOL: Final = "NOSUCHUSDT"


@check("executor", applies=simulated)
def commands_never_raise(subject: Subject[ExecutorSpec]) -> None:
    """No call raises: in crashes, empty and lost books, frozen feeds and bad prints, with and without a book, in 1,500 orders."""
    for run in all_runs(subject):
        if run.broke:
            raise CheckFailure(f"{run.where}: {run.broke}; what a venue or a market does is told in notices") from run.error
    if error := endurance_error(subject):
        raise CheckFailure(
            f"{subject.label}: within {AGED_ORDERS} orders, all of which had ended, it raised {type(error).__name__}: {error}; a "
            "session may send any number"
        ) from error


@check("executor", applies=simulated)
def commands_never_block(subject: Subject[ExecutorSpec]) -> None:
    """`submit` and `cancel` come back at once, also before the market has shown a quote, when nothing could be filled."""

    def send() -> None:
        instrument = calm_tape().instrument
        market = FeatureAccumulator(instrument, has_book=True, source_is_mid=True)
        executor = build(subject, {instrument.symbol: market}, count(1).__next__)
        for number, kind in enumerate(OrderType):
            price = 0 if kind is OrderType.MARKET else 100
            order = SubmitOrder(
                f"kit-{number}", instrument.symbol, Side.BUY, kind, price, 10**6, False, number, "kit", _EPOCH_US, False
            )
            executor.submit(order)
            executor.cancel(CancelOrder(order.client_id, instrument.symbol, "kit", _EPOCH_US, False))

    try:
        answered(send, _BOUND_S, "submit or cancel")
    except Unanswered as error:
        raise CheckFailure(
            f"{subject.label}: {error}, before the first quote; take the command and answer later, in a notice"
        ) from None
    except Exception as error:
        raise CheckFailure(f"{subject.label}: a command before the first quote raised {type(error).__name__}: {error}") from error


@define
class _Cancels:
    """One order that is cancelled once, others that are cancelled again at every stage, and cancels of nothing."""

    step: int = 0
    next_us: int = 0

    def commands(self, desk: Desk) -> Iterator[Command]:
        if desk.now_us < self.next_us or not desk.market.bid_ticks:
            return
        self.next_us = desk.now_us + 1_000_000
        self.step += 1
        deep = desk.market.bid_ticks * 98 // 100
        lots = 1 + desk.instrument.min_notional_minor // desk.instrument.notional(deep, 1)
        if self.step == 3:
            for name in ("once", "before-the-ack", "twice", "again-and-again"):
                yield SubmitOrder(name, desk.symbol, Side.BUY, OrderType.LIMIT, deep, lots, False, 1, "kit", desk.now_us, False)
            yield SubmitOrder("taken", desk.symbol, Side.BUY, OrderType.MARKET, 0, lots, False, 2, "kit", desk.now_us, False)
            yield desk.cancel("before-the-ack")
            yield desk.cancel("before-the-ack")
        elif self.step == 6:
            yield desk.cancel("once")
            yield desk.cancel("twice")
            yield desk.cancel("twice")
            yield desk.cancel("taken")
            yield desk.cancel(_NOBODY)
            yield desk.cancel(_NOBODY, _FORGED_SYMBOL)
        if self.step in (6, 7, 9, 20):
            yield desk.cancel("again-and-again")


@check("executor", applies=simulated)
def cancel_is_idempotent(subject: Subject[ExecutorSpec]) -> None:
    """A cancel may be repeated, precede the ack, follow the end or name nobody: at most it is rejected, and orders end once."""
    run = play(subject, calm_tape(), _Cancels())
    where = f"{run.where}"
    if run.broke:
        raise CheckFailure(f"{where}: {run.broke}; a repeated or unknown cancel is answered or ignored") from run.error
    ends = Counter(notice.client_id for notice in run.notices() if notice.kind in END_KINDS)
    for client_id, times in ends.items():
        if times > 1:
            raise CheckFailure(f"{where}: order {client_id!r} ended {times} times; a repeated cancel must not end it again")
    for notice in run.notices():
        if notice.client_id == _NOBODY and notice.kind is not NoticeKind.CANCEL_REJECT:
            raise CheckFailure(f"{where}: a cancel of an unknown order was answered with {notice.kind}; use CANCEL_REJECT")
    if "once" in ends:
        left = [name for name in ("before-the-ack", "twice", "again-and-again") if name not in ends]
        if left:
            raise CheckFailure(f"{where}: {', '.join(left)} never ended, though one cancel alone ends such an order")


@check("executor", applies=simulated)
def unknown_symbol_is_refused(subject: Subject[ExecutorSpec]) -> None:
    """An order in a symbol that the run does not have is refused, by InvariantError at once or a REJECT, never just lost."""
    tape = calm_tape()
    desk = Desk(subject, tape)
    order = SubmitOrder("kit-1", _FORGED_SYMBOL, Side.BUY, OrderType.LIMIT, 100, 10**6, False, 1, "kit", _EPOCH_US, False)
    try:
        desk.executor.submit(order)
    except FlashcrashError:
        return  # a defect of the session, not a word of the venue: raising is right
    except Exception as error:
        raise CheckFailure(
            f"{subject.label}: submit of an order in unknown {_FORGED_SYMBOL} raised {type(error).__name__}: {error}; "
            "raise InvariantError with the symbol, or send a REJECT"
        ) from error
    answers: list[VenueNotice] = []
    at_us = tape.facts.start_us
    for step in range(120):
        for symbol in (desk.symbol, _FORGED_SYMBOL):
            event = Timer(symbol, 0, at_us + step * 500_000, at_us + step * 500_000)
            answers += desk.executor.due(at_us + step * 500_000)
            desk.executor.on_market(event, at_us + step * 500_000)
    if not any(notice.client_id == order.client_id and notice.kind is NoticeKind.REJECT for notice in answers):
        raise CheckFailure(
            f"{subject.label}: an order in unknown {_FORGED_SYMBOL} was neither refused nor rejected within 60 s; "
            "the session would count its exposure for ever"
        )

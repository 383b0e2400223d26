"""Orders without end in a market that stands still: what an executor does with its thousandth order, and what that costs."""

from itertools import count
from typing import Final

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import Side, Trade
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.checks.executor.desk import build
from flashcrash_core.testing.checks.executor.runs import calm_tape
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.orders import CancelOrder, OrderType, SubmitOrder

__all__ = ["AGED_ORDERS", "ORDER_EVERY", "Treadmill", "endurance_error"]

ORDER_EVERY: Final = 10
"""Events from one order to the next."""
AGED_ORDERS: Final = 1_500
"""Orders that a long day may bring: none of them may be the last that is taken, nor cost anything when it has ended."""
_EVENT_US: Final = 50_000


class Treadmill:
    """A market that stands still while trades print at its bid, and orders sent, filled and cancelled without end."""

    def __init__(self, subject: Subject[ExecutorSpec]) -> None:
        tape = calm_tape()
        self.symbol = tape.instrument.symbol
        self.market = FeatureAccumulator(tape.instrument, has_book=True, source_is_mid=True)
        for event in tape.events[: len(tape.events) // 2]:
            act_us = self.market.admit(event)
            while 0 < self.market.next_row_us <= act_us:
                self.market.close_row()
            self.market.apply(event, act_us)
        self.now_us = self.market.now_us
        self.bid, self.ask = self.market.bid_ticks, self.market.ask_ticks
        self.number = 0
        self.executor = build(subject, {self.symbol: self.market}, count(1).__next__)

    def events(self, number: int, *, orders: bool) -> int:
        """So many events; with ``orders`` a new order at every tenth, alternately taking and resting until its cancel."""
        for _ in range(number):
            self._event(orders=orders)
        return number

    def _event(self, *, orders: bool) -> None:
        self.number += 1
        self.now_us += _EVENT_US
        number, now_us, executor = self.number, self.now_us, self.executor
        executor.due(now_us)
        if orders and number % ORDER_EVERY == 0:
            if number % (2 * ORDER_EVERY):
                executor.submit(self._order(number, OrderType.LIMIT_IOC, self.ask))
            else:
                executor.submit(self._order(number, OrderType.LIMIT_MAKER, self.bid - 5_000))
        elif orders and number % (2 * ORDER_EVERY) == 5 and number > ORDER_EVERY:
            executor.cancel(CancelOrder(f"kit-{number - 5}", self.symbol, "kit", now_us, False))
        executor.on_market(Trade(self.symbol, number, now_us, now_us, number, self.bid, 40, Side.SELL), now_us)

    def rest(self) -> None:
        """One order that stays in the book."""
        self.executor.submit(self._order(0, OrderType.LIMIT_MAKER, self.bid - 5_000))

    def _order(self, number: int, kind: OrderType, price_ticks: int) -> SubmitOrder:
        return SubmitOrder(f"kit-{number}", self.symbol, Side.BUY, kind, price_ticks, 4, False, number, "kit", self.now_us, False)


def endurance_error(subject: Subject[ExecutorSpec]) -> Exception | None:
    """What the executor raises within ``AGED_ORDERS`` orders; None when it takes them all."""

    def run() -> Exception | None:
        try:
            Treadmill(subject).events(AGED_ORDERS * ORDER_EVERY, orders=True)
        except Exception as error:
            return error
        return None

    return once(subject, "endurance", run)

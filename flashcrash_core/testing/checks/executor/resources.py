"""What an executor may use: memory that stops growing with the orders sent, and a fair share of the time between two events."""

import gc
import tracemalloc
from collections.abc import Callable
from itertools import count
from typing import Final

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import Side, Trade
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import cost_in_reference_steps
from flashcrash_core.testing.checks.executor.desk import build
from flashcrash_core.testing.checks.executor.runs import calm_tape, simulated
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.orders import CancelOrder, OrderType, SubmitOrder

__all__ = ["memory_growth", "time_budget"]

ALLOWED_GROWTH_BYTES: Final = 24_576
MAX_REFERENCE_STEPS: Final = 300
"""For one event with a resting order: about 0.3 ms, a hundred times what the simulated venue takes."""
_ROWS_PER_EVENT: Final = 4
"""An event here is several calls, and tracing slows each of them."""
_ORDER_EVERY: Final = 10
_EVENT_US: Final = 50_000
MAX_AGEING: Final = 6
_NOISE_STEPS: Final = 20
_YOUNG_ORDERS: Final = 20
_AGED_ORDERS: Final = 1_500
"""Orders that have ended before the time is taken: what is kept of them must not cost at every event."""
_TIMED_EVENTS: Final = 1_000


class _Treadmill:
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

    def event(self, *, orders: bool) -> None:
        """One event later; with ``orders`` every tenth time a new order, alternately taking and resting until its cancel."""
        self.number += 1
        self.now_us += _EVENT_US
        number, now_us, executor = self.number, self.now_us, self.executor
        executor.due(now_us)
        if orders and number % _ORDER_EVERY == 0:
            if number % (2 * _ORDER_EVERY):
                executor.submit(self._order(number, OrderType.LIMIT_IOC, self.ask))
            else:
                executor.submit(self._order(number, OrderType.LIMIT_MAKER, self.bid - 5_000))
        elif orders and number % (2 * _ORDER_EVERY) == 5 and number > _ORDER_EVERY:
            executor.cancel(CancelOrder(f"kit-{number - 5}", self.symbol, "kit", now_us, False))
        executor.on_market(Trade(self.symbol, number, now_us, now_us, number, self.bid, 40, Side.SELL), now_us)

    def rest(self) -> None:
        """One order that stays in the book."""
        self.executor.submit(self._order(0, OrderType.LIMIT_MAKER, self.bid - 5_000))

    def _order(self, number: int, kind: OrderType, price_ticks: int) -> SubmitOrder:
        return SubmitOrder(f"kit-{number}", self.symbol, Side.BUY, kind, price_ticks, 4, False, number, "kit", self.now_us, False)


@check("executor", applies=simulated)
def memory_growth(subject: Subject[ExecutorSpec]) -> None:
    """Orders that have ended leave nothing behind: memory stops growing, however many there were."""
    mill = _Treadmill(subject)
    total = subject.effort.memory_rows // _ROWS_PER_EVENT
    tracing = tracemalloc.is_tracing()

    def turn(events: int) -> int:
        for _ in range(events):
            mill.event(orders=True)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    try:
        turn(total // 4)
        if not tracing:
            tracemalloc.start()
        first, last = turn(total // 4), turn(total // 2)
    except Exception:  # commands_never_raise has it
        return
    finally:
        if not tracing:
            tracemalloc.stop()
    if last - first > ALLOWED_GROWTH_BYTES:
        raise CheckFailure(
            f"{subject.label}: memory grew by {last - first} bytes over the last {total // 2 // _ORDER_EVERY} orders of "
            f"{total // _ORDER_EVERY}, all of them ended; forget an order when its last notice has been delivered"
        )


@check("executor", applies=simulated)
def time_budget(subject: Subject[ExecutorSpec]) -> None:
    """An event costs little beside a resting order, and after 1,500 ended orders about what it cost after the first few."""
    try:
        young = _steps(subject, _YOUNG_ORDERS)
        aged = _steps(subject, _AGED_ORDERS)
    except Exception:  # commands_never_raise has it
        return
    if aged > MAX_REFERENCE_STEPS or aged > _NOISE_STEPS + MAX_AGEING * young:
        raise CheckFailure(
            f"{subject.label}: an event costs {young:.1f} reference steps after {_YOUNG_ORDERS} ended orders and {aged:.1f} after "
            f"{_AGED_ORDERS}; allowed are {MAX_AGEING} times as much and {MAX_REFERENCE_STEPS} in all; look only at what lives"
        )


def _steps(subject: Subject[ExecutorSpec], orders: int) -> float:
    """Cost of an event, with one resting order, after so many orders have ended."""
    mill = _Treadmill(subject)
    for _ in range(orders * _ORDER_EVERY):
        mill.event(orders=True)
    mill.rest()
    return cost_in_reference_steps(_timed(mill))


def _timed(mill: _Treadmill) -> Callable[[], int]:
    def run() -> int:
        for _ in range(_TIMED_EVENTS):
            mill.event(orders=False)
        return _TIMED_EVENTS

    return run

"""What an executor may use: memory that stops growing with the orders sent, and a fair share of the time between two events."""

from functools import partial
from typing import Final

from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import cost_in_reference_steps
from flashcrash_core.testing.checks.executor.runs import simulated
from flashcrash_core.testing.checks.executor.treadmill import AGED_ORDERS, ORDER_EVERY, Treadmill, endurance_error
from flashcrash_core.testing.checks.memory import require_bounded_memory
from flashcrash_core.testing.subject import Subject

__all__ = ["memory_growth", "time_budget"]

MAX_REFERENCE_STEPS: Final = 300
"""For one event with a resting order: about 0.3 ms, a hundred times what the simulated venue takes."""
_ROWS_PER_EVENT: Final = 4
"""An event here is several calls, and tracing slows each of them."""
MAX_AGEING: Final = 6
_NOISE_STEPS: Final = 20
_YOUNG_ORDERS: Final = 20
_TIMED_EVENTS: Final = 1_000


@check("executor", applies=simulated)
def memory_growth(subject: Subject[ExecutorSpec]) -> None:
    """Orders that have ended leave nothing behind: memory stops growing, however many there were."""
    if endurance_error(subject) is not None:
        return  # commands_never_raise says so; past so many orders, what is raised here is a fault of its own
    require_bounded_memory(
        subject,
        lambda: partial(Treadmill(subject).events, orders=True),
        subject.effort.memory_rows // _ROWS_PER_EVENT,
        unit=f"events with an order at every {ORDER_EVERY}th",
        advice="all those orders have ended; forget an order when its last notice has been delivered",
        period=2 * ORDER_EVERY,
        traced_from_the_start=False,
    )


@check("executor", applies=simulated)
def time_budget(subject: Subject[ExecutorSpec]) -> None:
    """An event costs little beside a resting order, and after 1,500 ended orders about what it cost after the first few."""
    if endurance_error(subject) is not None:
        return  # commands_never_raise says so
    young, aged = _steps(subject, _YOUNG_ORDERS), _steps(subject, AGED_ORDERS)
    if aged > MAX_REFERENCE_STEPS or aged > _NOISE_STEPS + MAX_AGEING * young:
        raise CheckFailure(
            f"{subject.label}: an event costs {young:.1f} reference steps after {_YOUNG_ORDERS} ended orders and {aged:.1f} after "
            f"{AGED_ORDERS}; allowed are {MAX_AGEING} times as much and {MAX_REFERENCE_STEPS} in all; look only at what lives"
        )


def _steps(subject: Subject[ExecutorSpec], orders: int) -> float:
    """Cost of an event, with one resting order, after so many orders have ended."""
    mill = Treadmill(subject)
    mill.events(orders * ORDER_EVERY, orders=True)
    mill.rest()
    return cost_in_reference_steps(partial(mill.events, _TIMED_EVENTS, orders=False))

"""Cost measured against this machine: a call's time as a multiple of a fixed piece of pure Python, taken in turns.

Clock speed, load and interpreter change both alike, so the ratio is what an author can be held to. The least of several
measurements counts: whatever disturbs a machine only ever makes it slower.
"""

import time
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

__all__ = ["REFERENCE_OPERATIONS", "cost_in_reference_steps", "least_costs_in_reference_steps", "reference_step"]

REFERENCE_OPERATIONS: Final = 20
"""Rounds of arithmetic in one reference step, which takes about a microsecond on a machine of 2020."""
_STEPS: Final = 2_000


def reference_step(state: list[float]) -> float:
    """The unit of cost: list access, arithmetic and comparisons, as in an indicator's step."""
    total = 0.0
    for value in state:
        if value > total:
            total += value * 0.5
        else:
            total -= 0.25
    return total


def _reference_ns() -> float:
    state = [float(i % 7) for i in range(REFERENCE_OPERATIONS)]
    started = time.perf_counter_ns()
    for _ in range(_STEPS):
        reference_step(state)
    return (time.perf_counter_ns() - started) / _STEPS


def cost_in_reference_steps(run: Callable[[], int], *, repeats: int = 3) -> float:
    """Time per call of what ``run`` does, in reference steps. ``run`` makes the calls and returns how many they were."""
    return least_costs_in_reference_steps(lambda: iter([run]), repeats=repeats)[0]


def least_costs_in_reference_steps(laps: Callable[[], Iterable[Callable[[], int]]], *, repeats: int = 3) -> list[float]:
    """The same for runs that follow one another: the least time per call of each over ``repeats`` rounds, in reference steps."""
    reference_ns = inf
    least_ns: list[float] = []
    for _ in range(repeats):
        reference_ns = min(reference_ns, _reference_ns())
        for lap, run in enumerate(laps()):
            started = time.perf_counter_ns()
            calls = run()
            took_ns = (time.perf_counter_ns() - started) / calls
            if lap == len(least_ns):
                least_ns.append(took_ns)
            least_ns[lap] = min(least_ns[lap], took_ns)
    return [cost / reference_ns for cost in least_ns]

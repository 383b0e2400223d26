"""Cost measured against this machine: a call's time as a multiple of a fixed piece of pure Python, taken in turns.

Clock speed and interpreter change both alike, so the ratio is what an author can be held to. What is measured is the CPU time of
this thread: while other processes have the CPU it stands still. The least of several measurements counts: whatever disturbs a
machine only ever makes it slower.

So a call that waits costs nothing here, nor does what it leaves to other threads. Plugins that sleep, ask clocks, open anything or
start threads are seen by the checks that watch for it (``no_io_no_clock``), not by these.
"""

import time
from collections.abc import Callable, Iterable
from math import inf
from typing import Final

__all__ = ["REFERENCE_OPERATIONS", "cost_in_reference_steps", "least_costs_in_reference_steps", "reference_step"]

REFERENCE_OPERATIONS: Final = 20
"""Rounds of arithmetic in one reference step, which takes about a microsecond on a machine of 2020."""
_STEPS: Final = 2_000
_RESOLUTIONS: Final = 20
"""The reference takes at least so many ticks of the clock, which on some systems are 16 ms long."""


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
    least_ns = time.get_clock_info("thread_time").resolution * 1e9 * _RESOLUTIONS
    steps = 0
    started = time.thread_time_ns()
    while True:
        for _ in range(_STEPS):
            reference_step(state)
        steps += _STEPS
        took_ns = time.thread_time_ns() - started
        if took_ns > least_ns:
            return took_ns / steps


def cost_in_reference_steps(run: Callable[[], int], *, repeats: int = 3) -> float:
    """CPU time per call of what ``run`` does, in reference steps. ``run`` makes the calls and returns how many they were."""
    return least_costs_in_reference_steps(lambda: iter([run]), repeats=repeats)[0]


def least_costs_in_reference_steps(laps: Callable[[], Iterable[Callable[[], int]]], *, repeats: int = 3) -> list[float]:
    """The same for runs that follow one another: the least CPU time per call of each over ``repeats``, in reference steps."""
    reference_ns = inf
    least_ns: list[float] = []
    for _ in range(repeats):
        reference_ns = min(reference_ns, _reference_ns())
        for lap, run in enumerate(laps()):
            started = time.thread_time_ns()
            calls = run()
            took_ns = (time.thread_time_ns() - started) / calls
            if lap == len(least_ns):
                least_ns.append(took_ns)
            least_ns[lap] = min(least_ns[lap], took_ns)
    return [cost / reference_ns for cost in least_ns]

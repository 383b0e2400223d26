"""What all batteries are built on: work done once per subject, calls that must come back, memory judged by the row, CPU time."""

import threading
from array import array
from collections import deque
from collections.abc import Callable
from itertools import count, islice
from typing import Any

import pytest

from flashcrash_core.testing import CheckFailure, calibration
from flashcrash_core.testing.calibration import cost_in_reference_steps
from flashcrash_core.testing.checks.bounded import Unanswered, answered
from flashcrash_core.testing.checks.memory import require_bounded_memory
from flashcrash_core.testing.checks.once import once


class Labelled:
    """What a message needs of a subject."""

    label = "thing kit"


def require(work: Callable[[int], object], units: int = 70_000, **options: Any) -> None:
    """The judgement over the work."""
    subject: Any = Labelled()
    require_bounded_memory(subject, lambda: work, units, unit="rows", advice="keep nothing", **options)


def test_work_is_done_once_for_a_subject_and_forgotten_with_the_next() -> None:
    """The same name gives the same object for one subject; another one, though equal, gets its own, and ends the first's."""
    one, other = [1], [1]
    made = once(one, "runs", list)
    assert once(one, "runs", list) is made
    assert once(one, "more", list) is not made
    assert once(other, "runs", list) is not made
    assert once(one, "runs", list) is not made


def test_a_failure_is_not_kept() -> None:
    """After work that raised it is tried again."""
    subject = object()

    def fail() -> None:
        raise CheckFailure("once")

    with pytest.raises(CheckFailure, match="once"):
        once(subject, "runs", fail)
    assert once(subject, "runs", lambda: 2) == 2


def test_a_call_that_waits_for_ever_is_left_behind() -> None:
    """The result and the error of a call pass through; one that does not come back raises instead."""
    never = threading.Event()
    try:
        with pytest.raises(Unanswered, match=r"waiter has not come back within 0\.05 s"):
            answered(never.wait, 0.05, "waiter")
    finally:
        never.set()
    assert answered(lambda: None, 10, "giver") is None
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 // 0, 10, "raiser")


@pytest.mark.parametrize("every", [1, 20, 50])
@pytest.mark.parametrize("start", [True, False])
def test_a_float_kept_now_and_then_is_seen(every: int, start: bool) -> None:
    """What grows with the rows is seen, however slowly: one float in fifty rows is half a byte a row."""
    kept: list[float] = []
    row = iter(range(10**9))

    def work(count: int) -> None:
        for _ in range(count):
            if next(row) % every == 0:
                kept.append(len(kept) + 0.5)

    with pytest.raises(
        CheckFailure, match=r"thing kit: memory grew by \d+ and \d+ bytes over the last two stretches of 10000 rows"
    ):
        require(work, traced_from_the_start=start)


def test_growth_in_lumps_is_seen() -> None:
    """An array that doubles its room may do so in one stretch only; then it grows by much at once."""

    def begin() -> Callable[[int], object]:
        kept, rows = array("d"), count(1)

        def work(number: int) -> None:
            for row in islice(rows, number):
                if row > len(kept):
                    kept.extend([0.0] * max(1, len(kept)))

        return work

    subject: Any = Labelled()
    with pytest.raises(CheckFailure, match="memory grew"):
        require_bounded_memory(subject, begin, 80_000, unit="rows", advice="keep nothing")


@pytest.mark.parametrize("start", [True, False])
def test_a_full_window_and_a_late_cache_are_no_leak(start: bool) -> None:
    """A ring of fixed length, and something of some kilobytes that is made once in a measured stretch, are allowed."""
    window: deque[float] = deque(maxlen=600)
    cache: dict[str, bytes] = {}
    row = iter(range(10**9))

    def work(count: int) -> None:
        for _ in range(count):
            number = next(row)
            window.append(number + 0.5)
            if number == 65_000:
                cache["late"] = bytes(20_000)

    require(work, traced_from_the_start=start)
    assert cache, "the cache was made while it was measured"


def test_a_lump_that_does_not_come_again_is_not_the_work_s() -> None:
    """Tracing sees every thread: what another one allocated once during the measurement is no growth of the work."""
    begun: list[list[bytes]] = []

    def begin() -> Callable[[int], object]:
        kept: list[bytes] = []
        begun.append(kept)
        first, calls = len(begun) == 1, count()

        def work(_: int) -> None:
            if first and next(calls) == 2:
                kept.append(bytes(100_000))

        return work

    subject: Any = Labelled()
    require_bounded_memory(subject, begin, 70_000, unit="rows", advice="keep nothing")
    assert [len(kept) for kept in begun] == [1, 0], "the first measurement saw the lump, the second none"


def test_stretches_are_whole_periods_and_all_the_work_is_done() -> None:
    """Work that repeats itself is compared at the same place of its period, also when there is little of it."""
    asked: list[int] = []
    require(asked.append, 20_000, period=3_600)
    assert asked == [12_800, 3_600, 3_600]
    asked.clear()
    require(asked.append, 20_000, period=3_600, traced_from_the_start=False)
    assert asked == [9_200, 3_600, 3_600, 3_600]


def test_cost_is_of_the_cpu_and_not_of_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cost is the CPU time of the thread over that of the reference: here every look at that clock is a millisecond later."""
    looks_ns = count(0, 1_000_000)
    monkeypatch.setattr(calibration.time, "thread_time_ns", lambda: next(looks_ns))
    reference_ns = 1_000_000 / 2_000
    assert cost_in_reference_steps(lambda: 4) == 1_000_000 / 4 / reference_ns

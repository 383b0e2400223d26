"""How much memory a plugin keeps: traced over two equal stretches of its work, after everything it may keep is full.

A plugin that keeps something of every hundredth row grows in both stretches; one that fills a cache, or whose window holds a little
more at one time than at another, does not. So growth is judged by the row, and a leak is seen long before it is large.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.subject import Subject

__all__ = ["BYTES_PER_UNIT", "LEAST_BYTES", "LUMP_BYTES", "Work", "require_bounded_memory", "set_aside", "traced"]

BYTES_PER_UNIT: Final = 0.25
"""Growth that is still none, per row (event, score, position): one float of 24 bytes kept in a hundred rows."""
LEAST_BYTES: Final = 2_048
"""The same for a stretch, however short: windows that turn over for the first time while traced, counters and free lists."""
LUMP_BYTES: Final = 32_768
"""Growth over both stretches that is too much even if all of it came in one: lists and dicts grow in lumps."""
_STRETCHES: Final = 7
"""Parts of the work: two are measured, one is traced before them, the rest fills what may be full."""


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Trace allocations for a block; what it gives tells the bytes in use now, garbage collected."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()

    def used() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    try:
        yield used
    finally:
        if not tracing:
            tracemalloc.stop()


Work = Callable[[int], object]
"""Does so many more units of the work."""


def require_bounded_memory(
    subject: Subject[Any],
    begin: Callable[[], Work],
    units: int,
    *,
    unit: str,
    advice: str,
    period: int = 1,
    traced_from_the_start: bool = True,
) -> None:
    """Let the work that ``begin()`` starts do ``units`` in all, and raise CheckFailure when memory grows with them.

    ``period``: units after which the work repeats itself; stretches are whole periods. Tracing makes work slow: what keeps little
    may do its first part untraced. What was allocated then is not counted when it goes, so one stretch is traced unmeasured.

    Tracing sees all threads of the process. So growth that came in one lump only is the plugin's if it comes again when the work
    begins anew; a message that a test runner's own thread received meanwhile does not.
    """
    stretch = max(period, units // _STRETCHES // period * period)
    with set_aside():
        for _ in range(2):
            grown = _growth(begin(), max(0, units - 3 * stretch), stretch, traced_from_the_start)
            in_both = min(grown) > max(LEAST_BYTES, BYTES_PER_UNIT * stretch)
            if not in_both and sum(grown) <= LUMP_BYTES:
                return
            if in_both:
                break
    raise CheckFailure(
        f"{subject.label}: memory grew by {grown[0]} and {grown[1]} bytes over the last two stretches of {stretch} {unit}, "
        f"after {units - 2 * stretch} of them; {advice}"
    )


@contextmanager
def set_aside() -> Iterator[None]:
    """What is there before the work begins, tapes above all, is no part of it: the collector need not go through it each time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _growth(work: Work, warm_up: int, stretch: int, traced_from_the_start: bool) -> tuple[int, int]:
    """Bytes by which memory grew in each of the last two stretches."""
    if not traced_from_the_start:
        work(warm_up)
        warm_up = 0
    with traced() as used:
        work(warm_up + stretch)
        before = used()
        work(stretch)
        between = used()
        work(stretch)
        return between - before, used() - between

"""Event time of a tape's rows: the watermark of exchange times after each event, by the chunk."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flashcrash_core.market.clock import FUTURE, LATE, EventClock
from flashcrash_core.market.events import FeedGap
from flashcrash_core.market.tape.columns import NONE, TapeColumns

__all__ = ["CHUNK", "Chunk", "admissions", "chunks"]

CHUNK: Final = 65_536

Array = NDArray[np.integer[Any]]


@frozen(eq=False)
class Chunk:
    """Rows ``start`` to ``start + len(kinds)`` of the table ``events``; ``times_us`` is 0 before the first exchange time."""

    start: int
    kinds: Array
    times_us: Array


def chunks(columns: TapeColumns, *, leaps: bool) -> Iterator[Chunk]:
    """All events. ``leaps`` says that the tape has stamps which the event clock refuses: then the clock itself is asked."""
    events = columns.tables["events"]
    clock, now_us = EventClock(), 0
    for start in range(0, len(columns), CHUNK):
        part = slice(start, start + CHUNK)
        kinds, own = np.asarray(events["kind"][part]), np.asarray(events["exchange_us"][part])
        if leaps:
            times = np.array([clock.now_us for _ in _admitted(clock, columns, part)], np.int64)
        else:
            times = np.maximum.accumulate(np.maximum(own, now_us))
        now_us = int(times[-1])
        yield Chunk(start, kinds, times)


@frozen
class Admissions:
    """How the event clock takes the events: how many were late or leapt ahead, and which row left the UTC day."""

    late: int
    leaps: int
    strays: int
    first_stray_row: int | None


def admissions(columns: TapeColumns, first_us: int, until_us: int) -> Admissions:
    """Run the event clock over all events; strays act outside of ``first_us`` to ``until_us``."""
    clock = EventClock()
    late = leaps = strays = 0
    first_stray: int | None = None
    for start in range(0, len(columns), CHUNK):
        part = slice(start, start + CHUNK)
        for row, act_us in enumerate(_admitted(clock, columns, part), start):
            if act_us == LATE:
                late += 1
            elif act_us == FUTURE:
                leaps += 1
            if clock.now_us and not first_us <= clock.now_us < until_us:
                strays += 1
                first_stray = row if first_stray is None else first_stray
    return Admissions(late, leaps, strays, first_stray)


def _admitted(clock: EventClock, columns: TapeColumns, part: slice) -> Iterator[int]:
    events, symbol = columns.tables["events"], columns.symbol
    for own, received in zip(events["exchange_us"][part].tolist(), events["receive_us"][part].tolist(), strict=True):
        # The clock looks at the two times alone; a gap is the smallest event that has them.
        yield clock.admit(FeedGap(symbol, 0, None if own == NONE else own, received, ""))

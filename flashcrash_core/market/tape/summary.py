"""What a tape holds, from its columns: silences, ids, worst falls, rates. Read by the chunk; of trades 16 bytes each are kept."""

from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flashcrash_core.market.tape.book_walk import BookFindings, walk_books
from flashcrash_core.market.tape.columns import Kind
from flashcrash_core.market.tape.drawdowns import WINDOWS_S, Drawdown, worst_drawdown
from flashcrash_core.market.tape.event_times import chunks
from flashcrash_core.market.tape.reader import Tape

__all__ = ["Silence", "TapeSummary", "summarise"]

_SILENCES: Final = 5
_SECOND_US: Final = 1_000_000


@frozen
class Silence:
    """Event time (us) without any event."""

    from_us: int
    duration_us: int


@frozen
class TapeSummary:
    """Findings over a whole tape. Times in microseconds UTC of event time."""

    span_us: int
    silences: tuple[Silence, ...]
    """The longest ones, longest first."""
    trade_id_gaps: int
    """Jumps in the ids of successive trades."""
    trade_ids_missing: int
    low_ticks: int
    high_ticks: int
    traded_lots: int
    drawdowns: tuple[Drawdown, ...]
    peak_per_s: int
    """Events in the busiest second of event time."""
    peak_us: int
    book: BookFindings | None = field(default=None)


def summarise(tape: Tape) -> TapeSummary:
    """Read a whole tape. Memory grows with 16 bytes a trade."""
    columns, leaps = tape.columns, tape.manifest.mark("time_leap") is not None
    silences: list[Silence] = []
    trade_times: list[NDArray[np.int64]] = []
    per_second: dict[int, int] = {}
    before_us = first_us = 0
    for chunk in chunks(columns, leaps=leaps):
        times = chunk.times_us[chunk.times_us > 0]
        trade_times.append(chunk.times_us[chunk.kinds == Kind.TRADE].astype(np.int64))
        if not len(times):
            continue
        first_us = first_us or int(times[0])
        steps = np.diff(times, prepend=before_us or int(times[0]))
        longest = [at for at in np.argsort(steps)[-_SILENCES:].tolist() if steps[at] > 0]
        silences += [Silence(int(times[at] - steps[at]), int(steps[at])) for at in longest]
        silences = sorted(silences, key=lambda one: (-one.duration_us, one.from_us))[:_SILENCES]
        seconds, counts = np.unique(times // _SECOND_US, return_counts=True)
        for second, number in zip(seconds.tolist(), counts.tolist(), strict=True):
            per_second[second] = per_second.get(second, 0) + number
        before_us = int(times[-1])
    busiest = max(per_second, key=lambda second: (per_second[second], -second), default=0)
    trades = columns.tables["trades"]
    times = np.concatenate(trade_times) if trade_times else np.empty(0, np.int64)
    gaps, missing = _jumps(trades["trade_id"])
    prices = trades["price_ticks"]
    falls = (worst_drawdown(times, prices, window_s) for window_s in WINDOWS_S)
    return TapeSummary(
        span_us=before_us - first_us,
        silences=tuple(silences),
        trade_id_gaps=gaps,
        trade_ids_missing=missing,
        low_ticks=int(prices.min()) if len(prices) else 0,
        high_ticks=int(prices.max()) if len(prices) else 0,
        traded_lots=int(trades["qty_lots"].sum()) if len(prices) else 0,
        drawdowns=tuple(fall for fall in falls if fall is not None),
        peak_per_s=per_second.get(busiest, 0),
        peak_us=busiest * _SECOND_US,
        book=walk_books(columns, levels=False, leaps=leaps) if tape.manifest.has_book else None,
    )


def _jumps(ids: NDArray[np.integer[Any]]) -> tuple[int, int]:
    """How often successive ids skip some, and how many they skip."""
    steps = np.diff(ids)
    skipped = steps[steps > 1] - 1
    return len(skipped), int(skipped.sum())

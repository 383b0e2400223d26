"""What ``tape info`` finds, against a slow and plain reading of the same events."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from flashcrash_core.api import BookDelta, BookSnapshot, MarketEvent, Tape, Trade
from flashcrash_core.market.tape import drawdowns
from flashcrash_core.market.tape.book_walk import walk_books
from flashcrash_core.market.tape.drawdowns import worst_drawdown
from flashcrash_core.market.tape.summary import summarise

Write = Callable[..., Tape]


@pytest.mark.parametrize("chunk", [7, 64, 1 << 18])
@pytest.mark.parametrize("seed", range(5))
def test_worst_drawdown_is_that_of_all_pairs(seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fall from the highest trade of each window, whatever the chunks: as found by looking at every pair."""
    monkeypatch.setattr(drawdowns, "_CHUNK", chunk)
    draw = random.Random(seed)
    times = np.cumsum([draw.choice((0, 10, 200_000, 900_000)) for _ in range(300)])
    prices = np.array([1000 + draw.randrange(100) for _ in range(300)])
    for window_s in (1, 5):
        found = worst_drawdown(times, prices, window_s)
        pairs = [
            (prices[i] - prices[j]) / prices[i]
            for j in range(300)
            for i in range(j + 1)
            if times[j] - times[i] <= window_s * 1_000_000
        ]
        assert found is not None
        assert found.fraction == max(pairs), f"seed {seed}, chunk {chunk}"
        assert found.fraction == (found.high_ticks - found.low_ticks) / found.high_ticks
        assert found.low_us in times[prices == found.low_ticks]


def test_no_trades_no_drawdown() -> None:
    """Nothing is invented for a tape without trades."""
    assert worst_drawdown(np.empty(0, np.int64), np.empty(0, np.int64), 1) is None


def test_summary_of_a_market(write: Write, calm: list[MarketEvent]) -> None:
    """Span, longest silence, busiest second, ids and prices are those of the events."""
    lost = next(number for number, event in enumerate(calm) if number > 500 and isinstance(event, Trade))
    events = calm[:lost] + calm[lost + 1 :]
    summary = summarise(write(events))
    times = [event.exchange_us for event in events if event.exchange_us is not None]
    marks = np.maximum.accumulate(times)
    assert summary.span_us == marks[-1] - marks[0]
    steps = np.diff(marks)
    assert [one.duration_us for one in summary.silences] == sorted(steps.tolist(), reverse=True)[:5]
    longest = int(np.argmax(steps))
    assert summary.silences[0].from_us == marks[longest]
    assert (summary.trade_id_gaps, summary.trade_ids_missing) == (1, 1)
    prices = [event.price_ticks for event in events if isinstance(event, Trade)]
    assert (summary.low_ticks, summary.high_ticks) == (min(prices), max(prices))
    assert sum(1 for event in events if isinstance(event, Trade)) == len(prices)
    seconds = np.maximum.accumulate([event.exchange_us or 0 for event in events]) // 1_000_000
    values, counts = np.unique(seconds[seconds > 0], return_counts=True)
    assert summary.peak_per_s == counts.max()
    assert summary.peak_us // 1_000_000 == values[counts.argmax()]


def test_unusable_time_of_the_book(write: Write, calm: list[MarketEvent]) -> None:
    """From a lost update to the end, and from the start to a snapshot that comes late, the book is unusable."""
    updates = [number for number, event in enumerate(calm) if isinstance(event, BookDelta)]
    whole = walk_books(write(calm, "a").columns, levels=True)
    assert (whole.gaps, whole.crossed, whole.ever_synced) == (0, 0, True)
    assert whole.unsynced_us < 100_000
    gap = updates[50]
    broken = walk_books(write(calm[:gap] + calm[gap + 1 :], "b").columns, levels=False)
    assert (broken.gaps, broken.first_gap_row) == (1, 51)
    lost_us = calm[-1].exchange_us - calm[updates[51]].exchange_us  # type: ignore[operator]
    assert abs(broken.unsynced_us - lost_us) < 200_000
    without = walk_books(write([event for event in calm if not isinstance(event, BookSnapshot)], "c").columns, levels=False)
    assert not without.ever_synced
    assert abs(without.unsynced_us - 20_000_000) < 300_000

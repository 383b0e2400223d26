"""The compiled pass at its bounds: full books and buffers, long silences, numbers too large, tables that do not belong together."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from driven_accumulator import DrivenAccumulator, difference, row_difference
from nasty_events import NASTY, START_US, nasty_events

from flashcrash_core.batch import event_pass
from flashcrash_core.batch.feature_pass import FeaturePass
from flashcrash_core.errors import DataError
from flashcrash_core.market.book import MAX_LEVELS
from flashcrash_core.market.book_sync import MAX_BUFFERED
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, FeedGap, MarketEvent, Side, Timer, Trade
from flashcrash_core.market.tape.columns import TABLES, TapeColumns
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.runtime.lane import _SETTLE_US

pytest.importorskip("numba")

SECOND_US = 1_000_000


def both(events: Sequence[MarketEvent], max_silence_us: int = 900 * SECOND_US) -> tuple[FeaturePass, DrivenAccumulator]:
    """Pass and accumulator after the same events, found equal in rows and state."""
    options: dict[str, Any] = {"has_book": True, "source_is_mid": True, "max_silence_us": max_silence_us}
    feature_pass = FeaturePass(columns_from(events, NASTY.symbol), NASTY, **options)
    truth = DrivenAccumulator(NASTY, **options)
    truth.take_all(events)
    assert row_difference(feature_pass.advance().rows, truth.rows) == ""
    assert difference(truth.market.snapshot(), feature_pass.accumulator_state(first_seq=events[0].seq)) == ""
    return feature_pass, truth


def head(seq: int, seconds: float) -> tuple[str, int, int, int]:
    own_us = START_US + round(seconds * SECOND_US)
    return NASTY.symbol, seq, own_us, own_us + 5_000


def test_the_nasty_streams_reach_everything() -> None:
    """The streams that hold the pass to the accumulator do contain what they are for."""
    counts: Counter[str] = Counter()
    for seed in range(60):
        truth = DrivenAccumulator(NASTY, True, True, 5_500_000)
        truth.take_all(nasty_events(seed, 600))
        counts += truth.market.counts + Counter({f"sync.{name}": n for name, n in truth.market.sync.counts.items()})
        counts["steps"] += truth.market.clock.steps
        counts["restarts"] += len(truth.restart)
        for row in truth.rows:
            counts["walls"] += bool(row.bid_wall) + bool(row.ask_wall)
            counts["rows of bars with gaps"] += row.bar_gap
            for bit in range(5):
                counts[f"unhealthy {bit}"] += row.unhealthy >> bit & 1
    wanted = [
        *("late", "rejected.time_leap", "rejected.not_positive", "trades", "quotes", "deltas", "snapshots", "feed_gaps"),
        *("book_crossed", "quote_checks", "quote_mismatches", "sync.gaps", "sync.feed_gap", "sync.resyncs"),
        *("sync.stale_snapshots", "sync.old_deltas", "steps", "restarts", "walls", "rows of bars with gaps"),
        *(f"unhealthy {bit}" for bit in range(5)),
    ]
    assert [name for name in wanted if counts[name] < 10] == []


def test_a_side_keeps_its_best_levels() -> None:
    """Beyond the bound the worst levels go: by a snapshot, by diffs far from the best, and by one diff larger than the rest."""
    many = MAX_LEVELS + 500
    deep = [(100_000 - i, 1 + i % 7) for i in range(many)]
    high = [(100_001 + i, 1 + i % 5) for i in range(many)]
    shuffled = random.Random(1).sample(high, many)
    events: list[MarketEvent] = [BookSnapshot(*head(1, 0), 10, deep, shuffled)]
    further = [(100_000 - many - i, 3) for i in range(700)]
    events.append(BookDelta(*head(2, 0.2), 11, 11, [(100_000, 9), *further], [(200_000 + i, 2) for i in range(900)]))
    events.append(BookDelta(*head(3, 0.4), 12, 12, [(price, 0) for price, _ in deep[:300]], [(100_001, 0), (150_000, 77)]))
    events.append(BookDelta(*head(4, 0.6), 13, 13, [(60_000 - 3 * i, 5) for i in range(2_000)], [(100_001, 4)]))
    events.append(Timer(*head(5, 1)))
    _, truth = both(events)
    assert [len(truth.market.book.bids), len(truth.market.book.asks)] == [MAX_LEVELS, MAX_LEVELS]


def test_levels_anywhere_in_a_deep_book() -> None:
    """Changes, insertions and removals at random depths, near the best and thousands of levels away."""
    rng = random.Random(2)
    events: list[MarketEvent] = [
        BookSnapshot(*head(1, 0), 10, [(50_000 - 2 * i, 5) for i in range(4_000)], [(50_001 + 2 * i, 5) for i in range(4_000)])
    ]
    for number in range(1, 400):
        bids = [(50_000 - int(rng.paretovariate(0.3)) % 9_000, rng.randrange(4)) for _ in range(rng.randrange(20))]
        asks = [(50_001 + int(rng.paretovariate(0.3)) % 9_000, rng.randrange(4)) for _ in range(rng.randrange(20))]
        events.append(BookDelta(*head(number + 1, number / 20), 10 + number, 10 + number, bids, asks))
    both(events)


def test_diffs_held_back_beyond_the_bound() -> None:
    """The oldest are dropped; a snapshot then takes what chains to it, and one too old for them leaves all where they are."""
    held = MAX_BUFFERED + 150
    events: list[MarketEvent] = [
        BookDelta(*head(i, i / 1_000), i, i, [(1_000 - i % 9, 1 + i % 3)], [(1_002 + i % 9, 1 + i % 4)]) for i in range(1, held + 1)
    ]
    late_s = held / 1_000
    events.append(BookSnapshot(*head(held + 1, late_s + 0.1), 20, [(990, 5)], [(1_010, 5)]))
    feature_pass, truth = both(events)
    assert truth.market.sync.counts == {"dropped_buffer": 150, "stale_snapshots": 1}
    assert len(feature_pass.accumulator_state()["sync"]["buffer"]) == MAX_BUFFERED
    kept = feature_pass.checkpoint()
    events.append(BookSnapshot(*head(held + 2, late_s + 0.2), held - 40, [(990, 5)], [(1_010, 5)]))
    feature_pass, truth = both(events)
    assert truth.market.book_synced
    feature_pass.resume(kept)
    feature_pass.advance()
    assert difference(truth.market.snapshot(), feature_pass.accumulator_state()) == ""


def test_silences_by_the_hundred() -> None:
    """What each restart leaves behind is kept, as the accumulator keeps it; the pass makes room for it."""
    events: list[MarketEvent] = []
    for number in range(300):
        second = number * 40 + (number % 10) / 10
        events.append(BestQuote(*head(2 * number + 1, second), number, 1_000, 4, 1_001, 4))
        events.append(Trade(*head(2 * number + 2, second + 0.01), number, 1_000, 5, Side.BUY))
    feature_pass, truth = both(events, max_silence_us=10 * SECOND_US)
    assert len(truth.restart) == 299
    assert len(truth.market.bars.snapshot()["marks"]) > 64  # more than the pass has room for at first
    kept, fresh = (
        feature_pass.checkpoint(),
        FeaturePass(feature_pass.columns, NASTY, has_book=True, source_is_mid=True, max_silence_us=1),
    )
    fresh.resume(kept)
    assert difference(truth.market.snapshot(), fresh.accumulator_state()) == ""


def test_a_silence_that_closes_more_rows_than_were_foreseen() -> None:
    """Receive times say nothing of it, so the pass has to ask for room in the middle of an event."""
    events: list[MarketEvent] = [Trade(NASTY.symbol, 1, START_US, START_US, 1, 1_000, 1, Side.SELL)]
    for number in range(2, 6):
        own_us = START_US + (number - 1) * 4_900_000
        events.append(Trade(NASTY.symbol, number, own_us, START_US + number, number, 1_000 + number, 1, Side.BUY))
    events += [
        Trade(NASTY.symbol, 6 + i, START_US + 300 * SECOND_US, START_US + 10 + i, 6 + i, 900, 1, Side.BUY) for i in range(25)
    ]
    _, truth = both(events)
    assert len(truth.rows) > 2_900


def test_the_pass_settles_as_a_lane_does() -> None:
    """The length of the settling after a silence is the lane's."""
    assert event_pass.SETTLE_US == _SETTLE_US


HUGE = 2**62


@pytest.mark.parametrize(
    "event",
    [
        Trade(*head(2, 1), 1, HUGE, 1, Side.BUY),
        Trade(*head(2, 1), 1, 2**40, 2**40, Side.BUY),
        BestQuote(*head(2, 1), 1, 2**50, 1, 2**50 + 1, 1),
        BestQuote(*head(2, 1), HUGE, 1_000, 1, 1_001, 1),
        BookSnapshot(*head(2, 1), 5, [(1_000, 1), (999, HUGE)], []),
        BookSnapshot(*head(2, 1), 5, [], [(2**31, 2**31)]),
        BookSnapshot(*head(2, 1), HUGE, [(1_000, 1)], []),
        BookDelta(*head(2, 1), 2, 2, [(-HUGE, 4)], []),
        BookDelta(*head(2, 1), -HUGE, 2, [], []),
        Trade(NASTY.symbol, 2, 2**61, START_US, 1, 1_000, 1, Side.BUY),
        Trade(NASTY.symbol, 2, START_US, -(2**61), 1, 1_000, 1, Side.BUY),
    ],
    ids=lambda event: f"{type(event).__name__}",
)
def test_numbers_beyond_the_sums_are_refused(event: MarketEvent) -> None:
    """What might overflow ends the pass with the place and the way out, and it stays ended."""
    first = BookSnapshot(*head(1, 0), 1, [(1_000, 1)], [(1_001, 1)])
    columns = columns_from([first, event, Timer(*head(3, 2))], NASTY.symbol)
    feature_pass = FeaturePass(columns, NASTY, has_book=True, source_is_mid=True, max_silence_us=900 * SECOND_US)
    for _ in range(2):
        with pytest.raises(DataError, match=r"NASTY, event 1 \(\w+\): .*--engine stream"):
            feature_pass.advance()


@pytest.mark.parametrize("lots", [2**34, 2**40])
def test_sums_that_grow_too_large_are_refused(lots: int) -> None:
    """Trades and levels that fit one by one are added with care; the sums are exact up to where the pass ends."""
    price = 2**57 // lots
    trades = [Trade(*head(2 + i, 0.001 * i), i, price, lots, Side.BUY) for i in range(30)]
    levels = [(price - 1 - i, lots) for i in range(30)]
    for events in (trades, [BookSnapshot(*head(1, 0), 1, levels, []), Timer(*head(2, 1))]):
        columns = columns_from(events, NASTY.symbol)
        feature_pass = FeaturePass(columns, NASTY, has_book=True, source_is_mid=True, max_silence_us=900 * SECOND_US)
        with pytest.raises(DataError, match="sums in 64 bits"):
            feature_pass.advance()
    both([*trades[:8], Timer(*head(50, 1))])
    both([BookSnapshot(*head(1, 0), 1, levels[:8], []), Timer(*head(2, 1))])


def changed(columns: TapeColumns, table: str, column: str, values: Any) -> TapeColumns:
    tables = {name: dict(part) for name, part in columns.tables.items()}
    tables[table][column] = np.asarray(values, TABLES[table][column])
    return TapeColumns(columns.symbol, tables, columns.texts, columns.continuity)


def small() -> TapeColumns:
    return columns_from(
        [
            BookSnapshot(*head(1, 0), 1, [(1_000, 1)], [(1_001, 1)]),
            BestQuote(*head(2, 0.1), 1, 1_000, 1, 1_001, 1),
            Trade(*head(3, 0.2), 1, 1_000, 1, Side.BUY),
            FeedGap(*head(4, 0.3), "reconnect"),
        ],
        NASTY.symbol,
    )


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("books", "bids", [2]),
        ("books", "asks", [-1]),
        ("notes", "text", [1]),
        ("notes", "text", [-1]),
        ("events", "kind", [3, 3, 0, 4]),
        ("events", "kind", [3, 1, 1, 4]),
        ("events", "kind", [3, 0, 0, 4]),
        ("events", "kind", [3, 1, 4, 4]),
        ("events", "kind", [3, 1, 0, 9]),
        ("events", "kind", [3, 1, 0, -1]),
    ],
)
def test_tables_that_do_not_belong_together_are_refused(table: str, column: str, values: list[int]) -> None:
    """More events than rows, levels or texts: refused with the event, before anything beyond a table is read."""
    feature_pass = FeaturePass(changed(small(), table, column, values), NASTY, has_book=True, source_is_mid=True, max_silence_us=1)
    with pytest.raises(DataError, match=r"event \d .*flashcrash tape verify"):
        feature_pass.advance()


def test_columns_of_different_length_are_refused() -> None:
    """A table whose columns differ in length is refused when the pass is made."""
    with pytest.raises(DataError, match="columns of trades differ in length"):
        FeaturePass(changed(small(), "trades", "qty_lots", [1, 2]), NASTY, has_book=True, source_is_mid=True, max_silence_us=1)


def test_an_empty_tape_gives_no_rows() -> None:
    """No events, no rows, no bars."""
    feature_pass = FeaturePass(columns_from([], NASTY.symbol), NASTY, has_book=True, source_is_mid=True, max_silence_us=1)
    chunk = feature_pass.advance()
    assert (len(chunk), len(chunk.bars.row), chunk.restarts, feature_pass.position) == (0, 0, (), 0)
    truth = DrivenAccumulator(NASTY, True, True, 1)
    assert difference(truth.market.snapshot(), feature_pass.accumulator_state()) == ""

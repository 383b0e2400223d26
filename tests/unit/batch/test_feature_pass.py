"""The compiled pass makes the rows that the live accumulator makes, and holds the state that it holds, to the bit."""

import random
from collections.abc import Sequence

import pytest
from driven_accumulator import DrivenAccumulator, difference, row_difference
from nasty_events import NASTY, nasty_events

from flashcrash_core.batch.feature_pass import FeaturePass
from flashcrash_core.batch.row_chunk import RowChunk, bar_at
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.market.tape.columns import TapeColumns
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.testing.tapes import TAPES, delayed, duplicated, reordered, same_timestamps, tape

pytest.importorskip("numba")

SILENCE_US = 900_000_000
NASTY_SILENCE_US = 5_500_000


def check(
    events: Sequence[MarketEvent],
    instrument: Instrument,
    has_book: bool,
    source_is_mid: bool,
    silence_us: int,
    stops: Sequence[int],
) -> None:
    """Rows, bars and marks of every chunk, and the state at every stop, are those of the accumulator."""
    columns = columns_from(events, instrument.symbol)
    assert len(columns) == len(events)
    feature_pass = passing(columns, instrument, has_book, source_is_mid, silence_us)
    truth = DrivenAccumulator(instrument, has_book, source_is_mid, silence_us)
    for stop in [*sorted(stops), len(events)]:
        known, marks, bars = len(truth.rows), len(truth.restart), len(truth.bars)
        chunk = feature_pass.advance(until_event=stop)
        truth.take_all(events[truth.taken : stop])
        assert feature_pass.position == truth.taken
        assert row_difference(chunk.rows, truth.rows[known:]) == ""
        assert chunk.event.tolist() == truth.event[known:]
        assert chunk.settle.tolist() == truth.settle[known:]
        assert list(chunk.restarts) == [row - known for row in truth.restart[marks:]]
        assert chunk.bars.row.tolist() == [row - known for row, _ in truth.bars[bars:]]
        told = [bar_at(chunk.bars, i) for i in range(len(chunk.bars.row))]
        assert repr(told) == repr([bar for _, bar in truth.bars[bars:]])  # repr: NaN is not equal to itself
        assert difference(truth.market.snapshot(), feature_pass.accumulator_state(first_seq=events[0].seq)) == ""
        assert feature_pass.counts == truth.market.counts
        assert feature_pass.sync_counts == truth.market.sync.counts
        assert feature_pass.clock_steps == truth.market.clock.steps


def passing(
    columns: TapeColumns, instrument: Instrument, has_book: bool, source_is_mid: bool, silence_us: int, compile_pass: bool = True
) -> FeaturePass:
    return FeaturePass(
        columns, instrument, has_book=has_book, source_is_mid=source_is_mid, max_silence_us=silence_us, compile_pass=compile_pass
    )


def kept_rows(chunk: RowChunk) -> list[bytes]:
    """All that a chunk says of its rows, copied: the pass uses its memory again."""
    return [column.tobytes() for column in (*chunk.rows, chunk.event, chunk.settle)]


@pytest.mark.parametrize("name", TAPES)
@pytest.mark.parametrize("source_is_mid", [True, False], ids=["mid", "trade"])
def test_seeded_tapes_give_the_same_rows(name: str, source_is_mid: bool) -> None:
    """Every seeded tape, crash, gap, empty book and freeze included, gives the accumulator's rows and states."""
    one = tape(name, seed=3, seconds=120)
    stops = random.Random(name).sample(range(len(one.events)), 12)
    check(one.events, one.instrument, True, source_is_mid, SILENCE_US, stops)


@pytest.mark.parametrize("name", ["calm", "crash_and_bounce", "gap"])
def test_tapes_of_trades_give_the_same_rows(name: str) -> None:
    """Without a book the rows are the same too."""
    one = tape(name, seed=4, seconds=120, has_book=False)
    check(one.events, one.instrument, False, False, SILENCE_US, [100, 200])


@pytest.mark.parametrize("disturb", [delayed, duplicated, reordered, same_timestamps])
def test_disturbed_tapes_give_the_same_rows(disturb) -> None:  # type: ignore[no-untyped-def]
    """Late, doubled, reordered events and shared stamps change nothing about the equality."""
    one = tape("crash_and_bounce", seed=5, seconds=120)
    events = disturb(one.events, 7)
    check(events, one.instrument, True, True, SILENCE_US, random.Random(7).sample(range(len(events)), 12))


@pytest.mark.parametrize("seed", range(200))
def test_nasty_streams_give_the_same_rows(seed: int) -> None:
    """200 seeded streams of faults: rows, bars, restarts, counts and whole state agree at random stops."""
    rng = random.Random(seed)
    events = nasty_events(seed, rng.choice([40, 300, 1_500]))
    has_book, source_is_mid = rng.random() < 0.8, rng.random() < 0.5
    silence_us = rng.choice([100_000, 2_000_000, NASTY_SILENCE_US, 20_000_000])
    check(events, NASTY, has_book, source_is_mid, silence_us, rng.sample(range(len(events)), 10))


@pytest.mark.parametrize("seed", range(200))
def test_a_checkpoint_brings_everything_back(seed: int) -> None:
    """From a checkpoint at a random place, after going on to another, the same rows and the same state come again."""
    rng = random.Random(seed)
    events = nasty_events(seed + 1_000, 400)
    columns = columns_from(events, NASTY.symbol)
    feature_pass = passing(columns, NASTY, rng.random() < 0.8, rng.random() < 0.5, NASTY_SILENCE_US)
    at, beyond = sorted(rng.sample(range(len(events)), 2))
    feature_pass.advance(until_event=at)
    kept, state = feature_pass.checkpoint(), feature_pass.accumulator_state()
    first = kept_rows(feature_pass.advance())
    last = feature_pass.accumulator_state()
    for other in (feature_pass, passing(columns, NASTY, *(bool(x) for x in kept._state.numbers[:2]), NASTY_SILENCE_US)):
        other.resume(kept)
        assert other.position == kept.position == at
        assert difference(state, other.accumulator_state()) == ""
        other.advance(until_event=beyond)
        other.resume(kept)
        assert kept_rows(other.advance()) == first
        assert difference(last, other.accumulator_state()) == ""


@pytest.mark.parametrize("seed", range(20))
def test_chunks_of_rows_add_up_to_the_whole(seed: int) -> None:
    """Advancing by a few rows at a time gives the rows of one go, and never parts the rows that one event closed."""
    columns = columns_from(nasty_events(seed, 600), NASTY.symbol)
    whole = kept_rows(passing(columns, NASTY, True, True, NASTY_SILENCE_US).advance())
    parts = passing(columns, NASTY, True, True, NASTY_SILENCE_US)
    chunks, closers = [], []
    while parts.position < len(columns):
        chunk = parts.advance(max_rows=7)
        closers.append(set(chunk.event.tolist()))
        chunks.append(kept_rows(chunk))
    assert whole == [b"".join(column) for column in zip(*chunks, strict=True)]
    assert sum(map(len, closers)) == len(set().union(*closers))


@pytest.mark.parametrize("seed", range(4))
def test_the_interpreted_pass_is_the_compiled_one(seed: int) -> None:
    """Without numba the same source gives the same bits."""
    columns = columns_from(nasty_events(seed, 300), NASTY.symbol)
    chunks = []
    for compile_pass in (True, False):
        feature_pass = passing(columns, NASTY, True, True, NASTY_SILENCE_US, compile_pass)
        chunks.append((kept_rows(feature_pass.advance()), feature_pass.accumulator_state()))
    (fast, fast_state), (slow, slow_state) = chunks
    assert fast == slow
    assert difference(fast_state, slow_state) == ""

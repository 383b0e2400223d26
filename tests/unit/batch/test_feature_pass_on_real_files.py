"""The compiled pass on the recorded files: the accumulator's rows and states, to the bit."""

import itertools
import random

import pytest
from driven_accumulator import DrivenAccumulator, difference, row_difference
from recorded_data import ATOM, POL, SPOT, USDM, recorded

from flashcrash_core.api import FeedRequest, Timer
from flashcrash_core.batch.feature_pass import FeaturePass
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_feeds import bulk, replay, tardis

pytest.importorskip("numba")

FEEDS = {POL: tardis.TARDIS, ATOM: bulk.BULK}


@pytest.mark.parametrize("names", [SPOT, (USDM,), (POL,), (ATOM,)], ids=["spot", "usdm", "pol", "atom"])
@pytest.mark.parametrize("source_is_mid", [True, False], ids=["mid", "trade"])
def test_recorded_files_give_the_same_rows(names: tuple[str, ...], source_is_mid: bool) -> None:
    """Books of thousands of levels by both rules, sweeps of trades: rows, bars, counts and states at random stops."""
    request, next_seq = InstrumentBook(), itertools.count(1).__next__
    sources = [FEEDS.get(name, replay.ReplayFeed()).open(FeedRequest(request, next_seq, recorded(name))) for name in names]
    info = sources[0].info
    instrument, has_book = info.instruments[0], info.has_book
    events = list(itertools.islice(itertools.chain.from_iterable(source.events() for source in sources), 250_000))
    for source in sources:
        source.close()
    last_us = max(event.exchange_us or 0 for event in events)
    events.append(Timer(instrument.symbol, events[-1].seq + 1, last_us + 2_000_000, events[-1].receive_us + 2_000_000))
    source_is_mid = source_is_mid and has_book
    silence_us = 900_000_000
    feature_pass = FeaturePass(
        columns_from(events, instrument.symbol),
        instrument,
        has_book=has_book,
        source_is_mid=source_is_mid,
        max_silence_us=silence_us,
    )
    truth = DrivenAccumulator(instrument, has_book, source_is_mid, silence_us)
    for stop in [*sorted(random.Random(1).sample(range(len(events)), min(8, len(events)))), len(events)]:
        known, bars = len(truth.rows), len(truth.bars)
        chunk = feature_pass.advance(until_event=stop)
        truth.take_all(events[truth.taken : stop])
        assert row_difference(chunk.rows, truth.rows[known:]) == ""
        assert chunk.event.tolist() == truth.event[known:]
        assert len(chunk.bars.row) == len(truth.bars) - bars
        assert difference(truth.market.snapshot(), feature_pass.accumulator_state(first_seq=events[0].seq)) == ""
    assert len(truth.rows) > 10

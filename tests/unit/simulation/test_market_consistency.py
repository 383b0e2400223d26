"""What any reader of the simulated market may rely on: chained ids, a book that is never crossed, prints that fit it."""

import itertools

import pytest

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.book_sync import BookSync
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, Side, Trade
from flashcrash_core.simulation.generator import SimulatedMarket, simulated_instrument
from flashcrash_core.simulation.scenario import MARKET_PRESETS, STEP_US, scenario_preset

SEEDS = (1, 2)
presets = pytest.mark.parametrize("preset", sorted(MARKET_PRESETS))
seeds = pytest.mark.parametrize("seed", SEEDS)


@presets
def test_snapshot_first_then_deltas_every_step(record, preset):
    """There is one snapshot, first, and one delta per 100 ms of the market's time."""
    events = record(preset, 1)
    assert isinstance(events[0], BookSnapshot)
    assert sum(isinstance(e, BookSnapshot) for e in events) == 1
    scenario = MARKET_PRESETS[preset]
    deltas = [e for e in events if isinstance(e, BookDelta)]
    assert [(d.exchange_us - scenario.start_us) // STEP_US for d in deltas] == list(range(scenario.duration_s * 10))


@seeds
@presets
def test_a_reader_rebuilds_the_book_without_a_gap(record, preset, seed):
    """BookSync follows the deltas to the end; the rebuilt book is never crossed or locked and never one-sided."""
    sync = BookSync()
    for event in record(preset, seed):
        if isinstance(event, BookSnapshot):
            assert sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            assert sync.on_delta(event), f"seed {seed}, seq {event.seq}"
            bid, ask = sync.book.bids.best(), sync.book.asks.best()
            assert 0 < bid < ask, f"seed {seed}, seq {event.seq}: {bid} {ask}"
            assert min(len(sync.book.bids), len(sync.book.asks)) >= 20, f"seed {seed}, seq {event.seq}"
    assert sync.counts["gaps"] == 0


@seeds
def test_the_book_told_is_the_book_kept(seed):
    """After every delta the rebuilt book equals the market's own, level by level, and its invariants hold."""
    scenario = scenario_preset("crash_and_bounce", calm_s=3, crash_s=21, legs=3, bounce_s=10, swings=1, aftermath_s=3)
    market = SimulatedMarket(scenario, seed)
    sync = BookSync()
    for event in market.events():
        if isinstance(event, BookSnapshot):
            sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            sync.on_delta(event)
            market._check()
            kept = market._liquidity.book
            assert list(sync.book.bids) == list(kept.bids), f"seed {seed}, seq {event.seq}"
            assert list(sync.book.asks) == list(kept.asks), f"seed {seed}, seq {event.seq}"


@seeds
@presets
def test_update_ids_are_contiguous_and_quotes_lie_inside_the_next_delta(record, preset, seed):
    """U follows the previous u; a best quote's id lies in the range of the delta that follows it."""
    told, waiting = 0, []
    for event in record(preset, seed):
        if isinstance(event, BookSnapshot):
            told = event.update_id
        elif isinstance(event, BestQuote):
            waiting.append(event.update_id)
        elif isinstance(event, BookDelta):
            assert event.first_id == told + 1
            assert event.last_id >= event.first_id
            assert all(event.first_id <= quote_id <= event.last_id for quote_id in waiting), f"seed {seed}, seq {event.seq}"
            assert waiting == sorted(waiting)
            told, waiting = event.last_id, []


@seeds
@presets
def test_a_quote_with_the_deltas_id_shows_the_deltas_book(record, preset, seed):
    """Where ticker and book bear one id they agree on the best prices; there are such cases."""
    instrument = simulated_instrument("SIMUSDT")
    accumulator = FeatureAccumulator(instrument, has_book=True, source_is_mid=True)
    for event in record(preset, seed):
        act_us = accumulator.admit(event)
        while 0 < accumulator.next_row_us <= act_us:
            row = accumulator.close_row()
            assert row.unhealthy == 0, f"seed {seed}: {row}"
        accumulator.apply(event, act_us)
    assert accumulator.counts["quote_checks"] > 1_000
    assert accumulator.counts["quote_mismatches"] == 0
    assert accumulator.counts["late"] == 0


@seeds
@presets
def test_sequences_and_times_never_go_back(record, preset, seed):
    """Arrival sequences count up by one; receive times never go back; nothing arrives before it happened."""
    events = record(preset, seed)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    for before, after in itertools.pairwise(events):
        assert before.receive_us <= after.receive_us
    timed = [e for e in events if e.exchange_us is not None]
    for before, after in itertools.pairwise(timed):
        assert before.exchange_us <= after.exchange_us
    delays = sorted(e.receive_us - e.exchange_us for e in timed)
    assert delays[0] > 0
    assert delays[len(delays) // 2] < 500_000
    assert {type(e) for e in events if e.exchange_us is None} == {BookSnapshot, BestQuote}


@seeds
@presets
def test_every_print_fits_the_book(record, preset, seed):
    """A seller hits at or below the best bid of the last quote, a buyer lifts at or above the best ask; ids count up."""
    bid = ask = 0
    last_id = 0
    for event in record(preset, seed):
        if isinstance(event, BookSnapshot):
            bid, ask = event.bids[0][0], event.asks[0][0]
        elif isinstance(event, BestQuote):
            bid, ask = event.bid_ticks, event.ask_ticks
            assert 0 < bid < ask
            assert event.bid_lots > 0
            assert event.ask_lots > 0
        elif isinstance(event, Trade):
            assert event.trade_id == last_id + 1
            last_id = event.trade_id
            assert event.qty_lots > 0
            if event.aggressor is Side.SELL:
                assert event.price_ticks <= bid, f"seed {seed}, seq {event.seq}"
            else:
                assert event.price_ticks >= ask, f"seed {seed}, seq {event.seq}"

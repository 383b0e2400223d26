"""Engines agree where settings and markets are random, and where events of several symbols arrive at the same time."""

import heapq
from itertools import pairwise
from operator import attrgetter

import pytest
from engine_pair import Market, market_of, request, require_equal
from msgspec.structs import replace
from random_runs import different

from flashcrash_core.market.events import Side, Trade
from flashcrash_core.market.tape.rows import columns_from
from flashcrash_core.runtime.batching import expected_rows

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")


@pytest.mark.parametrize("seed", [35, 52])
def test_random_runs(seed: int) -> None:
    """Runs that once differed: a state and what it led to at once were committed apart. `python tests/random_runs.py` has more."""
    told = different(seed)
    assert not told, f"seed {seed}: {told}"


@pytest.mark.parametrize("step_us", [10_000, 100_000])
def test_events_of_two_symbols_at_the_same_time(step_us: int) -> None:
    """Those of the symbol named first come first, also where one symbol's arrival time goes back and its events wait their turn."""
    run = request(
        "feeds.simulated.trades_per_s=2", "feeds.simulated.quotes_per_s=2", "feeds.simulated.calm_s=330",
        "strategy.score_threshold=0", "strategy.volume_ratio=0", "strategy.min_range_pct=0", symbols=("AAAUSDT", "BBBUSDT"),
    )  # fmt: skip
    market = market_of(run)
    streams = [[event for event in market.events if event.symbol == symbol] for symbol in market.symbols]
    for number, events in enumerate(streams):
        for place, event in enumerate(events):
            back_us = 3 * step_us if (place + number) % 50 == 0 else 0
            events[place] = replace(event, receive_us=event.receive_us // step_us * step_us - back_us)
    merged = [replace(event, seq=seq) for seq, event in enumerate(heapq.merge(*streams, key=attrgetter("receive_us")), 1)]
    ties = sum(a.receive_us == b.receive_us and a.symbol != b.symbol for a, b in pairwise(merged))
    assert ties > 100
    report = require_equal(run, market=Market(merged, market.symbols))
    assert {trade["symbol"] for trade in report["trades"]} == set(market.symbols)


@pytest.mark.parametrize(("first_us", "step_us", "rows"), [(10**15, 10_000, 300), (10**15, -10_000, 100)])
def test_room_for_rows(first_us: int, step_us: int, rows: int) -> None:
    """The rows to be expected follow from arrival times, whichever events bear no time of their own."""
    times = [first_us + step_us * place for place in range(2_001)]
    trades = [Trade("X", 0, at if place < 1_500 else None, at, place, 1, 1, Side.BUY) for place, at in enumerate(times)]
    assert expected_rows(columns_from(trades, "X")) == rows

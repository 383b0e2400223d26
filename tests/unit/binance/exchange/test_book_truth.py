"""What clients are told of the book is the exchange's own book."""

import json
from itertools import pairwise

import pytest
from exchange_bench import SYMBOL, Bench, ScriptedSource, delta, quote_us, snapshot

from flashcrash_binance.exchange.sources import in_book_order
from flashcrash_core.api import BestQuote, BookDelta, MarketKind, SimulatedMarket, SyncState, scenario_preset


def quote(at_s: float, update_id: int, bid: tuple[int, int], ask: tuple[int, int]):
    at_us = quote_us(at_s)
    return at_us, BestQuote(SYMBOL, 0, None, at_us, update_id, *bid, *ask)


@pytest.mark.parametrize("kind", MarketKind)
@pytest.mark.parametrize("after_s", [0.31, 0.5001, 1.2345, 2.7])
def test_a_snapshot_of_any_moment_and_the_diffs_are_the_exchanges_book(kind: MarketKind, after_s: float) -> None:
    """By the documented procedure every client ends with every level of the exchange's own book."""
    bench = Bench(kind=kind, seed=7)
    client = bench.connect("depth@100ms", group="public" if kind is MarketKind.USDM else "")
    bench.play(after_s)
    body = bench.ask(f"depth?symbol={SYMBOL}&limit=1000").body
    bench.play(6 - after_s % 0.1)  # right after a diff left
    sync = bench.book_of(client, body)
    truth = bench.core.truth(SYMBOL)
    assert sync.state is SyncState.SYNCED
    assert (sync.update_id, list(sync.book.bids), list(sync.book.asks)) == (truth.update_id, truth.bids, truth.asks)


@pytest.mark.parametrize("kind", MarketKind)
def test_the_slower_diffs_give_the_same_book(kind: MarketKind) -> None:
    """``@depth`` of 1000 ms (250 ms on USD-M) chains and ends like the quick one."""
    bench = Bench(kind=kind, seed=7)
    client = bench.connect("depth", group="public" if kind is MarketKind.USDM else "")
    bench.play(2.45)
    body = bench.ask(f"depth?symbol={SYMBOL}&limit=1000").body
    bench.play(3.55)
    sync = bench.book_of(client, body)
    truth = bench.core.truth(SYMBOL)
    assert sync.update_id == truth.update_id
    assert list(sync.book.bids) == truth.bids
    assert len(client.of("depthUpdate")) == (6 if kind is MarketKind.SPOT else 24)


def test_a_book_ticker_and_a_snapshot_with_one_id_agree() -> None:
    """The best levels of a REST snapshot are those of the book ticker that bears its id."""
    bench = Bench(seed=3)
    client = bench.connect("bookTicker")
    seen = 0
    for _ in range(200):
        bench.play(0.0137)
        quotes = client.of("bookTicker")
        body = bench.get(f"depth?symbol={SYMBOL}&limit=5")
        if quotes and quotes[-1]["u"] == body["lastUpdateId"]:
            seen += 1
            assert [quotes[-1]["b"], quotes[-1]["B"]] == body["bids"][0]
            assert [quotes[-1]["a"], quotes[-1]["A"]] == body["asks"][0]
    assert seen > 50


def test_after_each_source_diff_the_book_is_the_sources() -> None:
    """What quotes changed ahead of a diff is as the source has it once the diff is there."""
    scenario = scenario_preset("calm", symbol=SYMBOL, calm_s=20)
    bench = Bench(sources={SYMBOL: ScriptedSource(list(in_book_order(SimulatedMarket(scenario, 5).events())))})
    bench.play(25)
    market = SimulatedMarket(scenario, 5)
    for event in market.events():
        assert event is not None
    truth = bench.core.truth(SYMBOL)
    book = market._liquidity.book  # the source's own book, which no event carries whole
    assert (truth.bids, truth.asks) == (list(book.bids), list(book.asks))
    assert truth.update_id == market._liquidity.update_id


def test_a_level_that_moves_there_and_back_is_told_again() -> None:
    """A snapshot between two changes holds the first; the diff must say that the level is again what it was."""
    script = [
        snapshot(0.0, 10, [(100, 5)], [(110, 5)]),
        quote(0.02, 11, (100, 9), (110, 5)),
        delta(0.06, 11, 12, [(90, 1)], []),
        delta(0.2, 13, 13, [(80, 1)], []),
    ]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)})
    client = bench.connect("depth@100ms")
    bench.play(0.03)
    body = bench.ask(f"depth?symbol={SYMBOL}&limit=100").body
    assert json.loads(body)["bids"] == [["1.00000000", "0.00090000"]]
    bench.play(1)
    sync = bench.book_of(client, body)
    assert list(sync.book.bids) == [(100, 5), (90, 1), (80, 1)]


def test_a_quote_removes_what_stands_before_it() -> None:
    """A best quote below the best bid removes it, and the diff that follows tells of it."""
    script = [
        snapshot(0.0, 10, [(100, 5), (99, 4)], [(110, 5)]),
        quote(0.02, 11, (99, 4), (110, 5)),
        delta(0.05, 11, 11, [(100, 0)], []),
    ]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)})
    client = bench.connect("depth@100ms", "bookTicker")
    bench.play(0.03)
    assert bench.core.truth(SYMBOL).bids == [(99, 4)]
    assert client.of("bookTicker")[-1]["b"] == "0.99000000"
    bench.play(1)
    assert client.of("depthUpdate")[-1]["b"] == [["1.00000000", "0.00000000"]]


def test_a_quote_with_a_diffs_last_id_comes_after_the_diff() -> None:
    """Quotes overtake diffs on the way to a recorder; the exchange sorts them by id, so that no state has two ids."""
    ordered = [
        event for _, event in in_book_order(
            [
                BestQuote(SYMBOL, 1, None, 100, 12, 100, 1, 110, 1),
                BestQuote(SYMBOL, 2, None, 101, 14, 100, 2, 110, 1),
                BookDelta(SYMBOL, 3, 90, 102, 10, 13, [], []),
                BookDelta(SYMBOL, 4, 95, 103, 14, 14, [], []),
            ]
        )
    ]  # fmt: skip
    assert [getattr(event, "update_id", None) or event.last_id for event in ordered] == [12, 13, 14, 14]
    assert isinstance(ordered[2], BookDelta)


def test_futures_ids_are_not_consecutive() -> None:
    """On USD-M ``pu`` is the last diff's ``u``, and ``U`` lies beyond the next id."""
    bench = Bench(kind=MarketKind.USDM)
    client = bench.connect("depth@100ms", group="public")
    bench.play(3)
    diffs = client.of("depthUpdate")
    assert len(diffs) > 20
    for before, after in pairwise(diffs):
        assert after["pu"] == before["u"]
        assert after["pu"] + 1 < after["U"] <= after["u"]


def test_a_later_snapshot_changes_what_differs() -> None:
    """A capture's resync shows as a diff to clients: this exchange has no gap of its own."""
    script = [
        snapshot(0.0, 10, [(100, 5), (98, 1)], [(110, 5)]),
        snapshot(0.3, 50, [(100, 5), (99, 2)], [(110, 5)]),
        snapshot(0.35, 20, [(1, 1)], [(2, 1)]),
    ]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)})
    client = bench.connect("depth@100ms")
    bench.play(1)
    (diff,) = client.of("depthUpdate")
    assert (diff["U"], diff["u"]) == (11, 50)
    assert bench.core.truth(SYMBOL).bids == [(100, 5), (99, 2)]


def test_diffs_before_the_first_snapshot_are_kept() -> None:
    """A capture begins with diffs while its snapshot is fetched; they are applied on top of it."""
    script = [
        delta(0.0, 11, 12, [(99, 7)], []),
        delta(0.1, 13, 14, [(98, 7)], []),
        snapshot(0.15, 12, [(100, 5), (99, 7)], [(110, 5)]),
        delta(0.2, 15, 15, [(97, 1)], []),
    ]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)})
    bench.play(1)
    truth = bench.core.truth(SYMBOL)
    assert (truth.update_id, truth.bids) == (15, [(100, 5), (99, 7), (98, 7), (97, 1)])

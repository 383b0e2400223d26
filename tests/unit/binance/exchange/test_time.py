"""The exchange's clock, the speed at which a market is played, and its end."""

import json
from itertools import pairwise

import pytest
from exchange_bench import START_US, SYMBOL, Bench, ScriptedSource, delta, snapshot, trade

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.core import Close
from flashcrash_binance.exchange.sources import simulated_sources
from flashcrash_core.api import DataError, simulated_instrument

SCRIPT = [
    snapshot(0.0, 10, [(100, 5)], [(110, 5)]),
    trade(1.0, 1, 110, 1),
    delta(2.0, 11, 11, [(99, 1)], []),
    trade(4.0, 2, 111, 1),
]


def test_the_markets_first_event_is_now() -> None:
    """The source's own times do not matter: the first event happens at the start, the others as much later as in the source."""
    bench = Bench(sources={SYMBOL: ScriptedSource(SCRIPT)})
    client = bench.connect("trade", "depth@100ms")
    bench.play(10)
    assert [one["T"] for one in client.of("trade")] == [(START_US + 1_000_000) // 1000, (START_US + 4_000_000) // 1000]
    assert client.of("depthUpdate")[0]["E"] == (START_US + 2_100_000) // 1000


@pytest.mark.parametrize("speed", [0.5, 4.0, 33.3])
def test_speed_scales_the_time_between_events(speed: float) -> None:
    """At X times the speed everything of the market, diffs as well, comes X times as fast."""
    bench = Bench(sources={SYMBOL: ScriptedSource(SCRIPT)}, speed=speed)
    client = bench.connect("trade", "depth@100ms")
    bench.play(10 / speed)
    times = [(at - START_US) * speed / 1e6 for at, payload in client.frames if isinstance(payload, bytes)]
    assert times == pytest.approx([1.0, 2.1, 4.0], abs=0.001)


def test_at_full_speed_everything_is_due_and_nothing_is_lost() -> None:
    """A call takes a bounded number of events; in the end all diffs chain and all trades came."""
    bench = Bench(sources=dict(simulated_sources((SYMBOL,), 2, preset="calm", calm_s=20)), speed=None, start=False)
    client = bench.connect("trade", "depth@100ms")
    calls = 0
    while bench.core.next_time_us <= bench.now_us:
        bench.core.advance(bench.now_us)
        calls += 1
        assert len(bench.core.frames) < 2_000
        bench._collect()
    assert calls > 5
    assert [one["t"] for one in client.of("trade")] == list(range(1, len(client.of("trade")) + 1))
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(client.of("depthUpdate")))
    assert len(client.of("depthUpdate")) == 200


def test_the_exchanges_clock_is_its_own() -> None:
    """Offset and drift show in every time that clients see, not in when things happen."""
    bench = Bench(sources={SYMBOL: ScriptedSource(SCRIPT)}, clock=ExchangeClock(offset_us=-3_000_000, drift_ppm=100_000))
    client = bench.connect("trade")
    bench.play(4)
    assert [at - START_US for at, payload in client.frames if isinstance(payload, bytes)] == [1_000_000, 4_000_000]
    assert client.of("trade")[1]["T"] == (START_US - 3_000_000 + 4_400_000) // 1000
    assert bench.get("time")["serverTime"] == (START_US - 3_000_000 + 4_400_000) // 1000


def test_at_the_end_the_book_stands_still() -> None:
    """``stay``: no more messages, connections and REST live on."""
    bench = Bench(sources={SYMBOL: ScriptedSource(SCRIPT)})
    client = bench.connect("trade", "depth@100ms")
    bench.play(60)
    heard = len(client.texts)
    bench.play(60)
    assert len(client.texts) == heard
    assert client.ended is None
    assert not bench.core.ended
    assert bench.get(f"depth?symbol={SYMBOL}")["lastUpdateId"] == 11


def test_at_the_end_the_exchange_may_stop() -> None:
    """``stop``: a second after the last event of the last market all connections are closed."""
    bench = Bench(sources={SYMBOL: ScriptedSource(SCRIPT)}, at_end="stop")
    client = bench.connect("trade")
    bench.play(4.9)
    assert not bench.core.ended
    bench.play(1)
    assert bench.core.ended
    assert isinstance(client.ended, Close)


def test_at_the_end_the_market_may_begin_again() -> None:
    """``loop``: ids and times go on, clients keep their books, and nothing chains wrongly."""
    bench = Bench(sources=dict(simulated_sources((SYMBOL,), 2, preset="calm", calm_s=3)), at_end="loop")
    client = bench.connect("trade", "depth@100ms")
    bench.play(1)
    body = bench.ask(f"depth?symbol={SYMBOL}&limit=1000").body
    bench.play(11)
    assert bench.core.markets[SYMBOL].rounds >= 4
    ids = [one["t"] for one in client.of("trade")]
    assert ids == sorted(set(ids))
    sync = bench.book_of(client, body)
    truth = bench.core.markets[SYMBOL].book.as_of_last_diff("100ms")
    assert (sync.update_id, list(sync.book.bids), list(sync.book.asks)) == (truth.update_id, truth.bids, truth.asks)


def test_symbols_keep_their_distance_in_time() -> None:
    """Two symbols that were recorded together are played together; one of another day begins with the others."""
    later = [(at + 2_000_000, event) for at, event in SCRIPT]
    other_day = [(at + 86_400_000_000, event) for at, event in SCRIPT]
    sources = {"AUSDT": SCRIPT, "BUSDT": later, "CUSDT": other_day}
    bench = Bench(sources={name: ScriptedSource(script, simulated_instrument(name)) for name, script in sources.items()})
    client = bench.connect(target="/stream?streams=ausdt@trade/busdt@trade/cusdt@trade")
    bench.play(10)
    first = {}
    for text in client.texts:
        one = json.loads(text)["data"]
        first.setdefault(one["s"], one["T"] - START_US // 1000)
    assert first == {"AUSDT": 1000, "BUSDT": 3000, "CUSDT": 1000}


def test_a_source_that_breaks_off_is_told_and_stands_still() -> None:
    """A damaged recording ends there: the reason is told once and shown in the status; the exchange serves on."""

    class Broken(ScriptedSource):
        def events(self):
            yield from self.script
            raise DataError("capture.gz: breaks off")

    told: list[str] = []
    bench = Bench(sources={SYMBOL: Broken(SCRIPT)}, start=False)
    bench.core.tell = told.append
    bench.core.advance(bench.now_us)
    bench.play(10)
    assert told == ["capture.gz: breaks off"]
    assert bench.core.status()["markets"][SYMBOL] == {"update_id": 11, "ended": True, "fault": "capture.gz: breaks off"}
    assert bench.ask("ping").status == 200

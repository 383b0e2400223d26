"""Pings, ages and limits of connections; slow readers."""

from exchange_bench import SYMBOL, Bench

from flashcrash_binance.exchange.core import Close, Cut, Ping, Pong
from flashcrash_core.api import MarketKind


def test_a_ping_every_20_seconds() -> None:
    """A client that echoes them stays connected."""
    bench = Bench()
    client = bench.connect("trade")
    bench.play(100)
    pings = [at for at, payload in client.frames if isinstance(payload, Ping)]
    assert [round((at - pings[0]) / 1e6) for at in pings] == [0, 20, 40, 60, 80]
    assert client.ended is None


def test_no_pong_within_a_minute_ends_the_connection() -> None:
    """60 s after the first unanswered ping it is closed, on USD-M after ten minutes."""
    bench = Bench()
    client = bench.connect("trade", pongs=False)
    bench.play(79)
    assert client.ended is None
    bench.play(2)
    assert isinstance(client.ended, Close)
    futures = Bench(kind=MarketKind.USDM)
    client = futures.connect("trade", group="public", pongs=False)
    futures.play(400)
    assert client.ended is None


def test_a_pong_that_echoes_no_ping_does_not_count() -> None:
    """Unsolicited pongs are allowed but save nobody."""
    bench = Bench()
    client = bench.connect("trade", pongs=False)
    for _ in range(9):
        bench.play(9)
        bench.core.pong(client.number, b"", bench.now_us)
    assert isinstance(client.ended, Close)


def test_a_clients_ping_is_answered() -> None:
    """With the same payload."""
    bench = Bench()
    client = bench.connect("trade")
    bench.core.ping(client.number, b"hello", bench.now_us)
    bench.play(0.001)
    assert Pong(b"hello") in [payload for _, payload in client.frames]


def test_more_than_five_messages_a_second_end_the_connection() -> None:
    """Pings and pongs count; the sixth in a second is one too many, spread over seconds they are fine."""
    bench = Bench()
    polite, rude = bench.connect("trade"), bench.connect("trade")
    for _ in range(4):
        for _ in range(5):
            bench.core.pong(polite.number, b"", bench.now_us)
        bench.play(1.0)
    for _ in range(6):
        bench.core.ping(rude.number, b"", bench.now_us)
    bench.play(0.01)
    assert polite.ended is None
    assert isinstance(rude.ended, Close)
    assert rude.ended.code == 1008
    assert bench.core.counts["closed_inbound"] == 1


def test_a_connection_lives_a_day() -> None:
    """After 24 h the server closes; what the market says then goes to the others."""
    bench = Bench()
    client = bench.connect("trade")
    bench.play(24 * 3600 - 1)
    assert client.ended is None
    bench.play(2)
    assert isinstance(client.ended, Close)


def test_300_attempts_in_five_minutes() -> None:
    """The next one is refused with 429 until the five minutes are over."""
    bench = Bench()
    for number in range(300):
        assert bench.core.connect(1000 + number, f"/ws/{SYMBOL.lower()}@trade", bench.now_us) is None
        bench.core.disconnect(1000 + number, bench.now_us)
    refusal = bench.core.connect(2000, "/ws", bench.now_us)
    assert refusal is not None
    assert refusal.status == 429
    bench.play(301)
    assert bench.core.connect(2001, "/ws", bench.now_us) is None


def test_a_client_that_does_not_read_is_cut_off() -> None:
    """The server says so to the core: counted, cut, and nothing more is sent to it."""
    bench = Bench()
    client, other = bench.connect("trade"), bench.connect("trade")
    bench.play(2)
    bench.core.cut_slow(client.number, bench.now_us)
    bench.play(2)
    assert isinstance(client.ended, Cut)
    assert bench.core.counts["cut_slow"] == 1
    assert other.ended is None
    assert len(other.texts) > len(client.texts)

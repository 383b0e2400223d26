"""WebSocket paths, subscriptions and the shape of every message."""

import json
from decimal import Decimal

import pytest
from exchange_bench import SYMBOL, Bench

from flashcrash_core.api import MarketKind

NAME = SYMBOL.lower()


def test_the_combined_form_names_the_stream() -> None:
    """``/stream?streams=`` wraps every message; ``/ws/`` sends it bare; both carry the same data."""
    bench = Bench()
    wrapped = bench.connect("trade")
    bare = bench.connect(target=f"/ws/{NAME}@trade")
    bench.play(3)
    assert wrapped.texts
    assert {json.loads(text)["stream"] for text in wrapped.texts} == {f"{NAME}@trade"}
    assert wrapped.messages == [json.loads(text) for text in bare.texts]


def test_a_message_is_encoded_once_for_all_connections() -> None:
    """Connections that get the same bytes get the same object."""
    bench = Bench()
    first, second = bench.connect("trade"), bench.connect("trade")
    bench.play(3)
    assert first.texts
    assert all(one is other for one, other in zip(first.texts, second.texts, strict=True))


def test_subscribing_twice_delivers_once() -> None:
    """A stream of the address that is subscribed again is normal (unicorn does it)."""
    bench = Bench()
    client = bench.connect("trade")
    assert bench.say(client, {"method": "SUBSCRIBE", "params": [f"{NAME}@trade"], "id": 1}) == {"result": None, "id": 1}
    bench.play(5)
    ids = [one["t"] for one in client.of("trade")]
    assert len(ids) > 10
    assert len(set(ids)) == len(ids)


def test_an_empty_socket_subscribes_and_unsubscribes() -> None:
    """``/stream`` without streams and ``/ws/3`` (ccxt) begin empty; SUBSCRIBE and UNSUBSCRIBE take effect at once."""
    bench = Bench()
    for target in ("/stream", "/ws", "/ws/3"):
        client = bench.connect(target=target)
        bench.play(0.5)
        assert client.texts == []
        bench.say(client, {"method": "SUBSCRIBE", "params": [f"{NAME}@bookTicker", f"{NAME}@trade"], "id": 7})
        assert bench.say(client, {"method": "LIST_SUBSCRIPTIONS", "id": 8})["result"] == [f"{NAME}@bookTicker", f"{NAME}@trade"]
        bench.play(2)
        bench.say(client, {"method": "UNSUBSCRIBE", "params": [f"{NAME}@bookTicker", f"{NAME}@trade"], "id": 9})
        heard = len(client.texts)
        assert heard > 20
        bench.play(1)
        assert len(client.texts) == heard


def test_the_property_combined_changes_the_form() -> None:
    """SET_PROPERTY combined wraps what a raw socket gets, and GET_PROPERTY tells."""
    bench = Bench()
    client = bench.connect(target=f"/ws/{NAME}@trade")
    assert bench.say(client, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1})["result"] is False
    bench.say(client, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
    assert bench.say(client, {"method": "GET_PROPERTY", "params": ["combined"], "id": 3})["result"] is True
    before = len(client.texts)
    bench.play(3)
    assert all(text.startswith(b'{"stream":') for text in client.texts[before:])


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{not json", 3),
        (b"\xff\xfe", 3),
        ({"params": ["x"], "id": 1}, 2),
        ({"method": "JUMP", "id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": [], "id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": ["a@trade"], "id": 1.5}, 2),
        ({"method": "SUBSCRIBE", "params": ["a@trade"], "id": "x" * 37}, 2),
        ({"method": "SUBSCRIBE", "params": [f"a{i}@trade" for i in range(1025)], "id": 1}, 2),
        ({"method": "GET_PROPERTY", "params": ["colour"], "id": 1}, 0),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}, 1),
    ],
)
def test_bad_control_messages_are_answered_with_their_code(message: object, code: int) -> None:
    """Every fault has Binance's code, and the connection stays open."""
    bench = Bench()
    client = bench.connect("trade")
    assert bench.say(client, message)["code"] == code
    bench.play(2)
    assert client.of("trade")


def test_an_unknown_stream_is_acknowledged_and_silent() -> None:
    """As on Binance: the reply to SUBSCRIBE does not tell whether a stream exists."""
    bench = Bench()
    client = bench.connect(target="/stream")
    assert bench.say(client, {"method": "SUBSCRIBE", "params": ["nosuch@trade"], "id": 1})["result"] is None
    bench.play(2)
    assert len(client.texts) == 1


def test_on_usdm_a_stream_on_the_wrong_path_is_silent() -> None:
    """Depth and trades come on /public, aggregates on /market, and nothing on the other or the old path."""
    bench = Bench(kind=MarketKind.USDM)
    public, market, old = (bench.connect("depth@100ms", "aggTrade", "trade", group=group) for group in ("public", "market", ""))
    bench.play(3)
    assert {one["e"] for one in public.messages} == {"depthUpdate", "trade"}
    assert {one["e"] for one in market.messages} == {"aggTrade"}
    assert old.texts == []


def test_spot_messages_have_binances_fields() -> None:
    """Names, order of magnitude and types as in the reference; prices and quantities with 8 decimals."""
    bench = Bench()
    client = bench.connect("depth@100ms", "trade", "aggTrade", "bookTicker", "depth5@100ms", "kline_1s", "miniTicker", "ticker")
    bench.play(4)
    fields = {kind: set(client.of(kind)[0]) for kind in ("depthUpdate", "trade", "aggTrade", "bookTicker", "kline", "24hrTicker")}
    assert fields["depthUpdate"] == set("eEsUuba")
    assert fields["trade"] == set("eEstpqTmM")
    assert fields["aggTrade"] == set("eEsapqflTmM")
    assert fields["bookTicker"] == set("usbBaA")
    assert set(client.of("kline")[0]["k"]) == set("tTsifLochlvnxqVQB")
    assert fields["24hrTicker"] == set("eEspPwxcQbBaAohlvqOCFLn")
    partial = [one for one in client.messages if "lastUpdateId" in one]
    assert set(partial[0]) == {"lastUpdateId", "bids", "asks"}
    assert len(partial[0]["bids"]) == 5
    trade = client.of("trade")[0]
    assert len(trade["p"].partition(".")[2]) == len(trade["q"].partition(".")[2]) == 8
    assert abs(trade["T"] * 1000 - bench.now_us) < 5_000_000


def test_usdm_messages_have_binances_fields() -> None:
    """USD-M adds T and pu to diffs, type and times to book tickers, and has the decimals of its grid."""
    bench = Bench(kind=MarketKind.USDM)
    public = bench.connect("depth@100ms", "bookTicker", "trade", "depth10@100ms", group="public")
    market = bench.connect("aggTrade", group="market")
    bench.play(3)
    assert set(public.of("depthUpdate")[0]) == {*"eETsUuba", "pu"}
    assert set(public.of("bookTicker")[0]) == set("euTEsbBaA")
    assert set(public.of("trade")[0]) == set("eETstpqXm")
    assert set(market.of("aggTrade")[0]) == set("eEsapqflTm")
    price = market.of("aggTrade")[0]["p"]
    assert Decimal(price).as_tuple().exponent == -2


def test_microseconds_on_demand() -> None:
    """``timeUnit=MICROSECOND`` gives the same messages with finer times."""
    bench = Bench()
    fine = bench.connect(target=f"/stream?streams={NAME}@trade&timeUnit=MICROSECOND")
    coarse = bench.connect("trade")
    bench.play(3)
    assert [one["T"] // 1000 for one in fine.of("trade")] == [one["T"] for one in coarse.of("trade")]
    assert any(one["T"] % 1000 for one in fine.of("trade"))


def test_klines_are_made_of_the_trades() -> None:
    """The candles of the stream and of REST say what the trades say."""
    bench = Bench()
    client = bench.connect("trade", "kline_1s")
    bench.play(10)
    trades = client.of("trade")
    rows = bench.get(f"klines?symbol={SYMBOL}&interval=1s&limit=1000")
    for row in rows[:-1]:
        inside = [one for one in trades if row[0] <= one["T"] <= row[6]]
        assert row[8] == len(inside)
        assert Decimal(row[5]) == sum(Decimal(one["q"]) for one in inside)
        assert Decimal(row[2]) == max(Decimal(one["p"]) for one in inside)
        assert Decimal(row[9]) == sum(Decimal(one["q"]) for one in inside if not one["m"])
        assert (row[1], row[4]) == (inside[0]["p"], inside[-1]["p"])
    assert len(rows) >= 8
    assert {one["k"]["t"] for one in client.of("kline")} <= {row[0] for row in rows}


def test_the_websocket_api_answers_as_rest() -> None:
    """Requests over /ws-api/v3 get the REST bodies, with their id and the weight used."""
    bench = Bench()
    client = bench.connect(target="/ws-api/v3")
    reply = bench.say(client, {"id": "a", "method": "depth", "params": {"symbol": SYMBOL, "limit": 5}})
    assert (reply["id"], reply["status"]) == ("a", 200)
    assert reply["result"] == bench.get(f"depth?symbol={SYMBOL}&limit=5")
    assert (reply["rateLimits"][0]["limit"], reply["rateLimits"][0]["count"]) == (6_000, 5)
    assert bench.say(client, {"id": 2, "method": "depth", "params": {}})["error"]["code"] == -1102
    assert bench.say(client, {"id": 3, "method": "dance"})["status"] == 400
    assert bench.say(client, b"nonsense")["error"]["code"] == -1100


@pytest.mark.parametrize("target", ["/", "/nothing", "/stream/x", "/public/stream"])
def test_other_paths_are_refused(target: str) -> None:
    """No WebSocket there: HTTP 404, also for USD-M's paths on spot."""
    bench = Bench()
    refusal = bench.core.connect(99, target, bench.now_us)
    assert refusal is not None
    assert refusal.status == 404

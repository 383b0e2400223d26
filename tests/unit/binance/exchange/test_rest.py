"""REST answers, weights, refusals."""

import json

import pytest
from exchange_bench import START_US, SYMBOL, Bench, ScriptedSource, snapshot, trade

from flashcrash_binance.exchange_info import exchange_info_query, listed_symbols
from flashcrash_core.api import MarketKind, Side


@pytest.mark.parametrize("kind", MarketKind)
def test_exchange_info_gives_the_grid_back(kind: MarketKind) -> None:
    """The feed's own reader finds tick, lot and minimum notional of every symbol, and that it trades."""
    bench = Bench(kind=kind, symbols=("AUSDT", "BUSDT"))
    body = bench.ask("exchangeInfo").body
    for symbol, listed in listed_symbols(body, kind, ("AUSDT", "BUSDT")).items():
        own = bench.core.markets[symbol].instrument
        assert listed.status == "TRADING"
        assert (listed.instrument.tick_size, listed.instrument.lot_size) == (own.tick_size, own.lot_size)
        assert listed.instrument.min_notional == own.min_notional
    assert exchange_info_query(("AUSDT",), MarketKind.SPOT)


def test_exchange_info_of_named_symbols() -> None:
    """``symbols`` is a JSON list; an unknown one is refused."""
    bench = Bench(symbols=("AUSDT", "BUSDT"))
    named = bench.get("exchangeInfo?symbols=%5B%22BUSDT%22%5D")
    assert [one["symbol"] for one in named["symbols"]] == ["BUSDT"]
    assert json.loads(bench.ask("exchangeInfo?symbol=NOUSDT").body)["code"] == -1121


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("ping", 1),
        ("time", 1),
        ("exchangeInfo", 20),
        (f"depth?symbol={SYMBOL}", 5),
        (f"depth?symbol={SYMBOL}&limit=500", 25),
        (f"depth?symbol={SYMBOL}&limit=1000", 50),
        (f"depth?symbol={SYMBOL}&limit=5000", 250),
        (f"trades?symbol={SYMBOL}", 25),
        (f"aggTrades?symbol={SYMBOL}", 4),
        (f"klines?symbol={SYMBOL}&interval=1m", 2),
        (f"avgPrice?symbol={SYMBOL}", 2),
        (f"ticker/price?symbol={SYMBOL}", 2),
        ("ticker/price", 4),
        ("ticker/bookTicker", 4),
        (f"ticker/24hr?symbol={SYMBOL}", 2),
    ],
)
def test_every_call_costs_its_weight(path: str, weight: int) -> None:
    """The headers tell the weight used in this minute, and it is that of the reference."""
    bench = Bench()
    bench.play(3)
    answer = bench.ask(path)
    assert answer.status == 200
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == answer.headers["X-MBX-USED-WEIGHT"] == str(weight)


def test_weight_beyond_the_limit_is_refused_and_then_banned() -> None:
    """6000 a minute, then 429 with Retry-After until the minute is over; who goes on is banned with 418, and let in again."""
    bench = Bench()
    bench.play(10)
    deep = f"depth?symbol={SYMBOL}&limit=5000"
    answers = [bench.ask(deep) for _ in range(35)]
    assert [answer.status for answer in answers] == [200] * 24 + [429] * 10 + [418]
    assert json.loads(answers[24].body)["code"] == -1003
    assert 0 < int(answers[24].headers["Retry-After"]) <= 60
    assert answers[34].headers["Retry-After"] == "120"
    bench.play(119)
    assert bench.ask("ping").status == 418
    bench.play(2)
    assert bench.ask("ping").status == 200


def test_a_new_minute_has_its_own_weight() -> None:
    """The windows are minutes of the exchange's clock, not sliding."""
    bench = Bench()
    bench.get(f"depth?symbol={SYMBOL}&limit=5000")
    bench.play(61 - (START_US // 1_000_000) % 60)
    assert bench.ask("ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("depth", 400, -1102),
        ("depth?symbol=", 400, -1102),
        ("depth?symbol=nosuch", 400, -1121),
        (f"depth?symbol={SYMBOL}&limit=x", 400, -1100),
        (f"depth?symbol={SYMBOL}&limit=-5", 400, -1100),
        (f"klines?symbol={SYMBOL}", 400, -1102),
        (f"klines?symbol={SYMBOL}&interval=9x", 400, -1120),
        (f"aggTrades?symbol={SYMBOL}&fromId=1&startTime=1", 400, -1128),
        ("ticker/price?symbols=oops", 400, -1100),
        ("nothing", 404, -1000),
        ("/fapi/v1/time", 404, -1000),
    ],
)
def test_bad_requests_have_binances_code(path: str, status: int, code: int) -> None:
    """Nothing a client sends raises; each fault has its status and code."""
    answer = Bench().ask(path)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


def test_other_methods_are_refused() -> None:
    """Market data are read only."""
    assert Bench().ask("depth", method="POST").status == 405


def test_futures_depth_limits_are_fixed() -> None:
    """USD-M serves 5, 10, 20, 50, 100, 500 or 1000 levels, and adds its times."""
    bench = Bench(kind=MarketKind.USDM)
    assert json.loads(bench.ask(f"depth?symbol={SYMBOL}&limit=7").body)["code"] == -4021
    assert set(bench.get(f"depth?symbol={SYMBOL}&limit=10")) == {"lastUpdateId", "E", "T", "bids", "asks"}


def test_fills_of_one_order_at_one_price_are_one_aggregate() -> None:
    """Consecutive fills of one side, price and moment become one aggTrade that names its first and last trade."""
    script = [
        snapshot(0.0, 1, [(100, 5)], [(110, 5)]),
        trade(0.5, 7, 110, 2, Side.BUY),
        trade(0.5, 8, 110, 3, Side.BUY),
        trade(0.5, 9, 111, 1, Side.BUY),
        trade(0.5, 10, 111, 1, Side.SELL),
        trade(0.6, 11, 111, 1, Side.SELL),
    ]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)})
    client = bench.connect("aggTrade")
    bench.play(2)
    told = [(one["a"], one["f"], one["l"], one["q"], one["m"]) for one in client.of("aggTrade")]
    assert told == [
        (1, 7, 8, "0.00050000", False),
        (2, 9, 9, "0.00010000", False),
        (3, 10, 10, "0.00010000", True),
        (4, 11, 11, "0.00010000", True),
    ]
    rest = bench.get(f"aggTrades?symbol={SYMBOL}&fromId=2&limit=2")
    assert [(one["a"], one["f"], one["l"]) for one in rest] == [(2, 9, 9), (3, 10, 10)]


def test_trades_and_aggregates_page_without_holes() -> None:
    """All trades of the stream are found over REST, page by page from the last id."""
    bench = Bench()
    client = bench.connect("aggTrade")
    bench.play(20)
    found, first = [], 1
    while page := bench.get(f"aggTrades?symbol={SYMBOL}&fromId={first}&limit=50"):
        found += page
        first = page[-1]["a"] + 1
    streamed = [{key: value for key, value in one.items() if key not in "eEs"} for one in client.of("aggTrade")]
    assert found == streamed
    assert len(bench.get(f"trades?symbol={SYMBOL}&limit=10")) == 10


def test_the_day_tells_of_all_trades() -> None:
    """24 h statistics add up to the trades, the average price lies among them."""
    bench = Bench()
    client = bench.connect("trade")
    bench.play(15)
    trades = client.of("trade")
    day = bench.get(f"ticker/24hr?symbol={SYMBOL}")
    assert (day["count"], day["firstId"], day["lastId"]) == (len(trades), trades[0]["t"], trades[-1]["t"])
    assert day["highPrice"] == max(one["p"] for one in trades)
    assert day["lastPrice"] == bench.get(f"ticker/price?symbol={SYMBOL}")["price"] == trades[-1]["p"]
    average = float(bench.get(f"avgPrice?symbol={SYMBOL}")["price"])
    assert float(day["lowPrice"]) <= average <= float(day["highPrice"])

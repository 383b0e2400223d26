"""Fault switches of the trading side: what was executed, and what the client was told."""

import json
import re
from pathlib import Path

import pytest
from exchange_bench import SYMBOL, Client, Cut, trade
from trading_bench import TradingBench

from flashcrash_binance.exchange.fault_plans import DRAWN_FOR_TRADING, random_trading_plan
from flashcrash_binance.exchange.faults import TRADING_FAULTS, parse_faults

_REST_ORDER = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "newClientOrderId": "a"}


def _state(bench: TradingBench) -> str:
    """Status of the order at the exchange, empty if there is none."""
    found = [one for one in bench.trading.engine.orders.values() if one.client_id == "a"]
    return found[-1].status if found else ""


@pytest.mark.parametrize(
    ("faults", "price", "status", "code", "state"),
    [
        ("request_lost=1", "99", 0, None, ""),
        ("reply_lost=1", "99", 0, None, "NEW"),
        ("filled_reply_lost=1", "100.10", 0, None, "FILLED"),
        ("filled_reply_lost=1", "99", 200, None, "NEW"),
        ("error_executed=1", "99", 503, -1007, "NEW"),
        ("error_executed=500:1", "100.10", 500, -1006, "FILLED"),
        ("error_unexecuted=1", "99", 503, -1007, ""),
        ("slow_reply=11s:1", "99", 503, -1007, "NEW"),
        ("outside_window=1", "99", 400, -1021, ""),
        ("server_error=502:1:place", "99", 502, -1000, ""),
        ("reply_lost=1:cancel", "99", 200, None, "NEW"),
    ],
)
def test_what_a_fault_does_to_a_placement(faults: str, price: str, status: int, code: int | None, state: str) -> None:
    """Over REST and the WebSocket API alike: executed or not, and the answer that comes instead."""
    bench = TradingBench(faults=faults)
    answer = bench.rest("POST", "order", **_REST_ORDER, price=price)
    assert (answer.status, _state(bench)) == (status, state)
    assert answer.delay_us == (10_000_000 if "slow" in faults else 0)
    if code is not None:
        assert json.loads(answer.body)["code"] == code
    bench = TradingBench(faults=faults)
    client = bench.api()
    bench.send(client, "order.place", **_REST_ORDER, price=price)
    assert _state(bench) == state
    bench.play(11)
    if status == 0:
        assert isinstance(client.ended, Cut)
    else:
        reply = next(one for one in map(json.loads, client.texts) if one.get("id") == "order.place")
        assert reply["status"] == status
        assert code is None or reply["error"]["code"] == code


def test_a_withheld_reply_never_comes_and_the_connection_lives() -> None:
    """The event tells of the order, the reply does not."""
    bench = TradingBench(faults="reply_withheld=1")
    user = bench.listener()
    bench.send(user, "order.place", **_REST_ORDER, price="99")
    bench.play(30)
    assert bench.reports(user) == [("a", "NEW", "NEW")]
    assert [one.get("id") for one in user.messages if "id" in one] == ["userDataStream.subscribe.signature"]
    assert bench.call(user, "order.status", symbol=SYMBOL, origClientOrderId="a")["status"] == 200


def test_an_event_overtakes_its_reply() -> None:
    """event_first: the report is there 300 ms before the reply."""
    bench = TradingBench(faults="event_first=300ms:1")
    user = bench.listener()
    bench.send(user, "order.place", **_REST_ORDER, price="99")
    assert bench.reports(user) == [("a", "NEW", "NEW")]
    assert user.messages[-1].get("id") is None
    bench.play(0.4)
    assert user.messages[-1]["id"] == "order.place"


def test_a_fill_overtakes_a_cancel() -> None:
    """cancel_races_fill: the order is filled at its price, the cancel finds nothing."""
    bench = TradingBench(faults="cancel_races_fill=1")
    bench.place("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a")
    assert bench.bad("DELETE", "order", symbol=SYMBOL, origClientOrderId="a")[1] == -2011
    assert bench.query("a")["status"] == "FILLED"


def test_orders_are_filled_while_the_client_is_away() -> None:
    """fill_away: nobody is told, REST knows."""
    bench = TradingBench(faults="fill_away=1")
    user = bench.listener()
    bench.place("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a")
    bench.core.disconnect(user.number, bench.now_us)
    again = bench.listener()
    assert bench.query("a")["status"] == "FILLED"
    assert bench.events(again) == []
    bench.trading.engine.check()


def _reports_with(faults: str) -> tuple[TradingBench, Client]:
    bench = TradingBench(faults=faults)
    user = bench.listener()
    bench.place("BUY", "MARKET", quantity="0.15", newClientOrderId="a")
    return bench, user


def test_user_data_is_silenced_doubled_delayed_and_reordered() -> None:
    """The switches of market messages, with the subject ``user``."""
    bench, user = _reports_with("silent=user")
    assert bench.events(user) == []
    bench, user = _reports_with("duplicate=user")
    assert len(bench.events(user)) == 8
    bench, user = _reports_with("delay=700ms:user")
    assert bench.events(user) == []
    bench.play(0.8)
    assert len(bench.events(user)) == 4
    bench, user = _reports_with("reorder=1:user")
    bench.play(0.3)
    assert [one["x"] for one in bench.events(user, "executionReport")] == ["TRADE", "TRADE", "NEW"]


def test_too_many_requests_end_in_a_ban() -> None:
    """429 with Retry-After; who goes on is banned with 418."""
    bench = TradingBench(faults="too_many=5s:1:place")
    first = bench.rest("POST", "order", **_REST_ORDER, price="99")
    assert (first.status, json.loads(first.body)["code"]) == (429, -1003)
    assert int(first.headers["Retry-After"]) == 5
    statuses = [bench.rest("POST", "order", **_REST_ORDER, price="99").status for _ in range(12)]
    assert statuses[-1] == 418
    assert _state(bench) == ""
    client = bench.api()
    refused = bench.call(client, "order.place", **_REST_ORDER, price="99")
    assert refused["status"] == 418
    assert refused["error"]["data"]["retryAfter"] > refused["error"]["data"]["serverTime"]


def test_every_fault_of_trading_has_a_test_here() -> None:
    """A new fault comes with a test of it."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in TRADING_FAULTS if not re.search(rf'"{name}=', text)] == []


def test_trading_plans_are_drawn_from_their_seed() -> None:
    """The same seed gives the same plan, its text gives it back, and every fault of trading is drawn."""
    for seed in range(100):
        plan = random_trading_plan(seed)
        assert plan == random_trading_plan(seed)
        assert parse_faults(plan.spec) == plan
    assert set(DRAWN_FOR_TRADING) >= set(TRADING_FAULTS)


@pytest.mark.parametrize("seed", range(12))
def test_money_is_conserved_whatever_goes_wrong(seed: int) -> None:
    """Orders, cancels and faults of a drawn plan: balances are the start plus the trades, all that is locked is an order's."""
    script = [trade(1 + second, 2 + second, 10_000 + (second * 37 % 60) - 30, 2_000) for second in range(25)]
    bench = TradingBench(*script, faults=random_trading_plan(seed, last_s=15).spec, seed=seed)
    user = bench.listener()
    for second in range(20):
        side = "BUY" if second % 2 else "SELL"
        price = f"{100 + (second * 13 % 7 - 3) / 10:.2f}"
        bench.rest("POST", "order", **bench.order(side, "LIMIT", quantity="0.1", price=price, newClientOrderId=f"c{second}"))
        if second % 3 == 2:
            bench.rest("DELETE", "order", symbol=SYMBOL, origClientOrderId=f"c{second - 1}")
        bench.play(1)
        if user.ended is not None:
            user = bench.api()
        bench.trading.engine.check()
    plan = random_trading_plan(seed, last_s=15).spec
    assert bench.trading.engine.trades, f"seed {seed}: {plan}"

"""The WebSocket API's trading side and the user data stream."""

import importlib.util
import json

import pytest
from exchange_bench import SYMBOL, trade
from trading_bench import TradingBench

from flashcrash_binance.exchange.trading.amounts import ATOM


def test_an_order_lives_its_life_over_one_connection() -> None:
    """Placed, told, queried, cancelled; replies come before the events they cause, with the limits used."""
    bench = TradingBench()
    user = bench.listener()
    params = bench.order("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a")
    placed = bench.call(user, "order.place", **params)
    assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
    assert {one["rateLimitType"]: one["count"] for one in placed["rateLimits"]}["ORDERS"] == 1
    assert [one.get("id") for one in user.messages[1:3]] == ["order.place", None]
    assert bench.call(user, "order.status", symbol=SYMBOL, origClientOrderId="a")["result"]["isWorking"] is True
    assert len(bench.call(user, "openOrders.status", symbol=SYMBOL)["result"]) == 1
    assert bench.call(user, "order.cancel", symbol=SYMBOL, origClientOrderId="a")["result"]["status"] == "CANCELED"
    refused = bench.call(user, "order.cancel", symbol=SYMBOL, origClientOrderId="a")
    assert (refused["status"], refused["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert bench.reports(user) == [("a", "NEW", "NEW"), ("a", "CANCELED", "CANCELED")]


@pytest.mark.parametrize(
    "method", ["account.status", "account.rateLimits.orders", "openOrders.status", "session.subscriptions", "session.status"]
)
def test_questions_over_the_socket(method: str) -> None:
    """They are answered as over REST."""
    bench = TradingBench()
    reply = bench.call(bench.listener(), method)
    assert reply["status"] == 200


def test_methods_of_one_symbol_over_the_socket() -> None:
    """myTrades, allOrders, account.commission, openOrders.cancelAll and the OCO calls."""
    bench = TradingBench()
    user = bench.listener()
    bench.call(user, "order.place", **bench.order("BUY", "MARKET", quantity="0.1"))
    assert len(bench.call(user, "myTrades", symbol=SYMBOL)["result"]) == 1
    assert len(bench.call(user, "allOrders", symbol=SYMBOL)["result"]) == 1
    assert bench.call(user, "account.commission", symbol=SYMBOL)["result"]["standardCommission"]["taker"] == "0.00100000"
    pair = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.06", "aboveType": "LIMIT_MAKER", "belowType": "STOP_LOSS"}
    told = bench.call(user, "orderList.place.oco", **pair, abovePrice="105", belowStopPrice="98")["result"]
    assert bench.call(user, "orderList.cancel", symbol=SYMBOL, orderListId=told["orderListId"])["status"] == 200
    bench.call(user, "order.place", **bench.order("BUY", "LIMIT", quantity="0.1", price="99"))
    assert len(bench.call(user, "openOrders.cancelAll", symbol=SYMBOL)["result"]) == 1


def test_numbers_are_signed_as_they_are_written() -> None:
    """A quantity sent as the number 0.10 is signed as 0.10."""
    bench = TradingBench()
    client = bench.api()
    params = (
        f"apiKey={bench.key.key}&price=99.0&quantity=0.10&side=BUY&symbol={SYMBOL}&timeInForce=GTC&timestamp={bench.now_us // 1000}"
    )
    text = json.dumps(
        {"apiKey": bench.key.key, "side": "BUY", "symbol": SYMBOL, "timeInForce": "GTC", "timestamp": bench.now_us // 1000,
         "type": "LIMIT", "signature": bench.signature(params + "&type=LIMIT")}
    )  # fmt: skip
    frame = f'{{"id":1,"method":"order.place","params":{text[:-1]},"price":99.0,"quantity":0.10}}}}'
    assert bench.say(client, frame.encode())["status"] == 200


def test_trades_and_balances_are_told_as_they_happen() -> None:
    """A market order: NEW, TRADE for each level, then what is free and locked; a deposit is a balanceUpdate."""
    bench = TradingBench()
    user = bench.listener()
    bench.place("BUY", "MARKET", quantity="0.15", newClientOrderId="m")
    assert [one["e"] for one in bench.events(user)] == ["executionReport"] * 3 + ["outboundAccountPosition"]
    assert [one["z"] for one in bench.events(user, "executionReport")] == ["0.00000000", "0.10000000", "0.15000000"]
    assert {one["a"] for one in bench.events(user)[-1]["B"]} == {"SIM", "USDT"}
    bench.trading.transfer("USDT", 5 * ATOM, bench.now_us)
    bench.play(0.1)
    assert bench.events(user, "balanceUpdate")[0]["d"] == "5.00000000"
    bench.trading.engine.check()


def test_subscriptions_begin_and_end() -> None:
    """One for each connection; unsubscribing is told on the stream; then nothing comes."""
    bench = TradingBench()
    user = bench.listener()
    assert bench.call(user, "userDataStream.subscribe.signature")["error"]["code"] == -2035
    assert bench.call(user, "userDataStream.unsubscribe")["status"] == 200
    assert [one["e"] for one in bench.events(user)] == ["eventStreamTerminated"]
    bench.place("BUY", "MARKET", quantity="0.1")
    assert len(bench.events(user)) == 1
    assert bench.call(user, "userDataStream.unsubscribe")["error"]["code"] == -2036
    assert bench.call(user, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 1}


def test_logging_on_needs_an_ed25519_key() -> None:
    """An HMAC key signs each request; without a session there is no subscription by session."""
    bench = TradingBench()
    client = bench.api()
    assert bench.call(client, "session.logon")["error"]["code"] == -4056
    assert bench.call(client, "userDataStream.subscribe")["status"] == 401


@pytest.mark.skipif(importlib.util.find_spec("cryptography") is None, reason="Ed25519 needs the package cryptography")
def test_a_session_stands_for_key_and_signature() -> None:
    """After session.logon orders and subscriptions need only a timestamp; logging out ends both."""
    import base64

    keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    bench = TradingBench()
    client = bench.api()
    key = bench.trading.keys[1]
    stamp = bench.now_us // 1000
    signed = keys.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key.secret)).sign(
        f"apiKey={key.key}&timestamp={stamp}".encode()
    )
    params = {"apiKey": key.key, "timestamp": stamp, "signature": base64.b64encode(signed).decode()}
    assert bench.say(client, {"id": 1, "method": "session.logon", "params": params})["result"]["apiKey"] == key.key
    assert bench.say(client, {"id": 2, "method": "userDataStream.subscribe"})["result"] == {"subscriptionId": 0}
    order = bench.order("BUY", "MARKET", quantity="0.1", timestamp=stamp)
    bench.say(client, {"id": 3, "method": "order.place", "params": order})
    assert len(bench.events(client, "executionReport")) == 2
    bench.say(client, {"id": 4, "method": "session.logout"})
    assert bench.events(client, "eventStreamTerminated")


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"id":1}', b'{"id":1,"method":"order.place","params":[]}', b"\xff"])
def test_nonsense_is_answered(text: bytes) -> None:
    """Whatever is sent gets an error and breaks nothing."""
    bench = TradingBench(trade(2, 2, 9_900, 1))
    client = bench.api()
    assert bench.say(client, text)["status"] == 400
    assert bench.say(client, {"id": 2, "method": "time"})["status"] == 200


@pytest.mark.parametrize("name", ["apiKey", "signature", "timestamp", "symbol", "newClientOrderId", "quantity"])
@pytest.mark.parametrize("value", ["\ud800", "", "\u0000", "1e999", "-1", "9" * 400, "None", "\uff11"])
def test_odd_values_are_refused(name: str, value: str) -> None:
    """Correctly signed or not: a refusal with a code, no order, and the exchange goes on."""
    bench = TradingBench()
    client = bench.api()
    params: dict[str, object] = {"apiKey": bench.key.key, "timestamp": bench.now_us // 1000}
    params |= bench.order("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a") | {name: value}
    payload = "&".join(f"{one}={params[one]}" for one in sorted(params) if one != "signature")
    signature = bench.signature(payload.encode("utf-8", "replace").decode())
    message = {"id": 1, "method": "order.place", "params": {"signature": signature} | params}
    reply = bench.say(client, json.dumps(message).encode())
    if name == "newClientOrderId" and value in ("None", "-1", "1e999", ""):
        assert reply["status"] == 200  # a client id like any other, or none
        return
    assert reply["error"]["code"] < 0
    assert not bench.trading.engine.orders

"""REST of the trading side: signatures over raw bytes, receive windows, rights, filters, limits, lists and replacements."""

import importlib.util
import json
from typing import Any

import pytest
from exchange_bench import SYMBOL, trade
from trading_bench import TradingBench

from flashcrash_binance.exchange.trading.api_keys import ApiKey, rest_payload, rights_of, socket_payload
from flashcrash_core.api import UsageError

_DOCS_KEY = ApiKey("k", "hmac", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")
_ED25519 = ApiKey("k", "ed25519", "8244616b4606b8400a66fd0efcbea9af1611fd2540e975b3808b20007d9bcf6e")


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
)
def test_the_sheets_rest_vectors_verify(query: str, body: str, signature: str) -> None:
    """In query, in the body, or split; wherever the signature stands, upper or lower case; a changed byte does not verify."""
    for signed_query, signed_body in (
        (f"{query}&signature={signature}", body),
        (f"signature={signature.upper()}&{query}", body),
        (query, f"{body}&signature={signature}" if body else f"signature={signature}"),
    ):
        payload, given = rest_payload(signed_query.encode(), signed_body.encode())
        assert payload == (query + body).encode()
        assert _DOCS_KEY.signed(payload, given)
        assert not _DOCS_KEY.signed(payload.replace(b"LTC", b"ETH"), given)


def test_the_sheets_socket_vector_verifies() -> None:
    """Parameters by name, as they were written."""
    params = {
        "type": "LIMIT", "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A", "price": "23416.10000000",
        "quantity": "0.00847000", "side": "SELL", "symbol": "BTCUSDT", "timeInForce": "GTC", "timestamp": "1660801715431",
        "signature": "15af09e41c36f3cc61378c2fbe2c33719a03dd5eba8d0f9206fbda44de717c88",
    }  # fmt: skip
    assert _DOCS_KEY.signed(socket_payload(params), params["signature"])


@pytest.mark.skipif(importlib.util.find_spec("cryptography") is None, reason="Ed25519 needs the package cryptography")
def test_the_sheets_ed25519_vector_verifies() -> None:
    """E1 of reference/binance.md section 5, its signature percent-encoded."""
    query = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
    told = "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtfVVlfCw%3D%3D"
    payload, given = rest_payload(f"{query}&signature={told}".encode(), b"")
    assert _ED25519.signed(payload, given)
    assert not _ED25519.signed(payload + b"0", given)


@pytest.mark.parametrize(
    ("behind_ms", "window", "code"),
    [(0, "", 200), (4_999, "", 200), (5_001, "", -1021), (900, "250.5", -1021), (200, "250.5", 200), (-999, "", 200),
     (-1_000, "", -1021), (0, "60001", -1131), (0, "x", -1100)],
)  # fmt: skip
def test_the_receive_window(behind_ms: int, window: str, code: int) -> None:
    """Older than the window or a second ahead is refused; it costs weight, and no order."""
    bench = TradingBench()
    stamp = bench.now_us // 1000 - behind_ms
    query = f"timestamp={stamp}" + (f"&recvWindow={window}" if window else "")
    answer = _ask(bench, "account", query)
    assert answer.status == 200 if code == 200 else json.loads(answer.body)["code"] == code


def _ask(bench: TradingBench, path: str, query: str, *, key: str = "", signature: str = "") -> Any:
    signed = f"{query}&signature={signature or bench.signature(query)}"
    return bench.core.request("GET", f"/api/v3/{path}?{signed}", {"x-mbx-apikey": key or bench.key.key}, b"", bench.now_us)


def test_timestamps_in_microseconds_are_taken() -> None:
    """The server tells them by their size."""
    bench = TradingBench()
    assert _ask(bench, "account", f"timestamp={bench.now_us}").status == 200
    assert json.loads(_ask(bench, "account", f"timestamp={bench.now_us - 6_000_000}").body)["code"] == -1021


def test_a_wrong_key_or_signature_is_refused() -> None:
    """-2014 for what is no key, -2015 for an unknown one, -1022 for a wrong signature, -1102 for none."""
    bench = TradingBench()
    query = f"timestamp={bench.now_us // 1000}"
    assert json.loads(_ask(bench, "account", query, key="short").body)["code"] == -2014
    unknown = _ask(bench, "account", query, key="0" * 64)
    assert (unknown.status, json.loads(unknown.body)["code"]) == (401, -2015)
    assert json.loads(_ask(bench, "account", query, signature="0" * 64).body)["code"] == -1022
    bare = bench.core.request("GET", f"/api/v3/account?{query}", {"X-MBX-APIKEY": bench.key.key}, b"", bench.now_us)
    assert json.loads(bare.body)["code"] == -1102


def test_an_order_in_a_form_body_is_the_same_order() -> None:
    """Body, query or both; the query wins."""
    bench = TradingBench()
    body = f"symbol={SYMBOL}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=99&timestamp={bench.now_us // 1000}"
    for query, form in (("", body), ("price=98.5", body)):
        signed = f"{form}&signature={bench.signature(query + form)}".encode()
        answer = bench.core.request(
            "POST", f"/api/v3/order?{query}", {"X-MBX-APIKEY": bench.key.key, "Content-Type": "application/x-www-form-urlencoded"},
            signed, bench.now_us,
        )  # fmt: skip
        assert answer.status == 200, answer.body
        assert json.loads(answer.body)["price"] == ("98.50000000" if query else "99.00000000")


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"quantity": "0.1"}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        ({"quantity": "0.1", "price": "99", "stopPrice": "98"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"quantity": "0.1", "price": "99", "odd": "1"}, -1104, "read '8' parameter(s) but was sent '9'."),
        ({"quantity": "0.123456789", "price": "99"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "1e-3", "price": "99"}, -1100, "Illegal characters found in parameter 'quantity'"),
        ({"quantity": "0.1", "price": "99", "timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"quantity": "0.1", "price": "99", "newClientOrderId": "a b"}, -1100, "parameter 'newClientOrderId'"),
        ({"quantity": "0.1", "price": "99.005"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.10005", "price": "99"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0", "price": "99"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.05", "price": "99"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "90", "price": "19.99"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.1", "price": "500.01"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.2", "price": "99", "icebergQty": "0.0019"}, -1013, "Filter failure: ICEBERG_PARTS"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_refused_as_binance_would(params: dict[str, str], code: int, text: str) -> None:
    """Code and text; order/test says the same, and neither leaves anything behind."""
    bench = TradingBench()
    full = bench.order("BUY", "LIMIT", **params)
    for path in ("order", "order/test"):
        status, found, message = bench.bad("POST", path, **full)
        assert (status, found) == (400, code), message
        assert text in message
    assert bench.good("GET", "allOrders", symbol=SYMBOL) == []


def test_the_number_of_open_orders_is_limited() -> None:
    """200 orders of a symbol, 5 of them stops."""
    bench = TradingBench()
    for _ in range(5):
        bench.place("SELL", "STOP_LOSS", quantity="0.1", stopPrice="90")
    assert bench.refused("SELL", "STOP_LOSS", quantity="0.1", stopPrice="90")[2] == "Filter failure: MAX_NUM_ALGO_ORDERS"
    for index in range(195):
        if index % 90 == 89:
            bench.play(10)
        bench.place("BUY", "LIMIT", quantity="0.1", price="99")
    bench.play(10)
    assert bench.refused("BUY", "LIMIT", quantity="0.1", price="99")[2] == "Filter failure: MAX_NUM_ORDERS"


def test_unfilled_orders_are_counted_and_fills_give_back() -> None:
    """One each; a first fill gives one back as taker and five as maker; the 101st of ten seconds is refused with 429."""
    bench = TradingBench(trade(2, 2, 9_700, 1))
    order = bench.order("BUY", "LIMIT", quantity="0.06", price="98")

    def count_10s() -> str:
        return bench.rest("POST", "order", **order).headers["X-MBX-ORDER-COUNT-10S"]

    assert [count_10s() for _ in range(3)] == ["1", "2", "3"]
    bench.place("BUY", "MARKET", quantity="0.1")
    assert count_10s() == "4"
    bench.play(2)  # all are filled as makers
    assert count_10s() == "1"
    bench.play(10)
    for _ in range(100):
        bench.rest("POST", "order", **order)
    refused = bench.rest("POST", "order", **order)
    assert refused.status == 429
    assert json.loads(refused.body) == {"code": -1015, "msg": "Too many new orders; current limit is 100 orders per 10 SECOND."}
    assert 1 <= int(refused.headers["Retry-After"]) <= 10


def test_successful_order_calls_weigh_nothing_and_failed_ones_do() -> None:
    """reference/binance.md section 8."""
    bench = TradingBench()

    def used(method: str, **params: Any) -> int:
        return int(bench.rest(method, "order", **params).headers["X-MBX-USED-WEIGHT-1M"])

    before = used("POST", **bench.order("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a"))
    assert used("DELETE", symbol=SYMBOL, origClientOrderId="a") == before
    assert used("DELETE", symbol=SYMBOL, origClientOrderId="a") == before + 1
    assert used("GET", symbol=SYMBOL, origClientOrderId="a") == before + 5


def test_a_replica_does_not_have_a_new_order_yet() -> None:
    """-2013 for a while after acceptance, though the order is open; then it is found."""
    bench = TradingBench(replica_lag_us=2_000_000)
    bench.place("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a")
    assert bench.bad("GET", "order", symbol=SYMBOL, origClientOrderId="a") == (400, -2013, "Order does not exist.")
    assert len(bench.good("GET", "openOrders", symbol=SYMBOL)) == 1
    bench.play(2.1)
    assert bench.query("a")["status"] == "NEW"


def test_rights_are_told_and_kept_to() -> None:
    """A key without trading rights may ask, and place nothing; apiRestrictions tells what it may."""
    bench = TradingBench(rights=rights_of("-trading,withdrawals"))
    told = bench.good("GET", "/sapi/v1/account/apiRestrictions")
    assert (told["enableSpotAndMarginTrading"], told["enableWithdrawals"], told["ipRestrict"]) == (False, True, True)
    assert bench.good("GET", "account")["canTrade"] is False
    assert bench.refused("BUY", "MARKET", quantity="0.1")[:2] == (401, -2015)
    with pytest.raises(UsageError, match="no such right"):
        rights_of("-everything")


def test_an_oco_pair_shares_its_lock_and_one_leg_ends_the_other() -> None:
    """Locked once; when the stop triggers, the profit leg expires and the list is done."""
    bench = TradingBench(trade(2, 2, 9_800, 1))
    user = bench.listener()
    told = bench.good(
        "POST", "orderList/oco", symbol=SYMBOL, side="SELL", quantity="0.1", aboveType="LIMIT_MAKER", abovePrice="105",
        belowType="STOP_LOSS", belowStopPrice="98", aboveClientOrderId="up", belowClientOrderId="down", listClientOrderId="pair",
    )  # fmt: skip
    assert (told["contingencyType"], told["listOrderStatus"], len(told["orderReports"])) == ("OCO", "EXECUTING", 2)
    assert bench.balance("SIM") == (990_000_000, 10_000_000)
    bench.play(2)
    assert (bench.query("up")["status"], bench.query("up")["expiryReason"]) == ("EXPIRED", "OCO_TRIGGER")
    assert bench.query("down")["status"] == "FILLED"
    assert bench.balance("SIM") == (990_000_000, 0)
    assert [one["L"] for one in bench.events(user, "listStatus")] == ["EXECUTING", "ALL_DONE"]
    assert bench.good("GET", "orderList", origClientOrderId="pair")["listOrderStatus"] == "ALL_DONE"


def test_a_fill_of_the_profit_leg_expires_the_stop() -> None:
    """Even a partial one: the first leg to work is the one that stays."""
    bench = TradingBench(trade(2, 2, 10_600, 1))
    bench.good(
        "POST", "orderList/oco", symbol=SYMBOL, side="SELL", quantity="0.1", aboveType="LIMIT_MAKER", abovePrice="105",
        belowType="STOP_LOSS_LIMIT", belowStopPrice="98", belowPrice="97", belowTimeInForce="GTC", aboveClientOrderId="up",
        belowClientOrderId="down",
    )  # fmt: skip
    bench.play(2)
    assert (bench.query("up")["status"], bench.query("down")["status"]) == ("FILLED", "EXPIRED")


def test_cancelling_one_leg_cancels_the_list() -> None:
    """And the prices of a pair must lie around the market."""
    bench = TradingBench()
    pair = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.1", "aboveType": "LIMIT_MAKER", "belowType": "STOP_LOSS"}
    refused = bench.bad("POST", "orderList/oco", **pair, abovePrice="105", belowStopPrice="104")
    assert refused[1] == -2010
    told = bench.good("POST", "orderList/oco", **pair, abovePrice="105", belowStopPrice="98")
    gone = bench.good("DELETE", "order", symbol=SYMBOL, orderId=told["orders"][0]["orderId"])
    assert (gone["listOrderStatus"], [one["status"] for one in gone["orderReports"]]) == ("ALL_DONE", ["CANCELED"] * 2)
    assert bench.good("GET", "openOrders") == []
    assert bench.bad("DELETE", "orderList", symbol=SYMBOL, orderListId=told["orderListId"])[1] == -2011


@pytest.mark.parametrize(
    ("mode", "cancel", "price", "status", "results"),
    [
        ("STOP_ON_FAILURE", "a", "98", 200, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", "no", "98", 400, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", "no", "98", 409, ("FAILURE", "SUCCESS")),
        ("STOP_ON_FAILURE", "a", "5000000", 400, None),
    ],
)
def test_cancel_replace_tells_of_both_halves(
    mode: str, cancel: str, price: str, status: int, results: tuple[str, str] | None
) -> None:
    """200, 409 with -2021 or 400 with -2022; filters are checked before either half."""
    bench = TradingBench()
    bench.place("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId="a")
    params = bench.order("BUY", "LIMIT", quantity="0.1", price=price, newClientOrderId="b")
    answer = bench.rest("POST", "order/cancelReplace", **params, cancelReplaceMode=mode, cancelOrigClientOrderId=cancel)
    body = json.loads(answer.body)
    assert answer.status == status
    if results is None:
        assert body["code"] == -1013
    else:
        data = body["data"] if status != 200 else body
        assert (data["cancelResult"], data["newOrderResult"]) == results
    assert (bench.query("a")["status"] == "CANCELED") is (status == 200)


def test_cancelling_all_and_restrictions() -> None:
    """Every open order of the symbol; with none there is nothing to cancel; ONLY_PARTIALLY_FILLED spares a new order."""
    bench = TradingBench()
    for name in ("a", "b"):
        bench.place("BUY", "LIMIT", quantity="0.1", price="99", newClientOrderId=name)
    spared = bench.bad("DELETE", "order", symbol=SYMBOL, origClientOrderId="a", cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert spared[1] == -2011
    assert {one["status"] for one in bench.good("DELETE", "openOrders", symbol=SYMBOL)} == {"CANCELED"}
    assert bench.bad("DELETE", "openOrders", symbol=SYMBOL)[1] == -2011


def test_trades_and_orders_are_paged_by_id() -> None:
    """fromId and orderId are inclusive; quantities of trades add up to their order's."""
    bench = TradingBench()
    for _ in range(3):
        bench.place("BUY", "MARKET", quantity="0.06")
    trades = bench.good("GET", "myTrades", symbol=SYMBOL)
    assert [one["id"] for one in bench.good("GET", "myTrades", symbol=SYMBOL, fromId=2)] == [one["id"] for one in trades[1:]]
    own = bench.good("GET", "myTrades", symbol=SYMBOL, orderId=2)
    assert {one["orderId"] for one in own} == {2}
    assert sum(float(one["qty"]) for one in own) == pytest.approx(0.06)
    assert [one["orderId"] for one in bench.good("GET", "allOrders", symbol=SYMBOL, orderId=2)] == [2, 3]
    assert bench.bad("GET", "myTrades", symbol="NOUSDT")[1] == -1121


def test_listen_keys_are_gone() -> None:
    """HTTP 410, as on the venue since 2026-02-20."""
    assert TradingBench().core.request("POST", "/api/v3/userDataStream", {}, b"", 1).status == 410

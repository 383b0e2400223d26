"""Answers about orders, trades and the account: exact records, or an error that names the field."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from flashcrash_binance.trading.order_answers import (
    Balance,
    MalformedAnswer,
    VenueStatus,
    account,
    cancelled_order,
    open_orders,
    order_list,
    placed_order,
    queried_order,
    replaced_order,
    trades,
)
from flashcrash_core.api import MONEY_SCALE, Instrument, Side

BTC = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))
NOON_MS = 1_660_801_715_639

Json = dict[str, Any]


def told(**change: Any) -> Json:
    """A RESULT answer: a sell of 0.00847 at 23416.10, of which nothing is executed."""
    return {
        "symbol": "BTCUSDT", "orderId": 12569099453, "orderListId": -1, "clientOrderId": "fc-1", "transactTime": NOON_MS,
        "price": "23416.10000000", "origQty": "0.00847000", "executedQty": "0.00000000", "origQuoteOrderQty": "0.000000",
        "cummulativeQuoteQty": "0.00000000", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT", "side": "SELL",
        "workingTime": NOON_MS, "selfTradePreventionMode": "NONE", **change,
    }  # fmt: skip


def filled(**change: Any) -> Json:
    """A FULL answer in two fills, the second with its commission in BNB."""
    fills = [
        {"price": "23416.10000000", "qty": "0.00212000", "commission": "0.04964213", "commissionAsset": "USDT", "tradeId": 7},
        {"price": "23416.50000000", "qty": "0.00635000", "commission": "0.00010500", "commissionAsset": "BNB", "tradeId": 8},
    ]
    spent = str(Decimal("23416.10") * Decimal("0.00212") + Decimal("23416.50") * Decimal("0.00635"))
    return told(executedQty="0.00847000", cummulativeQuoteQty=spent, status="FILLED", fills=fills) | change


def test_a_full_answer_holds_the_order_and_its_fills() -> None:
    """Ticks, lots and minor units exactly, commissions as they were charged, taken and not made."""
    placed = placed_order(msgspec.json.encode(filled()), BTC)
    order = placed.order
    assert order is not None
    assert (placed.client_id, placed.order_id, placed.transact_us) == ("fc-1", 12569099453, NOON_MS * 1000)
    assert (order.status, order.status.final, order.side) == (VenueStatus.FILLED, True, Side.SELL)
    assert (order.qty_lots, order.filled_lots, order.price_ticks, order.stop_ticks) == (847, 847, 2_341_610, 0)
    first, second = placed.fills
    assert (first.trade_id, first.price_ticks, first.qty_lots, first.maker) == (7, 2_341_610, 212, False)
    assert (first.commission, first.commission_asset) == (Decimal("0.04964213"), "USDT")
    assert (second.trade_id, second.price_ticks, second.qty_lots, second.client_id) == (8, 2_341_650, 635, "fc-1")
    assert (second.commission, second.commission_asset) == (Decimal("0.000105"), "BNB")
    assert order.quote_minor == BTC.notional(2_341_610, 212) + BTC.notional(2_341_650, 635)
    assert not any(fill.off_grid for fill in placed.fills)


def test_an_ack_says_only_that_it_was_accepted() -> None:
    """An answer of type ACK has no state, and none is made up."""
    ack = {"symbol": "BTCUSDT", "orderId": 5, "orderListId": -1, "clientOrderId": "fc-1", "transactTime": NOON_MS}
    placed = placed_order(ack, BTC)
    assert (placed.order, placed.fills, placed.transact_us) == (None, (), NOON_MS * 1000)


def test_raw_parsed_and_bytes_are_the_same_answer() -> None:
    """A WebSocket result as msgspec.Raw, a REST body and a parsed object decode alike."""
    body = msgspec.json.encode(filled())
    assert placed_order(body, BTC) == placed_order(msgspec.Raw(body), BTC) == placed_order(filled(), BTC)


@pytest.mark.parametrize("status", list(VenueStatus))
def test_every_status_is_known(status: VenueStatus) -> None:
    """All statuses of the venue; those that end an order are told from those that do not."""
    done = "0.00847000" if status is VenueStatus.FILLED else "0.00100000"
    order = queried_order(told(status=status.value, executedQty=done, updateTime=NOON_MS + 1), BTC)
    assert order.status is status
    assert order.update_us == (NOON_MS + 1) * 1000
    assert status.final is (status.value not in ("NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"))


def test_a_query_tells_stops_lists_and_reasons() -> None:
    """Stop price, list, expiry reason and a time in microseconds are kept."""
    query = told(
        stopPrice="23000.00", orderListId=9, status="EXPIRED", expiryReason="INSUFFICIENT_LIQUIDITY", updateTime=NOON_MS * 1000 + 7
    )
    order = queried_order(query, BTC)
    assert (order.stop_ticks, order.list_id, order.expiry_reason) == (2_300_000, 9, "INSUFFICIENT_LIQUIDITY")
    assert order.update_us == NOON_MS * 1000 + 7


def test_a_cancel_is_told_under_the_orders_own_id() -> None:
    """The cancel's name stands in clientOrderId, the order's in origClientOrderId."""
    order = cancelled_order(told(status="CANCELED", clientOrderId="cancel-1", origClientOrderId="fc-1"), BTC)
    assert (order.client_id, order.status) == ("fc-1", VenueStatus.CANCELED)


REQUIRED = (
    "symbol", "orderId", "clientOrderId", "price", "origQty", "executedQty", "cummulativeQuoteQty", "status", "timeInForce", "type",
    "side",
)  # fmt: skip


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_is_named(field: str) -> None:
    """No field has a silent default: its absence is an error that names it."""
    answer = told()
    del answer[field]
    with pytest.raises(MalformedAnswer, match=field):
        queried_order(answer, BTC)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": 23416.1}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e5"}, "price"),
        ({"price": ""}, "price"),
        ({"price": "-1"}, "price"),
        ({"origQty": "٣"}, "origQty"),
        ({"executedQty": "0.00848000"}, "executedQty"),
        ({"executedQty": None}, "executedQty"),
        ({"cummulativeQuoteQty": "-1.00000000"}, "cummulativeQuoteQty"),
        ({"status": "SLEEPING"}, "status"),
        ({"status": "FILLED"}, "status"),
        ({"side": "buy"}, "side"),
        ({"symbol": "ETHUSDT"}, "symbol"),
        ({"orderId": "5"}, "orderId"),
        ({"transactTime": None}, "transactTime"),
        ({"transactTime": 0}, "transactTime"),
        ({"transactTime": -5}, "transactTime"),
        ({"stopPrice": "x"}, "stopPrice"),
    ],
)
def test_a_wrong_field_is_named(change: Json, field: str) -> None:
    """Floats, exponents, signs, other digits, unknown words and contradictions are errors that name the field."""
    with pytest.raises(MalformedAnswer, match=field):
        queried_order(told(**change), BTC)


@pytest.mark.parametrize(
    ("at", "change", "field"),
    [
        (0, {"qty": "0.00211000"}, "executedQty"),
        (0, {"qty": "0.00000000"}, "nothing traded"),
        (1, {"price": "0.00"}, "nothing traded"),
        (1, {"commission": "-0.1"}, "commission"),
        (1, {"commissionAsset": None}, "commissionAsset"),
        (1, {"commissionAsset": ""}, "commissionAsset"),
        (1, {"tradeId": "8"}, "tradeId"),
    ],
)
def test_fills_that_cannot_be_are_errors(at: int, change: Json, field: str) -> None:
    """Fills that are not the executed quantity, trade nothing, or charge in no asset."""
    answer = filled()
    answer["fills"][at] |= change
    with pytest.raises(MalformedAnswer, match=field):
        placed_order(answer, BTC)


@pytest.mark.parametrize("field", ["price", "qty", "commission", "commissionAsset", "tradeId"])
def test_a_field_missing_from_a_fill_is_named(field: str) -> None:
    """A fill without its commission would be a fill without a fee."""
    answer = filled()
    del answer["fills"][1][field]
    with pytest.raises(MalformedAnswer, match=field):
        placed_order(answer, BTC)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"symbol":', b"\xff\xfe"])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    """Empty bodies, pages of a gateway and broken JSON are errors of the tree, not of the parser."""
    with pytest.raises(MalformedAnswer):
        placed_order(body, BTC)
    with pytest.raises(MalformedAnswer):
        account(body)


def test_a_price_off_the_grid_is_rounded_against_us() -> None:
    """An old order on a finer grid may be our other side: nothing is lost, the price is rounded up for a buy, and it is marked."""
    sold = filled()
    sold["fills"][0]["price"] = "23416.10500000"
    bought = filled(side="BUY")
    bought["fills"][0]["price"] = "23416.10500000"
    assert [(f.price_ticks, f.off_grid) for f in placed_order(sold, BTC).fills] == [(2_341_610, True), (2_341_650, False)]
    assert [(f.price_ticks, f.off_grid) for f in placed_order(bought, BTC).fills] == [(2_341_611, True), (2_341_650, False)]


def test_slivers_of_lots_are_counted_once() -> None:
    """Two fills of half a lot are one lot together: the sum of the fills is the order's quantity."""
    answer = filled()
    answer["fills"][0]["qty"] = "0.00211500"
    answer["fills"][1]["qty"] = "0.00635500"
    placed = placed_order(answer, BTC)
    assert [fill.qty_lots for fill in placed.fills] == [211, 636]
    assert all(fill.off_grid for fill in placed.fills)
    assert placed.order is not None
    assert placed.order.filled_lots == 847


@pytest.mark.parametrize(
    ("change", "off"),
    [
        ({}, False),
        ({"price": "23416.105"}, True),
        ({"stopPrice": "23000.001"}, True),
        ({"origQty": "0.008475"}, True),
        ({"executedQty": "0.000005"}, True),
    ],
)
def test_an_order_off_the_grid_is_marked(change: Json, off: bool) -> None:
    """One price or quantity finer than the grid marks the order; nothing of it becomes zero by that."""
    order = queried_order(told(**change), BTC)
    assert order.off_grid is off
    assert order.price_ticks == 2_341_610
    assert order.qty_lots == 847


def test_open_orders_of_other_symbols_are_foreign() -> None:
    """Orders in symbols that the run does not trade are told apart; they need no grid."""
    answer = [told(updateTime=NOON_MS), told(symbol="ETHUSDT", clientOrderId="web_1", orderId=4, price="0.123456789")]
    ours, foreign = open_orders(msgspec.json.encode(answer), {"BTCUSDT": BTC})
    assert [order.client_id for order in ours] == ["fc-1"]
    assert [(order.symbol, order.client_id, order.order_id) for order in foreign] == [("ETHUSDT", "web_1", 4)]
    assert open_orders(b"[]", {"BTCUSDT": BTC}) == ([], [])


def trade(**change: Any) -> Json:
    """A trade as ``myTrades`` tells it."""
    return {
        "symbol": "BTCUSDT", "id": 28457, "orderId": 100234, "orderListId": -1, "price": "4.00", "qty": "12.00000000",
        "quoteQty": "48.000012", "commission": "10.10000000", "commissionAsset": "BNB", "time": NOON_MS, "isBuyer": True,
        "isMaker": True, "isBestMatch": True, **change,
    }  # fmt: skip


def test_trades_get_their_client_ids_from_us() -> None:
    """Trades name orders by number; those of orders that are not ours have no client id. They come by trade id."""
    fills = trades([trade(id=9, orderId=5, isBuyer=False), trade()][::-1], BTC, {100234: "fc-1"})
    assert [(f.trade_id, f.client_id, f.side, f.maker) for f in fills] == [
        (9, "", Side.SELL, True),
        (28457, "fc-1", Side.BUY, True),
    ]
    assert (fills[1].price_ticks, fills[1].qty_lots, fills[1].ts_us) == (400, 1_200_000, NOON_MS * 1000)
    with pytest.raises(MalformedAnswer, match="told twice"):
        trades([trade(), trade()], BTC, {})


def test_the_account_is_complete_and_exact() -> None:
    """Balances are exact decimals by asset; what is not listed is zero."""
    answer = {
        "makerCommission": 15, "commissionRates": {"maker": "0.00150000", "taker": "0.00100000", "buyer": "0", "seller": "0"},
        "canTrade": True, "updateTime": NOON_MS, "accountType": "SPOT", "uid": 354937868,
        "balances": [{"asset": "BTC", "free": "4723846.89208129", "locked": "0.10000000"}],
    }  # fmt: skip
    found = account(answer)
    assert found.balances.by_asset == {"BTC": Balance(Decimal("4723846.89208129"), Decimal("0.1"))}
    assert found.balances.by_asset["BTC"].total == Decimal("4723846.99208129")
    assert (found.balances.complete, found.can_trade, found.uid) == (True, True, 354937868)
    assert (found.maker_rate, found.taker_rate) == (Decimal("0.0015"), Decimal("0.001"))
    answer["balances"] = [{"asset": "BTC", "free": "1"}]
    with pytest.raises(MalformedAnswer, match="locked"):
        account(answer)
    answer["balances"] = [{"asset": "BTC", "free": "1", "locked": "-2"}]
    with pytest.raises(MalformedAnswer, match="locked of BTC"):
        account(answer)


def test_an_order_list_has_its_legs() -> None:
    """An OCO's legs by client id, with their states where the answer tells them."""
    legs = [{"symbol": "BTCUSDT", "orderId": 4, "clientOrderId": "p1"}, {"symbol": "BTCUSDT", "orderId": 5, "clientOrderId": "s1"}]
    answer = {
        "orderListId": 1, "contingencyType": "OCO", "listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING",
        "listClientOrderId": "l1", "transactionTime": NOON_MS, "symbol": "BTCUSDT", "orders": legs,
        "orderReports": [told(orderId=4, clientOrderId="p1", orderListId=1), told(orderId=5, clientOrderId="s1", stopPrice="9.00")],
    }  # fmt: skip
    found = order_list(answer, BTC)
    assert (found.list_id, found.list_client_id, found.legs) == (1, "l1", {"p1": 4, "s1": 5})
    assert [(order.client_id, order.stop_ticks) for order in found.orders] == [("p1", 0), ("s1", 900)]
    del answer["orderReports"]
    assert order_list(answer, BTC).orders == ()


def test_a_cancel_replace_tells_of_both_halves() -> None:
    """Success, half and full failure, and a new order that was not attempted."""
    cancelled = told(status="CANCELED", clientOrderId="c-1", origClientOrderId="old")
    refused = {"code": -2011, "msg": "Unknown order sent."}
    both = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": cancelled, "newOrderResponse": filled()}
    found = replaced_order(msgspec.json.encode(both), BTC)
    assert found.cancelled is not None
    assert found.placed is not None
    assert (found.cancelled.client_id, found.placed.client_id, found.attempted) == ("old", "fc-1", True)
    found = replaced_order(
        {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": refused, "newOrderResponse": None}, BTC
    )
    assert (found.cancelled, found.cancel_code, found.placed, found.attempted) == (None, -2011, None, False)
    found = replaced_order(
        {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE", "cancelResponse": cancelled,
         "newOrderResponse": {"code": -2010, "msg": "Duplicate order sent."}}, BTC
    )  # fmt: skip
    assert (found.place_code, found.place_message, found.placed) == (-2010, "Duplicate order sent.", None)
    with pytest.raises(MalformedAnswer, match="cancelResult"):
        replaced_order({**both, "cancelResult": "MAYBE"}, BTC)


def test_money_is_exact_to_the_minor_unit() -> None:
    """Quote amounts become minor units without rounding."""
    order = queried_order(told(executedQty="0.00001000", cummulativeQuoteQty="0.2341610001"), BTC)
    assert order.quote_minor == 2_341_610_001
    assert MONEY_SCALE == 10**10

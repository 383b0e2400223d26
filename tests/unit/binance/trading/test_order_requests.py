"""Order requests: exact decimals, the right parameters per type, and nothing senseless leaves."""

from decimal import Decimal, localcontext

import msgspec
import pytest

from flashcrash_binance.trading.order_requests import (
    cancel_list_params,
    cancel_params,
    cancel_replace_params,
    oco_params,
    order_params,
    query_list_params,
    query_params,
    rendered,
)
from flashcrash_core.api import STOP_TYPES, UNPRICED_TYPES, Instrument, InvariantError, OrderType, Side, SubmitOrder

BTC = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))


def order(kind: OrderType, side: Side = Side.BUY, price: int = 2_341_610, lots: int = 847, stop: int = 2_300_000) -> SubmitOrder:
    """A sound order of that type, with the prices that belong to it."""
    return SubmitOrder(
        "fc1-000001", "BTCUSDT", side, kind, 0 if kind in UNPRICED_TYPES else price, lots, side is Side.SELL, 1, "test", 0, False,
        stop if kind in STOP_TYPES else 0,
    )  # fmt: skip


PRICE, STOP = {"price": "23416.10"}, {"stopPrice": "23000.00"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (OrderType.LIMIT_MAKER, {"type": "LIMIT_MAKER", **PRICE}),
        (OrderType.LIMIT, {"type": "LIMIT", "timeInForce": "GTC", **PRICE}),
        (OrderType.LIMIT_IOC, {"type": "LIMIT", "timeInForce": "IOC", **PRICE}),
        (OrderType.LIMIT_FOK, {"type": "LIMIT", "timeInForce": "FOK", **PRICE}),
        (OrderType.MARKET, {"type": "MARKET"}),
        (OrderType.STOP_LOSS, {"type": "STOP_LOSS", **STOP}),
        (OrderType.STOP_LOSS_LIMIT, {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", **PRICE, **STOP}),
        (OrderType.TAKE_PROFIT, {"type": "TAKE_PROFIT", **STOP}),
        (OrderType.TAKE_PROFIT_LIMIT, {"type": "TAKE_PROFIT_LIMIT", "timeInForce": "GTC", **PRICE, **STOP}),
    ],
)
def test_each_type_has_its_parameters(kind: OrderType, expected: dict[str, str]) -> None:
    """The mandatory parameters of every type, our client id, the full answer, and nothing else."""
    common = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.00847"}
    told = {"newClientOrderId": "fc1-000001", "newOrderRespType": "FULL"}
    assert order_params(order(kind, Side.SELL), BTC) == {**common, **expected, **told}


def test_every_type_of_the_kernel_is_known() -> None:
    """No type of order is left without parameters."""
    for kind in OrderType:
        assert order_params(order(kind), BTC)["side"] == "BUY"


@pytest.mark.parametrize(
    ("step", "count", "text"),
    [
        ("0.01", 1, "0.01"),
        ("0.01000000", 2341610, "23416.10000000"),
        ("0.00001000", 3, "0.00003000"),
        ("1E-8", 1, "0.00000001"),
        ("1E+2", 7, "700"),
        ("1", 90_071_992_547_409_931, "90071992547409931"),
        ("0.00000001", 90_071_992_547_409_931, "900719925.47409931"),
        ("0.5", 3, "1.5"),
    ],
)
def test_decimals_are_exact(step: str, count: int, text: str) -> None:
    """No exponent and no lost digit, beyond what a float could hold and whatever the context of the caller."""
    with localcontext(prec=3):
        assert rendered(Decimal(step), count) == text


def test_self_trade_prevention_is_asked_for_when_given() -> None:
    """The mode is sent only when one is given."""
    asked = order_params(order(OrderType.LIMIT), BTC, self_trade_prevention="EXPIRE_MAKER")
    assert asked["selfTradePreventionMode"] == "EXPIRE_MAKER"
    assert "selfTradePreventionMode" not in order_params(order(OrderType.LIMIT), BTC)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"qty_lots": 0}, "quantity is 0 lots"),
        ({"qty_lots": -1}, "quantity is -1 lots"),
        ({"price_ticks": 0}, "price is 0 ticks"),
        ({"price_ticks": -5}, "price is -5 ticks"),
        ({"type": OrderType.MARKET}, "price is 2341610 ticks"),
        ({"stop_ticks": 9}, "stop is 9 ticks"),
        ({"type": OrderType.STOP_LOSS_LIMIT}, "stop is 0 ticks"),
        ({"symbol": "ETHUSDT"}, "grid of BTCUSDT"),
        ({"client_id": ""}, "client id"),
        ({"client_id": "a" * 37}, "client id"),
        ({"client_id": "fc 1"}, "client id"),
        ({"client_id": "fc1\n"}, "client id"),
        ({"client_id": "x-broker"}, "client id"),
    ],
)
def test_senseless_orders_are_not_sent(change: dict[str, object], told: str) -> None:
    """An order that makes no sense is a defect of ours, named before anything is sent."""
    with pytest.raises(InvariantError, match=told):
        order_params(msgspec.structs.replace(order(OrderType.LIMIT), **change), BTC)


def test_cancels_and_queries_name_the_order_by_its_client_id() -> None:
    """A cancel may bear a name of its own and a restriction; queries and lists go by client id."""
    assert cancel_params("BTCUSDT", "a1") == {"symbol": "BTCUSDT", "origClientOrderId": "a1"}
    assert cancel_params("BTCUSDT", "a1", cancel_id="a1-c", only_if="ONLY_NEW") == {
        "symbol": "BTCUSDT", "origClientOrderId": "a1", "newClientOrderId": "a1-c", "cancelRestrictions": "ONLY_NEW",
    }  # fmt: skip
    assert query_params("BTCUSDT", "a1") == {"symbol": "BTCUSDT", "origClientOrderId": "a1"}
    assert cancel_list_params("BTCUSDT", "l1") == {"symbol": "BTCUSDT", "listClientOrderId": "l1"}
    assert query_list_params("l1") == {"origClientOrderId": "l1"}
    with pytest.raises(InvariantError):
        cancel_params("BTCUSDT", "")
    with pytest.raises(InvariantError):
        query_params("BTCUSDT", "")


def test_a_replacement_places_nothing_when_the_cancel_fails() -> None:
    """Unless asked otherwise; an order never replaces itself."""
    new = order(OrderType.LIMIT_MAKER)
    params = cancel_replace_params(new, BTC, "old-1", cancel_id="c-1")
    assert params == {
        **order_params(new, BTC),
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelOrigClientOrderId": "old-1",
        "cancelNewClientOrderId": "c-1",
    }
    assert cancel_replace_params(new, BTC, "old-1", even_if_cancel_fails=True)["cancelReplaceMode"] == "ALLOW_FAILURE"
    with pytest.raises(InvariantError, match="replace itself"):
        cancel_replace_params(new, BTC, new.client_id)


def legs(side: Side, profit: OrderType, stop: OrderType) -> tuple[SubmitOrder, SubmitOrder]:
    """A profit leg at 110 and a stop at 90 for a sell, mirrored for a buy."""
    high, low = (11_000, 9_000) if side is Side.SELL else (9_000, 11_000)
    first = msgspec.structs.replace(order(profit, side, price=high, stop=high), client_id="p1")
    return first, msgspec.structs.replace(order(stop, side, price=low, stop=low), client_id="s1")


def test_an_oco_stands_with_the_profit_on_the_right_side() -> None:
    """Selling, the profit leg is above and the stop below; buying, the other way round."""
    profit, stop = legs(Side.SELL, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT)
    assert oco_params(profit, stop, BTC, "l1") == {
        "symbol": "BTCUSDT", "listClientOrderId": "l1", "side": "SELL", "quantity": "0.00847",
        "aboveType": "LIMIT_MAKER", "aboveClientOrderId": "p1", "abovePrice": "110.00",
        "belowType": "STOP_LOSS_LIMIT", "belowClientOrderId": "s1", "belowPrice": "90.00", "belowStopPrice": "90.00",
        "belowTimeInForce": "GTC", "newOrderRespType": "FULL",
    }  # fmt: skip
    params = oco_params(*legs(Side.BUY, OrderType.TAKE_PROFIT, OrderType.STOP_LOSS), BTC, "l1")
    assert (params["aboveType"], params["aboveStopPrice"]) == ("STOP_LOSS", "110.00")
    assert (params["belowType"], params["belowStopPrice"]) == ("TAKE_PROFIT", "90.00")
    assert "abovePrice" not in params


def test_legs_that_do_not_fit_are_no_oco() -> None:
    """Two stops, different sides, quantities or symbols, a shared client id, or prices upside down are refused."""
    profit, stop = legs(Side.SELL, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS)
    replace = msgspec.structs.replace
    wrong = [
        (stop, replace(stop, client_id="s2")),
        (profit, replace(profit, client_id="p2")),
        (profit, replace(stop, side=Side.BUY)),
        (profit, replace(stop, qty_lots=1)),
        (profit, replace(stop, client_id="p1")),
        (profit, replace(stop, stop_ticks=profit.price_ticks)),
        (profit, replace(stop, stop_ticks=12_000)),
    ]
    for first, second in wrong:
        with pytest.raises(InvariantError):
            oco_params(first, second, BTC, "l1")
    with pytest.raises(InvariantError):
        oco_params(profit, stop, BTC, "p1")

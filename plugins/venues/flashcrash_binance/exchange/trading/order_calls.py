"""The calls of the trading side, the same for REST and the WebSocket API: what each needs, costs and answers."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.account_calls import (
    account,
    all_orders,
    commission,
    my_trades,
    open_orders,
    order_limits,
    order_status,
    restrictions,
)
from flashcrash_binance.exchange.trading.call_context import CallContext, Outcome, flag
from flashcrash_binance.exchange.trading.list_calls import cancel_list, open_lists, place_oco, query_list
from flashcrash_binance.exchange.trading.order_parameters import client_id, needed, new_order, read_only, whole
from flashcrash_binance.exchange.trading.order_reports import cancel_body, placed_body, rates_body
from flashcrash_binance.exchange.trading.orders import Order

__all__ = ["CALLS", "METHODS", "TradingCall"]

_RESTRICTIONS: Final = frozenset({"", "ONLY_NEW", "ONLY_PARTIALLY_FILLED"})


@frozen
class TradingCall:
    """One call. ``subject`` is its name for faults; ``orders`` how many it counts as; ``free`` without weight if it succeeds."""

    subject: str
    answer: Callable[[CallContext], Outcome]
    weight: int = 1
    whole_weight: int = 0
    """Without a symbol, where that is dearer; for myTrades: with an order id, where it is cheaper."""
    trades: bool = False
    orders: int = 0
    free: bool = False
    signed: bool = True
    by_session: bool = True
    """A session of the WebSocket API may stand for key and signature."""
    priced: Callable[[Mapping[str, str]], bool] = field(default=lambda _: False)

    def weight_of(self, params: Mapping[str, str]) -> int:
        """Its weight for these parameters."""
        return self.whole_weight if self.whole_weight and self.priced(params) else self.weight


def _place(ask: CallContext) -> Outcome:
    new = new_order(ask.params)
    ask.count_orders(1)
    order = ask.entry.place(new, ask.stamp_us)
    return Outcome(placed_body(order, ask.grid(order), new.response or _response(order)), order)


def _test(ask: CallContext) -> Outcome:
    new = new_order(ask.params, ("computeCommissionRates",))
    ask.entry.prepared(new, ask.stamp_us)
    if not flag(ask.params, "computeCommissionRates"):
        return Outcome({})
    rates = rates_body(ask.engine.account.rates)
    return Outcome({"standardCommissionForOrder": {"maker": rates["maker"], "taker": rates["taker"]}})


def _cancel(ask: CallContext) -> Outcome:
    read_only(ask.params, ("symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"))
    symbol, number, name = ask.order_asked()
    restriction = ask.params.get("cancelRestrictions", "")
    if restriction not in _RESTRICTIONS:
        raise ApiError(-1100, "Illegal value in parameter 'cancelRestrictions'.")
    ask.race(symbol, number, name)
    order = ask.entry.cancel(symbol, number, name, ask.cancel_id("newClientOrderId"), restriction, ask.stamp_us)
    return Outcome(ask.ended_body(order), order)


def _cancel_all(ask: CallContext) -> Outcome:
    read_only(ask.params, ("symbol",))
    symbol = needed(ask.params, "symbol")
    if symbol not in ask.engine.open:
        raise ApiError(-1121, "Invalid symbol.")
    orders = list(ask.engine.open[symbol])
    if not orders:
        raise ApiError(-2011, "Unknown order sent.")
    rows: list[dict[str, Any]] = []
    lists: set[int] = set()
    for order in orders:
        if order.open:
            ask.engine.cancel(order, ask.cancel_id(""), ask.stamp_us)
        if order.list_id < 0 or order.list_id not in lists:
            rows.append(ask.ended_body(order))
        lists.add(order.list_id)
    return Outcome(rows)


def _replace(ask: CallContext) -> Outcome:
    params = ask.params
    own = ("cancelReplaceMode", "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId", "cancelRestrictions",
           "orderRateLimitExceededMode")  # fmt: skip
    mode = needed(params, "cancelReplaceMode")
    if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        raise ApiError(-1100, "Illegal value in parameter 'cancelReplaceMode'.")
    new = new_order(params, own)
    number, name = whole(params, "cancelOrderId"), client_id(params, "cancelOrigClientOrderId")
    if number is None and not name:
        raise ApiError(-1102, "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!")
    ask.count_orders(1)
    ask.entry.filtered(new, ask.stamp_us)
    ask.race(new.symbol, number, name)
    cancelled: dict[str, Any] | None = None
    failure: ApiError | None = None
    try:
        restriction = params.get("cancelRestrictions", "")
        order = ask.entry.cancel(new.symbol, number, name, ask.cancel_id("cancelNewClientOrderId"), restriction, ask.stamp_us)
        cancelled = cancel_body(order, ask.grid(order), ask.cancel_id("cancelNewClientOrderId"))
    except ApiError as error:
        failure = error
    told = {"cancelResult": "FAILURE" if failure else "SUCCESS", "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": _refusal(failure) if failure else cancelled, "newOrderResponse": None}  # fmt: skip
    if failure is not None and mode == "STOP_ON_FAILURE":
        return Outcome(told, status=400, refusal=(-2022, "Order cancel-replace failed."))
    try:
        placed = ask.entry.place(new, ask.stamp_us)
    except ApiError as error:
        told |= {"newOrderResult": "FAILURE", "newOrderResponse": _refusal(error)}
        if failure is not None:
            return Outcome(told, status=400, refusal=(-2022, "Order cancel-replace failed."))
        return Outcome(told, status=409, refusal=(-2021, "Order cancel-replace partially failed."))
    told |= {
        "newOrderResult": "SUCCESS",
        "newOrderResponse": placed_body(placed, ask.grid(placed), new.response or _response(placed)),
    }
    if failure is not None:
        return Outcome(told, placed, status=409, refusal=(-2021, "Order cancel-replace partially failed."))
    return Outcome(told, placed)


def _refusal(error: ApiError) -> dict[str, Any]:
    return {"code": error.code, "msg": str(error)}


def _response(order: Order) -> str:
    return "FULL" if order.type in ("MARKET", "LIMIT") else "ACK"


def _without_symbol(params: Mapping[str, str]) -> bool:
    return "symbol" not in params


def _with_order(params: Mapping[str, str]) -> bool:
    return "orderId" in params


CALLS: Final[dict[tuple[str, str], TradingCall]] = {
    ("POST", "order"): TradingCall("place", _place, trades=True, orders=1, free=True),
    ("POST", "order/test"): TradingCall(
        "test", _test, 1, 20, trades=True, priced=lambda params: flag(params, "computeCommissionRates")
    ),
    ("POST", "order/cancelReplace"): TradingCall("replace", _replace, trades=True, orders=1, free=True),
    ("DELETE", "order"): TradingCall("cancel", _cancel, trades=True, free=True),
    ("GET", "order"): TradingCall("query", order_status, 4),
    ("GET", "openOrders"): TradingCall("openOrders", open_orders, 6, 80, priced=_without_symbol),
    ("DELETE", "openOrders"): TradingCall("cancel", _cancel_all, trades=True, free=True),
    ("GET", "allOrders"): TradingCall("query", all_orders, 20),
    ("POST", "orderList/oco"): TradingCall("place", place_oco, trades=True, orders=2, free=True),
    ("GET", "orderList"): TradingCall("query", query_list, 4),
    ("GET", "openOrderList"): TradingCall("openOrders", open_lists, 6),
    ("DELETE", "orderList"): TradingCall("cancel", cancel_list, trades=True, free=True),
    ("GET", "account"): TradingCall("account", account, 20),
    ("GET", "account/commission"): TradingCall("account", commission, 20),
    ("GET", "myTrades"): TradingCall("myTrades", my_trades, 20, 5, priced=_with_order),
    ("GET", "rateLimit/order"): TradingCall("account", order_limits, 40),
    ("GET", "/sapi/v1/account/apiRestrictions"): TradingCall("account", restrictions),
}
"""By REST method and path below /api/v3."""

METHODS: Final[dict[str, TradingCall]] = {
    "order.place": CALLS["POST", "order"],
    "order.test": CALLS["POST", "order/test"],
    "order.cancelReplace": CALLS["POST", "order/cancelReplace"],
    "order.cancel": CALLS["DELETE", "order"],
    "order.status": CALLS["GET", "order"],
    "openOrders.status": CALLS["GET", "openOrders"],
    "openOrders.cancelAll": CALLS["DELETE", "openOrders"],
    "allOrders": CALLS["GET", "allOrders"],
    "orderList.place.oco": CALLS["POST", "orderList/oco"],
    "orderList.status": CALLS["GET", "orderList"],
    "openOrderLists.status": CALLS["GET", "openOrderList"],
    "orderList.cancel": CALLS["DELETE", "orderList"],
    "account.status": CALLS["GET", "account"],
    "account.commission": CALLS["GET", "account/commission"],
    "account.rateLimits.orders": CALLS["GET", "rateLimit/order"],
    "myTrades": CALLS["GET", "myTrades"],
}
"""By method of the WebSocket API."""

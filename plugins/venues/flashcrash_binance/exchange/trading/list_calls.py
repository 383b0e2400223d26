"""Calls about OCO order lists (reference/binance.md section 6)."""

from collections.abc import Mapping
from typing import Any, Final

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.call_context import CallContext, Outcome
from flashcrash_binance.exchange.trading.order_parameters import NewOrder, client_id, needed, new_order, read_only, whole
from flashcrash_binance.exchange.trading.order_reports import list_body, placed_body
from flashcrash_binance.exchange.trading.orders import OrderList
from flashcrash_core.api import Side

__all__ = ["cancel_list", "open_lists", "place_oco", "query_list"]

_LEG_FIELDS: Final = (
    "Price",
    "StopPrice",
    "TimeInForce",
    "IcebergQty",
    "StrategyId",
    "StrategyType",
    "TrailingDelta",
    "ClientOrderId",
)
_NAMES: Final = {"ClientOrderId": "newClientOrderId"}
_PROFIT: Final = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOP: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})


def place_oco(ask: CallContext) -> Outcome:
    """Place a profit and a stop leg; the first to work ends the other."""
    params = ask.params
    legs = [f"{which}{name}" for which in ("above", "below") for name in ("Type", *_LEG_FIELDS)]
    common = ("symbol", "side", "quantity", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode")
    read_only(params, (*common, *legs))
    above, below = _leg(params, "above"), _leg(params, "below")
    profit, stop = (above, below) if above.side is Side.SELL else (below, above)
    if profit.type not in _PROFIT or stop.type not in _STOP:
        raise ApiError(
            -1013, "An OCO needs a LIMIT_MAKER or TAKE_PROFIT leg on the side of profit and a STOP_LOSS leg on the other."
        )
    ask.count_orders(2)
    one = ask.entry.place_oco(above, below, client_id(params, "listClientOrderId"), ask.stamp_us)
    orders = ask.engine.legs(one)
    reports = [placed_body(order, ask.grid(order), params.get("newOrderRespType") or "RESULT") for order in orders]
    return Outcome(list_body(one, orders) | {"orderReports": reports}, orders[0])


def query_list(ask: CallContext) -> Outcome:
    """One list, by its id or its client id."""
    read_only(ask.params, ("orderListId", "origClientOrderId"))
    one = _find(ask, client_id(ask.params, "origClientOrderId"))
    if one is None:
        raise ApiError(-2018, "Order list does not exist.")
    return Outcome(list_body(one, ask.engine.legs(one)))


def open_lists(ask: CallContext) -> Outcome:
    """Lists that are not done."""
    read_only(ask.params, ())
    return Outcome([list_body(one, ask.engine.legs(one)) for one in ask.engine.lists.values() if not one.done])


def cancel_list(ask: CallContext) -> Outcome:
    """Cancel both legs."""
    read_only(ask.params, ("symbol", "orderListId", "listClientOrderId", "newClientOrderId"))
    symbol = needed(ask.params, "symbol")
    one = _find(ask, client_id(ask.params, "listClientOrderId"))
    if one is None or one.done or one.symbol != symbol:
        raise ApiError(-2011, "Unknown order list sent.")
    leg = next(order for order in ask.engine.legs(one) if order.open)
    ask.engine.cancel(leg, ask.cancel_id("newClientOrderId"), ask.stamp_us)
    return Outcome(ask.ended_body(leg), leg)


def _find(ask: CallContext, name: str) -> OrderList | None:
    number = whole(ask.params, "orderListId")
    if number is None and not name:
        raise ApiError(-1102, "Param 'orderListId' or the list's client id must be sent, but both were empty/null!")
    if number is not None:
        return ask.engine.lists.get(number)
    found: list[OrderList] = [one for one in ask.engine.lists.values() if one.client_id == name]
    return found[-1] if found else None


def _leg(params: Mapping[str, str], which: str) -> NewOrder:
    """One leg, read as an order of its own."""
    leg: dict[str, Any] = {
        name: params[name] for name in ("symbol", "side", "quantity", "selfTradePreventionMode") if name in params
    }
    leg["type"] = needed(params, f"{which}Type")
    for name in _LEG_FIELDS:
        if f"{which}{name}" in params:
            leg[_NAMES.get(name, name[0].lower() + name[1:])] = params[f"{which}{name}"]
    return new_order(leg)

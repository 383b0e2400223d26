"""Calls that only ask: orders, trades, the account, its limits and its key's rights."""

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.call_context import CallContext, Outcome, flag
from flashcrash_binance.exchange.trading.order_parameters import needed, read_only, whole
from flashcrash_binance.exchange.trading.order_reports import account_body, commission_body, order_body, trade_row

__all__ = ["account", "all_orders", "commission", "my_trades", "open_orders", "order_limits", "order_status", "restrictions"]

_MOST_ROWS = 1000
_DAY_MS = 24 * 3600 * 1000


def order_status(ask: CallContext) -> Outcome:
    """One order, unless the replica that answers does not have it yet."""
    read_only(ask.params, ("symbol", "orderId", "origClientOrderId"))
    order = ask.entry.find(*ask.order_asked())
    if order is None or order.visible_us > ask.stamp_us:
        raise ApiError(-2013, "Order does not exist.")
    return Outcome(order_body(order, ask.grid(order)))


def open_orders(ask: CallContext) -> Outcome:
    """Open orders of a symbol, or all."""
    read_only(ask.params, ("symbol",))
    symbols = [_symbol(ask)] if "symbol" in ask.params else list(ask.engine.open)
    return Outcome([order_body(one, ask.grid(one)) for symbol in symbols for one in ask.engine.open[symbol]])


def all_orders(ask: CallContext) -> Outcome:
    """Orders of a symbol, from an id on or of a time."""
    read_only(ask.params, ("symbol", "orderId", "startTime", "endTime", "limit"))
    symbol, first = _symbol(ask), whole(ask.params, "orderId")
    start_ms, end_ms = _span(ask)
    found = [
        one
        for one in ask.engine.orders.values()
        if one.symbol == symbol
        and (first is None or one.order_id >= first)
        and (start_ms is None or one.created_us // 1000 >= start_ms)
        and (end_ms is None or one.created_us // 1000 <= end_ms)
    ]
    limit = _limit(ask)
    rows = found[:limit] if first is not None or start_ms is not None else found[-limit:]
    return Outcome([order_body(one, ask.grid(one)) for one in rows])


def my_trades(ask: CallContext) -> Outcome:
    """Trades of a symbol: of an order, from an id on, or of a time."""
    read_only(ask.params, ("symbol", "orderId", "startTime", "endTime", "fromId", "limit"))
    symbol, order_id, first = _symbol(ask), whole(ask.params, "orderId"), whole(ask.params, "fromId")
    start_ms, end_ms = _span(ask)
    if first is not None and (start_ms is not None or end_ms is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    found = [
        one
        for one in ask.engine.trades
        if one.symbol == symbol
        and (order_id is None or one.order_id == order_id)
        and (first is None or one.trade_id >= first)
        and (start_ms is None or one.at_us // 1000 >= start_ms)
        and (end_ms is None or one.at_us // 1000 <= end_ms)
    ]
    limit = _limit(ask)
    rows = found[:limit] if first is not None or start_ms is not None else found[-limit:]
    return Outcome([trade_row(one, ask.engine.grids[symbol]) for one in rows])


def account(ask: CallContext) -> Outcome:
    """Balances and rates."""
    read_only(ask.params, ("omitZeroBalances",))
    body = account_body(ask.engine.account, can_trade=ask.rights.trading, omit_zero=flag(ask.params, "omitZeroBalances"))
    return Outcome(body)


def commission(ask: CallContext) -> Outcome:
    """Rates of a symbol."""
    read_only(ask.params, ("symbol",))
    return Outcome(commission_body(_symbol(ask), ask.engine.account))


def order_limits(ask: CallContext) -> Outcome:
    """Unfilled orders by window."""
    read_only(ask.params, ())
    return Outcome(ask.unfilled.rate_limits(ask.stamp_us))


def restrictions(ask: CallContext) -> Outcome:
    """Rights of the key."""
    read_only(ask.params, ())
    return Outcome(ask.rights.to_json(ask.created_ms))


def _symbol(ask: CallContext) -> str:
    symbol = needed(ask.params, "symbol")
    if symbol not in ask.engine.open:
        raise ApiError(-1121, "Invalid symbol.")
    return symbol


def _span(ask: CallContext) -> tuple[int | None, int | None]:
    start_ms, end_ms = whole(ask.params, "startTime"), whole(ask.params, "endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > _DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def _limit(ask: CallContext) -> int:
    found = whole(ask.params, "limit")
    return min(500 if found is None else max(1, found), _MOST_ROWS)

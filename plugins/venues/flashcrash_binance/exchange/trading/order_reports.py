"""The JSON of orders, trades, accounts and user data events, as Binance writes it (reference/binance.md sections 6, 10 and 12)."""

from collections.abc import Iterable
from typing import Any

from flashcrash_binance.exchange.trading.accounts import Account, CommissionRates
from flashcrash_binance.exchange.trading.amounts import Grid, amount_text
from flashcrash_binance.exchange.trading.orders import Order, OrderList, TradeRecord
from flashcrash_core.api import Side

__all__ = [
    "account_body", "cancel_body", "commission_body", "execution_report", "list_body", "list_status", "order_body", "placed_body",
    "position_event", "rates_body", "trade_row",
]  # fmt: skip


def placed_body(order: Order, grid: Grid, response: str) -> dict[str, Any]:
    """The answer to a placement: ACK, RESULT or FULL."""
    body: dict[str, Any] = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        "transactTime": order.updated_us // 1000,
    }
    if response == "ACK":
        return body
    body |= _state(order, grid)
    if order.working_us is not None:
        body["workingTime"] = order.working_us // 1000
    if response == "FULL":
        body["fills"] = [
            {
                "price": grid.price_text(one.price_ticks),
                "qty": grid.qty_text(one.qty_lots),
                "commission": amount_text(one.commission),
                "commissionAsset": one.commission_asset,
                "tradeId": one.trade_id,
            }
            for one in order.trades
        ]
    return body


def order_body(order: Order, grid: Grid) -> dict[str, Any]:
    """An order as a query shows it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        **_state(order, grid),
        "stopPrice": grid.price_text(order.stop_ticks),
        "icebergQty": grid.qty_text(0),
        "time": order.created_us // 1000,
        "updateTime": order.updated_us // 1000,
        "isWorking": order.working_us is not None,
        "workingTime": -1 if order.working_us is None else order.working_us // 1000,
    }


def cancel_body(order: Order, grid: Grid, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: ``clientOrderId`` is the cancel's own, the order's is in ``origClientOrderId``."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_us // 1000,
        **_state(order, grid),
    }


def _state(order: Order, grid: Grid) -> dict[str, Any]:
    state: dict[str, Any] = {
        "price": grid.price_text(order.price_ticks),
        "origQty": grid.qty_text(order.qty_lots),
        "executedQty": grid.qty_text(order.filled_lots),
        "origQuoteOrderQty": amount_text(order.quote_order_atoms),
        "cummulativeQuoteQty": amount_text(order.filled_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side.name,
        "selfTradePreventionMode": order.stp_mode,
    }
    if order.stop_ticks:
        state["stopPrice"] = grid.price_text(order.stop_ticks)
    if order.strategy_id is not None:
        state["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        state["strategyType"] = order.strategy_type
    if order.prevented_lots:
        state["preventedQuantity"] = grid.qty_text(order.prevented_lots)
    if order.expiry_reason:
        state["expiryReason"] = order.expiry_reason
    return state


def list_body(one: OrderList, orders: Iterable[Order]) -> dict[str, Any]:
    """An order list, without reports."""
    legs = [{"symbol": leg.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_id} for leg in orders]
    return {
        "orderListId": one.list_id,
        "contingencyType": "OCO",
        "listStatusType": "ALL_DONE" if one.done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if one.done else "EXECUTING",
        "listClientOrderId": one.client_id,
        "transactionTime": one.at_us // 1000,
        "symbol": one.symbol,
        "orders": legs,
    }


def trade_row(one: TradeRecord, grid: Grid) -> dict[str, Any]:
    """A row of myTrades."""
    return {
        "symbol": one.symbol,
        "id": one.trade_id,
        "orderId": one.order_id,
        "orderListId": one.list_id,
        "price": grid.price_text(one.price_ticks),
        "qty": grid.qty_text(one.qty_lots),
        "quoteQty": amount_text(one.quote_atoms),
        "commission": amount_text(one.commission),
        "commissionAsset": one.commission_asset,
        "time": one.at_us // 1000,
        "isBuyer": one.side is Side.BUY,
        "isMaker": one.maker,
        "isBestMatch": True,
    }


def rates_body(rates: CommissionRates) -> dict[str, str]:
    """Rates as decimals."""
    maker, taker = (f"{ppm // 10**6}.{ppm % 10**6:06d}00" for ppm in (rates.maker_ppm, rates.taker_ppm))
    return {"maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000"}


def account_body(account: Account, *, can_trade: bool, omit_zero: bool) -> dict[str, Any]:
    """The account."""
    rates = account.rates
    assets = sorted({*account.free, *account.locked})
    balances = [
        {"asset": one, "free": amount_text(account.free[one]), "locked": amount_text(account.locked[one])}
        for one in assets
        if not omit_zero or account.free[one] or account.locked[one]
    ]
    return {
        "makerCommission": rates.maker_ppm // 100,
        "takerCommission": rates.taker_ppm // 100,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates_body(rates),
        "canTrade": can_trade,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated_us // 1000,
        "accountType": "SPOT",
        "balances": balances,
        "permissions": ["SPOT"],
        "uid": 1,
    }


def commission_body(symbol: str, account: Account) -> dict[str, Any]:
    """The answer of account/commission."""
    none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
    discount = f"0.{1_000_000 - account.rates.bnb_discount_ppm:06d}00"
    return {
        "symbol": symbol,
        "standardCommission": rates_body(account.rates),
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": account.burn_bnb, "enabledForSymbol": True, "discountAsset": "BNB", "discount": discount,
        },
    }  # fmt: skip


# -- events ----------------------------------------------------------------------------------------------------------


def execution_report(
    order: Order,
    grid: Grid,
    execution: str,
    execution_id: int,
    stamp_us: int,
    *,
    trade: TradeRecord | None = None,
    cancel_id: str = "",
    reject_reason: str = "NONE",
) -> dict[str, Any]:
    """What happened to an order."""
    event: dict[str, Any] = {
        "e": "executionReport",
        "E": stamp_us // 1000,
        "s": order.symbol,
        "c": cancel_id or order.client_id,
        "S": order.side.name,
        "o": order.type,
        "f": order.time_in_force,
        "q": grid.qty_text(order.qty_lots),
        "p": grid.price_text(order.price_ticks),
        "P": grid.price_text(order.stop_ticks),
        "F": grid.qty_text(0),
        "g": order.list_id,
        "C": order.client_id if cancel_id else "",
        "x": execution,
        "X": order.status,
        "r": reject_reason,
        "i": order.order_id,
        "l": grid.qty_text(trade.qty_lots if trade else 0),
        "z": grid.qty_text(order.filled_lots),
        "L": grid.price_text(trade.price_ticks if trade else 0),
        "n": amount_text(trade.commission) if trade else "0",
        "N": trade.commission_asset if trade else None,
        "T": order.updated_us // 1000,
        "t": trade.trade_id if trade else -1,
        "I": execution_id,
        "w": order.live is not None and order.open,
        "m": trade.maker if trade else False,
        "M": trade is not None,
        "O": order.created_us // 1000,
        "Z": amount_text(order.filled_quote),
        "Y": amount_text(trade.quote_atoms) if trade else "0.00000000",
        "Q": amount_text(order.quote_order_atoms),
        "V": order.stp_mode,
    }
    if order.working_us is not None:
        event["W"] = order.working_us // 1000
    if order.expiry_reason:
        event["eR"] = order.expiry_reason
    return event


def position_event(account: Account, stamp_us: int) -> dict[str, Any]:
    """The balances that changed since the last such event; they count as told then."""
    touched = sorted(account.touched)
    account.touched.clear()
    account.updated_us = stamp_us
    return {
        "e": "outboundAccountPosition",
        "E": stamp_us // 1000,
        "u": stamp_us // 1000,
        "B": [{"a": one, "f": amount_text(account.free[one]), "l": amount_text(account.locked[one])} for one in touched],
    }


def list_status(one: OrderList, orders: Iterable[Order], stamp_us: int) -> dict[str, Any]:
    """What became of an order list."""
    return {
        "e": "listStatus",
        "E": stamp_us // 1000,
        "s": one.symbol,
        "g": one.list_id,
        "c": "OCO",
        "l": "ALL_DONE" if one.done else "EXEC_STARTED",
        "L": "ALL_DONE" if one.done else "EXECUTING",
        "r": "NONE",
        "C": one.client_id,
        "T": stamp_us // 1000,
        "O": [{"s": leg.symbol, "i": leg.order_id, "c": leg.client_id} for leg in orders],
    }

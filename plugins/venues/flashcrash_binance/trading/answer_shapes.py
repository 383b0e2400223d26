"""The JSON of Binance's answers, as msgspec structs: which fields there must be, and of which type.

Decimals are strings: a JSON number would have lost digits, and fails validation.
"""

import msgspec

__all__ = [
    "AcceptedShape",
    "AccountShape",
    "AssetShape",
    "FillShape",
    "LegShape",
    "ListShape",
    "OrderShape",
    "RatesShape",
    "RefusalShape",
    "ReplaceShape",
    "TradeShape",
]


class FillShape(msgspec.Struct, rename="camel", gc=False):
    price: str
    qty: str
    commission: str
    commission_asset: str | None
    trade_id: int


class AcceptedShape(msgspec.Struct, rename="camel", gc=False):
    """What every answer about an order has."""

    symbol: str
    order_id: int
    client_order_id: str
    order_list_id: int = -1
    transact_time: int | None = None
    status: str | None = None


class OrderShape(AcceptedShape, rename="camel", kw_only=True, gc=False):
    """An answer with the order's state: RESULT, FULL, a query, an open order, a cancel."""

    status: str
    price: str
    orig_qty: str
    executed_qty: str
    cummulative_quote_qty: str
    time_in_force: str
    type: str
    side: str
    stop_price: str = "0"
    update_time: int | None = None
    orig_client_order_id: str | None = None
    expiry_reason: str = ""
    fills: list[FillShape] | None = None


class TradeShape(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str | None
    time: int
    is_buyer: bool
    is_maker: bool


class LegShape(msgspec.Struct, rename="camel", gc=False):
    order_id: int
    client_order_id: str


class ListShape(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    order_list_id: int
    list_client_order_id: str
    list_status_type: str
    symbol: str
    orders: list[LegShape]
    order_reports: list[OrderShape] | None = None


class RefusalShape(msgspec.Struct, gc=False):
    code: int
    msg: str


class ReplaceShape(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    cancel_result: str
    new_order_result: str
    cancel_response: msgspec.Raw | object = None
    new_order_response: msgspec.Raw | object = None


class AssetShape(msgspec.Struct, gc=False):
    asset: str
    free: str
    locked: str


class RatesShape(msgspec.Struct, gc=False):
    maker: str
    taker: str
    buyer: str = "0"
    seller: str = "0"


class AccountShape(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    balances: list[AssetShape]
    can_trade: bool
    update_time: int
    commission_rates: RatesShape
    uid: int = 0

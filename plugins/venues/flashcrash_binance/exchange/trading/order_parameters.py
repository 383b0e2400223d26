"""From the parameters of a request to an order as it was meant, or Binance's refusal (reference/binance.md sections 6 and 9)."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from attrs import frozen

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_core.api import Side

__all__ = ["COMMON", "NewOrder", "client_id", "decimal_e8", "needed", "new_order", "read_only", "whole"]

Value = TypeVar("Value")
COMMON: Final = frozenset({"timestamp", "recvWindow", "signature", "apiKey", "returnRateLimits"})
"""What every signed request may have."""
_DECIMAL: Final = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?")
_DECIMAL_RANGE: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_MODES: Final = frozenset({"NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"})
_UNSUPPORTED: Final = ("trailingDelta", "pegPriceType", "pegOffsetType", "pegOffsetValue")
_OPTIONAL: Final = frozenset({"newClientOrderId", "newOrderRespType", "selfTradePreventionMode", "strategyId", "strategyType"})
_NEEDED: Final = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
    "TAKE_PROFIT": ("quantity", "stopPrice"),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
}
_FIELDS: Final = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "icebergQty")
_ICEBERG: Final = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"})


@frozen(kw_only=True)
class NewOrder:
    """An order as it was asked for; prices and quantities in whole numbers of 10^-8, not yet held against any filter."""

    symbol: str
    side: Side
    type: str
    time_in_force: str = "GTC"
    price_e8: int = 0
    qty_e8: int = 0
    stop_e8: int = 0
    quote_e8: int = 0
    iceberg_e8: int = 0
    client_id: str = ""
    response: str = ""
    stp_mode: str = ""
    strategy_id: int | None = None
    strategy_type: int | None = None


def new_order(params: Mapping[str, str], extra: Iterable[str] = ()) -> NewOrder:
    """Read an order. ``extra`` names parameters that belong to the call. Raises ApiError as Binance would answer."""
    side = _one_of(params, "side", {"BUY": Side.BUY, "SELL": Side.SELL}, ApiError(-1117, "Invalid side."))
    kind = _one_of(params, "type", {one: one for one in _NEEDED}, ApiError(-1116, "Invalid orderType."))
    symbol = needed(params, "symbol")
    for name in _UNSUPPORTED:
        if name in params:
            raise ApiError(-1020, f"This operation is not supported: the local exchange does not serve {name}.")
    wanted = _NEEDED[kind]
    for name in wanted:
        needed(params, name)
    by_quote = kind == "MARKET" and "quoteOrderQty" in params
    if by_quote and "quantity" in params:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if kind == "MARKET" and not by_quote:
        needed(params, "quantity")
    allowed = {
        *wanted,
        *(("quoteOrderQty", "quantity") if kind == "MARKET" else ()),
        *(("icebergQty",) if kind in _ICEBERG else ()),
    }
    for name in _FIELDS:
        if name in params and name not in allowed:
            raise ApiError(-1106, f"Parameter '{name}' sent when not required.")
    read_only(params, {"symbol", "side", "type", *allowed, *_OPTIONAL, *extra})
    force = params.get("timeInForce", "GTC")
    if force not in ("GTC", "IOC", "FOK"):
        raise ApiError(-1115, "Invalid timeInForce.")
    iceberg = decimal_e8(params, "icebergQty") if "icebergQty" in params else 0
    if iceberg and force != "GTC":
        raise ApiError(-1013, "Iceberg orders must be GTC.")
    return NewOrder(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=force,
        price_e8=decimal_e8(params, "price") if "price" in params else 0,
        qty_e8=decimal_e8(params, "quantity") if "quantity" in params else 0,
        stop_e8=decimal_e8(params, "stopPrice") if "stopPrice" in params else 0,
        quote_e8=decimal_e8(params, "quoteOrderQty") if by_quote else 0,
        iceberg_e8=iceberg,
        client_id=client_id(params, "newClientOrderId"),
        response=_named(params, "newOrderRespType", frozenset({"ACK", "RESULT", "FULL"})),
        stp_mode=_named(params, "selfTradePreventionMode", _MODES),
        strategy_id=whole(params, "strategyId"),
        strategy_type=_strategy_type(params),
    )


def needed(params: Mapping[str, str], name: str) -> str:
    """A parameter that must be there. Raises ApiError -1102."""
    value = params.get(name, "")
    if not value:
        raise ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def decimal_e8(params: Mapping[str, str], name: str) -> int:
    """A decimal as a whole number of 10^-8. Raises ApiError: -1100 for anything else, -1111 for more decimals."""
    found = _DECIMAL.fullmatch(needed(params, name))
    if found is None:
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{_DECIMAL_RANGE}'.")
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > 8:
        raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
    return int(found[1]) * 10**8 + int(fraction.ljust(8, "0"))


def whole(params: Mapping[str, str], name: str) -> int | None:
    """A whole number, None if it is not there. Raises ApiError -1100."""
    if name not in params:
        return None
    text = params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def client_id(params: Mapping[str, str], name: str) -> str:
    """A client order id, empty if none was sent. Raises ApiError -1100."""
    text = params.get(name, "")
    if text and _CLIENT_ID.fullmatch(text) is None:
        raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[a-zA-Z0-9-_]{{1,36}}$'.")
    return text


def read_only(params: Mapping[str, str], known: Iterable[str]) -> None:
    """Raises ApiError -1104 if there is a parameter that nobody reads."""
    read = len(params.keys() & {*known, *COMMON})
    if read < len(params):
        raise ApiError(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(params)}'.")


def _one_of(params: Mapping[str, str], name: str, values: Mapping[str, Value], refusal: ApiError) -> Value:
    found = values.get(needed(params, name))
    if found is None:
        raise refusal
    return found


def _named(params: Mapping[str, str], name: str, values: frozenset[str]) -> str:
    value = params.get(name, "")
    if value and value not in values:
        raise ApiError(-1100, f"Illegal value in parameter '{name}'.")
    return value


def _strategy_type(params: Mapping[str, str]) -> int | None:
    found = whole(params, "strategyType")
    if found is not None and found < 1_000_000:
        raise ApiError(-1100, "Parameter 'strategyType' must be 1000000 or more.")
    return found

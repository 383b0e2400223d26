"""Parameters of order requests, the same for REST and the WebSocket API (reference/binance.md section 6).

Prices and quantities are rendered exactly from ticks and lots, as plain decimals; no float is ever made. Every order bears our
client id and asks for the full answer. ``timestamp``, ``recvWindow`` and the signature are added where the request is sent.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final, Literal

from flashcrash_core.api import STOP_TYPES, UNPRICED_TYPES, Instrument, InvariantError, OrderType, Side, SubmitOrder

__all__ = [
    "cancel_list_params",
    "cancel_params",
    "cancel_replace_params",
    "oco_params",
    "order_params",
    "query_list_params",
    "query_params",
    "rendered",
    "venue_type",
]

_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])
_TYPES: Final = {
    OrderType.LIMIT_MAKER: ("LIMIT_MAKER", ""),
    OrderType.LIMIT: ("LIMIT", "GTC"),
    OrderType.LIMIT_IOC: ("LIMIT", "IOC"),
    OrderType.LIMIT_FOK: ("LIMIT", "FOK"),
    OrderType.MARKET: ("MARKET", ""),
    OrderType.STOP_LOSS: ("STOP_LOSS", ""),
    OrderType.STOP_LOSS_LIMIT: ("STOP_LOSS_LIMIT", "GTC"),
    OrderType.TAKE_PROFIT: ("TAKE_PROFIT", ""),
    OrderType.TAKE_PROFIT_LIMIT: ("TAKE_PROFIT_LIMIT", "GTC"),
}
"""Kernel type to the venue's ``type`` and ``timeInForce``."""
_STOP_LEGS: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
_PROFIT_LEGS: Final = frozenset({OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})


def rendered(step: Decimal, count: int) -> str:
    """``count`` steps as a plain decimal, exact and without an exponent: 3 x 0.00001000 is "0.00003000"."""
    return f"{_EXACT.multiply(step, Decimal(count)):f}"


def venue_type(kind: OrderType) -> str:
    """The venue's word for a type of order."""
    return _TYPES[kind][0]


def order_params(order: SubmitOrder, instrument: Instrument, *, self_trade_prevention: str = "") -> dict[str, str]:
    """Parameters of ``POST /order`` and ``order.place``.

    ``self_trade_prevention`` is a mode of the venue, "" for the symbol's own. Raises InvariantError for an order that makes no
    sense (no quantity, a price or stop where none belongs, a client id that the venue would not take): a defect, never sent.
    """
    _require_sound(order, instrument)
    kind, time_in_force = _TYPES[order.type]
    params = {"symbol": order.symbol, "side": order.side.name, "type": kind}
    if time_in_force:
        params["timeInForce"] = time_in_force
    params["quantity"] = rendered(instrument.lot_size, order.qty_lots)
    if order.price_ticks:
        params["price"] = rendered(instrument.tick_size, order.price_ticks)
    if order.stop_ticks:
        params["stopPrice"] = rendered(instrument.tick_size, order.stop_ticks)
    params["newClientOrderId"] = order.client_id
    params["newOrderRespType"] = "FULL"
    if self_trade_prevention:
        params["selfTradePreventionMode"] = self_trade_prevention
    return params


def cancel_params(
    symbol: str, client_id: str, *, cancel_id: str = "", only_if: Literal["", "ONLY_NEW", "ONLY_PARTIALLY_FILLED"] = ""
) -> dict[str, str]:
    """Parameters of ``DELETE /order`` and ``order.cancel``. ``cancel_id`` names the cancel itself, "" lets the venue name it."""
    params = {"symbol": symbol, "origClientOrderId": _sound_id(client_id)}
    if cancel_id:
        params["newClientOrderId"] = _sound_id(cancel_id)
    if only_if:
        params["cancelRestrictions"] = only_if
    return params


def query_params(symbol: str, client_id: str) -> dict[str, str]:
    """Parameters of ``GET /order`` and ``order.status``."""
    return {"symbol": symbol, "origClientOrderId": _sound_id(client_id)}


def cancel_replace_params(
    order: SubmitOrder, instrument: Instrument, replaces: str, *, cancel_id: str = "", even_if_cancel_fails: bool = False
) -> dict[str, str]:
    """Parameters of ``cancelReplace``: cancel the order with client id ``replaces``, place ``order``.

    Unless ``even_if_cancel_fails``, nothing is placed when the cancel fails: the old order may have filled meanwhile. Raises
    InvariantError like :func:`order_params`.
    """
    if replaces == order.client_id:
        raise InvariantError(f"order {order.client_id} ({order.symbol}) would replace itself; client ids are never reused")
    params = order_params(order, instrument)
    params["cancelReplaceMode"] = "ALLOW_FAILURE" if even_if_cancel_fails else "STOP_ON_FAILURE"
    params["cancelOrigClientOrderId"] = _sound_id(replaces)
    if cancel_id:
        params["cancelNewClientOrderId"] = _sound_id(cancel_id)
    return params


def oco_params(profit: SubmitOrder, stop: SubmitOrder, instrument: Instrument, list_id: str) -> dict[str, str]:
    """Parameters of ``orderList/oco``: one of two orders of the same side and quantity, the first to work cancels the other.

    ``profit`` is a LIMIT_MAKER, TAKE_PROFIT or TAKE_PROFIT_LIMIT, ``stop`` a STOP_LOSS or STOP_LOSS_LIMIT; the profit leg stands
    above the stop leg for a sell and below it for a buy. ``list_id`` is the list's own client id. Raises InvariantError for legs
    that do not fit together, and like :func:`order_params`.
    """
    for leg in (profit, stop):
        _require_sound(leg, instrument)
    ids = {profit.client_id, stop.client_id, _sound_id(list_id)}
    whole = (profit.symbol, profit.side, profit.qty_lots) == (stop.symbol, stop.side, stop.qty_lots)
    if profit.type not in _PROFIT_LEGS or stop.type not in _STOP_LEGS or not whole or len(ids) < 3:
        raise InvariantError(
            f"the pair {profit.client_id} ({profit.type}) and {stop.client_id} ({stop.type}) is no OCO: it needs a profit and a "
            "stop leg of one symbol, side and quantity, and three different client ids"
        )
    if (_level(profit) - _level(stop)) * profit.side >= 0:
        raise InvariantError(
            f"the pair {profit.client_id} and {stop.client_id} is upside down: the profit leg of a {profit.side.name} at "
            f"{_level(profit)} ticks is on the wrong side of the stop at {_level(stop)} ticks"
        )
    above, below = (profit, stop) if profit.side is Side.SELL else (stop, profit)
    params = {
        "symbol": profit.symbol,
        "listClientOrderId": list_id,
        "side": profit.side.name,
        "quantity": rendered(instrument.lot_size, profit.qty_lots),
    }
    for prefix, leg in (("above", above), ("below", below)):
        kind, time_in_force = _TYPES[leg.type]
        params[f"{prefix}Type"] = kind
        params[f"{prefix}ClientOrderId"] = leg.client_id
        if leg.price_ticks:
            params[f"{prefix}Price"] = rendered(instrument.tick_size, leg.price_ticks)
        if leg.stop_ticks:
            params[f"{prefix}StopPrice"] = rendered(instrument.tick_size, leg.stop_ticks)
        if time_in_force:
            params[f"{prefix}TimeInForce"] = time_in_force
    params["newOrderRespType"] = "FULL"
    return params


def cancel_list_params(symbol: str, list_id: str) -> dict[str, str]:
    """Parameters of ``DELETE /orderList`` and ``orderList.cancel``: all legs of a list, by the list's client id."""
    return {"symbol": symbol, "listClientOrderId": _sound_id(list_id)}


def query_list_params(list_id: str) -> dict[str, str]:
    """Parameters of ``GET /orderList`` and ``orderList.status``."""
    return {"origClientOrderId": _sound_id(list_id)}


def _level(leg: SubmitOrder) -> int:
    return leg.stop_ticks or leg.price_ticks


def _require_sound(order: SubmitOrder, instrument: Instrument) -> None:
    _sound_id(order.client_id)
    wrong = ""
    if order.symbol != instrument.symbol:
        wrong = f"it is rendered on the grid of {instrument.symbol}"
    elif order.qty_lots <= 0:
        wrong = f"its quantity is {order.qty_lots} lots"
    elif order.price_ticks < 0 or (order.price_ticks == 0) is not (order.type in UNPRICED_TYPES):
        wrong = f"its price is {order.price_ticks} ticks"
    elif order.stop_ticks < 0 or (order.stop_ticks > 0) is not (order.type in STOP_TYPES):
        wrong = f"its stop is {order.stop_ticks} ticks"
    if wrong:
        raise InvariantError(f"order {order.client_id} ({order.symbol} {order.type}) was not sent: {wrong}; this is a defect")


def _sound_id(client_id: str) -> str:
    # A name that begins with x- is a broker's tag: the venue would book the order to somebody else.
    if not _CLIENT_ID.fullmatch(client_id) or client_id.startswith("x-"):
        raise InvariantError(
            f"the client id {client_id!r} is none that Binance takes (1 to 36 of a-z, A-Z, 0-9, - and _, not beginning with x-); "
            "this is a defect"
        )
    return client_id

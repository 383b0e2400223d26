"""Events of the user data stream, decoded into exact records (reference/binance.md section 12).

Events are replays of what happened: they may come before the reply, twice, late, or out of order. The core that takes them goes by
client id and trade id, and lets cumulative quantities only grow.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from attrs import frozen

from flashcrash_binance.trading.answer_shapes import FillShape
from flashcrash_binance.trading.exact_fields import Fields, read
from flashcrash_binance.trading.venue_fills import fill_of
from flashcrash_binance.trading.venue_records import (
    Balance,
    BalanceChange,
    Balances,
    ExecutionReport,
    ForeignOrder,
    ListStatus,
    OtherEvent,
    ServerShutdown,
    StreamEnded,
    VenueFill,
    VenueOrder,
    VenueStatus,
)
from flashcrash_core.api import Instrument

__all__ = ["UserEvent", "UserFact", "is_user_event", "user_event"]

UserFact = ExecutionReport | ForeignOrder | Balances | BalanceChange | ListStatus | StreamEnded | ServerShutdown | OtherEvent

_WHAT: Final = "the user data stream"
_REPORT: Final = "an executionReport"


@frozen
class UserEvent:
    """One event and the subscription that it came by; None for the connection's own (``serverShutdown``)."""

    fact: UserFact
    subscription_id: int | None


class _Wrapped(msgspec.Struct, rename="camel", gc=False):
    event: msgspec.Raw = msgspec.Raw()
    subscription_id: int | None = None


class _Named(msgspec.Struct, gc=False):
    name: str = msgspec.field(name="e")
    event_time: int = msgspec.field(name="E")


class _Report(msgspec.Struct, kw_only=True, gc=False):
    symbol: str = msgspec.field(name="s")
    client_id: str = msgspec.field(name="c")
    original_id: str = msgspec.field(name="C", default="")
    side: str = msgspec.field(name="S")
    type: str = msgspec.field(name="o")
    time_in_force: str = msgspec.field(name="f")
    qty: str = msgspec.field(name="q")
    price: str = msgspec.field(name="p")
    stop: str = msgspec.field(name="P", default="0")
    list_id: int = msgspec.field(name="g", default=-1)
    execution: str = msgspec.field(name="x")
    status: str = msgspec.field(name="X")
    reject_reason: str = msgspec.field(name="r")
    order_id: int = msgspec.field(name="i")
    last_qty: str = msgspec.field(name="l")
    filled: str = msgspec.field(name="z")
    last_price: str = msgspec.field(name="L")
    commission: str | None = msgspec.field(name="n")
    commission_asset: str | None = msgspec.field(name="N")
    transact_time: int = msgspec.field(name="T")
    trade_id: int = msgspec.field(name="t")
    execution_id: int = msgspec.field(name="I")
    on_book: bool = msgspec.field(name="w")
    maker: bool = msgspec.field(name="m")
    quote: str = msgspec.field(name="Z")
    expiry_reason: str = msgspec.field(name="eR", default="")
    event_time: int = msgspec.field(name="E")


class _AssetShape(msgspec.Struct, gc=False):
    asset: str = msgspec.field(name="a")
    free: str = msgspec.field(name="f")
    locked: str = msgspec.field(name="l")


class _Position(msgspec.Struct, gc=False):
    assets: list[_AssetShape] = msgspec.field(name="B")
    update_time: int = msgspec.field(name="u")


class _Change(msgspec.Struct, gc=False):
    asset: str = msgspec.field(name="a")
    delta: str = msgspec.field(name="d")
    time: int = msgspec.field(name="T")


class _LegShape(msgspec.Struct, gc=False):
    order_id: int = msgspec.field(name="i")
    client_id: str = msgspec.field(name="c")


class _ListShape(msgspec.Struct, gc=False):
    symbol: str = msgspec.field(name="s")
    list_id: int = msgspec.field(name="g")
    status: str = msgspec.field(name="l")
    reject_reason: str = msgspec.field(name="r")
    client_id: str = msgspec.field(name="C")
    time: int = msgspec.field(name="T")
    legs: list[_LegShape] = msgspec.field(name="O")


def is_user_event(frame: bytes) -> bool:
    """Whether a text frame of the WebSocket API is an event; otherwise it answers a request."""
    try:
        return bool(bytes(msgspec.json.decode(frame, type=_Wrapped).event))
    except msgspec.DecodeError:
        return False


def user_event(frame: bytes, instruments: Mapping[str, Instrument]) -> UserEvent:
    """One event of a text frame, with or without its wrapping. Raises MalformedAnswer, which names the field."""
    wrapped = read(frame, _Wrapped, _WHAT)
    body = bytes(wrapped.event) or frame
    named = read(body, _Named, _WHAT)
    return UserEvent(_fact(named, body, instruments), wrapped.subscription_id)


def _fact(named: _Named, body: bytes, instruments: Mapping[str, Instrument]) -> UserFact:
    fields = Fields(named.name)
    match named.name:
        case "executionReport":
            return _report(read(body, _Report, _REPORT), instruments)
        case "outboundAccountPosition":
            position = read(body, _Position, named.name)
            by_asset = {
                one.asset: Balance(fields.amount(f"f of {one.asset}", one.free), fields.amount(f"l of {one.asset}", one.locked))
                for one in position.assets
            }
            return Balances(by_asset=by_asset, update_us=fields.time_us("u", position.update_time), complete=False)
        case "balanceUpdate":
            change = read(body, _Change, named.name)
            delta = fields.amount("d", change.delta, signed=True)
            return BalanceChange(asset=change.asset, delta=delta, ts_us=fields.time_us("T", change.time))
        case "listStatus":
            told = read(body, _ListShape, named.name)
            return ListStatus(
                list_id=told.list_id,
                list_client_id=told.client_id,
                symbol=told.symbol,
                status=told.status,
                reject_reason=told.reject_reason,
                legs={leg.client_id: leg.order_id for leg in told.legs},
                ts_us=fields.time_us("T", told.time),
            )
        case "eventStreamTerminated":
            return StreamEnded(fields.time_us("E", named.event_time))
        case "serverShutdown":
            return ServerShutdown(fields.time_us("E", named.event_time))
    return OtherEvent(named.name)


def _report(told: _Report, instruments: Mapping[str, Instrument]) -> ExecutionReport | ForeignOrder:
    fields = Fields(_REPORT)
    status = fields.status("X", told.status)
    # The event of a cancel bears the cancel's name in c, and the order's in C.
    client_id = told.original_id or told.client_id
    instrument = instruments.get(told.symbol)
    if instrument is None:
        return ForeignOrder(symbol=told.symbol, client_id=client_id, order_id=told.order_id, status=status)
    order = _order(told, status, client_id, instrument)
    return ExecutionReport(
        execution=told.execution,
        execution_id=told.execution_id,
        order=order,
        fill=_trade(told, order, instrument) if told.execution == "TRADE" else None,
        cancel_id=told.client_id if told.original_id else "",
        reject_reason=told.reject_reason,
        on_book=told.on_book,
        event_us=fields.time_us("E", told.event_time),
    )


def _order(told: _Report, status: VenueStatus, client_id: str, instrument: Instrument) -> VenueOrder:
    fields = Fields(_REPORT)
    side = fields.side("S", told.side)
    qty, whole = fields.lots("q", told.qty, instrument)
    filled, whole_fill = fields.lots("z", told.filled, instrument)
    price, on_tick = fields.ticks("p", told.price, instrument, side)
    stop, on_stop_tick = fields.ticks("P", told.stop, instrument, side)
    if fields.amount("z", told.filled) > fields.amount("q", told.qty):
        fields.fail("z", told.filled, f"more than the quantity of {told.qty}")
    if status is VenueStatus.FILLED and filled != qty:
        fields.fail("X", told.status, f"but {told.filled} of {told.qty} are executed")
    return VenueOrder(
        client_id=client_id,
        order_id=told.order_id,
        status=status,
        qty_lots=qty,
        filled_lots=filled,
        quote_minor=fields.money("Z", told.quote),
        update_us=fields.time_us("T", told.transact_time),
        symbol=told.symbol,
        side=side,
        type=told.type,
        time_in_force=told.time_in_force,
        price_ticks=price,
        stop_ticks=stop,
        list_id=told.list_id,
        expiry_reason=told.expiry_reason,
        off_grid=not (whole and whole_fill and on_tick and on_stop_tick),
    )


def _trade(told: _Report, order: VenueOrder, instrument: Instrument) -> VenueFill:
    fields = Fields(_REPORT)
    if told.trade_id < 0:
        fields.fail("t", told.trade_id, "though the execution is a TRADE")
    if told.commission is None:
        fields.fail("n", None, "though the execution is a TRADE")
    before = fields.amount("z", told.filled) - fields.amount("l", told.last_qty)
    if before < 0:
        fields.fail("l", told.last_qty, f"more than the executed {told.filled}")
    fill, _ = fill_of(
        fields,
        FillShape(told.last_price, told.last_qty, told.commission, told.commission_asset, told.trade_id),
        instrument,
        before,
        side=order.side,
        maker=told.maker,
        client_id=order.client_id,
        order_id=order.order_id,
        ts_us=order.update_us,
    )
    return fill

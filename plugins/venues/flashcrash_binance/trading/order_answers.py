"""Binance's answers about orders, trades and the account, decoded into exact records (reference/binance.md sections 6 and 10).

REST and the WebSocket API answer alike, so each function takes JSON (bytes or ``msgspec.Raw``) or what was parsed from it. A field
that is missing, of the wrong type or impossible raises :class:`MalformedAnswer`, which names it: the order is then unknown, never
gone.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from flashcrash_binance.trading.answer_shapes import (
    AcceptedShape,
    AccountShape,
    FillShape,
    ListShape,
    OrderShape,
    RefusalShape,
    ReplaceShape,
    TradeShape,
)
from flashcrash_binance.trading.exact_fields import Fields, read
from flashcrash_binance.trading.venue_fills import fill_of
from flashcrash_binance.trading.venue_records import (
    Account,
    Balance,
    Balances,
    ExecutionReport,
    ForeignOrder,
    MalformedAnswer,
    PlacedList,
    PlacedOrder,
    ReplacedOrder,
    VenueFill,
    VenueOrder,
    VenueStatus,
)
from flashcrash_core.api import Instrument, Side

__all__ = [
    "Account",
    "Balance",
    "Balances",
    "ExecutionReport",
    "MalformedAnswer",
    "PlacedList",
    "PlacedOrder",
    "VenueFill",
    "VenueOrder",
    "VenueStatus",
    "account",
    "cancelled_order",
    "listed_orders",
    "open_orders",
    "order_list",
    "placed_order",
    "queried_order",
    "replaced_order",
    "trades",
]

_PLACING: Final = "a new order"


def placed_order(answer: object, instrument: Instrument) -> PlacedOrder:
    """The answer to a new order, of type ACK, RESULT or FULL. Raises MalformedAnswer, also when its fills are not its sum."""
    accepted = read(answer, AcceptedShape, _PLACING)
    if accepted.status is not None:
        return _placed(read(answer, OrderShape, _PLACING), instrument)
    fields = Fields(_PLACING)
    _require_symbol(fields, accepted.symbol, instrument)
    return PlacedOrder(
        client_id=accepted.client_order_id,
        order_id=accepted.order_id,
        transact_us=fields.time_us("transactTime", accepted.transact_time),
    )


def queried_order(answer: object, instrument: Instrument) -> VenueOrder:
    """The answer to ``GET /order`` or ``order.status``. Raises MalformedAnswer."""
    return _order(read(answer, OrderShape, "an order query"), instrument, "an order query")


def cancelled_order(answer: object, instrument: Instrument) -> VenueOrder:
    """The answer to a cancel: the order under its own client id, not the cancel's. Raises MalformedAnswer."""
    return _order(read(answer, OrderShape, "a cancel"), instrument, "a cancel")


def replaced_order(answer: object, instrument: Instrument) -> ReplacedOrder:
    """The answer to a cancel-replace, as a success or as the ``data`` of an error. Raises MalformedAnswer."""
    what = "a cancel-replace"
    halves = read(answer, ReplaceShape, what)
    values: dict[str, Any] = {"attempted": halves.new_order_result != "NOT_ATTEMPTED"}
    for name, result in (("cancelResult", halves.cancel_result), ("newOrderResult", halves.new_order_result)):
        if result not in ("SUCCESS", "FAILURE", "NOT_ATTEMPTED"):
            Fields(what).fail(name, result, "a result that this version does not know")
    if halves.cancel_result == "SUCCESS":
        values["cancelled"] = cancelled_order(halves.cancel_response, instrument)
    elif halves.cancel_result == "FAILURE":
        refusal = read(halves.cancel_response, RefusalShape, what)
        values |= {"cancel_code": refusal.code, "cancel_message": refusal.msg}
    if halves.new_order_result == "SUCCESS":
        values["placed"] = placed_order(halves.new_order_response, instrument)
    elif halves.new_order_result == "FAILURE":
        refusal = read(halves.new_order_response, RefusalShape, what)
        values |= {"place_code": refusal.code, "place_message": refusal.msg}
    return ReplacedOrder(**values)


def open_orders(answer: object, instruments: Mapping[str, Instrument]) -> tuple[list[VenueOrder], list[ForeignOrder]]:
    """Open orders of the run's symbols, and those of other symbols. Raises MalformedAnswer."""
    return listed_orders(answer, instruments, "open orders")


def listed_orders(
    answer: object, instruments: Mapping[str, Instrument], what: str = "all orders"
) -> tuple[list[VenueOrder], list[ForeignOrder]]:
    """Orders of ``openOrders`` or ``allOrders``, those of the run's symbols and others. Raises MalformedAnswer."""
    ours: list[VenueOrder] = []
    foreign: list[ForeignOrder] = []
    for told in read(answer, list[OrderShape], what):
        instrument = instruments.get(told.symbol)
        if instrument is None:
            status = Fields(what).status("status", told.status)
            foreign.append(ForeignOrder(symbol=told.symbol, client_id=told.client_order_id, order_id=told.order_id, status=status))
        else:
            ours.append(_order(told, instrument, what))
    return ours, foreign


def order_list(answer: object, instrument: Instrument) -> PlacedList:
    """The answer to an order list: placed, cancelled or queried. Raises MalformedAnswer."""
    what = "an order list"
    told = read(answer, ListShape, what)
    _require_symbol(Fields(what), told.symbol, instrument)
    return PlacedList(
        list_id=told.order_list_id,
        list_client_id=told.list_client_order_id,
        status=told.list_status_type,
        legs={leg.client_order_id: leg.order_id for leg in told.orders},
        orders=tuple([_order(report, instrument, what) for report in told.order_reports or ()]),
    )


def trades(answer: object, instrument: Instrument, client_ids: Mapping[int, str]) -> list[VenueFill]:
    """The answer to ``myTrades``, by trade id. It names orders by ``orderId`` only: ``client_ids`` translates those that we know.

    Raises MalformedAnswer, also for a trade told twice.
    """
    what = "trades"
    fields = Fields(what)
    fills: list[VenueFill] = []
    told = sorted(read(answer, list[TradeShape], what), key=lambda trade: trade.id)
    seen_amounts: dict[int, Decimal] = {}
    for before, trade in zip([None, *told], told, strict=False):
        if before is not None and before.id == trade.id:
            fields.fail("id", trade.id, "told twice")
        _require_symbol(fields, trade.symbol, instrument)
        side = Side.BUY if trade.is_buyer else Side.SELL
        wire = FillShape(trade.price, trade.qty, trade.commission, trade.commission_asset, trade.id)
        fill, amount = fill_of(
            fields, wire, instrument, seen_amounts.get(trade.order_id, Decimal(0)), side=side, maker=trade.is_maker,
            client_id=client_ids.get(trade.order_id, ""), order_id=trade.order_id, ts_us=fields.time_us("time", trade.time),
        )  # fmt: skip
        seen_amounts[trade.order_id] = amount
        fills.append(fill)
    return fills


def account(answer: object) -> Account:
    """The answer to ``GET /account`` or ``account.status``; ask with ``omitZeroBalances``. Raises MalformedAnswer."""
    what = "the account"
    fields = Fields(what)
    told = read(answer, AccountShape, what)
    rates = told.commission_rates
    by_asset = {
        one.asset: Balance(fields.amount(f"free of {one.asset}", one.free), fields.amount(f"locked of {one.asset}", one.locked))
        for one in told.balances
    }
    # An account that never changed has 0 here.
    update_us = fields.time_us("updateTime", told.update_time) if told.update_time else 0
    return Account(
        balances=Balances(by_asset=by_asset, update_us=update_us, complete=True),
        can_trade=told.can_trade,
        uid=told.uid,
        maker_rate=fields.amount("maker", rates.maker),
        taker_rate=fields.amount("taker", rates.taker),
    )


def _placed(told: OrderShape, instrument: Instrument) -> PlacedOrder:
    fields = Fields(_PLACING)
    order = _order(told, instrument, _PLACING)
    fills: list[VenueFill] = []
    amount = Decimal(0)
    for wire in told.fills or ():
        # What trades while an order is being placed was taken.
        fill, amount = fill_of(
            fields, wire, instrument, amount, side=order.side, maker=False,
            client_id=order.client_id, order_id=order.order_id, ts_us=order.update_us,
        )  # fmt: skip
        fills.append(fill)
    if told.fills is not None and amount != fields.amount("executedQty", told.executed_qty):
        fields.fail("fills", amount, f"not the executedQty of {told.executed_qty}")
    return PlacedOrder(
        client_id=order.client_id, order_id=order.order_id, transact_us=order.update_us, order=order, fills=tuple(fills)
    )


def _order(told: OrderShape, instrument: Instrument, what: str) -> VenueOrder:
    fields = Fields(what)
    _require_symbol(fields, told.symbol, instrument)
    side = fields.side("side", told.side)
    status = fields.status("status", told.status)
    qty, whole = fields.lots("origQty", told.orig_qty, instrument)
    filled, whole_fill = fields.lots("executedQty", told.executed_qty, instrument)
    price, on_tick = fields.ticks("price", told.price, instrument, side)
    stop, on_stop_tick = fields.ticks("stopPrice", told.stop_price, instrument, side)
    if fields.amount("executedQty", told.executed_qty) > fields.amount("origQty", told.orig_qty):
        fields.fail("executedQty", told.executed_qty, f"more than the origQty of {told.orig_qty}")
    if status is VenueStatus.FILLED and filled != qty:
        fields.fail("status", told.status, f"but {told.executed_qty} of {told.orig_qty} are executed")
    stamp = told.update_time if told.update_time is not None else told.transact_time
    return VenueOrder(
        client_id=told.orig_client_order_id or told.client_order_id,
        order_id=told.order_id,
        status=status,
        qty_lots=qty,
        filled_lots=filled,
        quote_minor=fields.money("cummulativeQuoteQty", told.cummulative_quote_qty),
        update_us=fields.time_us("transactTime or updateTime", stamp),
        symbol=told.symbol,
        side=side,
        type=told.type,
        time_in_force=told.time_in_force,
        price_ticks=price,
        stop_ticks=stop,
        list_id=told.order_list_id,
        expiry_reason=told.expiry_reason,
        off_grid=not (whole and whole_fill and on_tick and on_stop_tick),
    )


def _require_symbol(fields: Fields, symbol: str, instrument: Instrument) -> None:
    if symbol != instrument.symbol:
        fields.fail("symbol", symbol, f"not the {instrument.symbol} that was asked for")

"""A venue of orders as small as can be, for tests of the order gateway: every answer is lost, late or twice when the test says so.

No matching: a test fills and cancels by hand. It words everything as Binance does, with code of its own.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from flashcrash_binance.order_gateway.actions import ApiCall, GatewaySettings, Reconnect
from flashcrash_binance.order_gateway.gateway import OrderGateway
from flashcrash_core.api import CancelOrder, Instrument, NoticeKind, OrderType, Side, SubmitOrder

__all__ = ["INSTRUMENT", "START_US", "GatewayBench", "order"]

START_US: Final = 1_750_000_000_000_000
INSTRUMENT: Final = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))


def order(client_id: str = "a", side: Side = Side.BUY, kind: OrderType = OrderType.LIMIT, lots: int = 1_000) -> SubmitOrder:
    """An order at 50,000."""
    return SubmitOrder(client_id, "BTCUSDT", side, kind, 5_000_000, lots, side is Side.SELL, 1, "", 0, True)


@define
class Kept:
    """An order as the venue has it."""

    wish: dict[str, Any]
    order_id: int
    status: str = "NEW"
    trades: list[dict[str, Any]] = field(factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((Decimal(one["qty"]) for one in self.trades), Decimal(0))


@define
class GatewayBench:
    """A gateway and its venue, with time of their own. ``told`` is what the kernel would hear."""

    told: list[tuple[NoticeKind, str, dict[str, Any]]] = field(factory=list)
    orders: dict[str, Kept] = field(factory=dict)
    calls: list[ApiCall] = field(factory=list)
    """All requests that left, in order."""
    lose: set[str] = field(factory=set)
    """Methods whose requests do not arrive."""
    mute: set[str] = field(factory=set)
    """Methods that are carried out and not answered."""
    silent_stream: bool = False
    hidden: bool = False
    """Questions see no order: a replica that lags."""
    errors: dict[str, tuple[int, int, str]] = field(factory=dict)
    """Status, code and text by method, in place of carrying it out."""
    now_us: int = START_US
    reconnects: list[str] = field(factory=list)
    gateway: OrderGateway = field(init=False)
    _trade: int = 100

    def __attrs_post_init__(self) -> None:
        def tell(kind: NoticeKind, client_id: str, venue_us: int, **fields: Any) -> None:
            assert venue_us > 0
            self.told.append((kind, client_id, fields))

        self.gateway = OrderGateway({"BTCUSDT": INSTRUMENT}, {"BTCUSDT": "BTC"}, GatewaySettings(), tell)

    # -- driving -----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the connection and subscribe."""
        self.gateway.on_open(self.now_us)
        self.carry()
        self.wait(0.01)

    def disconnect(self) -> None:
        """Lose it, with everything under way."""
        self.gateway.on_close(self.now_us, "cut")
        self.carry()

    def submit(self, one: SubmitOrder) -> None:
        """As the executor does."""
        self.gateway.submit(one, self.now_us)
        self.carry()

    def cancel(self, client_id: str) -> None:
        """As the executor does."""
        self.gateway.cancel(CancelOrder(client_id, "BTCUSDT", "test", 0, True), self.now_us)
        self.carry()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        until_us = self.now_us + round(seconds * 1e6)
        while (due_us := self.gateway.next_time_us) <= until_us:
            self.now_us = max(due_us, self.now_us + 1)
            self.gateway.on_time(self.now_us)
            self.carry()
        self.now_us = until_us

    def carry(self) -> None:
        """Requests to the venue, and its answers back."""
        actions = self.gateway.actions
        while actions:
            action = actions.popleft()
            if isinstance(action, Reconnect):
                self.reconnects.append(action.reason)
                continue
            self.calls.append(action)
            if action.method in self.lose or not self.gateway.connected:
                continue
            for answer in self._answers(action):
                if action.method not in self.mute:
                    self.gateway.on_message(json.dumps(answer).encode(), self.now_us)

    @property
    def kinds(self) -> list[str]:
        """Kinds of the notices so far."""
        return [str(kind) for kind, _, _ in self.told]

    def sent(self, method: str) -> int:
        """How many requests of a method left."""
        return sum(call.method == method for call in self.calls)

    # -- the market --------------------------------------------------------------------------------------------------

    def fill(
        self, client_id: str, quantity: str, *, commission: str = "0", asset: str = "USDT", event: bool = True
    ) -> dict[str, Any]:
        """Part of an order trades; returns the event."""
        kept = self.orders[client_id]
        self._trade += 1
        trade = {
            "id": self._trade, "price": kept.wish["price"], "qty": quantity, "commission": commission, "commissionAsset": asset,
        }  # fmt: skip
        kept.trades.append(trade)
        kept.status = "FILLED" if kept.filled == Decimal(kept.wish["quantity"]) else "PARTIALLY_FILLED"
        report = self._report(kept, "TRADE", trade)
        if event:
            self.event(report)
        return report

    def end(self, client_id: str, status: str = "CANCELED", *, event: bool = True) -> dict[str, Any]:
        """The venue ends an order."""
        self.orders[client_id].status = status
        report = self._report(self.orders[client_id], status)
        if event:
            self.event(report)
        return report

    def event(self, report: dict[str, Any]) -> None:
        """The user data stream tells of it."""
        if not self.silent_stream and self.gateway.connected:
            self.gateway.on_message(json.dumps({"subscriptionId": 0, "event": report}).encode(), self.now_us)
            self.carry()

    # -- its words ---------------------------------------------------------------------------------------------------

    def _answers(self, call: ApiCall) -> Iterator[dict[str, Any]]:
        if call.method in self.errors:
            status, code, text = self.errors[call.method]
            yield {"id": call.request, "status": status, "error": {"code": code, "msg": text}}
            return
        params = dict(call.params)
        result: Any = {}
        match call.method:
            case "time":
                result = {"serverTime": self.now_us // 1_000}
            case "userDataStream.subscribe.signature":
                result = {"subscriptionId": 0}
            case "openOrders.status":
                result = [self._order(one) for one in self.orders.values() if one.status in ("NEW", "PARTIALLY_FILLED")]
            case "order.place":
                name = str(params["newClientOrderId"])
                assert name not in self.orders, "an order was sent twice"
                kept = self.orders[name] = Kept(params, 1_000 + len(self.orders))
                self.event(self._report(kept, "NEW"))
                result = self._order(kept) | {"transactTime": self.now_us // 1_000, "fills": []}
            case "order.status":
                kept = self.orders.get(str(params["origClientOrderId"]))
                if kept is None or self.hidden:
                    yield {"id": call.request, "status": 400, "error": {"code": -2013, "msg": "Order does not exist."}}
                    return
                result = self._order(kept)
            case "order.cancel":
                kept = self.orders.get(str(params["origClientOrderId"]))
                if kept is None or kept.status not in ("NEW", "PARTIALLY_FILLED"):
                    yield {"id": call.request, "status": 400, "error": {"code": -2011, "msg": "Unknown order sent."}}
                    return
                self.end(str(params["origClientOrderId"]))
                result = self._order(kept) | {"origClientOrderId": params["origClientOrderId"], "clientOrderId": "of-the-cancel"}
                result["transactTime"] = self.now_us // 1_000
            case "myTrades":
                kept = next(one for one in self.orders.values() if one.order_id == params["orderId"])
                result = [self._traded(kept, one) for one in kept.trades]
            case other:
                raise AssertionError(f"the gateway asked for {other}")
        yield {"id": call.request, "status": 200, "result": result}

    def _order(self, kept: Kept) -> dict[str, Any]:
        wish, now_ms = kept.wish, self.now_us // 1_000
        return {
            "symbol": "BTCUSDT", "orderId": kept.order_id, "orderListId": -1, "clientOrderId": wish["newClientOrderId"],
            "price": wish["price"], "origQty": wish["quantity"], "executedQty": f"{kept.filled:f}", "origQuoteOrderQty": "0",
            "cummulativeQuoteQty": f"{kept.filled * Decimal(wish['price']):f}", "status": kept.status, "timeInForce": "GTC",
            "type": wish["type"], "side": wish["side"], "stopPrice": "0", "icebergQty": "0", "time": now_ms, "updateTime": now_ms,
            "isWorking": True, "workingTime": now_ms, "selfTradePreventionMode": "NONE",
        }  # fmt: skip

    def _traded(self, kept: Kept, trade: dict[str, Any]) -> dict[str, Any]:
        return trade | {
            "symbol": "BTCUSDT", "orderId": kept.order_id, "orderListId": -1, "time": self.now_us // 1_000, "isMaker": True,
            "quoteQty": f"{Decimal(trade['price']) * Decimal(trade['qty']):f}", "isBuyer": kept.wish["side"] == "BUY",
            "isBestMatch": True,
        }  # fmt: skip

    def _report(self, kept: Kept, execution: str, trade: dict[str, Any] | None = None) -> dict[str, Any]:
        wish, now_ms = kept.wish, self.now_us // 1_000
        name = wish["newClientOrderId"]
        cancelled = execution == "CANCELED"
        return {
            "e": "executionReport", "E": now_ms, "s": "BTCUSDT", "c": "of-the-cancel" if cancelled else name, "S": wish["side"],
            "o": wish["type"], "f": "GTC", "q": wish["quantity"], "p": wish["price"], "P": "0", "F": "0", "g": -1,
            "C": name if cancelled else "", "x": execution, "X": kept.status, "r": "NONE", "i": kept.order_id,
            "l": trade["qty"] if trade else "0", "z": f"{kept.filled:f}", "L": trade["price"] if trade else "0",
            "n": trade["commission"] if trade else "0", "N": trade["commissionAsset"] if trade else None, "T": now_ms,
            "t": trade["id"] if trade else -1, "I": 1, "w": True, "m": True, "M": True, "O": now_ms,
            "Z": f"{kept.filled * Decimal(wish['price']):f}", "Y": "0", "Q": "0", "W": now_ms, "V": "NONE",
        }  # fmt: skip

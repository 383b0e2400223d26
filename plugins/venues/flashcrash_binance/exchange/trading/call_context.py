"""What a call of the trading side works with, and what comes of it."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.amounts import Grid
from flashcrash_binance.exchange.trading.api_keys import KeyRights
from flashcrash_binance.exchange.trading.matching import MatchingEngine
from flashcrash_binance.exchange.trading.order_entry import OrderEntry
from flashcrash_binance.exchange.trading.order_parameters import client_id, needed, whole
from flashcrash_binance.exchange.trading.order_reports import cancel_body, list_body
from flashcrash_binance.exchange.trading.orders import Order
from flashcrash_binance.exchange.trading.unfilled_orders import UnfilledOrders

__all__ = ["CallContext", "Outcome", "flag"]


@frozen
class Outcome:
    """An answer; ``order`` is the order that it placed or ended. ``refusal``: code and text around a body that tells of halves."""

    body: Any
    order: Order | None = None
    status: int = 200
    refusal: tuple[int, str] | None = None


@frozen(kw_only=True)
class CallContext:
    """Parameters of one request, its moment (the exchange's clock), and the parts that answer it."""

    params: Mapping[str, str]
    stamp_us: int
    entry: OrderEntry
    unfilled: UnfilledOrders
    rights: KeyRights
    created_ms: int
    races: Callable[[], bool]
    """Whether a fill overtakes this cancel."""

    @property
    def engine(self) -> MatchingEngine:
        """The orders."""
        return self.entry.engine

    def grid(self, order: Order) -> Grid:
        """Steps of the order's symbol."""
        return self.engine.grids[order.symbol]

    def count_orders(self, orders: int) -> None:
        """Raise ApiError -1015 if so many are too many now."""
        self.unfilled.check(orders, self.stamp_us)

    def order_asked(self) -> tuple[str, int | None, str]:
        """Symbol, order id and client id of the order in question. Raises ApiError -1102 without either id."""
        symbol = needed(self.params, "symbol")
        number, name = whole(self.params, "orderId"), client_id(self.params, "origClientOrderId")
        if number is None and not name:
            raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        return symbol, number, name

    def cancel_id(self, name: str) -> str:
        """The id of the cancel itself."""
        return client_id(self.params, name) or f"cancel-{self.stamp_us % 10**15}"

    def race(self, symbol: str, number: int | None, name: str) -> None:
        """Let a fill overtake the cancel if a fault wants it."""
        order = self.entry.find(symbol, number, name)
        if order is not None and order.live is not None and order.open and self.races():
            self.engine.fill(order, order.price_ticks, order.remaining_lots, self.stamp_us, maker=True)

    def ended_body(self, order: Order) -> dict[str, Any]:
        """An order, or the whole list of an order, that was cancelled."""
        cancel_id = self.cancel_id("newClientOrderId")
        if order.list_id < 0:
            return cancel_body(order, self.grid(order), cancel_id)
        one = self.engine.lists[order.list_id]
        legs = self.engine.legs(one)
        reports = [cancel_body(leg, self.grid(leg), cancel_id) for leg in legs]
        return list_body(one, legs) | {"orderReports": reports}


def flag(params: Mapping[str, str], name: str) -> bool:
    """A boolean parameter."""
    return params.get(name, "false").lower() == "true"

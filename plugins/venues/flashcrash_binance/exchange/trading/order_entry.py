"""Placing, cancelling and replacing orders: from what was asked for to what the engine does, or Binance's refusal."""

from collections.abc import Mapping
from itertools import count

from flashcrash_binance.exchange.listing import spot_symbol
from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.amounts import CENT
from flashcrash_binance.exchange.trading.matching import MatchingEngine
from flashcrash_binance.exchange.trading.order_filters import OrderFilters, average_price
from flashcrash_binance.exchange.trading.order_parameters import NewOrder
from flashcrash_binance.exchange.trading.order_reports import list_status
from flashcrash_binance.exchange.trading.orders import Order, OrderList
from flashcrash_core.api import Side

__all__ = ["OrderEntry"]

_POOR = "Account has insufficient balance for requested action."


class OrderEntry:
    """Orders of one account. ``replica_lag_us``: for up to so long the read replicas do not have a new order."""

    def __init__(self, markets: Mapping[str, SymbolMarket], engine: MatchingEngine) -> None:
        self.engine = engine
        self.replica_lag_us = 0
        self._markets = markets
        self._listed = {symbol: spot_symbol(market.instrument) for symbol, market in markets.items()}
        self._filters = {symbol: OrderFilters(self._listed[symbol], engine.grids[symbol]) for symbol in markets}
        self._list_ids = count(1)

    def prepared(self, new: NewOrder, stamp_us: int, *, list_id: int = -1) -> Order:
        """The order, held against filters and market but not accepted. Raises ApiError."""
        market = self._markets.get(new.symbol)
        if market is None:
            raise ApiError(-1121, "Invalid symbol.")
        mode = new.stp_mode or self._listed[new.symbol]["defaultSelfTradePreventionMode"]
        if mode not in self._listed[new.symbol]["allowedSelfTradePreventionModes"]:
            raise ApiError(-1013, "This symbol does not allow the specified self-trade prevention mode.")
        sized = self._filters[new.symbol].check(new, average_price(market, stamp_us), self.engine.open[new.symbol])
        if new.client_id and self.engine.open_with(new.client_id) is not None:
            raise ApiError(-2010, "Duplicate order sent.")
        order = Order(
            order_id=0, client_id=new.client_id, symbol=new.symbol, side=new.side, type=new.type,
            time_in_force=new.time_in_force, price_ticks=sized.price_ticks, qty_lots=sized.qty_lots, stop_ticks=sized.stop_ticks,
            quote_order_atoms=new.quote_e8 * CENT, stp_mode=mode, list_id=list_id, strategy_id=new.strategy_id,
            strategy_type=new.strategy_type, created_us=stamp_us, updated_us=stamp_us,
        )  # fmt: skip
        self.engine.vet(order)
        return order

    def filtered(self, new: NewOrder, stamp_us: int) -> None:
        """Hold an order against the filters alone. Raises ApiError."""
        market = self._markets.get(new.symbol)
        if market is None:
            raise ApiError(-1121, "Invalid symbol.")
        self._filters[new.symbol].check(new, average_price(market, stamp_us), self.engine.open[new.symbol])

    def place(self, new: NewOrder, stamp_us: int) -> Order:
        """Place an order. Raises ApiError."""
        order = self.prepared(new, stamp_us)
        engine, account = self.engine, self.engine.account
        grid = engine.grids[order.symbol]
        if order.quote_order_atoms:
            order.short = not engine.size_by_quote(order)
            if not order.qty_lots and not order.short:
                raise ApiError(-1013, "Filter failure: LOT_SIZE")
        if order.type == "MARKET" and order.side is Side.BUY:
            if engine.cost_now(order) > account.free[grid.quote]:
                raise ApiError(-2010, _POOR)
        else:
            order.lock = account.lock(grid.base if order.side is Side.SELL else grid.quote, engine.needs(order))
            if order.lock is None:
                raise ApiError(-2010, _POOR)
        self._name(order)
        engine.accept(order, stamp_us)
        if not order.waits:
            engine.work(order, stamp_us)
        return order

    def place_oco(self, above: NewOrder, below: NewOrder, client_id: str, stamp_us: int) -> OrderList:
        """Place a pair of which the first to work ends the other. Raises ApiError."""
        if client_id and any(one.client_id == client_id and not one.done for one in self.engine.lists.values()):
            raise ApiError(-2010, "Duplicate order sent.")
        engine = self.engine
        orders = [self.prepared(leg, stamp_us, list_id=0) for leg in (above, below)]
        if above.client_id and above.client_id == below.client_id:
            raise ApiError(-2010, "Duplicate order sent.")
        self._vet_pair(*orders)
        grid, side = engine.grids[above.symbol], above.side
        lock = engine.account.lock(grid.base if side is Side.SELL else grid.quote, max(engine.needs(one) for one in orders))
        if lock is None:
            raise ApiError(-2010, _POOR)
        list_id = next(self._list_ids)
        for order in orders:
            order.lock, order.list_id = lock, list_id
            self._name(order)
        one = OrderList(list_id, client_id or f"list-{list_id}", above.symbol, (orders[0].order_id, orders[1].order_id), stamp_us)
        engine.lists[list_id] = one
        engine.orders |= {order.order_id: order for order in orders}
        engine.tell(list_status(one, orders, stamp_us))
        for order in orders:
            engine.accept(order, stamp_us)
        for order in orders:
            if order.open and not order.waits:
                engine.work(order, stamp_us)
        return one

    def find(self, symbol: str, order_id: int | None, client_id: str) -> Order | None:
        """An order by its id, its client id (the open one, or the latest), or both."""
        if symbol not in self._markets:
            raise ApiError(-1121, "Invalid symbol.")
        if order_id is not None:
            order = self.engine.orders.get(order_id)
            wrong = order is None or order.symbol != symbol or (client_id and order.client_id != client_id)
            return None if wrong else order
        found = [one for one in self.engine.orders.values() if one.symbol == symbol and one.client_id == client_id]
        return next((one for one in found if one.open), found[-1] if found else None)

    def cancel(self, symbol: str, order_id: int | None, client_id: str, cancel_id: str, restriction: str, stamp_us: int) -> Order:
        """Cancel an order. Raises ApiError -2011."""
        order = self.find(symbol, order_id, client_id)
        if order is None or not order.open:
            raise ApiError(-2011, "Unknown order sent.")
        if restriction and restriction.removeprefix("ONLY_") != order.status:
            raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
        self.engine.cancel(order, cancel_id, stamp_us)
        return order

    def _name(self, order: Order) -> None:
        order.order_id = self.engine.next_order_id()
        order.client_id = order.client_id or f"local-{order.order_id}"
        order.visible_us = order.created_us + _lag_us(order.order_id, self.replica_lag_us)

    def _vet_pair(self, above: Order, below: Order) -> None:
        last = self.engine.last_ticks(above.symbol)
        high = above.price_ticks if above.type == "LIMIT_MAKER" else above.stop_ticks
        low = below.price_ticks if below.type == "LIMIT_MAKER" else below.stop_ticks
        if high <= low or (last and not low < last < high):
            raise ApiError(-2010, "The relationship of the prices for the orders is not correct.")


def _lag_us(order_id: int, most_us: int) -> int:
    # Spread over half to all of the lag, the same for the same order.
    return most_us - (order_id * 2_654_435_761 % 1_000) * most_us // 2_000

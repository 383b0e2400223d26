"""Our orders against the played market, with the kernel's queue model (M2) for what rests (reference/binance.md section 6).

A taker takes what the book shows. A resting order is filled by trades at its price once the queue that it joined is gone, by trades
through its price, and by a book that crosses it. Orders of the account never trade with each other.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from flashcrash_binance.exchange.market import SymbolMarket
from flashcrash_binance.exchange.messages import TradePrint
from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.accounts import Account
from flashcrash_binance.exchange.trading.amounts import Grid
from flashcrash_binance.exchange.trading.order_reports import execution_report, list_status
from flashcrash_binance.exchange.trading.orders import LIMIT_TYPES, Order, OrderList, TradeRecord
from flashcrash_binance.exchange.trading.visible_liquidity import VisibleLiquidity
from flashcrash_core.api import FILL_MODELS, FillModel, LiveOrder, OrderType, Side, SubmitOrder, Trade, walk

__all__ = ["MatchingEngine"]

_QUEUE: Final = FILL_MODELS[FillModel.M2]
_RISES: Final = {
    ("STOP_LOSS", Side.BUY): 1,
    ("STOP_LOSS", Side.SELL): -1,
    ("TAKE_PROFIT", Side.BUY): -1,
    ("TAKE_PROFIT", Side.SELL): 1,
}
"""Whether the market triggers it by rising or by falling."""


class MatchingEngine:
    """All orders of the account. ``tell`` takes user data events in their order, ``first_fill(maker)`` an order's first fill.

    Times are the exchange's clock.
    """

    def __init__(
        self,
        markets: Mapping[str, SymbolMarket],
        account: Account,
        tell: Callable[[dict[str, Any]], None],
        first_fill: Callable[[bool], None],
    ) -> None:
        self.account = account
        self.grids = {symbol: Grid(market.instrument) for symbol, market in markets.items()}
        self.orders: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.trades: list[TradeRecord] = []
        self.open: dict[str, list[Order]] = {symbol: [] for symbol in markets}
        """Open orders of each symbol, in the order of their arrival."""
        self._markets = markets
        self._liquidity = {symbol: VisibleLiquidity(market) for symbol, market in markets.items()}
        self.tell = tell
        """Takes user data events."""
        self._first_fill = first_fill
        self._order_ids, self._trade_ids, self._execution_ids = count(1), count(1), count(1)

    def next_order_id(self) -> int:
        """An id that no order had."""
        return next(self._order_ids)

    def open_with(self, client_id: str) -> Order | None:
        """The open order of a client id."""
        return next((one for orders in self.open.values() for one in orders if one.client_id == client_id), None)

    def last_ticks(self, symbol: str) -> int:
        """Price of the last trade, 0 before one."""
        trades = self._markets[symbol].trades
        return trades[-1].price_ticks if trades else 0

    def check(self) -> None:
        """Raise InvariantError unless money is conserved and every lock belongs to an open order."""
        locks = [one.lock for orders in self.open.values() for one in orders if one.lock is not None]
        self.account.check(self.trades, locks, {symbol: (grid.base, grid.quote) for symbol, grid in self.grids.items()})

    # -- accepting ---------------------------------------------------------------------------------------------------

    def vet(self, order: Order) -> None:
        """Raise ApiError -2010 for an order that the engine does not take as the market is."""
        if order.waits:
            last = self.last_ticks(order.symbol)
            if last and self._triggered(order, last):
                raise ApiError(-2010, "Order would trigger immediately.")
        elif order.type == "LIMIT_MAKER" and self._crosses(order):
            raise ApiError(-2010, "Order would immediately match and take.")

    def needs(self, order: Order) -> int:
        """What has to be locked for the rest of an order: quote for a buy, base for a sell."""
        grid = self.grids[order.symbol]
        if order.side is Side.SELL:
            return grid.base_atoms(order.remaining_lots)
        return grid.quote_atoms(order.price_ticks or order.stop_ticks, order.remaining_lots)

    def size_by_quote(self, order: Order) -> bool:
        """Give a ``quoteOrderQty`` order its quantity from the book; False if the book does not have as much."""
        grid, left, lots = self.grids[order.symbol], order.quote_order_atoms, 0
        for price, shown in self._liquidity[order.symbol].levels(order.side, 0):
            part = min(shown, left // grid.quote_atoms(price, 1))
            lots, left = lots + part, left - grid.quote_atoms(price, part)
            if part < shown:
                order.qty_lots = lots
                return True
        order.qty_lots = lots
        return False

    def cost_now(self, order: Order) -> int:
        """What a market order costs as the book is."""
        levels = walk(self._liquidity[order.symbol].levels(order.side, order.limit_ticks), order.remaining_lots)
        return sum(self.grids[order.symbol].quote_atoms(price, lots) for price, lots in levels)

    def accept(self, order: Order, stamp_us: int) -> None:
        """Take an order in, its balance locked."""
        self.orders[order.order_id] = order
        self.open[order.symbol].append(order)
        self.report(order, "NEW", stamp_us)

    def work(self, order: Order, stamp_us: int) -> None:
        """Let an order meet the market."""
        order.working_us = order.updated_us = stamp_us
        if order.time_in_force == "FOK" and self._available(order) < order.remaining_lots:
            self.end(order, "EXPIRED", stamp_us, reason="UNFILLED_FOK_ORDER_EXPIRED")
            return
        self._take(order, stamp_us)
        if not order.open:
            return
        if order.type not in LIMIT_TYPES:
            self.end(order, "EXPIRED", stamp_us, reason="INSUFFICIENT_LIQUIDITY")
        elif order.time_in_force == "IOC":
            self.end(order, "EXPIRED", stamp_us, reason="UNFILLED_IOC_QUANTITY_EXPIRED")
        else:
            self._rest(order)

    # -- the market --------------------------------------------------------------------------------------------------

    def on_trade(self, symbol: str, one: TradePrint, stamp_us: int) -> None:
        """A trade of others."""
        orders = self.open[symbol]
        if not orders:
            return
        event = Trade(symbol, 0, stamp_us, stamp_us, one.trade_id, one.price_ticks, one.qty_lots, one.aggressor)
        for order in list(orders):
            if not order.open:
                continue
            if order.waits:
                if self._triggered(order, one.price_ticks):
                    self._trigger(order, stamp_us)
            elif order.live is not None:
                lots = min(_QUEUE(order.live, event, 0), order.remaining_lots)
                if lots > 0:
                    self.fill(order, order.price_ticks, lots, stamp_us, maker=True)

    def on_book(self, symbol: str, stamp_us: int) -> None:
        """The book changed."""
        liquidity = self._liquidity[symbol]
        for order in list(self.open[symbol]):
            live = order.live
            if live is None or not order.open:
                continue
            # The queue ahead cannot be longer than what is shown.
            live.front_lots = min(live.front_lots or 0, liquidity.shown(order.side, order.price_ticks))
            for price, lots in walk(liquidity.levels(order.side, order.price_ticks), order.remaining_lots):
                liquidity.take(order.side, price, lots)
                self.fill(order, order.price_ticks, lots, stamp_us, maker=True)

    def _triggered(self, order: Order, price_ticks: int) -> bool:
        return (price_ticks - order.stop_ticks) * _RISES[order.type.removesuffix("_LIMIT"), order.side] >= 0

    def _trigger(self, order: Order, stamp_us: int) -> None:
        order.working_us = order.updated_us = stamp_us
        self._end_others(order, "EXPIRED", stamp_us, "OCO_TRIGGER")
        self.report(order, "NEW", stamp_us)
        self.work(order, stamp_us)

    # -- taking ------------------------------------------------------------------------------------------------------

    def _crosses(self, order: Order) -> bool:
        return bool(self._liquidity[order.symbol].levels(order.side, order.price_ticks)) or bool(self._own_makers(order))

    def _available(self, order: Order) -> int:
        return sum(lots for _, lots in self._liquidity[order.symbol].levels(order.side, order.limit_ticks))

    def _own_makers(self, order: Order) -> list[Order]:
        limit, side = order.limit_ticks, order.side
        found = [
            one
            for one in self.open[order.symbol]
            if one is not order and one.live is not None and one.side is not side
            and (not limit or (one.price_ticks - limit) * side <= 0)
        ]  # fmt: skip
        return sorted(found, key=lambda one: one.price_ticks * side)

    def _take(self, order: Order, stamp_us: int) -> None:
        for maker in self._own_makers(order):
            self._take_until(order, maker.price_ticks, stamp_us)
            if not order.open or not order.remaining_lots:
                return
            if maker.open:
                self._prevent(order, maker, stamp_us)
        if order.open:
            self._take_until(order, order.limit_ticks, stamp_us)

    def _take_until(self, order: Order, limit_ticks: int, stamp_us: int) -> None:
        liquidity = self._liquidity[order.symbol]
        for price, lots in walk(liquidity.levels(order.side, limit_ticks), order.remaining_lots):
            part = min(lots, self._affordable(order, price))
            if part > 0:
                liquidity.take(order.side, price, part)
                self.fill(order, price, part, stamp_us, maker=False)
            if part < lots:
                return

    def _affordable(self, order: Order, price_ticks: int) -> int:
        if order.side is Side.SELL or order.type in LIMIT_TYPES:
            return order.remaining_lots
        grid = self.grids[order.symbol]
        locked = order.lock.amount if order.lock is not None else 0
        return (self.account.free[grid.quote] + locked) // grid.quote_atoms(price_ticks, 1)

    def _prevent(self, taker: Order, maker: Order, stamp_us: int) -> None:
        """Two orders of the account meet: the taker's mode decides."""
        mode = taker.stp_mode
        if mode in ("DECREMENT", "TRANSFER"):
            lots = min(taker.remaining_lots, maker.remaining_lots)
            for one in (maker, taker):
                one.prevented_lots += lots
                one.updated_us = stamp_us
                if one.live is not None:
                    one.live.filled_lots += lots
                if one.remaining_lots:
                    self.report(one, "TRADE_PREVENTION", stamp_us)
                    self.release(one)
                else:
                    self.end(one, "EXPIRED_IN_MATCH", stamp_us, execution="TRADE_PREVENTION")
            return
        if mode in ("EXPIRE_MAKER", "EXPIRE_BOTH"):
            self.end(maker, "EXPIRED_IN_MATCH", stamp_us, execution="TRADE_PREVENTION")
        if mode in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
            self.end(taker, "EXPIRED_IN_MATCH", stamp_us, execution="TRADE_PREVENTION")

    def _rest(self, order: Order) -> None:
        own = sum(
            one.remaining_lots
            for one in self.open[order.symbol]
            if one is not order and one.live is not None and one.side is order.side and one.price_ticks == order.price_ticks
        )
        submit = SubmitOrder(
            order.client_id, order.symbol, order.side, OrderType.LIMIT, order.price_ticks, order.qty_lots, False, 0, "", 0, False
        )
        ahead = self._liquidity[order.symbol].shown(order.side, order.price_ticks) + own
        filled = order.filled_lots + order.prevented_lots
        order.live = LiveOrder(submit, order.updated_us, filled_lots=filled, front_lots=ahead)

    # -- what becomes of an order ------------------------------------------------------------------------------------

    def fill(self, order: Order, price_ticks: int, lots: int, stamp_us: int, *, maker: bool) -> None:
        """Execute a part of an order."""
        grid, account = self.grids[order.symbol], self.account
        quote, base = grid.quote_atoms(price_ticks, lots), grid.base_atoms(lots)
        given, taken = (
            ((grid.quote, quote), (grid.base, base)) if order.side is Side.BUY else ((grid.base, base), (grid.quote, quote))
        )
        account.pay(*given, order.lock)
        commission, asset = account.receive(*taken, quote, maker=maker)
        one = TradeRecord(
            next(self._trade_ids), order.order_id, order.list_id, order.symbol, order.side, price_ticks, lots, base, quote,
            commission, asset, maker, stamp_us,
        )  # fmt: skip
        if not order.filled_lots:
            self._first_fill(maker)
        self.trades.append(one)
        order.trades.append(one)
        order.filled_lots += lots
        order.filled_quote += quote
        order.updated_us = stamp_us
        if order.live is not None:
            order.live.filled_lots += lots
        if order.remaining_lots or order.short:
            order.status = "PARTIALLY_FILLED"
        else:  # with a part prevented it is not all filled
            order.status = "EXPIRED_IN_MATCH" if order.prevented_lots else "FILLED"
        if not order.open:
            self.open[order.symbol].remove(order)
        self.report(order, "TRADE", stamp_us, trade=one)
        self._end_others(order, "EXPIRED", stamp_us, "OCO_TRIGGER")
        self.release(order)
        self._finish_list(order, stamp_us)

    def end(
        self, order: Order, status: str, stamp_us: int, *, reason: str = "", execution: str = "EXPIRED", cancel_id: str = ""
    ) -> None:
        """End an order other than by filling it; the other leg of its list ends with it."""
        order.status, order.expiry_reason, order.updated_us = status, reason, stamp_us
        self.open[order.symbol].remove(order)
        self.release(order)
        self.report(order, execution, stamp_us, cancel_id=cancel_id)
        if status == "CANCELED":
            self._end_others(order, "CANCELED", stamp_us, "", cancel_id)
        elif reason != "OCO_TRIGGER":
            self._end_others(order, "EXPIRED", stamp_us, "OCO_TRIGGER")
        self._finish_list(order, stamp_us)

    def cancel(self, order: Order, cancel_id: str, stamp_us: int) -> None:
        """Cancel an open order."""
        self.end(order, "CANCELED", stamp_us, execution="CANCELED", cancel_id=cancel_id)

    def release(self, order: Order) -> None:
        """Free what is locked beyond what the open orders that share the lock need."""
        if order.lock is not None:
            users = [one for one in self.open[order.symbol] if one.lock is order.lock]
            self.account.unlock(order.lock, max((self.needs(one) for one in users), default=0))

    def legs(self, one: OrderList) -> list[Order]:
        """Orders of a list."""
        return [self.orders[number] for number in one.orders]

    def _end_others(self, order: Order, status: str, stamp_us: int, reason: str, cancel_id: str = "") -> None:
        if order.list_id < 0:
            return
        for other in self.legs(self.lists[order.list_id]):
            if other is not order and other.open:
                execution = "CANCELED" if status == "CANCELED" else "EXPIRED"
                self.end(other, status, stamp_us, reason=reason, execution=execution, cancel_id=cancel_id)

    def _finish_list(self, order: Order, stamp_us: int) -> None:
        one = self.lists.get(order.list_id)
        if one is None or one.done or any(leg.open for leg in self.legs(one)):
            return
        one.done = True
        self.tell(list_status(one, self.legs(one), stamp_us))

    def report(self, order: Order, execution: str, stamp_us: int, *, trade: TradeRecord | None = None, cancel_id: str = "") -> None:
        """Tell of an order."""
        grid = self.grids[order.symbol]
        self.tell(execution_report(order, grid, execution, next(self._execution_ids), stamp_us, trade=trade, cancel_id=cancel_id))
